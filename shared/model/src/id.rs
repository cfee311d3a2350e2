use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Invocation;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh one.
            #[must_use]
            pub fn new(invocation: &Invocation) -> Self {
                Self(invocation.uuid())
            }

            /// Parses the hyphenated lower-case form; anything else is not an id.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                policy::parse_id(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// The id of a tenant, a UUIDv7.
    TenantId,
    /// The id of a user, a UUIDv7. Never used again for somebody else.
    UserId,
    /// The id of an invitation, a UUIDv7.
    InvitationId,
    /// The id of an outbox item, a UUIDv7.
    MailId,
    /// The id of an event, a UUIDv7: events sort by it.
    EventId,
    /// What an item's state is compared by: a fresh one at every change, so that no two states ever share one, not even
    /// after the item was deleted and made anew. An `authority` is one that only changes of authority renew.
    Version,
}
