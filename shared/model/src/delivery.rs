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
    /// Whether it is a bounce that says nothing of the next mail, nor against one that arrived: a full mailbox, an
    /// auto-responder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
}

impl Delivery {
    /// This news at `at`.
    #[must_use]
    pub fn new(state: DeliveryState, reason: Option<&str>, at: Timestamp) -> Self {
        Self { state, reason: reason.map(str::to_owned), at, passing: false }
    }

    /// In the outbox since `at`.
    #[must_use]
    pub const fn queued(at: Timestamp) -> Self {
        Self { state: DeliveryState::Queued, reason: None, at, passing: false }
    }

    /// The states that this news replaces; besides them, whether it replaces a bounce that passes. Chosen so that
    /// whatever of it comes, in whatever order and however often, the last word is the same: what is known for certain
    /// is never replaced by what is older news.
    #[must_use]
    pub const fn replaces(&self) -> (&'static [DeliveryState], bool) {
        use DeliveryState::{Bounced, Complained, Delayed, Delivered, Failed, Queued, Sent, Suppressed};
        match self.state {
            Queued => (&[], false),
            // a last try says failed before it begins
            Sent => (&[Queued, Failed], false),
            Delayed => (&[Queued, Sent, Failed], false),
            Delivered => (&[Queued, Sent, Delayed, Failed], true),
            Failed => (&[Queued, Sent, Delayed], false),
            Bounced if self.passing => (&[Queued, Sent, Delayed, Failed], false),
            // a server may take a mail and send it back later
            Bounced | Suppressed => (&[Queued, Sent, Delayed, Delivered, Failed], true),
            Complained => (&[Queued, Sent, Delayed, Delivered, Failed, Bounced, Suppressed], true),
        }
    }

    /// The delivery that holds at `now`: a mail that lay in the outbox for longer than anything tries to send it has
    /// failed, whether or not anybody lived to write that down.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        if self.state == DeliveryState::Queued && now.since(self.at) > OUTBOX_PATIENCE {
            let why = "it could not be sent within an hour, send it again";
            Self::new(DeliveryState::Failed, Some(why), self.at + OUTBOX_PATIENCE)
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
