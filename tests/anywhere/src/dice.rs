//! Chance that can be had again: splitmix64, of which the seed is all there is to repeat.

/// A stream of numbers that follows from its seed.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one; 0 below 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound.max(1) as u64).unwrap_or_default()
    }

    /// One of these, if there are any.
    pub(crate) fn pick<'a, T>(&mut self, these: &'a [T]) -> Option<&'a T> {
        these.get(self.below(these.len()))
    }

    /// Each of these or not.
    pub(crate) fn some<T: Clone>(&mut self, these: &[T]) -> Vec<T> {
        these.iter().filter(|_| self.below(2) == 0).cloned().collect()
    }
}
