//! What a token leads to.

use model::{
    Dead, Digest, Invitation, InvitationToken, Member, Permission, Refusal, Role, Tenant, TenantStatus,
    Timestamp,
};
use serde::Deserialize;
use store::{Store, keys};
use web::{Failure, Idempotency, Replay, Request};

const NO_VOUCHER: &str = "who invited you can't give this access any more, ask for a new invitation";
const CLOSED: &str = "the team's account is not active, ask who invited you";

/// The body of the routes that take a token and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenBody {
    token: Option<String>,
}

/// A token, parsed, and the key of the request that brought it.
pub(crate) struct Link {
    pub(crate) token: InvitationToken,
    pub(crate) digest: Digest,
    pub(crate) idempotency: Option<Idempotency>,
}

/// What is found behind a token.
pub(crate) struct Behind {
    pub(crate) record: Option<model::TokenRecord>,
    pub(crate) invitation: Option<Invitation>,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) replay: Replay,
}

impl Link {
    /// A text that was never a token is answered as an unknown one.
    pub(crate) fn parse_token(text: Option<&str>) -> Result<Self, Refusal> {
        let token = text.and_then(InvitationToken::parse).ok_or(Refusal::NotFound)?;
        Ok(Self { digest: token.digest(), token, idempotency: None })
    }

    pub(crate) fn parse(body: TokenBody) -> Result<Self, Refusal> {
        Self::parse_token(body.token.as_deref())
    }

    /// With the request's `Idempotency-Key`, which is one among those of this token.
    pub(crate) fn of(request: &Request, body: TokenBody) -> Result<Self, Refusal> {
        Self::parse(body)?.keyed(request, &())
    }

    /// `asked` is what else the body asks for, without its secrets.
    pub(crate) fn keyed(self, request: &Request, asked: &impl serde::Serialize) -> Result<Self, Refusal> {
        let scope = format!("TOKEN#{}", self.digest.as_str());
        Ok(Self { idempotency: Idempotency::of_public(request, &scope, asked)?, ..self })
    }

    /// The first trip: the token's record, its invitation and tenant, and the answer that the same request got.
    pub(crate) async fn follow(&self, store: &Store, now: Timestamp) -> Result<Behind, Failure> {
        let (t, i) = (self.token.tenant(), self.token.invitation());
        let (record, invitation, tenant, kept) = store
            .load((
                keys::token(&self.digest),
                keys::invitation(t, i),
                keys::tenant(t),
                self.idempotency.as_ref().map(Idempotency::key),
            ))
            .await?;
        let replay = match (&self.idempotency, kept) {
            (Some(asked), Some(kept)) => asked.compare(&kept, now)?,
            _ => Replay::Fresh,
        };
        Ok(Behind { record, invitation, tenant, replay })
    }
}

impl Behind {
    /// The invitation and its tenant, if the token opens it now.
    pub(crate) fn open(&self, digest: &Digest, now: Timestamp) -> Result<(&Invitation, &Tenant), Refusal> {
        let opened = Invitation::open(self.invitation.as_ref(), digest, self.record.as_ref(), now);
        let invitation = opened.map_err(Refusal::from)?;
        Ok((invitation, self.joinable(invitation)?))
    }

    /// The invitation, if the token is a genuine one whose time is over and can be renewed.
    pub(crate) fn renewable(
        &self,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<(&Invitation, &Tenant), Refusal> {
        match Invitation::open(self.invitation.as_ref(), digest, self.record.as_ref(), now) {
            Ok(_) => Err(Refusal::Conflict("the link still works, open it")),
            Err(Dead::Expired { renewable: true }) => {
                let invitation = self.invitation.as_ref().ok_or(Refusal::NotFound)?;
                Ok((invitation, self.joinable(invitation)?))
            }
            Err(dead) => Err(dead.into()),
        }
    }

    /// The tenant, if it can be joined: in use, or waiting for this very owner.
    fn joinable(&self, invitation: &Invitation) -> Result<&Tenant, Refusal> {
        let first_owner = invitation.role == Role::Owner && invitation.vouched_by.is_none();
        match &self.tenant {
            Some(tenant) if tenant.status == TenantStatus::Active && !first_owner => Ok(tenant),
            Some(tenant) if tenant.status == TenantStatus::Pending && first_owner => Ok(tenant),
            _ => Err(Refusal::InvitationRevoked(CLOSED)),
        }
    }
}

/// R9: the right to give what the invitation gives is checked at its use, not only when it was made.
pub(crate) fn still_vouched(
    invitation: &Invitation,
    tenant: &Tenant,
    voucher: Option<&Member>,
) -> Result<(), Refusal> {
    const WITHDRAWN: Refusal = Refusal::InvitationRevoked(NO_VOUCHER);
    match (invitation.vouched_by, voucher) {
        (None, _) if invitation.role == Role::Owner => Ok(()),
        (Some(_), Some(member)) => {
            let standing = member.standing(tenant.status);
            standing.may(Permission::MembersInvite, None).map_err(|_| WITHDRAWN)?;
            standing.may_give(&invitation.grant()).map_err(|_| WITHDRAWN)
        }
        _ => Err(WITHDRAWN),
    }
}
