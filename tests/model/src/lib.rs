//! The reference model: tenants, people, invitations, members, seats, mails, brands and sessions as plain values, and
//! for every request the set of legal answers, each with the state that follows.
//!
//! Written from the design (its rules R1 to R10, limits and guarantees) and from nothing of the code: it shares no type
//! with it, knows no table and no HTTP, and counts in whole seconds. Things are numbered in the order in which they were
//! made. Where several refusals apply, any of them is legal, but for those that hide what lies behind them: who asks, whether
//! they are in the team, whether they hold the permission; whether a link opens anything; whether a password may be tried.
//!
//! What the design leaves open it has as the code has it: a role that is given again keeps its list, giving another drops
//! it; a right password of somebody without access stays counted to its source; releasing an address lets mail go there
//! again; reading and ending invitations takes `members.invite`, listing seats that and
//! `members.read`, asking about a colleague `members.assign`; renewing a link
//! that works is a `conflict`; what a suspension holds up is `invitation-on-hold`, what a closing does `invitation-revoked`; a
//! removal is one thing, however many orders it takes; a decision that stands is given again as done, in a review that is
//! closed too, and one about who is no member any more is none. That permissions are used is noted of a sample, which is empty
//! here. Which of several reminders of one moment come first where there is no
//! room for all is left open. The outbox is compared by what is sent from it: how many mails to whom, and which links; and
//! who finds an invitation expired, and when, not at all.
//!
//! * [`rights`]: the table of permissions and the rules about giving
//! * [`Request`]: everything that can happen
//! * [`World::legal`]: what it may be answered, and what is so afterwards
//! * [`World::lines`]: the state as lines of text, to be compared with those read off a table
#![expect(clippy::indexing_slicing, reason = "a model that names what isn't there is wrong, and fails")]

mod account;
mod address;
mod links;
mod operator;
mod portals;
mod request;
mod reviews;
pub mod rights;
mod state;
mod team;
mod view;

use account::asked_again;
pub use request::{Answer, Given, Outcome, Reduction, Request, Set, Told, Try, Verdict};
pub use state::{
    Account, Belonging, Decision, Delivery, Ended, Former, Holder, Invitation, Limits, Link, Mail, Member,
    Proof, Reset, Return, Review, Session, Status, Tenant, Why, Window, World,
};

/// A number that stands for a tenant, a brand, an invitation, a user, a session, a link or an address.
pub type Nth = usize;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// A day, in seconds.
pub const DAY: u64 = 24 * HOUR;
