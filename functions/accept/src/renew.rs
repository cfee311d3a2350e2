use model::{Event, EventActor, EventKind, EventSubject, Mail, Timestamp};
use serde::Serialize;
use store::{Resending, Trace};
use web::{Answer, Outcome};

use crate::Accept;
use crate::link::Link;

#[derive(Serialize)]
struct Renewed {
    delivery: &'static str,
}

impl Accept {
    /// Sends a fresh link to the address that the old one went to, and to no other.
    pub(crate) async fn renew(&self, link: &Link, request_id: &str, now: Timestamp) -> Outcome {
        let behind = link.follow(&self.store, now).await?;
        if let Some(answer) = behind.replay.answer() {
            return Ok(answer);
        }
        let (before, tenant) = behind.renewable(&link.digest, now)?;
        let resends = self.limits.resends.count(before.resends, now, "fresh links")?;
        self.limits.mails_by_tenant.count(tenant.mails, now, "emails of this team")?;
        let dice = &*self.dice;
        let after = before.sent_again(None, resends, dice, now);
        let subject = EventSubject::Invitation(before.id);
        let (kind, actor) = (EventKind::InvitationRenewed, EventActor::Invitee);
        let event = Event::new(dice, now, tenant.id, kind, actor, subject, request_id)
            .with("email", before.email.typed());
        let answer = Answer::accepted(&Renewed { delivery: "queued" });
        let record = link.idempotency.as_ref().map(|i| i.record(&answer, now));
        let mail = Mail::about(&after, dice, now);
        let again = Resending { before, after: &after, mail: &mail, tenant, admin: None };
        let trace = Trace { event: &event, record: record.as_ref() };
        self.store.resend_invitation(again, &self.limits, trace).await?;
        Ok(answer)
    }
}
