//! Passwords: which may be chosen (NIST SP 800-63B-4), and argon2id over them.
//!
//! May: judge and hash. May not: store anything, know whose password it is. Only the functions that hash link this.

mod hash;
mod rules;

pub use hash::{Hasher, UnreadableHash};
pub use rules::{Rules, Weakness};
