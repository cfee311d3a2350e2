//! A queue, what SES says of mails that it took: delivered, delayed, bounced, complained about, rejected.
//!
//! Events come late, twice, out of order, or never, and before the note that the mail was sent. What an invitation's
//! `delivery` becomes depends on which events came, not on their order; an address that bounced for good, or whose
//! owner complained, gets no more mail. What is of a kind that nobody waits for here is acknowledged and left alone; what
//! can't be read comes again, and is in the dead letters in the end, where somebody sees it.

mod event;

use model::{Actor, Delivery, Email, EventKind, Invocation, MailTags, Subject};
use runtime::queue::Consumer;
use runtime::{Environment, SettingError};
use serde_json::Value;
use store::{Change, Error, Store};

/// The function.
pub struct ReceiveFeedback {
    store: Store,
}

impl Consumer for ReceiveFeedback {
    type Error = Error;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    /// As SES calls the mail.
    fn about(event: &Value) -> Option<&str> {
        event.pointer("/detail/mail/messageId").and_then(Value::as_str)
    }

    async fn handle(&self, event: &Value, invocation: &Invocation) -> Result<(), Error> {
        let Some(feedback) = event::parse(event)? else {
            // no retry could make it ours
            tracing::warn!("an event that is nobody's here");
            return Ok(());
        };
        let (state, reason) = (feedback.state, feedback.reason.as_deref());
        let delivery =
            Delivery { passing: feedback.passing, ..Delivery::new(state, reason, invocation.now()) };
        self.suppress(&feedback.lost, &delivery).await?;
        if let Some(mail) = feedback.mail {
            let noted = self.note(mail, &delivery, invocation).await?;
            tracing::info!(invitation = %mail.invitation, state = delivery.state.name(), noted, "feedback");
        }
        Ok(())
    }
}

impl ReceiveFeedback {
    /// Addresses that no mail goes to any more.
    async fn suppress(&self, lost: &[String], delivery: &Delivery) -> Result<(), Error> {
        for address in lost {
            let email = Email::parse(address)
                .map_err(|_| Error::Corrupt("a mail that SES tells of went to no address".to_owned()))?;
            self.store.suppress(&email, delivery).await?;
        }
        Ok(())
    }

    /// What became of an invitation's mail; what keeps the invited person from reading it has an event.
    async fn note(
        &self,
        mail: MailTags,
        delivery: &Delivery,
        invocation: &Invocation,
    ) -> Result<bool, Error> {
        let change = delivery.state.is_undelivered().then(|| {
            let (kind, subject) = (EventKind::InvitationUndelivered, Subject::Invitation(mail.invitation));
            Change::new(invocation, mail.tenant, Actor::System, kind, subject)
                .with("state", delivery.state)
                .with("reason", delivery.reason.as_deref().unwrap_or_default())
        });
        self.store.note_delivery(mail, delivery, change, invocation).await
    }
}
