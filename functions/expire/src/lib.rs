//! Tidies up after expired tokens
