//! What a token leads to.

use model::{
    Actor, Brand, Credential, Digest, EventKind, Invitation, InvitationToken, Invocation, LinkError, Member,
    Refusal, Subject, Tenant, TokenRecord,
};
use policy::{BrandId, Permission, TenantStatus};
use serde::Serialize;
use store::{Change, Record, Store, keys};
use web::{Answer, Failure, Form, Idempotency, Outcome, Request, until_settled};

const NO_SPONSOR: Refusal =
    Refusal::InvitationRevoked("who invited you can't give this access any more, ask for a new invitation");
const CLOSED: Refusal = Refusal::InvitationRevoked("the team's account is not active, ask who invited you");

/// A token, parsed, and the request that brought it.
pub(crate) struct Link<'r> {
    request: &'r Request,
    token: InvitationToken,
    digest: Digest,
    idempotency: Option<Idempotency>,
}

/// One round of a request that brought a token: what it leads to.
pub(crate) struct LinkState<'l> {
    link: &'l Link<'l>,
    record: Option<TokenRecord>,
    invitation: Option<Invitation>,
    tenant: Option<Tenant>,
    /// The record of the answer that the same request got.
    pub(crate) answered: Option<Record>,
}

/// What an open invitation rests on.
pub(crate) struct Facts {
    /// Whose the address is.
    pub(crate) credential: Option<Credential>,
    /// The member whose right to give stands behind it (R9).
    pub(crate) sponsor: Option<Member>,
    /// Its brands that are still there.
    pub(crate) brands: Vec<Brand>,
    /// Its brands that aren't.
    pub(crate) dropped: Vec<BrandId>,
}

impl<'r> Link<'r> {
    /// The link of a request whose body is its token and nothing else.
    pub(crate) fn of(request: &'r Request) -> Result<Self, Failure> {
        let mut form = request.form()?;
        let token = take_token(&mut form);
        form.finish(|| Some(()))?;
        Self::new(request, token, &())
    }

    /// With the request's `Idempotency-Key`, which is one among those of this token. `asked` is what else the body asks
    /// for, without its secrets. A text that was never a token is answered as an unknown one.
    pub(crate) fn new(
        request: &'r Request,
        token: Option<InvitationToken>,
        asked: &impl Serialize,
    ) -> Result<Self, Failure> {
        let token = token.ok_or(Refusal::NotFound)?;
        let digest = token.digest();
        let idempotency = Idempotency::redacted(request, &format!("TOKEN#{}", digest.as_str()), asked)?;
        Ok(Self { request, token, digest, idempotency })
    }

    /// The invocation that this is.
    pub(crate) const fn invocation(&self) -> &Invocation {
        self.request.invocation()
    }

    /// The first trip: the token's record, its invitation and tenant, and the answer that the same request got.
    pub(crate) async fn follow(&self, store: &Store) -> Result<LinkState<'_>, Failure> {
        let (t, i) = (self.token.tenant(), self.token.invitation());
        let (record, invitation, tenant, kept) = store
            .load((
                keys::token(&self.digest),
                keys::invitation(t, i),
                keys::tenant(t),
                self.idempotency.as_ref().map(Idempotency::key),
            ))
            .await?;
        let answered = Idempotency::replay(self.idempotency.as_ref(), kept, self.invocation().now())?;
        Ok(LinkState { link: self, record, invitation, tenant, answered })
    }

    /// Changes something: gives the answer again that the same request got before, or decides and writes; as often as
    /// the facts change between the reading and the writing.
    pub(crate) async fn change<'l, F: Future<Output = Outcome>>(
        &'l self,
        store: &Store,
        decide: impl Fn(LinkState<'l>) -> F,
    ) -> Outcome {
        let decide = &decide;
        until_settled(|| async move {
            let state = self.follow(store).await?;
            match &state.answered {
                Some(answered) => Answer::replayed(answered),
                None => decide(state).await,
            }
        })
        .await
    }
}

/// Takes the token out of a body. What isn't one is told by [`Link::new`], before other fields are judged: its bearer
/// has no business with them.
pub(crate) fn take_token(form: &mut Form) -> Option<InvitationToken> {
    form.optional("token", |text| Ok::<_, std::convert::Infallible>(InvitationToken::parse(text))).flatten()
}

impl<'l> LinkState<'l> {
    /// The invocation that this is.
    pub(crate) const fn invocation(&self) -> &'l Invocation {
        self.link.invocation()
    }

    /// The invitation, and whether the token opens it now.
    fn opened(&self) -> Result<(&Invitation, Result<(), LinkError>), Refusal> {
        let invitation = self.invitation.as_ref().ok_or(Refusal::NotFound)?;
        let now = self.invocation().now();
        Ok((invitation, invitation.open(&self.link.digest, self.record.as_ref(), now)))
    }

    /// The invitation and its tenant, if the token opens it now.
    pub(crate) fn open(&self) -> Result<(&Invitation, &Tenant), Refusal> {
        let (invitation, opened) = self.opened()?;
        opened?;
        Ok((invitation, self.joinable(invitation)?))
    }

    /// The invitation, if the token is a genuine one whose time is over and can be renewed.
    pub(crate) fn renewable(&self) -> Result<(&Invitation, &Tenant), Refusal> {
        match self.opened()? {
            (_, Ok(())) => Err(Refusal::Conflict("the link still works, open it")),
            (invitation, Err(LinkError::Expired { renewable: true })) => {
                Ok((invitation, self.joinable(invitation)?))
            }
            (_, Err(dead)) => Err(dead.into()),
        }
    }

    /// The invitation that the token was minted for, whatever became of it.
    pub(crate) fn invitation(&self) -> Result<&Invitation, Refusal> {
        self.invitation.as_ref().ok_or(Refusal::NotFound)
    }

    /// The tenant, if it can be joined: in use, or waiting for this very owner.
    fn joinable(&self, invitation: &Invitation) -> Result<&Tenant, Refusal> {
        let waits_for =
            if invitation.is_of_first_owner() { TenantStatus::Pending } else { TenantStatus::Active };
        self.tenant.as_ref().filter(|tenant| tenant.status == waits_for).ok_or(CLOSED)
    }

    /// The second trip: what the open invitation rests on, the sponsor's right to give it asked again (R9).
    pub(crate) async fn facts(&self, store: &Store) -> Result<Facts, Failure> {
        let (invitation, tenant) = self.open()?;
        let named: Vec<BrandId> = invitation.brands.named().collect();
        let (credential, sponsor, found) = store
            .load((
                keys::credential(invitation.email.canonical()),
                invitation.sponsor.map(|user| keys::member(tenant.id, user)),
                named.iter().map(|brand| keys::brand(tenant.id, *brand)).collect::<Vec<_>>(),
            ))
            .await?;
        still_sponsored(invitation, tenant, sponsor.as_ref())?;
        let dropped = named.iter().zip(&found).filter(|(_, found)| found.is_none());
        let dropped = dropped.map(|(id, _)| *id).collect();
        Ok(Facts { credential, sponsor, brands: found.into_iter().flatten().collect(), dropped })
    }

    /// What is about to be written by `actor`: the one event, and the record of `answer`.
    pub(crate) fn change(
        &self,
        actor: Actor,
        kind: EventKind,
        invitation: &Invitation,
        answer: &Answer,
    ) -> Change<'static> {
        let (invocation, subject) = (self.invocation(), Subject::Invitation(invitation.id));
        let key = self.link.idempotency.as_ref();
        Change::new(invocation, invitation.tenant_id, actor, kind, subject)
            .recorded(key.map(|key| key.record(answer, invocation.now())))
            .with("email", invitation.email.as_entered())
    }
}

/// R9: the right to give what the invitation gives is asked at its use, not only when it was made.
fn still_sponsored(
    invitation: &Invitation,
    tenant: &Tenant,
    sponsor: Option<&Member>,
) -> Result<(), Refusal> {
    if invitation.is_of_first_owner() {
        return Ok(());
    }
    let sponsor = sponsor.filter(|_| invitation.sponsor.is_some()).ok_or(NO_SPONSOR)?;
    let principal = sponsor.principal(tenant.status);
    principal.may(Permission::MembersInvite, None).map_err(|_| NO_SPONSOR)?;
    principal.may_give(&invitation.grant()).map_err(|_| NO_SPONSOR)
}
