use model::{LinkError, Refusal};
use policy::Denial;
use store::Error;

use crate::form::Invalid;

/// What is wrong with a request itself, whatever it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadRequest {
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
    /// `If-Match` names another version.
    Stale,
    /// The `Idempotency-Key` was used for another request.
    IdempotencyMismatch,
}

impl BadRequest {
    /// A session that isn't one, or not any more.
    pub const NO_SESSION: Self = Self::Unauthenticated(Some("the session is unknown or over, sign in again"));

    /// One wrong field, or parameter of the query.
    pub fn invalid(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Validation(vec![Invalid { pointer: pointer.into(), detail: detail.to_string() }])
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The request isn't one.
    Request(BadRequest),
    /// An expected refusal.
    Refused(Refusal),
    /// The table couldn't, or the facts changed.
    Store(Error),
    /// Something that can't happen did.
    Internal(String),
}

impl Failure {
    /// Something that can't happen did.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }
}

impl From<BadRequest> for Failure {
    fn from(bad: BadRequest) -> Self {
        Self::Request(bad)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        Self::Refused(denial.into())
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            other => Self::Store(other),
        }
    }
}
