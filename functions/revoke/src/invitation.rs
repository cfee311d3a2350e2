use model::{EventKind, Invitation, InvitationStatus, Refusal, Subject};
use policy::{Permission, Target};
use store::keys;
use web::{Answer, Context, Outcome};

use crate::Revoke;

impl Revoke {
    /// Takes an invitation back, an expired one too, which could be renewed otherwise (R10). Doing it to one that is over
    /// already is done already.
    pub(crate) async fn invitation(&self, cx: Context<'_, Option<Invitation>>) -> Outcome {
        cx.may(Permission::MembersInvite)?;
        let before = cx.wanted()?;
        cx.principal().may_manage(Target { role: before.role, is_self: false })?;
        let answer = Answer::done();
        let holds_address = match before.status {
            InvitationStatus::Pending => true,
            InvitationStatus::Expired => {
                let invitee = keys::invitee(cx.tenant.id, before.email.canonical());
                self.store.load(invitee).await?.is_some_and(|holder| holder.is(before.id))
            }
            InvitationStatus::Accepted => return Err(Refusal::AlreadyMember(before.accepted_by).into()),
            InvitationStatus::Revoked | InvitationStatus::Declined => return Ok(answer),
        };
        let after = before.ended(InvitationStatus::Revoked, cx.version());
        let change = cx
            .change(EventKind::InvitationRevoked, Subject::Invitation(after.id), &answer)
            .with("email", before.email.as_entered());
        self.store.end_invitation(before, &after, holds_address, change).await?;
        Ok(answer)
    }
}
