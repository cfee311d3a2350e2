//! Assigns brands to a member
