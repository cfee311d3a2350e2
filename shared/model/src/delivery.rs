use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How long a mail may lie in the outbox before it counts as failed: the stream gives a record up after an hour
/// (`MaximumRecordAgeInSeconds`), so nothing will send it any more.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(3_600);

policy::closed_set! {
    /// How far the newest email of an invitation got.
    pub enum DeliveryState: "delivery state" {
        /// In the outbox.
        Queued = "queued",
        /// Taken by SES.
        Sent = "sent",
        /// Taken by the recipient's mail server.
        Delivered = "delivered",
        /// SES goes on trying.
        Delayed = "delayed",
        /// The recipient's server refused it.
        Bounced = "bounced",
        /// Marked as spam.
        Complained = "complained",
        /// The address is on the suppression list.
        Suppressed = "suppressed",
        /// It will not be sent.
        Failed = "failed",
    }
}

impl DeliveryState {
    /// The states that news of `self` replaces. Chosen so that whatever of it comes, in whatever order and however
    /// often, the last word is the same: what is known for certain is never replaced by what is older news.
    #[must_use]
    pub const fn replaces(self) -> &'static [Self] {
        match self {
            Self::Queued => &[],
            // a last try says failed before it begins
            Self::Sent => &[Self::Queued, Self::Failed],
            Self::Delayed => &[Self::Queued, Self::Sent, Self::Failed],
            Self::Delivered => &[Self::Queued, Self::Sent, Self::Delayed, Self::Failed],
            Self::Failed => &[Self::Queued, Self::Sent, Self::Delayed],
            // a server may take a mail and send it back later
            Self::Bounced | Self::Suppressed => {
                &[Self::Queued, Self::Sent, Self::Delayed, Self::Delivered, Self::Failed]
            }
            Self::Complained => &[
                Self::Queued,
                Self::Sent,
                Self::Delayed,
                Self::Delivered,
                Self::Failed,
                Self::Bounced,
                Self::Suppressed,
            ],
        }
    }

    /// Whether the invited person will not read this mail.
    #[must_use]
    pub const fn is_undelivered(self) -> bool {
        matches!(self, Self::Bounced | Self::Suppressed | Self::Complained | Self::Failed)
    }
}

/// How far the newest email of an invitation got, why, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How far.
    pub state: DeliveryState,
    /// Why, in words for an admin, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

impl Delivery {
    /// In the outbox since `at`.
    #[must_use]
    pub const fn queued(at: Timestamp) -> Self {
        Self { state: DeliveryState::Queued, reason: None, at }
    }

    /// The delivery that holds at `now`: a mail that lay in the outbox for longer than anything tries to send it has
    /// failed, whether or not anybody lived to write that down.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        if self.state == DeliveryState::Queued && now.since(self.at) > OUTBOX_PATIENCE {
            Self {
                state: DeliveryState::Failed,
                reason: Some("it could not be sent within an hour, send it again".to_owned()),
                at: self.at + OUTBOX_PATIENCE,
            }
        } else {
            self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_that_nobody_could_send_has_failed_after_an_hour() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let delivery = Delivery::queued(now);
        assert_eq!(delivery.at(now + OUTBOX_PATIENCE).state, DeliveryState::Queued);
        let later = now + OUTBOX_PATIENCE + Duration::from_millis(1);
        assert_eq!(delivery.at(later).state, DeliveryState::Failed);
    }
}
