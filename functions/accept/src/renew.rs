use model::{Actor, DeliveryState, EventKind, LinkError, Refusal};
use serde::Serialize;
use store::Outgoing;
use web::{Answer, Failure, Outcome, admission};

use crate::Accept;
use crate::link::LinkState;

#[derive(Serialize)]
struct Renewed {
    delivery: DeliveryState,
}

impl Accept {
    /// Sends a fresh link to the address that the old one went to, and to no other.
    pub(crate) async fn renew(&self, state: LinkState<'_>) -> Outcome {
        let (before, tenant) = state.renewable()?;
        let invocation = state.invocation();
        let resends = self.limits.resends.count(before.resends, invocation.now(), "fresh links")?;
        self.limits.mails_by_tenant.count(tenant.mails, invocation.now(), "emails of this team")?;
        let sponsor = state.sponsor(&self.store, before, tenant).await?;
        admission::again(&self.store, tenant, before, state.request()).await.map_err(
            |failure| match failure {
                // what took the address over meanwhile, and how large the plan is, is the team's business
                Failure::Refused(
                    Refusal::InvitationPending(..)
                    | Refusal::AlreadyMember(_)
                    | Refusal::InvitationRevoked(_),
                ) => LinkError::Revoked.into(),
                Failure::Refused(Refusal::SeatsExhausted { .. } | Refusal::PlanRequired(_)) => {
                    Refusal::TeamFull.into()
                }
                other => other,
            },
        )?;
        let after = before.sent_again(None, resends, invocation);
        let answer = Answer::accepted(&Renewed { delivery: after.delivery.state });
        let change = state
            .change(Actor::Invitee, EventKind::InvitationRenewed, before, &answer)
            .sponsored_by(sponsor.as_ref())
            .gone_at(before.unconfirmed_until);
        // the trail of a tenant that nobody has confirmed names nobody
        let change =
            if before.is_of_first_owner() { change } else { change.with("email", before.email.as_entered()) };
        let out = Outgoing::new(&after, tenant, &self.limits, invocation);
        self.store.resend_invitation(before, &out, change).await?;
        Ok(answer)
    }
}
