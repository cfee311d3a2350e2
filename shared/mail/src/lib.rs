//! Emails: what they say, sending them, and how SES stands to that. The only crate that knows SES.
//!
//! The templates are checked at compile time and escape what they show. Subjects are fixed texts; what people entered
//! appears in bodies only, defused so that a mail program makes no link of it. The one link of a mail is built from
//! the deployment's own origin, never from a request.

mod message;
mod ses;
mod status;

/// Why a mail couldn't be written; never in practice.
pub use askama::Error as Unwritten;
pub use message::{
    EmailChanged, EmailConfirmation, Invitation, Message, OwnershipMoved, PasswordChanged, PasswordReset,
    ReviewOpened, TenantClosed,
};
pub use ses::{Mailer, NotSent};
pub use status::{Account, Identity, Inspector, Suppressed, Unanswered};
