//! What the stories are told with: a [`World`] of its own for each, whose people go in by the door.
//!
//! A world is the whole stack of `infra/local` on a clock that stands still, its functions reaching the embedded table
//! with the real SDK through a [`Wire`], where a story counts calls, makes them fail, and steps operations through
//! every interleaving.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that can't go on has failed"
)]

mod bus;
pub mod contract;
mod driver;
mod footprint;
mod ledger;
mod mutant;
mod schedule;
mod second;
mod trips;
mod twin;
mod wire;
mod world;

pub use bus::{batch, link_removed, mail_queued, plain_item, reminder_due};
pub use driver::Driver;
pub use footprint::Footprint;
pub use ledger::Ledger;
pub use mutant::Mutant;
pub use schedule::{Operation, interleavings, operation, race, race_with_crashes, schedules};
pub use trips::Trips;
pub use twin::{Twin, differences, limits, without_guesses};
pub use wire::{Fault, SdkCall, Units, Wire};
pub use world::{Invited, Link, PASSWORD, Person, ReplyExt, START, Team, World, logged, logs_since};
