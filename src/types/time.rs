//! Time: milliseconds for events, whole minutes for delivery, both UTC since the Unix epoch.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

const MS_PER_MINUTE: i64 = 60_000;
const SECONDS_PER_MINUTE: i64 = 60;
const MINUTES_PER_DAY: u32 = 24 * 60;

/// When something happened, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// When GPUs are delivered, in minutes since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minute(u32);

/// A delivery window `[start, end)`. Not checked: an order's window is judged by the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The first minute.
    pub start: Minute,
    /// The first minute after it.
    pub end: Minute,
}

/// A text is not a time the exchange can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTime {
    /// Not RFC 3339 in UTC.
    #[error("must be an RFC 3339 time in UTC, such as \"2026-12-01T00:00:00Z\"")]
    NotRfc3339,
    /// A delivery time with seconds.
    #[error("must be a whole minute")]
    NotWholeMinute,
    /// Before 1970 or too far ahead.
    #[error("is out of range")]
    OutOfRange,
}

impl Timestamp {
    /// Wraps milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the minute it lies in; times before 1970 are minute 0.
    pub fn minute(self) -> Minute {
        let minutes = self.0.div_euclid(MS_PER_MINUTE).max(0);
        Minute(u32::try_from(minutes).unwrap_or(u32::MAX))
    }

    /// Returns the UTC day it lies in, counted from 1970-01-01.
    pub fn day(self) -> u32 {
        self.minute().get().div_euclid(MINUTES_PER_DAY)
    }

    /// Returns the first minute that orders placed now can still trade: `floor(now to the minute) + 1`.
    pub fn first_open_minute(self) -> Minute {
        self.minute().plus(1)
    }

    /// Returns the time this many milliseconds later, at most the last there is.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Reads RFC 3339 with a `Z`.
    ///
    /// # Errors
    /// [`NotTime`] for any other text, and for years outside 1970 to 9999.
    pub fn parse(text: &str) -> Result<Self, NotTime> {
        if !text.ends_with('Z') {
            return Err(NotTime::NotRfc3339);
        }
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| NotTime::NotRfc3339)?;
        let millis = time.timestamp_millis();
        if millis < 0 { Err(NotTime::OutOfRange) } else { Ok(Self(millis)) }
    }

    /// Returns RFC 3339 with milliseconds and a `Z`.
    pub fn to_rfc3339(self) -> String {
        match DateTime::<Utc>::from_timestamp_millis(self.0) {
            Some(time) => time.to_rfc3339_opts(SecondsFormat::Millis, true),
            None => format!("{}ms", self.0),
        }
    }
}

impl Minute {
    /// Wraps minutes since the Unix epoch.
    pub const fn new(minutes: u32) -> Self {
        Self(minutes)
    }

    /// Returns minutes since the Unix epoch.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns the minute this many later, at most the last there is.
    pub const fn plus(self, minutes: u32) -> Self {
        Self(self.0.saturating_add(minutes))
    }

    /// Returns the minute this many earlier, at least minute 0.
    pub const fn minus(self, minutes: u32) -> Self {
        Self(self.0.saturating_sub(minutes))
    }

    /// Returns its first instant.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0).saturating_mul(MS_PER_MINUTE))
    }

    /// Reads RFC 3339 with a `Z` and no seconds.
    ///
    /// # Errors
    /// [`NotTime`] for any other text.
    pub fn parse(text: &str) -> Result<Self, NotTime> {
        let millis = Timestamp::parse(text)?.millis();
        if millis.rem_euclid(MS_PER_MINUTE) != 0 {
            return Err(NotTime::NotWholeMinute);
        }
        u32::try_from(millis.div_euclid(MS_PER_MINUTE)).map(Self).map_err(|_| NotTime::OutOfRange)
    }

    /// Returns RFC 3339 with a `Z`.
    pub fn to_rfc3339(self) -> String {
        let seconds = i64::from(self.0).saturating_mul(SECONDS_PER_MINUTE);
        match DateTime::<Utc>::from_timestamp(seconds, 0) {
            Some(time) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
            None => format!("{}min", self.0),
        }
    }
}

impl Window {
    /// Returns `[start, end)`.
    pub const fn new(start: Minute, end: Minute) -> Self {
        Self { start, end }
    }

    /// Returns its length; 0 for a window that ends before it starts.
    pub const fn minutes(self) -> u32 {
        self.end.get().saturating_sub(self.start.get())
    }

    /// Tells whether it has no minutes.
    pub const fn is_empty(self) -> bool {
        self.minutes() == 0
    }

    /// Tells whether every minute of the other lies in it.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Tells whether the two share a minute.
    pub fn overlaps(self, other: Self) -> bool {
        !self.shared(other).is_empty()
    }

    /// Returns the minutes that both have.
    pub fn shared(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// Returns it without the minutes before `first`.
    pub fn from_minute(self, first: Minute) -> Self {
        Self { start: self.start.max(first), end: self.end }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_rfc3339())
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        assert_eq!(Minute::parse("2026-12-01T00:01:00Z").unwrap().to_rfc3339(), "2026-12-01T00:01:00Z");
        assert_eq!(Timestamp::parse("2026-12-01T00:01:02.5Z").unwrap().to_rfc3339(), "2026-12-01T00:01:02.500Z");
    }

    #[test]
    fn delivery_times_are_whole_minutes_in_utc() {
        assert_eq!(Minute::parse("2026-12-01T00:01:01Z"), Err(NotTime::NotWholeMinute));
        assert_eq!(Minute::parse("2026-12-01T00:01:00.001Z"), Err(NotTime::NotWholeMinute));
        assert_eq!(Minute::parse("2026-12-01T00:01:00+01:00"), Err(NotTime::NotRfc3339));
        assert_eq!(Minute::parse("tomorrow"), Err(NotTime::NotRfc3339));
        assert_eq!(Minute::parse("1960-12-01T00:01:00Z"), Err(NotTime::OutOfRange));
    }
}
