use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{Invocation, Timestamp};

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh one.
            #[must_use]
            pub fn new(invocation: &Invocation) -> Self {
                Self(invocation.uuid())
            }

            /// When it was made: a UUIDv7 begins with its time. None for an id of another kind.
            #[must_use]
            pub fn made_at(self) -> Option<Timestamp> {
                let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
                let millis = u64::from(nanos / 1_000_000);
                Some(Timestamp::from_unix_millis(seconds.checked_mul(1_000)?.checked_add(millis)?))
            }

            /// Parses the hyphenated lower-case form; anything else is not an id.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                policy::parse_id(text).map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom("it must be an id, as answers spell it"))
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
    /// The id of a session, a UUIDv7: what it is called where it is listed. It opens nothing.
    SessionId,
    /// The id of an outbox item, a UUIDv7.
    MailId,
    /// The id of a change of somebody's address, a UUIDv7.
    EmailChangeId,
    /// The id of an event, a UUIDv7: events sort by it.
    EventId,
    /// The id of a review of access, a UUIDv7.
    ReviewId,
    /// What an item's state is compared by: a fresh one at every change, so that no two states ever share one, not even
    /// after the item was deleted and made anew. An `authority` is one that only changes of authority renew.
    Version,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{NOW, invocation, survives};

    #[test]
    fn an_id_says_when_it_was_made_and_has_one_spelling() {
        let spelling = "01a202c6-e1a3-7a38-9802-fdcb99ebdc61";
        let upper = spelling.to_uppercase();
        let bare = spelling.replace('-', "");
        let braced = format!("{{{spelling}}}");
        let spaced = format!(" {spelling}");
        let made = Some(Timestamp::from_unix_millis(0x01a2_02c6_e1a3));
        macro_rules! check {
            ($($id:ident)+) => {$({
                let told = $id::parse(spelling).map(|id| (id.to_string(), id.made_at()));
                assert_eq!(told, Some((spelling.to_owned(), made)));
                survives(&$id::parse(spelling), json!(spelling));
                for wrong in ["", "x", &upper, &bare, &braced, &spaced] {
                    assert_eq!($id::parse(wrong), None, "{wrong}");
                    let read = serde_json::from_value::<$id>(json!(wrong)).map_err(|error| error.to_string());
                    assert_eq!(read, Err("it must be an id, as answers spell it".to_owned()));
                }
                let (one, other) = ($id::new(&invocation()), $id::new(&invocation()));
                assert_ne!(one, other);
                assert_eq!((one.made_at(), other.made_at()), (Some(NOW), Some(NOW)));
                let random = $id::parse("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d").map($id::made_at);
                assert_eq!((random, $id(Uuid::nil()).made_at()), (Some(None), None));
            })+};
        }
        check!(TenantId UserId InvitationId SessionId MailId EmailChangeId EventId ReviewId Version);
    }
}
