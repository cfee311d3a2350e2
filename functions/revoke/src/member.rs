use model::{
    Brands, EventKind, EventSubject, Member, MemberStatus, Permission, Refusal, Stamp, Timestamp, UserId,
};
use policy::Target;
use store::{Trace, keys};
use web::{Answer, Entrance, Outcome};

use crate::Revoke;

impl Revoke {
    /// Ends a membership: a new invitation is the only way in again, with nothing of the old access. Doing it to one
    /// that is over is done already.
    pub(crate) async fn member(&self, entrance: &Entrance<'_>, user: UserId, now: Timestamp) -> Outcome {
        let inside = entrance.enter(&self.store, keys::member(entrance.tenant(), user)).await?;
        let standing = inside.standing();
        standing.may(Permission::MembersRevoke, None).map_err(Refusal::from)?;
        let before = inside.found.as_ref().ok_or(Refusal::NotFound)?;
        let target = Target { role: before.role, is_self: user == inside.member.user_id };
        standing.may_manage(target).map_err(Refusal::from)?;
        if before.status == MemberStatus::Revoked {
            return Ok(Answer::done());
        }
        let dice = &*self.dice;
        let after = Member {
            status: MemberStatus::Revoked,
            brands: Brands::none(),
            permissions: None,
            authority: Stamp::new(dice, now),
            ..before.clone()
        };
        let event = inside
            .event(dice, EventKind::MemberRevoked, EventSubject::Member(user))
            .with("email", before.email.typed())
            .with("role", before.role);
        let trace = Trace { event: &event, record: None };
        let version = Stamp::new(dice, now);
        self.store.revoke_member(before, &after, version, inside.witness(), trace).await?;
        Ok(Answer::done())
    }
}
