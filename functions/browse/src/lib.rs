//! Reads members, invitations and events
