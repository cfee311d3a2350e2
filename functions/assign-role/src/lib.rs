//! Changes a member's role
