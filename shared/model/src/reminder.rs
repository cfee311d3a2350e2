use std::time::Duration;

use policy::TenantStatus;
use serde::{Deserialize, Serialize};

use crate::{Invitation, InvitationId, InvitationStatus, Tenant, TenantId, Timestamp, Version};

/// What of an invitation's time has to be left for a reminder: who has less would read it too late.
const LEFT: Duration = Duration::from_secs(3_600);

/// The moment at which somebody is to be reminded of an invitation. The item is nothing but that: its end is the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The invitation.
    pub invitation_id: InvitationId,
    /// Its generation: who was sent a newer mail isn't reminded of an older one.
    pub generation: u32,
    /// When.
    pub at: Timestamp,
}

impl Reminder {
    /// Of an invitation whose mail goes out at `now`, as many days later as the tenant has it; none where it has none, or
    /// too little of the invitation's time is left by then.
    #[must_use]
    pub fn of(invitation: &Invitation, tenant: &Tenant, now: Timestamp) -> Option<Self> {
        let days = tenant.reminder_days?;
        let at = now.floor_second() + Duration::from_secs(u64::from(days) * 86_400);
        invitation.leaves_time_at(at).then_some(Self {
            tenant_id: invitation.tenant_id,
            invitation_id: invitation.id,
            generation: invitation.generation,
            at,
        })
    }
}

impl Tenant {
    /// Whether it reminds anybody: it is in use, and its owner still wants that.
    #[must_use]
    pub fn reminds(&self) -> bool {
        self.status == TenantStatus::Active && self.reminder_days.is_some()
    }
}

impl Invitation {
    fn leaves_time_at(&self, moment: Timestamp) -> bool {
        moment + LEFT <= self.expires_at
    }

    /// Whether somebody is to be reminded of it at `now`, where that was planned in this generation: they haven't answered
    /// (R10), weren't reminded, their mail wasn't lost, and they have the time.
    #[must_use]
    pub fn wants_reminder(&self, generation: u32, now: Timestamp) -> bool {
        self.generation == generation
            && self.reminded != Some(generation)
            && self.status == InvitationStatus::Pending
            && !self.delivery.at(now).state.is_undelivered()
            && self.leaves_time_at(now)
    }

    /// The invitation with the reminder of its generation queued.
    #[must_use]
    pub fn with_reminder(&self, version: Version) -> Self {
        Self { reminded: Some(self.generation), version, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{INVITATION, NEW, NOW, TENANT, days, invitation, patched, survives, tenant};
    use crate::{Delivery, DeliveryState};

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn a_reminder_follows_its_mail_by_days_and_leaves_an_hour() {
        let week = Invitation { expires_at: NOW.floor_second() + days(7), ..invitation() };
        let of = |invitation: &Invitation, reminder_days| {
            Reminder::of(invitation, &Tenant { reminder_days, ..tenant() }, NOW)
        };
        for (reminder_days, at) in [
            (None, None),
            (Some(1), Some("2027-01-16T08:00:00.000Z")),
            (Some(6), Some("2027-01-21T08:00:00.000Z")),
            (Some(7), None),
            (Some(29), None),
        ] {
            let planned = of(&week, reminder_days).map(|reminder| reminder.at);
            assert_eq!(json!(planned), json!(at), "{reminder_days:?}");
        }
        let expires_at = NOW.floor_second() + days(1) + LEFT;
        let (just, less) = (
            Invitation { expires_at, ..invitation() },
            Invitation { expires_at: expires_at - MOMENT, ..invitation() },
        );
        assert_eq!(of(&less, Some(1)), None);
        let planned = json!({
            "tenant_id": TENANT,
            "invitation_id": INVITATION,
            "generation": 3,
            "at": "2027-01-16T08:00:00.000Z",
        });
        let reminder = of(&just, Some(1));
        assert!(reminder.is_some());
        survives(&reminder, planned);
    }

    #[test]
    fn a_tenant_reminds_while_it_is_in_use_and_its_owner_wants_it() {
        assert_eq!(Tenant::REMINDER_DAYS, 1..=29);
        for status in TenantStatus::ALL.iter().copied() {
            for reminder_days in [None, Some(1)] {
                let reminds = Tenant { status, reminder_days, ..tenant() }.reminds();
                assert_eq!(reminds, status == TenantStatus::Active && reminder_days.is_some(), "{status}");
            }
        }
    }

    #[test]
    fn who_has_not_answered_is_reminded_once_in_a_generation() {
        let one = Invitation { expires_at: NOW + LEFT, ..invitation() };
        assert!(one.wants_reminder(3, NOW) && one.wants_reminder(3, NOW - days(1)));
        assert!(!one.wants_reminder(3, NOW + MOMENT), "too little time is left");
        assert!(!one.wants_reminder(2, NOW) && !one.wants_reminder(4, NOW));
        for (reminded, wants) in [(Some(2), true), (Some(3), false)] {
            assert_eq!(Invitation { reminded, ..one.clone() }.wants_reminder(3, NOW), wants, "{reminded:?}");
        }
        for status in InvitationStatus::ALL.iter().copied() {
            let wants = Invitation { status, ..one.clone() }.wants_reminder(3, NOW);
            assert_eq!(wants, status == InvitationStatus::Pending, "{status}");
        }
        for state in DeliveryState::ALL.iter().copied() {
            let delivery = Delivery::new(state, None, NOW);
            let wants = Invitation { delivery, ..one.clone() }.wants_reminder(3, NOW);
            assert_eq!(wants, !state.is_undelivered(), "{state}");
        }
        let after = one.with_reminder(NEW);
        survives(&after, patched(&one, json!({"reminded": 3, "version": NEW})));
        assert!(!after.wants_reminder(3, NOW));
    }
}
