//! The one table: the only crate that knows DynamoDB.
//!
//! [`keys`] opens with the table of keys and is the only file that spells one. [`Store::load`] is how facts are read:
//! one strongly consistent batch. Everything that is written is a use case with a name, one transaction each, that
//! checks again what the decision relied on; a condition that fails names the fact that changed, and the operation
//! reads again.
//!
//! May: build keys and expressions, retry what is safe to retry. May not: decide who may do what, know HTTP.

mod accepting;
mod brands;
mod error;
mod expression;
mod invitations;
mod item;
pub mod keys;
mod listing;
mod load;
mod mails;
mod members;
mod sessions;
pub mod stream;
mod tenants;
mod transaction;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use model::{Dice, Event, IdempotencyRecord, Member, Timestamp};
use runtime::{Environment, SettingError};

pub use accepting::{Acceptance, Joining};
pub use error::{Error, Fact};
pub use invitations::{NewInvitation, Resending};
pub use keys::Key;
pub use listing::{Listed, Page};
pub use load::Want;
pub use members::{MemberChange, SeatChange};

/// The table and how to reach it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    client: Client,
    table: Arc<str>,
    dice: Arc<dyn Dice>,
}

impl Store {
    /// The deployment's table, `TABLE_NAME`.
    ///
    /// # Errors
    /// When a setting is missing.
    pub fn open(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            client: Client::new(&environment.aws("DYNAMODB")?),
            table: environment.variables.required("TABLE_NAME")?.into(),
            dice: Arc::clone(&environment.dice),
        })
    }
}

/// What goes with every change into its transaction: the one event that tells of it, and the record of the answer
/// where the request had an `Idempotency-Key`.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    /// The event.
    pub event: &'a Event,
    /// The record.
    pub record: Option<&'a IdempotencyRecord>,
}

/// Whose authority a change rests on: written to in its transaction (`last_active_at`), on the condition that the
/// authority is the one that was read.
#[derive(Clone, Copy)]
pub struct Witness<'a> {
    /// The member as read.
    pub member: &'a Member,
    /// When they did it.
    pub now: Timestamp,
}
