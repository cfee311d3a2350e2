use std::fmt;

use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use model::Refusal;
use runtime::metrics::Metric;

use crate::Store;

/// Which of the facts that a write relied on had changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The tenant's plan, status or free seats.
    Tenant,
    /// The actor's rights.
    Actor,
    /// The rights of an invitation's sponsor.
    Sponsor,
    /// The member who is the target.
    Member,
    /// The invitation.
    Invitation,
    /// Who holds the address in the tenant.
    Invitee,
    /// A brand.
    Brand,
    /// Whose the address is.
    Credential,
    /// The user: which password opens sessions, or their profile.
    User,
    /// A limit was reached.
    Limit,
    /// The same request was answered meanwhile.
    Idempotency,
    /// The outbox entry.
    Mail,
    /// Whether mail is held back from the address.
    Suppression,
    /// That a portal administers the tenant.
    Administration,
    /// Whether the review goes on, or which one does.
    Review,
    /// What the review has decided about the member.
    Decision,
    /// How far the import of the tenant is.
    Import,
}

/// Why the table didn't do it.
#[derive(Debug)]
pub enum Error {
    /// A condition failed: somebody was faster. Read again and decide again.
    Changed(Fact),
    /// The table itself says no.
    Refused(Refusal),
    /// DynamoDB couldn't, after all retries. The same request may succeed later.
    Unavailable(String),
    /// An item that this code can't read, or a request that the table won't take from it (malformed, not allowed).
    /// Never answered with anything but a 500.
    Corrupt(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(fact) => write!(f, "the {fact:?} changed meanwhile"),
            Self::Refused(refusal) => write!(f, "refused: {refusal:?}"),
            Self::Unavailable(cause) => write!(f, "the table is unavailable: {cause}"),
            Self::Corrupt(cause) => write!(f, "an item or a request is wrong: {cause}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<serde_dynamo::Error> for Error {
    fn from(error: serde_dynamo::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl Store {
    /// Every failure of a call that isn't one of the expected ones: a service that can't now, or a request that is wrong.
    pub(crate) fn failed<E>(&self, error: SdkError<E>) -> Error
    where
        E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.as_service_error().and_then(E::code);
        let wrong = matches!(
            code,
            Some("ValidationException" | "ResourceNotFoundException" | "AccessDeniedException")
        );
        // what the SDK's own tries got over isn't seen here: the table's own metric has that
        if matches!(
            code,
            Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded")
        ) {
            self.metrics.count(Metric::TableThrottled);
        }
        let words = DisplayErrorContext(error).to_string();
        if wrong { Error::Corrupt(words) } else { Error::Unavailable(words) }
    }
}
