use model::{Digest, MemberStatus, Refusal, Session, SessionToken, Tenant, TenantId, Timestamp, UserId};
use model::{Event, EventActor, EventKind, EventSubject, Member};
use policy::Standing;
use store::{Key, Store, Want, Witness, keys};

use crate::{Failure, Idempotency, Replay, Request};

/// Who asks, and inside which tenant, before anything is read: both keys are known from the request alone.
pub struct Entrance<'r> {
    user: UserId,
    digest: Digest,
    tenant: TenantId,
    now: Timestamp,
    /// The request's `Idempotency-Key`, where it has one.
    pub idempotency: Option<Idempotency>,
    request: &'r Request,
}

/// Who is inside: the session holds, the membership is active, the tenant is there.
pub struct Inside<T> {
    /// The member who asks.
    pub member: Member,
    /// The tenant.
    pub tenant: Tenant,
    /// What else was wanted.
    pub found: T,
    /// What the same request was answered before.
    pub replay: Replay,
    request_id: String,
    now: Timestamp,
}

impl<'r> Entrance<'r> {
    /// Reads who asks from the request. `tenant` is the segment of the path.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`]; [`Refusal::NotFound`] for a segment that is no id; [`Refusal::Malformed`] for an
    /// `Idempotency-Key` that isn't one.
    pub fn new(request: &'r Request, tenant: &str, now: Timestamp) -> Result<Self, Refusal> {
        let token: SessionToken = request.session_token()?;
        let tenant = TenantId::parse(tenant).ok_or(Refusal::NotFound)?;
        let user = token.user();
        let idempotency = Idempotency::of(request, &format!("USER#{user}"))?;
        Ok(Self { user, digest: token.digest(), tenant, now, idempotency, request })
    }

    /// The tenant of the path.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who asks, unproven until [`Entrance::enter`].
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The first trip: session, membership, tenant and `wants` in one strongly consistent batch.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] without a session that holds; [`Refusal::NotFound`] for somebody who never was in
    /// the tenant; [`Refusal::AccessRevoked`] for somebody who was.
    pub async fn enter<W: Want>(&self, store: &Store, wants: W) -> Result<Inside<W::Found>, Failure> {
        let record: Option<Key<model::IdempotencyRecord>> = self.idempotency.as_ref().map(Idempotency::key);
        let (session, member, tenant, record, found) = store
            .load((
                keys::session(self.user, &self.digest),
                keys::member(self.tenant, self.user),
                keys::tenant(self.tenant),
                record,
                wants,
            ))
            .await?;
        live(session, self.now)?;
        let (Some(member), Some(tenant)) = (member, tenant) else { return Err(Refusal::NotFound.into()) };
        if member.status != MemberStatus::Active {
            let how = if member.status == MemberStatus::Suspended { "suspended" } else { "ended" };
            let detail = format!("your membership of {} was {how}, ask an admin of the team", tenant.name);
            return Err(Refusal::AccessRevoked(detail).into());
        }
        let replay = match (&self.idempotency, record) {
            (Some(asked), Some(record)) => asked.compare(&record, self.now)?,
            _ => Replay::Fresh,
        };
        let request_id = self.request.id().to_owned();
        Ok(Inside { member, tenant, found, replay, request_id, now: self.now })
    }
}

/// The session, if it still holds.
///
/// # Errors
/// [`Refusal::Unauthenticated`].
pub fn live(session: Option<Session>, now: Timestamp) -> Result<Session, Refusal> {
    session
        .filter(|session| now < session.expires_at)
        .ok_or(Refusal::Unauthenticated(Some("the session is unknown or over, sign in again")))
}

impl<T> Inside<T> {
    /// What the policy needs to know of who asks.
    #[must_use]
    pub const fn standing(&self) -> Standing<'_> {
        self.member.standing(self.tenant.status)
    }

    /// What a write is conditioned on.
    #[must_use]
    pub const fn witness(&self) -> Witness<'_> {
        Witness { member: &self.member, now: self.now }
    }

    /// The one event of a change that the member makes.
    #[must_use]
    pub fn event(&self, dice: &dyn model::Dice, kind: EventKind, subject: EventSubject) -> Event {
        let actor = EventActor::User { id: self.member.user_id };
        Event::new(dice, self.now, self.tenant.id, kind, actor, subject, &self.request_id)
    }
}

impl Inside<Option<Member>> {
    /// The member who was wanted, as long as the membership isn't over.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn target(&self) -> Result<&Member, Refusal> {
        self.found.as_ref().filter(|m| m.status != MemberStatus::Revoked).ok_or(Refusal::NotFound)
    }
}
