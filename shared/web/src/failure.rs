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
    /// There is no such path; whether there is one without the slash at its end.
    UnknownPath {
        /// Whether the slash at its end is what is wrong with it.
        but_for_slash: bool,
    },
    /// Nothing proves who asks.
    Unauthenticated(Unproven),
    /// `If-Match` names another version.
    Stale,
    /// The `Idempotency-Key` was used for another request.
    IdempotencyMismatch,
}

/// What was shown instead of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// Nothing.
    Nothing,
    /// `Authorization` in another scheme than `Bearer`.
    OtherScheme,
    /// A token that isn't a session's, or not any more.
    Token,
    /// A password, which is wrong: the words for whoever entered it.
    Password(&'static str),
}

impl BadRequest {
    /// A session that isn't one, or not any more.
    pub const NO_SESSION: Self = Self::Unauthenticated(Unproven::Token);

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
