//! Ratios and amounts of GPU time, exact enough for the edge.

use std::fmt;

use crate::types::Window;

const TEN_THOUSAND: i128 = 10_000;
const MINUTES_PER_HOUR: i128 = 60;

/// A ratio in ten-thousandths, half up: `-0.1910` is -1910.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(i64);

impl Ratio {
    /// Returns `numerator / denominator`, or nothing where the denominator is not positive.
    pub fn of(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator <= 0 {
            return None;
        }
        let doubled = numerator.checked_mul(TEN_THOUSAND)?.checked_mul(2)?.checked_add(denominator)?;
        i64::try_from(doubled.checked_div_euclid(denominator.checked_mul(2)?)?).ok().map(Self)
    }

    /// Returns `new / old - 1`, or nothing where the old value is not positive.
    pub fn change(old: i64, new: i64) -> Option<Self> {
        Self::of(i128::from(new).checked_sub(i128::from(old))?, i128::from(old))
    }

    /// Returns ten-thousandths: basis points of a share.
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal(i128::from(self.0)))
    }
}

/// GPUs times minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GpuMinutes(u64);

impl GpuMinutes {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Wraps GPU-minutes.
    pub const fn new(gpu_minutes: u64) -> Self {
        Self(gpu_minutes)
    }

    /// Returns GPU-minutes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns what so many GPUs are over a window.
    pub fn block(window: Window, gpus: u32) -> Self {
        Self(u64::from(window.minutes()).saturating_mul(u64::from(gpus)))
    }

    /// Returns the sum, at most the largest there is.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns it as a decimal string of GPU-hours, half up to four decimals.
    pub fn hours(self) -> String {
        let doubled = i128::from(self.0).saturating_mul(TEN_THOUSAND).saturating_mul(2);
        decimal(doubled.saturating_add(MINUTES_PER_HOUR).div_euclid(MINUTES_PER_HOUR.saturating_mul(2)))
    }
}

fn decimal(ten_thousandths: i128) -> String {
    let sign = if ten_thousandths < 0 { "-" } else { "" };
    let magnitude = ten_thousandths.unsigned_abs();
    let unit = TEN_THOUSAND.unsigned_abs();
    format!("{sign}{}.{:04}", magnitude.div_euclid(unit), magnitude.rem_euclid(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_round_half_up_and_zero_divides_nothing() {
        assert_eq!(Ratio::of(1, 3).unwrap().to_string(), "0.3333");
        assert_eq!(Ratio::of(1, 20_000).unwrap().to_string(), "0.0001");
        assert_eq!(Ratio::change(8, 2).unwrap().to_string(), "-0.7500");
        assert_eq!(Ratio::of(1, 0), None);
        assert_eq!(Ratio::change(0, 2), None);
        assert_eq!(Ratio::of(i128::MAX, 1), None);
    }

    #[test]
    fn gpu_minutes_are_shown_as_hours() {
        assert_eq!(GpuMinutes::new(90).hours(), "1.5000");
        assert_eq!(GpuMinutes::new(1).hours(), "0.0167");
        assert_eq!(GpuMinutes::new(u64::MAX).plus(GpuMinutes::new(1)).hours(), "307445734561825860.2500");
    }
}
