//! How much history there shall be.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::types::Timestamp;

/// A day.
pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is asked of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args, Serialize, Deserialize)]
pub(super) struct Size {
    /// Trades of the history.
    #[arg(long, default_value_t = 10_000_000)]
    pub(super) trades: u64,
    /// Open orders at its end.
    #[arg(long, default_value_t = 1_000_000)]
    pub(super) orders: u64,
    /// Days of it.
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u32).range(40..=3_000))]
    pub(super) days: u32,
    /// Organizations: a fifth sells, a twentieth resells.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub(super) organizations: u32,
}

/// A history.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plan {
    /// How much of everything, at least.
    pub(super) size: Size,
    /// When it ends.
    pub(super) until: Timestamp,
}

impl Plan {
    /// Returns how often a day traders act: as often as there are enough of them, every hour at most.
    pub(super) fn turns(&self) -> u32 {
        let a_day = self.size.trades.checked_div(self.size.days.into()).unwrap_or_default();
        u32::try_from(a_day / 100).unwrap_or(24).clamp(1, 24)
    }

    /// Returns when it begins.
    pub(super) fn first(&self) -> Timestamp {
        self.day(0)
    }

    /// Returns when a day of it begins, from 0 on.
    pub(super) fn day(&self, day: u32) -> Timestamp {
        let left = i64::from(self.size.days).saturating_sub(day.into());
        self.until.plus_millis(left.saturating_mul(DAY_MS).saturating_neg())
    }

    /// Returns how many of something there shall be by a turn of all.
    pub(super) fn share(all: u64, done: u64, of: u64) -> u64 {
        let share = u128::from(all).saturating_mul(done.into()).checked_div(of.into()).unwrap_or_default();
        u64::try_from(share).unwrap_or(all)
    }
}
