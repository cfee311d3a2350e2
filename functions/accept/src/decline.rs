use model::{Actor, EventKind, InvitationStatus};
use web::{Answer, Outcome};

use crate::Accept;
use crate::link::LinkState;

impl Accept {
    /// Ends the invitation for good, an expired one too; its seat and the address are free.
    pub(crate) async fn decline(&self, state: LinkState<'_>) -> Outcome {
        let before = state.declinable()?;
        let after = before.ended(InvitationStatus::Declined, state.invocation().version());
        let answer = Answer::done();
        let change = state
            .change(Actor::Invitee, EventKind::InvitationDeclined, before, &answer)
            .with("email", before.email.as_entered())
            .gone_at(before.unconfirmed_until);
        self.store.end_invitation(before, &after, true, change).await?;
        Ok(answer)
    }
}
