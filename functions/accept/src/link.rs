//! What a token leads to.

use model::{
    Actor, Brand, Credential, Digest, EventKind, Invitation, InvitationStatus, InvitationToken, Invocation,
    LinkError, Refusal, Sponsor, Sponsorship, Subject, Tenant, Timestamp, TokenRecord,
};
use policy::{BrandId, TenantStatus};
use serde::Serialize;
use store::keys::{self, Scope};
use store::{Change, Record, SponsorKey, Store};
use web::{Answer, Failure, Form, Idempotency, Request};

const NO_SPONSOR: Refusal =
    Refusal::InvitationRevoked("who invited you can't give this access any more, ask for a new invitation");
const SUSPENDED_SPONSOR: Refusal = Refusal::InvitationOnHold(
    "who invited you is suspended at the moment, try again later or ask the team for a new invitation",
);
const CLOSED: Refusal = Refusal::InvitationRevoked("the team's account is not in use any more");
const SUSPENDED: Refusal = Refusal::InvitationOnHold(
    "the team's account is suspended at the moment, the link works again once it is in use",
);

/// A token, parsed, and the request that brought it.
pub(crate) struct Link<'r> {
    request: &'r Request,
    token: InvitationToken,
    digest: Digest,
    idempotency: Idempotency,
}

/// One round of a request that brought a token: what it leads to.
pub(crate) struct LinkState<'l> {
    link: &'l Link<'l>,
    token: Option<TokenRecord>,
    invitation: Option<Invitation>,
    tenant: Option<Tenant>,
    /// Whether another invitation or a member took over the address of this expired one (R10).
    superseded: bool,
    /// When this round looked: a link is over from its second on, however long the request takes.
    now: Timestamp,
}

/// What an open invitation rests on.
pub(crate) struct Basis {
    /// Whose the address is.
    pub(crate) credential: Option<Credential>,
    /// Whose right to give stands behind it (R9).
    pub(crate) sponsor: Option<Sponsor>,
    /// Its brands that are still there.
    pub(crate) brands: Vec<Brand>,
    /// Its brands that aren't.
    pub(crate) dropped: Vec<BrandId>,
}

impl<'r> Link<'r> {
    /// The link with this token.
    pub(crate) fn new(request: &'r Request, token: InvitationToken) -> Self {
        Self { request, digest: token.digest(), token, idempotency: Idempotency::none(request) }
    }

    /// The link of a request whose body is its token and nothing else.
    pub(crate) fn of(request: &'r Request) -> Result<Self, Failure> {
        let mut form = request.form()?;
        let token = take_token(&mut form)?;
        Ok(Self::new(request, form.finish(|| token)?))
    }

    /// With the request's `Idempotency-Key`, which is one among those of this token. `asked` is what else the body asks
    /// for, without its secrets.
    pub(crate) fn keyed(self, asked: &impl Serialize) -> Result<Self, Failure> {
        let idempotency = Idempotency::redacted(self.request, Scope::Token(&self.digest), asked)?;
        Ok(Self { idempotency, ..self })
    }

    /// The invocation that this is.
    pub(crate) const fn invocation(&self) -> &Invocation {
        self.request.invocation()
    }

    /// The first trip: the token's record, its invitation and tenant, and the answer that the same request got. An
    /// expired invitation takes one more: who holds its address by now.
    pub(crate) async fn follow(&self, store: &Store) -> Result<(LinkState<'_>, Option<Record>), Failure> {
        let (t, i) = (self.token.tenant(), self.token.invitation());
        let (token, invitation, tenant, kept) = store
            .load((
                keys::token(&self.digest),
                keys::invitation(t, i),
                keys::tenant(t),
                self.idempotency.wants(),
            ))
            .await?;
        let answered = self.idempotency.answered(kept)?;
        let now = self.invocation().look_at_clock();
        let (invitation, superseded) = match invitation {
            Some(one) if one.status_at(now) == InvitationStatus::Expired => {
                // both at once: who declined meanwhile let go of the address too
                let holder = keys::invitee(one.tenant_id, one.email.canonical());
                let (holder, one) = store.load((holder, keys::invitation(t, i))).await?;
                (one, !holder.is_some_and(|holder| holder.is(i)))
            }
            other => (other, false),
        };
        Ok((LinkState { link: self, token, invitation, tenant, superseded, now }, answered))
    }
}

/// Takes the token out of a body; `None` where something of another kind stands for it, which the form has noted. A
/// text that was never a token is answered as an unknown one, before other fields are judged: its bearer has no
/// business with them.
pub(crate) fn take_token(form: &mut Form) -> Result<Option<InvitationToken>, Refusal> {
    let parse = |text: &str| Ok::<_, std::convert::Infallible>(InvitationToken::parse(text));
    match form.optional("token", parse).flatten() {
        Some(token) => Ok(Some(token)),
        None if form.is_wrong("token") => Ok(None),
        None => Err(Refusal::NotFound),
    }
}

/// Where the sponsor lies, where there is one.
fn sponsor_of(invitation: &Invitation) -> Option<SponsorKey> {
    invitation.sponsor_id().map(|sponsor| SponsorKey::new(invitation.tenant_id, sponsor))
}

/// Refuses where the sponsor can't give what the invitation gives (R9), of the brands that are there.
fn sponsored(invitation: &Invitation, sponsor: Option<&Sponsor>, there: &[Brand]) -> Result<(), Refusal> {
    match invitation.sponsorship(sponsor, &there.iter().map(|brand| brand.id).collect()) {
        Sponsorship::Holds => Ok(()),
        Sponsorship::Suspended => Err(SUSPENDED_SPONSOR),
        Sponsorship::Lost => Err(NO_SPONSOR),
    }
}

impl<'l> LinkState<'l> {
    /// The request that it is a round of.
    pub(crate) const fn request(&self) -> &'l Request {
        self.link.request
    }

    /// The invocation that this is.
    pub(crate) const fn invocation(&self) -> &'l Invocation {
        self.link.invocation()
    }

    /// The invitation, and whether the token opens it now.
    fn opened(&self) -> Result<(&Invitation, Result<(), LinkError>), Refusal> {
        let invitation = self.invitation.as_ref().ok_or(Refusal::NotFound)?;
        let opened = match invitation.open(&self.link.digest, self.token.as_ref(), self.now) {
            Err(LinkError::Expired { .. }) if self.superseded => Err(LinkError::Revoked),
            opened => opened,
        };
        Ok((invitation, opened))
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
            (_, Err(error)) => Err(error.into()),
        }
    }

    /// The invitation that the token was minted for, whatever became of it, and its tenant, which has to be in use.
    pub(crate) fn followed(&self) -> Result<(&Invitation, &Tenant), Refusal> {
        let invitation = self.invitation.as_ref().ok_or(Refusal::NotFound)?;
        Ok((invitation, self.tenant_if(|tenant| tenant.status == TenantStatus::Active)?))
    }

    /// The invitation, if there is still something to turn down: an expired one could be renewed otherwise.
    pub(crate) fn declinable(&self) -> Result<&Invitation, Refusal> {
        match self.opened()? {
            (invitation, Ok(()) | Err(LinkError::Expired { .. })) => Ok(invitation),
            (_, Err(error)) => Err(error.into()),
        }
    }

    /// The tenant, if it can be joined: in use, or waiting for this very owner.
    fn joinable(&self, invitation: &Invitation) -> Result<&Tenant, Refusal> {
        self.tenant_if(|tenant| invitation.is_open_in(tenant))
    }

    fn tenant_if(&self, fits: impl Fn(&Tenant) -> bool) -> Result<&Tenant, Refusal> {
        match &self.tenant {
            Some(tenant) if fits(tenant) => Ok(tenant),
            Some(tenant) if tenant.status == TenantStatus::Suspended => Err(SUSPENDED),
            Some(_) | None => Err(CLOSED),
        }
    }

    /// The sponsor, whose right to give it is asked before anything is spent on it (R9).
    pub(crate) async fn sponsor(
        &self,
        store: &Store,
        invitation: &Invitation,
        tenant: &Tenant,
    ) -> Result<Option<Sponsor>, Failure> {
        let brands = invitation.brands.named().map(|brand| keys::brand(tenant.id, brand));
        let wants = (sponsor_of(invitation), brands.collect::<Vec<_>>());
        let (sponsor, found) = store.load(wants).await?;
        sponsored(invitation, sponsor.as_ref(), &found.into_iter().flatten().collect::<Vec<_>>())?;
        Ok(sponsor)
    }

    /// The second trip: what the open invitation rests on, the sponsor's right to give it asked again (R9).
    pub(crate) async fn basis(&self, store: &Store) -> Result<Basis, Failure> {
        let (invitation, tenant) = self.open()?;
        let named: Vec<BrandId> = invitation.brands.named().collect();
        let (credential, sponsor, found) = store
            .load((
                keys::credential(invitation.email.canonical()),
                sponsor_of(invitation),
                named.iter().map(|brand| keys::brand(tenant.id, *brand)).collect::<Vec<_>>(),
            ))
            .await?;
        let dropped = named.iter().zip(&found).filter(|(_, found)| found.is_none());
        let dropped = dropped.map(|(id, _)| *id).collect();
        let brands: Vec<Brand> = found.into_iter().flatten().collect();
        sponsored(invitation, sponsor.as_ref(), &brands)?;
        Ok(Basis { credential, sponsor, brands, dropped })
    }

    /// What is about to be written by `actor`: the one event, and the record of `answer`.
    pub(crate) fn change<'c>(
        &self,
        actor: Actor,
        kind: EventKind,
        invitation: &Invitation,
        answer: &Answer,
    ) -> Change<'c> {
        let (invocation, subject) = (self.invocation(), Subject::Invitation(invitation.id));
        Change::new(invocation, invitation.tenant_id, actor, kind, subject)
            .recorded(self.link.idempotency.record(answer))
    }
}
