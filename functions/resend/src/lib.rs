//! Sends an invitation again
