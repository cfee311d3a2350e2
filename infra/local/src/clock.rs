use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{Clock, SystemClock, Timestamp};

/// A clock that can be moved forward, or stands still where a test wants it to. Shared by every function and the table.
#[derive(Clone, Debug)]
pub struct LocalClock {
    /// The moment that it stands at; `None` follows the system's clock.
    frozen: Option<u64>,
    ahead: Arc<AtomicU64>,
}

impl LocalClock {
    /// The system's clock, to be moved forward.
    #[must_use]
    pub fn running() -> Self {
        Self { frozen: None, ahead: Arc::default() }
    }

    /// A clock that only moves when it is moved.
    #[must_use]
    pub fn frozen_at(moment: Timestamp) -> Self {
        Self { frozen: Some(moment.unix_millis()), ahead: Arc::default() }
    }

    /// A clock of its own that stands where this one does.
    #[must_use]
    pub fn fork(&self) -> Self {
        let ahead = self.ahead.load(Ordering::SeqCst);
        Self { frozen: self.frozen, ahead: Arc::new(AtomicU64::new(ahead)) }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for LocalClock {
    fn now(&self) -> Timestamp {
        let base = self.frozen.unwrap_or_else(|| SystemClock.now().unix_millis());
        Timestamp::from_unix_millis(base.saturating_add(self.ahead.load(Ordering::SeqCst)))
    }
}

impl dynoxide::storage_backend::Clock for LocalClock {
    fn now_unix_secs(&self) -> u64 {
        self.now().unix_seconds()
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds fit a double for the next quarter million years"
    )]
    fn now_unix_secs_f64(&self) -> f64 {
        self.now().unix_millis() as f64 / 1_000.0
    }
}
