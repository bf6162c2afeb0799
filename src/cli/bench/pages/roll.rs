//! What the traders of a generated history roll.

use crate::cli::bench::stream::Dice;

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// One generator for the whole history: the same commands every time, but for when it ends.
pub(super) struct Roll(Dice);

impl Roll {
    /// Returns the generator.
    pub(super) const fn new() -> Self {
        Self(Dice::of(7))
    }

    /// Returns a number below a bound.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        self.0.below(bound)
    }

    /// Returns a number from one to another, both among them.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// Tells whether something happens that does so many times in a hundred.
    pub(super) fn happens(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Returns for how many minutes something is rented: mostly hours and days, sometimes a week, a month or a quarter.
    pub(super) fn tenor(&mut self) -> u32 {
        match self.below(100) {
            ..40 => self.between(1, 12).saturating_mul(HOUR),
            40..80 => self.between(1, 3).saturating_mul(DAY),
            80..93 => self.between(7, 10).saturating_mul(DAY),
            93..98 => 30 * DAY,
            _ => 90 * DAY,
        }
    }
}
