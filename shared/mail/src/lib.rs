//! Emails: the only crate that knows SES
