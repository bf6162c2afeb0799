//! How much history there shall be.

use crate::types::Timestamp;

/// A day.
pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A history.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plan {
    /// Trades, at least.
    pub(super) trades: u64,
    /// Orders that are open at its end, at least.
    pub(super) orders: u64,
    /// How many days it lasts.
    pub(super) days: u32,
    /// Organizations.
    pub(super) organizations: u32,
    /// When it ends.
    pub(super) until: Timestamp,
}

impl Plan {
    /// Returns how often a day traders act: as often as there are enough of them, every hour at most.
    pub(super) fn turns(&self) -> u32 {
        let a_day = self.trades.checked_div(self.days.into()).unwrap_or_default();
        u32::try_from(a_day / 100).unwrap_or(24).clamp(1, 24)
    }

    /// Returns when it begins.
    pub(super) fn first(&self) -> Timestamp {
        self.day(0)
    }

    /// Returns when a day of it begins, from 0 on.
    pub(super) fn day(&self, day: u32) -> Timestamp {
        let left = i64::from(self.days).saturating_sub(day.into());
        self.until.plus_millis(left.saturating_mul(DAY_MS).saturating_neg())
    }

    /// Returns how many of something there shall be by a turn of all.
    pub(super) fn share(all: u64, done: u64, of: u64) -> u64 {
        let share = u128::from(all).saturating_mul(done.into()).checked_div(of.into()).unwrap_or_default();
        u64::try_from(share).unwrap_or(all)
    }
}
