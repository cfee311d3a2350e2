use model::{
    EventKind, EventSubject, Invitation, InvitationId, InvitationStatus, Permission, Refusal, Stamp,
    Timestamp,
};
use policy::Target;
use store::{Trace, keys};
use web::{Answer, Entrance, Outcome};

use crate::Revoke;

impl Revoke {
    /// Ends a pending invitation; doing it to one that is over already is done already.
    pub(crate) async fn invitation(
        &self,
        entrance: &Entrance<'_>,
        id: InvitationId,
        now: Timestamp,
    ) -> Outcome {
        let inside = entrance.enter(&self.store, keys::invitation(entrance.tenant(), id)).await?;
        let standing = inside.standing();
        standing.may(Permission::MembersInvite, None).map_err(Refusal::from)?;
        let before = inside.found.as_ref().ok_or(Refusal::NotFound)?;
        standing.may_manage(Target { role: before.role, is_self: false }).map_err(Refusal::from)?;
        match before.status {
            InvitationStatus::Pending => {}
            InvitationStatus::Accepted => return Err(Refusal::AlreadyMember(before.accepted_by).into()),
            InvitationStatus::Revoked | InvitationStatus::Declined | InvitationStatus::Expired => {
                return Ok(Answer::done());
            }
        }
        let dice = &*self.dice;
        let after = Invitation {
            status: InvitationStatus::Revoked,
            version: Stamp::new(dice, now),
            ..before.clone()
        };
        let event = inside
            .event(dice, EventKind::InvitationRevoked, EventSubject::Invitation(id))
            .with("email", before.email.typed());
        let trace = Trace { event: &event, record: None };
        self.store.end_invitation(before, &after, Some(inside.witness()), trace).await?;
        Ok(Answer::done())
    }
}
