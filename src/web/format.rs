//! How figures and times are written on every page: one way for each.
//!
//! Invariant: what is rounded here is for reading; CSV files carry the exact figures. Templates hand some things over as
//! references and some not, so both are taken.

use std::borrow::Borrow;

use crate::app::series::PriceSeries;
use crate::market::{Day, GpuMinutes, Ratio};
use crate::types::{Minute, Money, Price, Timestamp, Window};

/// What stands where there is no figure.
pub const NONE: &str = "–";

const MICROS_PER_MILL: i64 = 1_000;
const MILLS_PER_USD: u64 = 1_000;
const MICROS_PER_CENT: i64 = 10_000;
const CENTS_PER_USD: u64 = 100;
const MINUTES_PER_HOUR: u64 = 60;
const MINUTES_PER_DAY: u32 = 24 * 60;

/// Writes a price: dollars per GPU-hour, two decimals or the three of the finest tick.
pub fn price(price: impl Borrow<Price>) -> String {
    let price = *price.borrow();
    let mills = price.micros().saturating_add(MICROS_PER_MILL / 2).div_euclid(MICROS_PER_MILL);
    let magnitude = mills.unsigned_abs();
    let (dollars, mills_over) = (magnitude / MILLS_PER_USD, magnitude % MILLS_PER_USD);
    let decimals =
        if mills_over.is_multiple_of(10) { format!("{:02}", mills_over / 10) } else { format!("{mills_over:03}") };
    format!("{}${}.{decimals}", sign(mills), grouped(dollars))
}

/// Writes a price, or that there is none.
pub fn maybe_price(value: impl Borrow<Option<Price>>) -> String {
    let value = *value.borrow();
    value.map_or_else(|| NONE.to_owned(), price)
}

/// Writes an amount: dollars and cents.
pub fn money(amount: impl Borrow<Money>) -> String {
    let amount = *amount.borrow();
    let cents = amount.micros().saturating_add(MICROS_PER_CENT / 2).div_euclid(MICROS_PER_CENT);
    let magnitude = cents.unsigned_abs();
    format!("{}${}.{:02}", sign(cents), grouped(magnitude / CENTS_PER_USD), magnitude % CENTS_PER_USD)
}

/// Writes an amount to the micro-dollar, as statements must.
pub fn exact(amount: impl Borrow<Money>) -> String {
    let amount = *amount.borrow();
    let text = amount.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, "00"));
    let dollars = whole.trim_start_matches('-').parse().unwrap_or_default();
    format!("{}${}.{decimals}", sign(amount.micros()), grouped(dollars))
}

/// Writes GPU-hours: whole ones, or one decimal.
pub fn hours(amount: impl Borrow<GpuMinutes>) -> String {
    let amount = *amount.borrow();
    let tenths = u128::from(amount.get()).saturating_mul(10).saturating_add(u128::from(MINUTES_PER_HOUR / 2));
    let tenths = u64::try_from(tenths / u128::from(MINUTES_PER_HOUR)).unwrap_or(u64::MAX);
    let whole = grouped(tenths / 10);
    if tenths.is_multiple_of(10) { whole } else { format!("{whole}.{}", tenths % 10) }
}

/// Writes a ratio as per cent with one decimal and its sign.
pub fn change(ratio: impl Borrow<Ratio>) -> String {
    let ratio = *ratio.borrow();
    let text = percent(ratio);
    if ratio.ten_thousandths() > 0 { format!("+{text}") } else { text }
}

/// Writes a ratio as per cent with one decimal.
pub fn percent(ratio: impl Borrow<Ratio>) -> String {
    let ratio = *ratio.borrow();
    let tenths = ratio.ten_thousandths().saturating_add(5).div_euclid(10);
    let magnitude = tenths.unsigned_abs();
    format!("{}{}.{}%", sign(tenths), grouped(magnitude / 10), magnitude % 10)
}

/// Writes a change, or that there is none.
pub fn maybe_change(ratio: impl Borrow<Option<Ratio>>) -> String {
    let ratio = *ratio.borrow();
    ratio.map_or_else(|| NONE.to_owned(), change)
}

/// Writes a share, or that there is none.
pub fn maybe_percent(ratio: impl Borrow<Option<Ratio>>) -> String {
    let ratio = *ratio.borrow();
    ratio.map_or_else(|| NONE.to_owned(), percent)
}

/// Writes a number of days to two decimals, or that there is none.
pub fn maybe_days(days: impl Borrow<Option<Ratio>>) -> String {
    let cut = |days: Ratio| {
        let mut text = days.to_string();
        text.truncate(text.len().saturating_sub(2));
        text
    };
    days.borrow().map_or_else(|| NONE.to_owned(), cut)
}

/// Writes a count.
pub fn count(number: impl Borrow<u64>) -> String {
    let number = *number.borrow();
    grouped(number)
}

/// Writes a number that the exchange handed out.
pub fn number(number: impl Borrow<i64>) -> String {
    let number = *number.borrow();
    format!("{}{}", sign(number), grouped(number.unsigned_abs()))
}

/// Writes when something happened; UTC, to the minute.
pub fn time(at: impl Borrow<Timestamp>) -> String {
    let at = *at.borrow();
    minute(at.minute())
}

/// Writes a minute; UTC.
pub fn minute(at: impl Borrow<Minute>) -> String {
    let at = *at.borrow();
    let text = at.to_rfc3339();
    text.get(..16).map_or_else(|| text.clone(), |short| short.replace('T', " "))
}

/// Writes a minute as a form field takes it.
pub fn field(at: impl Borrow<Minute>) -> String {
    let at = *at.borrow();
    minute(at).replace(' ', "T")
}

/// Writes the day of a time.
pub fn date(at: impl Borrow<Timestamp>) -> String {
    let at = *at.borrow();
    Day::of(at).to_string()
}

/// Writes how long a window is: days where they are whole, else hours, else minutes.
pub fn length(window: impl Borrow<Window>) -> String {
    let window = *window.borrow();
    let minutes = window.minutes();
    let unit = |count: u32, one: &str| format!("{} {one}{}", grouped(count.into()), if count == 1 { "" } else { "s" });
    if minutes > 0 && minutes.is_multiple_of(MINUTES_PER_DAY) {
        unit(minutes / MINUTES_PER_DAY, "day")
    } else if minutes.is_multiple_of(60) {
        unit(minutes / 60, "hour")
    } else {
        unit(minutes, "minute")
    }
}

/// Writes who publishes a series and what it is.
pub fn series(series: &PriceSeries) -> String {
    let term = if series.term.is_empty() { String::new() } else { format!(" {}", series.term) };
    format!("{} {}{term}", source(&series.source), words(&series.kind))
}

/// Writes the name of a publisher as it calls itself.
pub fn source(name: impl AsRef<str>) -> String {
    match name.as_ref() {
        "gcp" => "Google Cloud",
        "press" => "Press",
        "vast" => "Vast.ai",
        other => other,
    }
    .to_owned()
}

/// Writes a word of a table as people read it.
pub fn words(text: impl AsRef<str>) -> String {
    text.as_ref().replace('_', " ")
}

const fn sign(number: i64) -> &'static str {
    if number < 0 { "−" } else { "" }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(at);
        if at > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_cents_or_the_tick() {
        for (micros, text) in [
            (1_940_000, "$1.94"),
            (8_000_000, "$8.00"),
            (333_000, "$0.333"),
            (2_123_456, "$2.123"),
            (2_999_999, "$3.00"),
            (-50_000, "−$0.05"),
            (1_234_560_000, "$1,234.56"),
        ] {
            assert_eq!(price(Price::from_micros(micros)), text);
        }
        assert_eq!(maybe_price(None), NONE);
    }

    #[test]
    fn money_has_cents_and_groups() {
        for (micros, text) in [
            (0, "$0.00"),
            (1_234_567_890_000, "$1,234,567.89"),
            (4_999, "$0.00"),
            (5_000, "$0.01"),
            (-1_500_000, "−$1.50"),
        ] {
            assert_eq!(money(Money::from_micros(micros)), text);
        }
    }

    #[test]
    fn exact_amounts_keep_every_micro_dollar() {
        for (micros, text) in [(0, "$0.00"), (1_234_567_890_001, "$1,234,567.890001"), (-1, "−$0.000001")] {
            assert_eq!(exact(Money::from_micros(micros)), text);
        }
    }

    #[test]
    fn hours_and_shares_have_one_decimal_at_most() {
        assert_eq!(hours(GpuMinutes::new(60 * 1_536)), "1,536");
        assert_eq!(hours(GpuMinutes::new(90)), "1.5");
        assert_eq!(hours(GpuMinutes::new(1)), "0");
        assert_eq!(change(Ratio::change(800, 200).unwrap()), "−75.0%");
        assert_eq!(change(Ratio::change(200, 250).unwrap()), "+25.0%");
        assert_eq!(percent(Ratio::of(1, 3).unwrap()), "33.3%");
        assert_eq!(percent(Ratio::of(-1, 2_000).unwrap()), "0.0%");
    }

    #[test]
    fn times_are_utc_to_the_minute() {
        let at = Minute::parse("2026-12-01T08:30:00Z").unwrap();
        assert_eq!((minute(at).as_str(), field(at).as_str()), ("2026-12-01 08:30", "2026-12-01T08:30"));
        let long = |minutes| length(Window::new(at, at.plus(minutes)));
        assert_eq!([long(1_440), long(2_880), long(90), long(60)], ["1 day", "2 days", "90 minutes", "1 hour"]);
    }
}
