//! The ways files write a time. Without an offset it is UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::{Refusal, RefusalCode};
use crate::types::{Minute, Timestamp};

use super::decimal::Decimal;

const SECONDS_PER_MINUTE: i128 = 60;

/// Reads RFC 3339 with any offset, `2026-03-11 04:17:38`, a day (its start) or a month (its start).
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let millis = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.timestamp_millis(),
        Err(_) => naive(text)?.and_utc().timestamp_millis(),
    };
    (millis >= 0).then_some(Timestamp::from_millis(millis))
}

/// Reads a time that a row needs.
pub(super) fn required(text: Option<&str>) -> Result<Timestamp, Refusal> {
    let found = text.and_then(parse);
    found.ok_or_else(|| Refusal::new(RefusalCode::NoTime, format!("the time is {:?}", text.unwrap_or_default())))
}

/// Reads seconds since the Unix epoch, with a fraction, rounded down to the minute.
pub(super) fn epoch_minute(text: &str) -> Option<Minute> {
    let minutes = Decimal::parse(text)?.floor()?.checked_div_euclid(SECONDS_PER_MINUTE)?;
    u32::try_from(minutes).ok().map(Minute::new)
}

fn naive(text: &str) -> Option<NaiveDateTime> {
    if let Ok(time) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S") {
        return Some(time);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d");
    let day = day.or_else(|_| NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")).ok()?;
    day.and_hms_opt(0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_files_write_them() {
        for (text, expected) in [
            ("2026-02-27T15:22:46.407407+00:00", "2026-02-27T15:22:46.407Z"),
            ("2026-02-27T17:22:46+02:00", "2026-02-27T15:22:46.000Z"),
            ("2026-03-11 04:17:38", "2026-03-11T04:17:38.000Z"),
            ("2026-07-30", "2026-07-30T00:00:00.000Z"),
            ("2023-03", "2023-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(parse(text).map(Timestamp::to_rfc3339).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026", "1960-01-01", "2026-02-30"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(epoch_minute("1776221124.1647046").unwrap().to_rfc3339(), "2026-04-15T02:45:00Z");
        assert_eq!(epoch_minute("-1.0"), None);
    }
}
