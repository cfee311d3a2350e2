//! Passwords: the rules for new ones and argon2id
