use policy::Denial;

use crate::{InvitationId, LinkError, ReviewId, TenantId, UserId};

/// Why an operation was not done: the expected refusals of the design, in words that know nothing of HTTP.
///
/// Nothing was changed when one of these is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A rule of the policy stands against it.
    Forbidden(Denial),
    /// A rule of the policy stands against giving that away.
    RoleNotGrantable(Denial),
    /// Only the operator makes tenants in this deployment.
    SignUpClosed,
    /// The person was a member and isn't any more, or not now.
    AccessRevoked(String),
    /// There is no such thing, or it belongs to somebody else.
    NotFound,
    /// The address holds a live invitation of this tenant.
    InvitationPending(TenantId, InvitationId),
    /// The address is a member of this tenant already.
    AlreadyMember(Option<UserId>),
    /// The address belongs to another tenant, and one of the two doesn't share.
    EmailInUse,
    /// The target is the owner.
    OwnerRequired(Denial),
    /// The link or invitation is past its time.
    InvitationExpired {
        /// Whether a fresh link can be asked for.
        renewable: bool,
    },
    /// The link or invitation was taken back or replaced.
    InvitationRevoked(&'static str),
    /// The team's account or the sponsor is suspended: what may pass isn't answered as over.
    InvitationOnHold(&'static str),
    /// The invitation was turned down.
    InvitationDeclined,
    /// The invitation was accepted already.
    InvitationAccepted,
    /// The link of a password reset isn't one, was used, is past its time, or is for a password that was changed since.
    ResetOver,
    /// The link to a new address isn't one, was used, is past its time, or is for an account that changed since.
    EmailProofOver,
    /// The link that takes an old address back isn't one, was used, is past its time, or something before it was undone.
    EmailReturnOver,
    /// The plan is for one person; where another one is to be had, if the deployment says.
    PlanRequired(Option<String>),
    /// The plan has no seat left.
    SeatsExhausted {
        /// Seats that are taken.
        used: u32,
        /// Seats of the plan; fewer than are taken after a smaller one was chosen.
        limit: u32,
    },
    /// The same, said to who was invited.
    TeamFull,
    /// The address bounced for good, or its owner complained.
    RecipientSuppressed,
    /// The tenant's access is under review already.
    ReviewOpen(TenantId, ReviewId),
    /// The state of the thing doesn't allow it.
    Conflict(&'static str),
    /// Too often.
    RateLimited {
        /// Seconds until it may be tried again.
        retry_after: u64,
        /// What was done too often.
        what: &'static str,
    },
}

/// A denial of doing something, or of doing it to that member.
impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::BrandNotAssigned => Self::NotFound,
            Denial::TargetIsOwner => Self::OwnerRequired(denial),
            Denial::MemberInactive => Self::AccessRevoked(denial.to_string()),
            _ => Self::Forbidden(denial),
        }
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Unknown => Self::NotFound,
            LinkError::Expired { renewable } => Self::InvitationExpired { renewable },
            LinkError::Revoked => {
                Self::InvitationRevoked("this invitation was taken back or replaced by a newer email")
            }
            LinkError::Declined => Self::InvitationDeclined,
            LinkError::Accepted => Self::InvitationAccepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::{Permission, Role};

    use super::*;

    #[test]
    fn a_denial_is_answered_as_forbidden_unless_that_would_tell_too_much_or_too_little() {
        let inactive = "the membership is not active, ask an admin of the team";
        for (denial, refusal) in [
            (Denial::BrandNotAssigned, Refusal::NotFound),
            (Denial::TargetIsOwner, Refusal::OwnerRequired(Denial::TargetIsOwner)),
            (Denial::MemberInactive, Refusal::AccessRevoked(inactive.to_owned())),
        ] {
            assert_eq!(Refusal::from(denial), refusal);
        }
        for denial in [
            Denial::TenantInactive,
            Denial::Missing(Permission::AuditRead),
            Denial::OutsidePortal(Permission::AuditRead),
            Denial::RoleAbove(Role::Admin),
            Denial::OwnerIsTransferred,
            Denial::NotHeld(Permission::AuditRead),
            Denial::NotGivable(Permission::TenantClose),
            Denial::TakesAnAdmin(Permission::MembersRead),
            Denial::NotForPartners(Permission::AuditRead),
            Denial::BrandsNotHeld,
            Denial::TargetIsYourself,
        ] {
            assert_eq!(Refusal::from(denial), Refusal::Forbidden(denial));
        }
    }

    #[test]
    fn a_link_that_opens_nothing_is_refused_for_what_became_of_it() {
        let revoked = "this invitation was taken back or replaced by a newer email";
        for (error, refusal) in [
            (LinkError::Unknown, Refusal::NotFound),
            (LinkError::Expired { renewable: true }, Refusal::InvitationExpired { renewable: true }),
            (LinkError::Expired { renewable: false }, Refusal::InvitationExpired { renewable: false }),
            (LinkError::Revoked, Refusal::InvitationRevoked(revoked)),
            (LinkError::Declined, Refusal::InvitationDeclined),
            (LinkError::Accepted, Refusal::InvitationAccepted),
        ] {
            assert_eq!(Refusal::from(error), refusal);
        }
    }
}
