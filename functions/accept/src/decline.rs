use model::{Event, EventActor, EventKind, EventSubject, Invitation, InvitationStatus, Stamp, Timestamp};
use store::Trace;
use web::{Answer, Outcome};

use crate::Accept;
use crate::link::Link;

impl Accept {
    /// Ends the invitation for good; its seat and the address are free.
    pub(crate) async fn decline(&self, link: &Link, request_id: &str, now: Timestamp) -> Outcome {
        let behind = link.follow(&self.store, now).await?;
        if let Some(answer) = behind.replay.answer() {
            return Ok(answer);
        }
        let (before, tenant) = behind.open(&link.digest, now)?;
        let dice = &*self.dice;
        let after = Invitation {
            status: InvitationStatus::Declined,
            version: Stamp::new(dice, now),
            ..before.clone()
        };
        let subject = EventSubject::Invitation(before.id);
        let (kind, actor) = (EventKind::InvitationDeclined, EventActor::Invitee);
        let event = Event::new(dice, now, tenant.id, kind, actor, subject, request_id)
            .with("email", before.email.typed());
        let answer = Answer::done();
        let record = link.idempotency.as_ref().map(|i| i.record(&answer, now));
        let trace = Trace { event: &event, record: record.as_ref() };
        self.store.end_invitation(before, &after, None, trace).await?;
        Ok(answer)
    }
}
