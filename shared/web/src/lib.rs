//! HTTP: the only crate that knows methods, headers and status codes.
//!
//! A request comes in as API Gateway's event and goes the same way for every function:
//! [`Request`] → [`Form`] (parse, don't validate) → [`Entrance`] (who asks, inside which tenant) → the operation →
//! [`Answer`] or [`Failure`]. An operation never writes a status code; [`Failure`] has the one table of them.
//!
//! May: translate between HTTP and the domain, load who asks. May not: decide who may do what, write to the table.

mod again;
mod answer;
mod cursor;
mod entrance;
mod failure;
mod form;
mod idempotency;
mod request;
pub mod routes;
mod serve;
pub mod views;

pub use again::until_settled;
pub use answer::Answer;
pub use cursor::{next_cursor, page};
pub use entrance::{Entrance, Inside, live};
pub use failure::Failure;
pub use form::Form;
pub use idempotency::{Idempotency, Replay};
pub use request::Request;
pub use serve::{Function, answer, run};

/// What an operation comes to.
pub type Outcome = Result<Answer, Failure>;
