use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Why an invitation's mail counts as failed that nobody could send.
const NOT_SENT: &str = "it could not be sent, send the invitation again";

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
    /// How long a mail may lie in the outbox before it counts as failed: its queue tries it for a day (`maxReceiveCount` times
    /// `VisibilityTimeout` in `template.yaml`), and ten minutes are for the way there and the last try.
    pub const PATIENCE: Duration = Duration::from_secs(86_400 + 600);

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

    /// That nobody could send it, noted at `at`.
    #[must_use]
    pub fn not_sent(at: Timestamp) -> Self {
        Self::new(DeliveryState::Failed, Some(NOT_SENT), at)
    }

    /// The states that this news replaces; besides them, whether it replaces a bounce that passes. Chosen so that
    /// whatever of it comes, in whatever order and however often, the last word is the same: what is known for certain
    /// is never replaced by what is older news.
    #[must_use]
    pub const fn replaces(&self) -> (&'static [DeliveryState], bool) {
        use DeliveryState::{Bounced, Complained, Delayed, Delivered, Failed, Queued, Sent, Suppressed};
        match self.state {
            Queued => (&[], false),
            // what was given up because nobody knew how its sends ended may have been sent all the same
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
    /// failed. Nobody writes that down: should somebody have it sent after all, it is sent.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        if self.state == DeliveryState::Queued && now.since(self.at) > Self::PATIENCE {
            Self::not_sent(self.at + Self::PATIENCE)
        } else {
            self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::DeliveryState::{Bounced, Complained, Delayed, Delivered, Failed, Queued, Sent, Suppressed};
    use super::*;
    use crate::samples::{NOW, is_closed, survives};

    #[test]
    fn four_states_mean_that_nobody_reads_it() {
        let names =
            ["queued", "sent", "delivered", "delayed", "bounced", "complained", "suppressed", "failed"];
        is_closed(DeliveryState::ALL, "delivery state", &names);
        let states = DeliveryState::ALL.iter().copied();
        let undelivered: Vec<_> = states.filter(|state| state.is_undelivered()).collect();
        assert_eq!(undelivered, [Bounced, Complained, Suppressed, Failed]);
    }

    #[test]
    fn news_replaces_what_is_less_certain_and_nothing_else() {
        let table: [(DeliveryState, &[DeliveryState], bool); 8] = [
            (Queued, &[], false),
            (Sent, &[Queued, Failed], false),
            (Delayed, &[Queued, Sent, Failed], false),
            (Delivered, &[Queued, Sent, Delayed, Failed], true),
            (Failed, &[Queued, Sent, Delayed], false),
            (Bounced, &[Queued, Sent, Delayed, Delivered, Failed], true),
            (Suppressed, &[Queued, Sent, Delayed, Delivered, Failed], true),
            (Complained, &[Queued, Sent, Delayed, Delivered, Failed, Bounced, Suppressed], true),
        ];
        for (state, replaced, passing) in table {
            let news = Delivery::new(state, None, NOW);
            assert_eq!(news.replaces(), (replaced, passing), "{state}");
            let replaces = Delivery { passing: true, ..news }.replaces();
            if state == Bounced {
                assert_eq!(replaces, (&[Queued, Sent, Delayed, Failed][..], false));
            } else {
                assert_eq!(replaces, (replaced, passing), "{state}");
            }
        }
    }

    #[test]
    fn a_mail_that_nobody_could_send_has_failed_after_a_day() {
        let (day, instant) = (Duration::from_secs(87_000), Duration::from_millis(1));
        let delivery = Delivery::queued(NOW);
        assert_eq!(delivery, Delivery { state: Queued, reason: None, at: NOW, passing: false });
        assert_eq!((delivery.at(NOW), delivery.at(NOW + day)), (delivery.clone(), delivery.clone()));
        let why = "it could not be sent, send the invitation again";
        let failed = Delivery::new(Failed, Some(why), NOW + day);
        assert_eq!(
            (delivery.at(NOW + day + instant), Delivery::not_sent(NOW + day)),
            (failed.clone(), failed)
        );
        for state in DeliveryState::ALL.iter().copied().filter(|state| *state != Queued) {
            let delivery = Delivery::new(state, None, NOW);
            assert_eq!(delivery.at(NOW + day + instant), delivery);
        }
    }

    #[test]
    fn a_delivery_says_what_there_is_to_say() {
        survives(&Delivery::queued(NOW), json!({"state": "queued", "at": NOW}));
        let bounced = Delivery { passing: true, ..Delivery::new(Bounced, Some("mailbox full"), NOW) };
        let written = json!({"state": "bounced", "reason": "mailbox full", "at": NOW, "passing": true});
        survives(&bounced, written);
    }
}
