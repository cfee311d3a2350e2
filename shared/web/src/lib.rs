//! HTTP: the only crate that knows methods, headers and status codes.
//!
//! A request comes in as API Gateway's event and goes the same way for every function:
//! [`Request`] → [`Form`] (parse, don't validate) → [`Caller`] (who asks, inside which tenant) → [`Context`] (what was
//! read; one round of the operation) → [`Answer`] or [`Failure`]. An operation never writes a status code: an
//! [`Answer`] is named by what it means, and `problem.rs` has the one table of what refusals look like.
//!
//! May: translate between HTTP and the domain, read who asks, replay, repeat, free what an invitation needs
//! ([`admission`]). May not: decide who may do what.

pub mod admission;
mod answer;
mod backdrop;
mod caller;
mod context;
mod failure;
mod form;
mod idempotency;
mod listing;
mod problem;
mod repeat;
mod request;
mod routes;
mod serve;
pub mod views;

pub use answer::Answer;
pub use backdrop::{Backdrop, Shown};
pub use caller::{Caller, live, renewed};
pub use context::{Context, Unsponsored, current};
pub use failure::{BadRequest, Failure, Unproven};
pub use form::{Form, Invalid, NO_BRAND_ID, NO_MEMBER_ID};
pub use idempotency::Idempotency;
pub use listing::{next_cursor, page, page_among};
pub use repeat::{change, until_settled};
pub use request::Request;
pub use routes::{Access, Route};
pub use serve::{DEADLINE, Function, answer, run};

/// What an operation comes to.
pub type Outcome = Result<Answer, Failure>;
