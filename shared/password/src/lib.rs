//! Passwords: which may be chosen (NIST SP 800-63B-4), and argon2id over them.
//!
//! May: judge and hash, and have each try counted before it is looked at. May not: decide what a proof is good for. Only
//! the functions that hash link this.

mod hash;
mod passwords;
mod rules;

pub use hash::{Cost, Hasher, InvalidCost, UnreadableHash};
pub use passwords::{Once, Passwords};
pub use rules::{Rules, Weakness};
