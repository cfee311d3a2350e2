use std::fmt;

use policy::BrandId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Dice, Timestamp};

/// Ids in paths and bodies have one spelling, the hyphenated lower-case one; the other forms that `Uuid` reads
/// would give one thing several names.
fn parse(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(id)
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh one.
            #[must_use]
            pub fn new(dice: &dyn Dice, now: Timestamp) -> Self {
                Self(dice.uuid(now))
            }

            /// Parses the hyphenated lower-case form; anything else is no id.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse(text).map(Self)
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
    /// What a version or an authority is compared by: a fresh one at every change, so that no two states of an item
    /// ever share one, not even after it was deleted and made anew.
    Stamp,
}

/// A fresh brand id.
#[must_use]
pub fn new_brand_id(dice: &dyn Dice, now: Timestamp) -> BrandId {
    BrandId(dice.uuid(now))
}

/// Parses a brand id in its hyphenated lower-case form.
#[must_use]
pub fn parse_brand_id(text: &str) -> Option<BrandId> {
    parse(text).map(BrandId)
}
