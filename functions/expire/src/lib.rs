//! The table's stream, tokens that DynamoDB removed because their time was over: marks the invitation expired, frees
//! its seat, writes the event. Its address it holds until a newer invitation takes it.
//!
//! Nothing waits for it: whether an invitation has expired is decided by the clock wherever it matters. This tidies up
//! and tells the world.

use model::Invocation;
use runtime::stream::Consumer;
use runtime::{Environment, SettingError};
use serde_json::Value;
use store::stream::StreamChange;
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

    async fn handle(&self, record: &Value, invocation: &Invocation) -> Result<(), Error> {
        let StreamChange::TokenSwept(token) = store::stream::read(record)? else { return Ok(()) };
        // one that was sent again lives longer than this token did, and is left alone
        if self.store.expire_invitation(token.tenant_id, token.invitation_id, invocation).await? {
            tracing::info!(invitation = %token.invitation_id, "expired");
        }
        Ok(())
    }
}
