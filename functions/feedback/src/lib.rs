//! EventBridge, what SES says of mails that it took: delivered, delayed, bounced, complained about, rejected.
//!
//! Events come late, twice, out of order, or never, and before the note that the mail was sent. What an invitation's
//! `delivery` becomes depends on which events came, not on their order; an address that bounced for good, or whose
//! owner complained, gets no more mail. What is nobody's here is acknowledged and left alone.

mod event;

use std::sync::Arc;

use model::{Dice, Email, Timestamp};
use runtime::direct::Direct;
use runtime::{Environment, SettingError};
use serde_json::Value;
use store::{Error, Store};

use crate::event::{Told, tell};

/// The function.
pub struct Feedback {
    store: Store,
    dice: Arc<dyn Dice>,
}

impl Direct for Feedback {
    type Error = Error;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, dice: Arc::clone(&environment.dice) })
    }

    async fn handle(&self, event: Value, _: &str, now: Timestamp) -> Result<Value, Error> {
        let Some(told) = tell(event) else {
            // no retry could make it ours
            tracing::warn!("an event that is nobody's here");
            return Ok(Value::Null);
        };
        self.suppress(&told, now).await?;
        if let Some(mail) = told.mail {
            let noted =
                self.store.note_delivery(mail, told.state, told.reason.as_deref(), &*self.dice, now).await?;
            tracing::info!(invitation = %mail.invitation, state = told.state.name(), noted, "feedback");
        }
        Ok(Value::Null)
    }
}

impl Feedback {
    /// Addresses that no mail goes to any more.
    async fn suppress(&self, told: &Told, now: Timestamp) -> Result<(), Error> {
        for address in &told.lost {
            match Email::parse(address) {
                Ok(email) => self.store.suppress(&email, told.state, told.reason.as_deref(), now).await?,
                Err(_) => tracing::warn!("a bounced address that is none of ours"),
            }
        }
        Ok(())
    }
}
