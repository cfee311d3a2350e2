use policy::Denial;

use crate::{Dead, InvitationId, InvitationStatus, UserId};

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where, as a JSON pointer: `/email`.
    pub pointer: String,
    /// What, for the person who typed it.
    pub detail: String,
}

impl Invalid {
    /// `detail` is wrong at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self { pointer: pointer.into(), detail: detail.to_string() }
    }
}

/// What stands in the way, so that the caller can go on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// A live invitation.
    Invitation(InvitationId, InvitationStatus),
    /// A member.
    Member(UserId),
}

/// Why an operation was not done: the expected noes of the design, in words that know nothing of HTTP.
///
/// Nothing was changed when one of these is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Parts of the input are wrong.
    Validation(Vec<Invalid>),
    /// The input can't be read at all.
    Malformed(String),
    /// The body is in a format that isn't spoken here.
    UnsupportedMediaType(String),
    /// The body is larger than this many bytes.
    PayloadTooLarge(usize),
    /// The path exists, with these methods.
    MethodNotAllowed(Vec<&'static str>),
    /// No session, or none that holds. `None`: nothing was shown at all.
    Unauthenticated(Option<&'static str>),
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
    InvitationPending(InvitationId),
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
    /// The invitation was turned down.
    InvitationDeclined,
    /// The invitation was accepted already.
    InvitationAccepted,
    /// The plan has no seat left.
    SeatsExhausted(u32),
    /// The address bounced for good, or its owner complained.
    RecipientSuppressed,
    /// The key was used for another request.
    IdempotencyMismatch,
    /// The thing stands in a way that doesn't allow it.
    Conflict(&'static str),
    /// `If-Match` names another version.
    Stale,
    /// Too often.
    RateLimited {
        /// Seconds until it may be tried again.
        retry_after: u64,
        /// What was done too often.
        what: &'static str,
    },
}

impl Refusal {
    /// One wrong field.
    pub fn invalid(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Validation(vec![Invalid::new(pointer, detail)])
    }
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

impl From<Dead> for Refusal {
    fn from(dead: Dead) -> Self {
        match dead {
            Dead::Unknown => Self::NotFound,
            Dead::Expired { renewable } => Self::InvitationExpired { renewable },
            Dead::Revoked => {
                Self::InvitationRevoked("this invitation was taken back or replaced by a newer email")
            }
            Dead::Declined => Self::InvitationDeclined,
            Dead::Accepted => Self::InvitationAccepted,
        }
    }
}
