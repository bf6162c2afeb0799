//! A small seeded generator (splitmix64): the demo needs repeatability, not secrecy.

/// The generator: the same seed gives the same throws.
pub(super) struct Dice(u64);

impl Dice {
    /// Returns the generator of a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below a bound; 0 below 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let rolled = (self.next() >> 33).checked_rem(u64::from(bound.max(1))).unwrap_or_default();
        u32::try_from(rolled).unwrap_or_default()
    }

    /// Returns a number from one to another, both among them.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// Returns one of the values.
    pub(super) fn pick<T: Copy>(&mut self, values: &[T], otherwise: T) -> T {
        let index = self.below(u32::try_from(values.len()).unwrap_or(u32::MAX));
        usize::try_from(index).ok().and_then(|index| values.get(index)).copied().unwrap_or(otherwise)
    }
}
