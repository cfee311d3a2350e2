use model::{EventKind, EventSubject, Member, MemberStatus, Permission, Refusal, Stamp, Timestamp, UserId};
use policy::Target;
use store::{Error, Fact, MemberChange, SeatChange, Trace, keys};
use web::views::MemberView;
use web::{Answer, Entrance, Failure, Outcome};

use crate::Revoke;

/// Off or on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    Suspend,
    Reinstate,
}

impl Switch {
    pub(crate) fn parse(verb: &str) -> Option<Self> {
        match verb {
            "suspend" => Some(Self::Suspend),
            "reinstate" => Some(Self::Reinstate),
            _ => None,
        }
    }

    const fn status(self) -> MemberStatus {
        match self {
            Self::Suspend => MemberStatus::Suspended,
            Self::Reinstate => MemberStatus::Active,
        }
    }

    const fn kind(self) -> EventKind {
        match self {
            Self::Suspend => EventKind::MemberSuspended,
            Self::Reinstate => EventKind::MemberReinstated,
        }
    }
}

impl Revoke {
    /// Switches a membership off, which frees its seat, or on again, which takes one.
    pub(crate) async fn switch(
        &self,
        entrance: &Entrance<'_>,
        user: UserId,
        switch: Switch,
        now: Timestamp,
    ) -> Outcome {
        let t = entrance.tenant();
        let inside = entrance.enter(&self.store, keys::member(t, user)).await?;
        if let Some(answer) = inside.replay.answer() {
            return Ok(answer);
        }
        let standing = inside.standing();
        standing.may(Permission::MembersRevoke, None).map_err(Refusal::from)?;
        let before = inside.target()?;
        let target = Target { role: before.role, is_self: user == inside.member.user_id };
        standing.may_manage(target).map_err(Refusal::from)?;
        let seen = standing.visibility();
        if before.status == switch.status() {
            return Ok(Answer::ok(&MemberView::of(before, &seen)).versioned(before.authority));
        }
        let tenant = &inside.tenant;
        if switch == Switch::Reinstate {
            // what comes back to life must be something that the admin could give today
            standing.may_give(&before.grant()).map_err(Refusal::RoleNotGrantable)?;
            if tenant.seats_used >= tenant.seat_limit {
                return Err(match self.store.reclaim_seats(t, now).await? {
                    0 => Refusal::SeatsExhausted(tenant.seat_limit).into(),
                    _ => Failure::Store(Error::Changed(Fact::Tenant)),
                });
            }
        }
        let dice = &*self.dice;
        let after = Member { status: switch.status(), authority: Stamp::new(dice, now), ..before.clone() };
        let event =
            inside.event(dice, switch.kind(), EventSubject::Member(user)).with("email", before.email.typed());
        let answer = Answer::ok(&MemberView::of(&after, &seen)).versioned(after.authority);
        let record = entrance.idempotency.as_ref().map(|i| i.record(&answer, now));
        let seats = match switch {
            Switch::Suspend => SeatChange::Frees,
            Switch::Reinstate => SeatChange::Takes(tenant),
        };
        let change = MemberChange { before, after: &after, assigned: &[], seats, actor: inside.witness() };
        self.store.change_member(change, Trace { event: &event, record: record.as_ref() }).await?;
        Ok(answer)
    }
}
