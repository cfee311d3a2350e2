use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::{Timestamp, Version};

/// Where randomness comes from: handed in, so that a test can bring its own.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random ones, fit for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "without randomness no id and no token can be made: nothing may go on"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has no randomness");
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A clock that stands still.
impl Clock for Timestamp {
    fn now(&self) -> Timestamp {
        *self
    }
}

/// One invocation of a function, made at the edge: when it began, what the logs call it, where its randomness comes from.
/// No decision reads a clock or a generator of its own.
#[derive(Clone)]
pub struct Invocation {
    now: Timestamp,
    clock: Arc<dyn Clock>,
    request_id: String,
    random: Arc<dyn Random>,
}

impl Invocation {
    /// One that begins now, called `request_id` in the logs; the empty text where nobody gave it an id.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, request_id: impl Into<String>, random: Arc<dyn Random>) -> Self {
        Self { now: clock.now(), clock, request_id: request_id.into(), random }
    }

    /// When it began, the same moment for every step.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Looks at the clock again: for what must not outlast its time by as long as a request takes, and for nothing else.
    #[must_use]
    pub fn look_at_clock(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the logs and the answers call it.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Where its randomness comes from.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// A fresh UUIDv7 whose time is now.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid_of(self.now)
    }

    fn uuid_of(&self, at: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.random.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(at.unix_millis(), &random).into_uuid()
    }

    /// A fresh version, for what is about to change.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::new(self)
    }

    /// A fresh version of what changed at that moment, for what is written down later than it happened.
    #[must_use]
    pub fn version_of(&self, at: Timestamp) -> Version {
        Version(self.uuid_of(at))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::samples::{Always, NOW};

    struct Ticking(AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_millis(self.0.fetch_add(1, Ordering::Relaxed))
        }
    }

    #[test]
    fn an_invocation_stands_still_until_it_looks_at_the_clock_again() {
        let clock = Arc::new(Ticking(AtomicU64::new(7)));
        let invocation = Invocation::new(clock, "request", Arc::new(Always(7)));
        let looked = [invocation.now(), invocation.look_at_clock(), invocation.look_at_clock()];
        assert_eq!(looked, [7, 8, 9].map(Timestamp::from_unix_millis));
        assert_eq!((invocation.now(), invocation.request_id()), (Timestamp::from_unix_millis(7), "request"));
        let mut bytes = [0; 3];
        invocation.random().fill(&mut bytes);
        assert_eq!(bytes, [7; 3]);
        assert_eq!(invocation.uuid().to_string(), "00000000-0007-7707-8707-070707070707");
        assert_eq!(invocation.version(), Version(invocation.uuid()));
        let earlier = invocation.version_of(Timestamp::from_unix_millis(5));
        assert_eq!(earlier.to_string(), "00000000-0005-7707-8707-070707070707");
        assert_eq!(Clock::now(&NOW), NOW);
    }

    #[test]
    fn the_systems_clock_goes_and_its_randomness_is_random() {
        let millis = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let (before, now, after) = (millis(), SystemClock.now(), millis());
        assert!((before..=after).contains(&u128::from(now.unix_millis())));
        let (mut one, mut other) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut one);
        SystemRandom.fill(&mut other);
        assert!(one != other && one != [0; 32] && other != [0; 32]);
    }
}
