//! How long a rental is, in the buckets in which rentals are compared.

use serde::{Deserialize, Serialize};

use super::Window;

const MINUTES_PER_DAY: u32 = 24 * 60;
const WEEK_DAYS: u32 = 7;
const MONTH_DAYS: u32 = 28;
const QUARTER_DAYS: u32 = 89;
const LONGER_DAYS: u32 = 180;

/// The length of a delivery window: the longest bucket that it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tenor {
    /// Under a day.
    Hour,
    /// A day to under 7 days.
    Day,
    /// 7 to under 28 days.
    Week,
    /// 28 to under 89 days.
    Month,
    /// 89 to under 180 days.
    Quarter,
    /// 180 days and more.
    Longer,
}

impl Tenor {
    /// Every tenor, the shortest first.
    pub const ALL: [Self; 6] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Longer];

    /// Returns its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Longer => "longer",
        }
    }

    /// Returns the tenor spelled so, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tenor| tenor.as_str() == text)
    }

    /// Returns the tenor of a window.
    pub fn of(window: Window) -> Self {
        let days = window.minutes().div_euclid(MINUTES_PER_DAY);
        match days {
            0 => Self::Hour,
            1..WEEK_DAYS => Self::Day,
            WEEK_DAYS..MONTH_DAYS => Self::Week,
            MONTH_DAYS..QUARTER_DAYS => Self::Month,
            QUARTER_DAYS..LONGER_DAYS => Self::Quarter,
            LONGER_DAYS.. => Self::Longer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Minute;

    #[test]
    fn a_window_has_the_longest_tenor_it_fills() {
        let of = |minutes: u32| Tenor::of(Window::new(Minute::new(7), Minute::new(7 + minutes))).as_str();
        let day = 1_440_u32;
        let found =
            [1_u32, day - 1, day, 7 * day - 1, 7 * day, 28 * day, 31 * day, 89 * day, 92 * day, 180 * day].map(of);
        let expected = ["hour", "hour", "day", "day", "week", "month", "month", "quarter", "quarter", "longer"];
        assert_eq!(found, expected);
        assert!(Tenor::ALL.iter().all(|tenor| Tenor::parse(tenor.as_str()) == Some(*tenor)));
    }
}
