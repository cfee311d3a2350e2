use model::{EventKind, Invitation, InvitationStatus, Refusal, Subject};
use policy::{Permission, Target};
use web::{Answer, Context, Outcome};

use crate::Revoke;

impl Revoke {
    /// Ends a pending invitation; doing it to one that is over already is done already.
    pub(crate) async fn invitation(&self, cx: Context<'_, Option<Invitation>>) -> Outcome {
        cx.may(Permission::MembersInvite)?;
        let before = cx.wanted()?;
        cx.principal().may_manage(Target { role: before.role, is_self: false })?;
        let answer = Answer::done();
        match before.status {
            InvitationStatus::Pending => {}
            InvitationStatus::Accepted => return Err(Refusal::AlreadyMember(before.accepted_by).into()),
            InvitationStatus::Revoked | InvitationStatus::Declined | InvitationStatus::Expired => {
                return Ok(answer);
            }
        }
        let after = before.ended(InvitationStatus::Revoked, cx.version());
        let change = cx
            .change(EventKind::InvitationRevoked, Subject::Invitation(after.id), &answer)
            .with("email", before.email.as_entered());
        self.store.end_invitation(before, &after, change).await?;
        Ok(answer)
    }
}
