use uuid::Uuid;

use crate::Timestamp;

/// Where randomness comes from. An argument everywhere, so that a test can hand in dice of its own.
pub trait Dice: Send + Sync {
    /// Fills `bytes` with random ones, fit for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Dice + '_ {
    /// A fresh UUIDv7 whose time is `now`.
    #[must_use]
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &random).into_uuid()
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    #[expect(
        clippy::expect_used,
        reason = "without randomness no id and no token can be made: nothing may go on"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has no randomness");
    }
}
