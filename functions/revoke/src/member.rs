use model::{EventKind, Member, Refusal, Subject};
use policy::{Denial, MemberStatus, Permission, Role};
use web::views::ChangedMember;
use web::{Answer, Context, Outcome, admission};

use crate::Revoke;

impl Revoke {
    /// Ends a membership: a new invitation is the only way in again, with nothing of the old access. Doing it to one
    /// that is over is done already. Invitations that rested on it are the answer, where there are any.
    pub(crate) async fn member(&self, cx: Context<'_, Option<Member>>) -> Outcome {
        cx.may(Permission::MembersRevoke)?;
        let before = cx.wanted()?;
        cx.may_manage(before)?;
        if before.is_revoked() {
            return Ok(Answer::done());
        }
        let after = before.revoked(cx.version());
        let unsponsored = cx.unsponsored(&self.store, before, &after).await?;
        let rested = ChangedMember::new(None, &unsponsored);
        let answer = if rested.is_empty() { Answer::done() } else { Answer::ok(&rested) };
        let change = cx
            .change(EventKind::MemberRevoked, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered())
            .with("role", before.role);
        self.store.revoke_member(before, &after, cx.version(), change).await?;
        Ok(answer)
    }

    /// Somebody ends their own membership, as final as if an admin had. Not the owner, who hands the team over first (R2).
    pub(crate) async fn leave(&self, cx: Context<'_, ()>) -> Outcome {
        let before = cx.own_membership()?;
        if before.role == Role::Owner {
            return Err(Refusal::OwnerRequired(Denial::TargetIsOwner).into());
        }
        let after = before.revoked(cx.version());
        let answer = Answer::done();
        let change = cx
            .own_change(EventKind::MemberLeft, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered())
            .with("role", before.role);
        self.store.revoke_member(before, &after, cx.version(), change).await?;
        Ok(answer)
    }

    /// Switches a membership off, which frees its seat.
    pub(crate) async fn suspend(&self, cx: Context<'_, Option<Member>>) -> Outcome {
        let before = switchable(&cx)?;
        if before.status == MemberStatus::Suspended {
            return Ok(cx.member(before, &cx.behind(&self.store, [before]).await?));
        }
        let after = before.with_status(MemberStatus::Suspended, cx.version());
        let answer = cx.changed_member(&self.store, before, &after).await?;
        let change = cx
            .change(EventKind::MemberSuspended, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered());
        self.store.suspend_member(before, &after, change).await?;
        Ok(answer)
    }

    /// Switches a membership on again, which takes a seat. What comes back to life must be something that the admin
    /// could give today.
    pub(crate) async fn reinstate(&self, cx: Context<'_, Option<Member>>) -> Outcome {
        let before = switchable(&cx)?;
        if before.status == MemberStatus::Active {
            return Ok(cx.member(before, &cx.behind(&self.store, [before]).await?));
        }
        cx.may_give_again(&self.store, &before.grant()).await?;
        admission::seat(&self.store, &cx.tenant, cx.request()).await?;
        let after = before.with_status(MemberStatus::Active, cx.version());
        let answer = cx.member(&after, &cx.behind(&self.store, [&after]).await?);
        let change = cx
            .change(EventKind::MemberReinstated, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered());
        self.store.reinstate_member(before, &after, &cx.tenant, change).await?;
        Ok(answer)
    }
}

/// The member who may be switched off and on.
fn switchable<'c>(cx: &'c Context<'_, Option<Member>>) -> Result<&'c Member, web::Failure> {
    cx.may(Permission::MembersRevoke)?;
    let before = cx.target()?;
    cx.may_manage(before)?;
    Ok(before)
}
