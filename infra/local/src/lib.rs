//! The whole stack in one process: the table, the mailbox, the gateway, the pipe, the bus and its queues, the TTL.
//!
//! Everything that a deployment is made of is read from `template.yaml`: routes, the pipe, rules, queues, table
//! and settings. Functions are handed the very JSON that API Gateway, the pipe or a queue would send, through the same
//! `lambda_http` types, and reach the table and SES with the real SDK over HTTP.
//!
//! What is not the real thing: nobody checks IAM, tables never throttle, the index never lags, and functions share one
//! process. The tests stand on this crate too.
#![expect(
    clippy::indexing_slicing,
    reason = "JSON's own indexing inserts; none of this runs in a deployed function"
)]

mod clock;
mod cors;
mod demo;
mod docs;
mod event;
mod functions;
mod gateway;
mod mailbox;
mod pattern;
mod pump;
mod queues;
mod serve;
mod stack;
mod table;
mod template;

pub use clock::LocalClock;
pub use demo::{Demo, Partner};
pub use gateway::{Call, Reply};
pub use mailbox::{Mailbox, MailboxFault, SentMail, Standing};
pub use serve::Served;
pub use stack::{Activity, HttpClientOf, Observer, Options, Stack};
pub use template::Template;

/// What went wrong, in words for the developer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
