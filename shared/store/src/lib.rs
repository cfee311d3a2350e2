//! The one table: the only crate that knows DynamoDB.
//!
//! [`keys`] opens with the table of keys and is the only file that spells one. [`Store::load`] is how facts are read:
//! one strongly consistent batch. What is written is a use case with a name: one conditional write that checks again
//! what the decision relied on and, where an audit trail has to tell of it, takes a [`Change`] with it. A condition that
//! fails names the fact that changed, and the operation reads again.
//!
//! May: build keys and expressions, retry what is safe to retry. May not: decide who may do what, know HTTP.

mod accepting;
mod accounts;
mod addresses;
mod brands;
mod change;
mod error;
mod expression;
mod importing;
mod invitations;
mod item;
pub mod keys;
mod listing;
mod load;
mod mails;
mod members;
mod portals;
mod removing;
mod reviews;
mod sessions;
pub mod stream;
mod tenants;
mod transaction;

use std::pin::Pin;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use model::Random;
use runtime::metrics::Metrics;
use runtime::{Environment, SettingError};

pub use accepting::Acceptance;
pub use accounts::{Ground, PasswordChange, ProfileChange};
pub use addresses::{EmailMove, Team};
pub use change::{Change, Record};
pub use error::{Error, Fact};
pub use importing::{Arrival, Imported, Newcomer};
pub use invitations::Outgoing;
pub use keys::Key;
pub use listing::{Listed, Page};
pub use load::Want;
pub use portals::SponsorKey;
pub use sessions::Attempt;

/// What asking the table comes to. Boxed where it is made: what awaits a future that is named has it compiled once more, the
/// SDK's with it, in every function.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The table and how to reach it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    client: Client,
    table: Arc<str>,
    random: Arc<dyn Random>,
    metrics: Metrics,
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
            random: Arc::clone(&environment.random),
            metrics: environment.metrics.clone(),
        })
    }
}
