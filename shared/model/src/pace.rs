use std::time::Duration;

use crate::Timestamp;

/// How fast one thing may follow another: each begins at the earliest so long after the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    every: Duration,
    next: Option<Timestamp>,
}

impl Pace {
    /// One in so long.
    #[must_use]
    pub const fn new(every: Duration) -> Self {
        Self { every, next: None }
    }

    /// Takes the next turn: how long it is until then. Never longer than from one to the next, whatever the clock does.
    pub fn turn(&mut self, now: Timestamp) -> Duration {
        let wait = self.next.map_or(Duration::ZERO, |next| next.since(now)).min(self.every);
        self.next = Some(now + wait + self.every);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::NOW;

    #[test]
    fn each_begins_so_long_after_the_one_before_it() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(2 * second);
        assert_eq!(pace.turn(NOW), Duration::ZERO, "the first begins at once");
        // whoever is early waits for the rest, and counts from when it began
        assert_eq!(pace.turn(NOW + second / 2), second * 3 / 2);
        assert_eq!(pace.turn(NOW + second * 3), second);
        // whoever is late waits for nothing, and saves nothing up
        assert_eq!(pace.turn(NOW + second * 60), Duration::ZERO);
        assert_eq!(pace.turn(NOW + second * 61), second);
        // a clock that was set back keeps nobody for longer
        assert_eq!(pace.turn(NOW), 2 * second);
        assert_eq!(pace.turn(NOW + 2 * second), 2 * second);
        let mut free = Pace::new(Duration::ZERO);
        assert_eq!((free.turn(NOW), free.turn(NOW)), (Duration::ZERO, Duration::ZERO));
    }
}
