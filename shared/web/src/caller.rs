use model::{
    Digest, Invocation, Member, Portal, Refusal, Sponsor, SponsorId, Tenant, TenantId, Timestamp, User,
    UserId,
};
use policy::{MemberStatus, TenantStatus};
use serde::Serialize;
use store::keys::{self, Scope};
use store::{Error, Fact, Record, SponsorKey, Store, Want};

use crate::{BadRequest, Context, Failure, Idempotency, Outcome, Request, Route, repeat};

/// Who asks, and inside which tenant, before anything is read: both keys are known from the request alone.
pub struct Caller<'r> {
    pub(crate) request: &'r Request,
    pub(crate) idempotency: Idempotency,
    user: UserId,
    session: Digest,
    tenant: TenantId,
}

impl<'r> Caller<'r> {
    /// Reads from the request who asks and which tenant its path names.
    ///
    /// # Errors
    /// [`BadRequest::Unauthenticated`]; [`Refusal::NotFound`] for a tenant that is not an id;
    /// [`BadRequest::Malformed`] for an `Idempotency-Key` that isn't one.
    pub fn of(request: &'r Request) -> Result<Self, Failure> {
        let token = request.session_token()?;
        let (user, session) = (token.user(), token.digest());
        let tenant = request.tenant()?;
        let idempotency = Idempotency::of(request, Scope::User(user))?;
        Ok(Self { request, idempotency, user, session, tenant })
    }

    /// The same, of a request whose body holds a secret: `asked` is the body without it.
    ///
    /// # Errors
    /// [`BadRequest::Malformed`].
    pub fn redacted(self, asked: &impl Serialize) -> Result<Self, BadRequest> {
        let idempotency = Idempotency::redacted(self.request, Scope::User(self.user), asked)?;
        Ok(Self { idempotency, ..self })
    }

    /// The tenant of the path.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who asks, unproven until something is read.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Reads `wants`, and who asks, in one strongly consistent trip; in two for who isn't a member of a tenant that a portal
    /// administers, and may be one of the portal's people.
    ///
    /// # Errors
    /// [`BadRequest::Unauthenticated`] without a session that holds; [`Refusal::NotFound`] for somebody who never was in
    /// the tenant, nor manages it for its portal; [`Refusal::AccessRevoked`] for somebody who was in it.
    pub async fn read<W: Want>(&self, store: &Store, wants: W) -> Result<Context<'_, W::Found>, Failure> {
        Ok(self.enter(store, &wants).await?.0)
    }

    /// Changes something: reads `wants` and who asks, gives the answer again that the same request got before, or
    /// decides and writes; as often as the facts change between the reading and the writing.
    ///
    /// # Errors
    /// As [`Caller::read`], what `decide` comes to, and [`Refusal::Conflict`] when the facts never stood still.
    pub async fn change<'c, W, F>(
        &'c self,
        store: &Store,
        wants: W,
        decide: impl Fn(Context<'c, W::Found>) -> F,
    ) -> Outcome
    where
        W: Want,
        F: Future<Output = Outcome>,
    {
        repeat::change(|| self.enter(store, &wants), decide).await
    }

    async fn enter<W: Want>(
        &self,
        store: &Store,
        wants: &W,
    ) -> Result<(Context<'_, W::Found>, Option<Record>), Failure> {
        let facts = (
            keys::user(self.user),
            keys::member(self.tenant, self.user),
            keys::tenant(self.tenant),
            self.idempotency.wants(),
            wants,
        );
        let (user, member, tenant, record, found) = store.load(facts).await?;
        let user = live(store, user, &self.session, self.request.now()).await?;
        let tenant = tenant.ok_or(Refusal::NotFound)?;
        let (member, portal) = match member {
            Some(member) if member.status == MemberStatus::Active => (member, None),
            other => self.enter_through_portal(store, &tenant, other).await?,
        };
        let answered = self.idempotency.answered(record)?.filter(|_| self.may_be_told_again(&tenant));
        Ok((Context { caller: self, user, member, tenant, portal, found }, answered))
    }

    /// Whether an answer that was given before is given again: where the tenant is in use (R7), as any other. Elsewhere what
    /// decides refuses. But who closes a tenant can do nothing in it afterwards, and is told again that it was done.
    fn may_be_told_again(&self, tenant: &Tenant) -> bool {
        let is_closing = || self.request.route().is_ok_and(|route| route == Route::CloseTenant);
        tenant.status == TenantStatus::Active || is_closing()
    }

    /// Who isn't a member: one of the people of the portal that administers the tenant, as the member that they are there
    /// (R8). A membership of one's own counts alone, a suspended one too; one that is over is none.
    async fn enter_through_portal(
        &self,
        store: &Store,
        tenant: &Tenant,
        own: Option<Member>,
    ) -> Result<(Member, Option<Portal>), Failure> {
        if let Some(portal) = tenant.portal
            && own.as_ref().is_none_or(Member::is_revoked)
        {
            let id = SponsorId { user: self.user, portal: Some(portal) };
            if let Some(Sponsor { member, portal: Some(portal) }) =
                store.load(SponsorKey::new(tenant.id, id)).await?
                && portal.lets_in(&member)
            {
                return Ok((member, Some(portal)));
            }
        }
        let Some(own) = own else { return Err(Refusal::NotFound.into()) };
        let how = if own.status == MemberStatus::Suspended { "suspended" } else { "ended" };
        let detail = format!("your membership of {} was {how}, ask an admin of the team", tenant.name);
        Err(Refusal::AccessRevoked(detail).into())
    }
}

/// Who is signed in, if the session with this digest still holds; that it is used is noted, at most once an hour.
///
/// # Errors
/// [`BadRequest::Unauthenticated`].
pub async fn live(
    store: &Store,
    user: Option<User>,
    digest: &Digest,
    now: Timestamp,
) -> Result<User, BadRequest> {
    let user = user.ok_or(BadRequest::NO_SESSION)?;
    let session = user.session(digest, now).ok_or(BadRequest::NO_SESSION)?;
    if session.is_to_be_noted(now)
        && let Err(error) = store.note_use(user.id, digest, now).await
    {
        // at worst it ends a while earlier than it might
        tracing::warn!(%error, "that a session is used is not noted");
    }
    Ok(user)
}

/// The user in the shape of this release: one whom an older release wrote is given it, and read again.
///
/// # Errors
/// [`Error::Changed`] where it was given, or [`Error::Unavailable`].
pub async fn renewed(store: &Store, user: User, invocation: &Invocation) -> Result<User, Error> {
    if user.version.is_some() {
        return Ok(user);
    }
    store.renew_user(user.id, invocation.version()).await?;
    Err(Error::Changed(Fact::User))
}
