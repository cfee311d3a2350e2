//! A queue, what DynamoDB removed because its time was over. Of tokens, and of mails that never got one: marks
//! the invitation expired, frees its seat, writes the event. Its address it holds until a newer invitation takes it. Of
//! reminders: queues the mail that reminds who was invited, if they haven't answered.
//!
//! Nothing waits for it: whether an invitation has expired is decided by the clock wherever it matters. This tidies up
//! and tells the world. A reminder comes when DynamoDB gets to it, which may be days late; with less than an hour left to
//! answer, it doesn't come.

use model::{InvitationId, Invocation, Limits, TenantId};
use runtime::queue::Consumer;
use runtime::{Environment, SettingError};
use serde_json::Value;
use store::stream::Removed;
use store::{Error, Store};

/// The function.
pub struct Expire {
    store: Store,
    limits: Limits,
}

impl Consumer for Expire {
    type Error = Error;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, limits: environment.variables.limits()? })
    }

    fn about(event: &Value) -> Option<&str> {
        event.pointer("/detail/invitation_id").and_then(Value::as_str)
    }

    async fn handle(&self, event: &Value, invocation: &Invocation) -> Result<(), Error> {
        match store::stream::removed(event)? {
            Removed::Link(tenant, invitation) => {
                // one that was sent again lives longer than this link did, and is left alone
                if self.store.expire_invitation(tenant, invitation, invocation).await? {
                    tracing::info!(%invitation, "expired");
                }
                Ok(())
            }
            Removed::Reminder(tenant, invitation, generation) => {
                self.remind((tenant, invitation, generation), invocation).await
            }
        }
    }
}

impl Expire {
    /// A reminder that there is no room for today is none: nobody is mailed more for having been forgotten.
    async fn remind(&self, due: (TenantId, InvitationId, u32), invocation: &Invocation) -> Result<(), Error> {
        let (_, invitation, _) = due;
        match self.store.remind(due, &self.limits, invocation).await {
            Ok(queued) => tracing::info!(%invitation, queued, "a reminder was due"),
            Err(Error::Refused(refusal)) => tracing::warn!(%invitation, ?refusal, "not reminded"),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
