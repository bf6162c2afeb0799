//! UTC days.

use std::fmt;

use crate::types::{Minute, Timestamp, Window};

const MINUTES_PER_DAY: u32 = 24 * 60;
const DATE_CHARS: usize = 10;

/// A UTC day, in days since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// Wraps days since the Unix epoch.
    pub const fn new(days: u32) -> Self {
        Self(days)
    }

    /// Returns days since the Unix epoch.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns the day a time lies in.
    pub fn of(time: Timestamp) -> Self {
        Self(time.day())
    }

    /// Returns the day a minute lies in.
    pub fn of_minute(minute: Minute) -> Self {
        Self(minute.get().div_euclid(MINUTES_PER_DAY))
    }

    /// Returns its minutes.
    pub fn window(self) -> Window {
        let start = Minute::new(self.0.saturating_mul(MINUTES_PER_DAY));
        Window::new(start, start.plus(MINUTES_PER_DAY))
    }

    /// Returns its first instant.
    pub fn start(self) -> Timestamp {
        self.window().start.start()
    }

    /// Returns the next day.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the day before; the first has none and gives itself.
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Returns how many days it is after another; 0 if it is before.
    pub fn days_since(self, other: Self) -> u32 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date: String = self.window().start.to_rfc3339().chars().take(DATE_CHARS).collect();
        f.pad(&date)
    }
}
