//! A queue, tokens that DynamoDB removed because their time was over, and mails that never got a token: marks
//! the invitation expired, frees its seat, writes the event. Its address it holds until a newer invitation takes it.
//!
//! Nothing waits for it: whether an invitation has expired is decided by the clock wherever it matters. This tidies up
//! and tells the world.

use model::Invocation;
use runtime::queue::Consumer;
use runtime::{Environment, SettingError};
use serde_json::Value;
use store::{Error, Store};

/// The function.
pub struct Expire {
    store: Store,
}

impl Consumer for Expire {
    type Error = Error;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    fn about(event: &Value) -> Option<&str> {
        event.pointer("/detail/invitation_id").and_then(Value::as_str)
    }

    async fn handle(&self, event: &Value, invocation: &Invocation) -> Result<(), Error> {
        let (tenant, invitation) = store::stream::removed_link(event)?;
        // one that was sent again lives longer than this link did, and is left alone
        if self.store.expire_invitation(tenant, invitation, invocation).await? {
            tracing::info!(%invitation, "expired");
        }
        Ok(())
    }
}
