use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Refusal, SessionPolicy, Timestamp};

/// How often something may be done in a stretch of time. Stretches are fixed (`seconds` since the epoch, divided), so
/// that one number on an item that is written anyway is all the memory that counting needs.
///
/// ```
/// use model::{Limit, Timestamp, Window};
///
/// let limit = Limit { times: 2, seconds: 600 };
/// let now = Timestamp::from_unix_millis(1_800_000_000_000);
/// let once = limit.count(Window::default(), now, "tries").unwrap();
/// let twice = limit.count(once, now, "tries").unwrap();
/// assert!(limit.count(twice, now, "tries").is_err());
/// assert_eq!(limit.count(twice, now + std::time::Duration::from_secs(600), "tries").unwrap().count, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How often.
    pub times: u32,
    /// In how many seconds.
    pub seconds: u64,
}

impl Limit {
    /// The number of the stretch that `now` lies in.
    #[must_use]
    pub const fn window(self, now: Timestamp) -> u64 {
        now.unix_seconds() / self.seconds
    }

    /// When that stretch ends: what a TTL is set to.
    #[must_use]
    pub const fn end(self, now: Timestamp) -> u64 {
        (self.window(now) + 1) * self.seconds
    }

    /// Seconds until the next stretch: what `Retry-After` says.
    #[must_use]
    pub const fn retry_after(self, now: Timestamp) -> u64 {
        self.end(now) - now.unix_seconds()
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`], in the words of `what`.
    pub fn count(self, counted: Window, now: Timestamp, what: &'static str) -> Result<Window, Refusal> {
        let window = self.window(now);
        let count = if counted.window == window { counted.count } else { 0 };
        if count >= self.times {
            return Err(Refusal::RateLimited { retry_after: self.retry_after(now), what });
        }
        Ok(Window { window, count: count + 1 })
    }
}

/// A counter and the stretch of time that it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Which stretch.
    pub window: u64,
    /// How often in it.
    pub count: u32,
}

/// The limits of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Invitations that one inviter makes.
    pub invitations_by_inviter: Limit,
    /// Emails that one tenant causes.
    pub mails_by_tenant: Limit,
    /// Emails that one address gets from one tenant; from all sign-ups together, which are strangers'.
    pub mails_to_address_by_tenant: Limit,
    /// Emails that one address gets over all tenants.
    pub mails_to_address: Limit,
    /// Resends of one invitation.
    pub resends: Limit,
    /// Failed sign-ins of one address, known or not, from one source.
    pub failed_sign_ins: Limit,
    /// Failed sign-ins of one address from all sources: high enough that one stranger doesn't shut its owner out.
    pub failed_sign_ins_of_address: Limit,
    /// Sign-ups from one source.
    pub sign_ups_by_source: Limit,
    /// Sign-ups of the whole deployment.
    pub sign_ups: Limit,
    /// Password resets that are asked for with one address, and passwords that are changed with the old one.
    pub resets_of_address: Limit,
    /// The same, from one source.
    pub resets_by_source: Limit,
    /// Changes of one person's profile.
    pub profile_changes: Limit,
    /// How long a session lives.
    pub sessions: SessionPolicy,
}

impl Default for Limits {
    fn default() -> Self {
        const HOUR: u64 = 3_600;
        const DAY: u64 = 24 * HOUR;
        Self {
            invitations_by_inviter: Limit { times: 200, seconds: HOUR },
            mails_by_tenant: Limit { times: 1_000, seconds: DAY },
            mails_to_address_by_tenant: Limit { times: 5, seconds: DAY },
            mails_to_address: Limit { times: 10, seconds: DAY },
            resends: Limit { times: 3, seconds: 600 },
            failed_sign_ins: Limit { times: 10, seconds: 900 },
            failed_sign_ins_of_address: Limit { times: 100, seconds: 900 },
            sign_ups_by_source: Limit { times: 20, seconds: HOUR },
            sign_ups: Limit { times: 1_000, seconds: DAY },
            resets_of_address: Limit { times: 5, seconds: HOUR },
            resets_by_source: Limit { times: 50, seconds: HOUR },
            profile_changes: Limit { times: 20, seconds: HOUR },
            sessions: SessionPolicy { lifetime: Duration::from_secs(14 * DAY), idle: None },
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::samples::{NOW, survives};

    #[test]
    fn stretches_are_fixed_and_end_on_the_second() {
        let limit = Limit { times: 1, seconds: 600 };
        for (millis, window, end, retry_after) in [
            (0, 0, 600, 600),
            (1_799_999_999_999, 2_999_999, 1_800_000_000, 1),
            (1_800_000_000_000, 3_000_000, 1_800_000_600, 600),
            (1_800_000_299_999, 3_000_000, 1_800_000_600, 301),
        ] {
            let now = Timestamp::from_unix_millis(millis);
            let told = (limit.window(now), limit.end(now), limit.retry_after(now));
            assert_eq!(told, (window, end, retry_after), "{now}");
        }
    }

    #[test]
    fn the_first_too_many_waits_for_the_next_stretch() {
        let limit = Limit { times: 3, seconds: 600 };
        let refused = Err(Refusal::RateLimited { retry_after: 600, what: "tries" });
        let mut counted = Window { window: 2_999_999, count: 3 };
        for count in 1..=3 {
            counted = limit.count(counted, NOW, "tries").unwrap();
            assert_eq!(counted, Window { window: 3_000_000, count });
        }
        assert_eq!(limit.count(counted, NOW, "tries"), refused);
        assert_eq!(Limit { times: 2, ..limit }.count(counted, NOW, "tries"), refused, "lowered since");
        assert_eq!(Limit { times: 0, ..limit }.count(Window::default(), NOW, "tries"), refused);
        let next = limit.count(counted, NOW + Duration::from_secs(600), "tries");
        assert_eq!(next, Ok(Window { window: 3_000_001, count: 1 }));
        survives(&counted, json!({"window": 3_000_000, "count": 3}));
        assert_eq!(Window::default(), Window { window: 0, count: 0 });
    }

    #[test]
    fn a_deployment_that_sets_nothing_has_these_limits() {
        let limits = Limits::default();
        for (limit, times, seconds) in [
            (limits.invitations_by_inviter, 200, 3_600),
            (limits.mails_by_tenant, 1_000, 86_400),
            (limits.mails_to_address_by_tenant, 5, 86_400),
            (limits.mails_to_address, 10, 86_400),
            (limits.resends, 3, 600),
            (limits.failed_sign_ins, 10, 900),
            (limits.failed_sign_ins_of_address, 100, 900),
            (limits.sign_ups_by_source, 20, 3_600),
            (limits.sign_ups, 1_000, 86_400),
            (limits.resets_of_address, 5, 3_600),
            (limits.resets_by_source, 50, 3_600),
            (limits.profile_changes, 20, 3_600),
        ] {
            assert_eq!(limit, Limit { times, seconds });
        }
        let SessionPolicy { lifetime, idle } = limits.sessions;
        assert_eq!((lifetime, idle), (Duration::from_secs(1_209_600), None));
    }
}
