//! Invites an address into a tenant
