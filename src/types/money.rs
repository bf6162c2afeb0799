//! Money and prices in micro-USD.
//!
//! Cost of `g` GPUs for `m` minutes at price `p` is `p*g*m/60`, which is not always whole. What is set
//! aside rounds up per GPU, so that it splits exactly over fills; what is due is computed cumulatively
//! and rounds down, so that instalments add up exactly whatever the cadence.

use serde::{Deserialize, Serialize};
use std::fmt;

use super::OutOfRange;
use super::limits::BPS_WHOLE;

const MICROS_PER_USD: i64 = 1_000_000;
const MINUTES_PER_HOUR: i128 = 60;

/// An amount in micro-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// A price in micro-USD per GPU-hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(i64);

/// Price times GPU-minutes: what average prices are made of, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Turnover(i64);

/// A text is not a decimal number of USD with at most six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a decimal string with at most 6 decimals, such as \"1.94\"")]
pub struct NotDecimal;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Wraps micro-USD.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Tells whether it is nothing.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Returns micro-USD.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the sum.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_add(other.0).map(Self).ok_or(OutOfRange)
    }

    /// Returns the difference, which may be negative.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_sub(other.0).map(Self).ok_or(OutOfRange)
    }

    /// Returns this many times the amount.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn times(self, count: u32) -> Result<Self, OutOfRange> {
        self.0.checked_mul(i64::from(count)).map(Self).ok_or(OutOfRange)
    }

    /// Returns a share of the amount in basis points, rounded down: `floor(bps * amount / 10000)`.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn share(self, bps: u32) -> Result<Self, OutOfRange> {
        self.portion(bps.into(), BPS_WHOLE.into())
    }

    /// Returns a part of the amount, rounded down: `floor(amount * part / whole)`.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`, or if there is no whole.
    pub fn portion(self, part: i128, whole: i128) -> Result<Self, OutOfRange> {
        let product = i128::from(self.0).checked_mul(part).ok_or(OutOfRange)?;
        let part = product.checked_div_euclid(whole).ok_or(OutOfRange)?;
        i64::try_from(part).map(Self).map_err(|_| OutOfRange)
    }

    /// Reads a decimal string of USD.
    ///
    /// # Errors
    /// [`NotDecimal`] for anything but digits, at most one point and a leading minus.
    pub fn parse(text: &str) -> Result<Self, NotDecimal> {
        parse_micros(text).map(Self)
    }
}

impl Turnover {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Wraps micro-USD per GPU-hour times GPU-minutes.
    pub const fn new(units: i64) -> Self {
        Self(units)
    }

    /// Returns micro-USD per GPU-hour times GPU-minutes.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns the sum.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_add(other.0).map(Self).ok_or(OutOfRange)
    }

    /// Returns the mean price over so many GPU-minutes, half up to the micro-dollar; nothing over none.
    pub fn mean(self, gpu_minutes: u64) -> Option<Price> {
        let minutes = i128::from(gpu_minutes);
        let twice = i128::from(self.0).checked_mul(2)?.checked_add(minutes)?;
        let price = twice.checked_div_euclid(minutes.checked_mul(2)?)?;
        i64::try_from(price).ok().map(Price)
    }
}

impl Price {
    /// Wraps micro-USD per GPU-hour.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns micro-USD per GPU-hour.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads a decimal string of USD per GPU-hour.
    ///
    /// # Errors
    /// [`NotDecimal`] for anything but digits, at most one point and a leading minus.
    pub fn parse(text: &str) -> Result<Self, NotDecimal> {
        parse_micros(text).map(Self)
    }

    /// Tells whether the price lies on the grid of a product's tick.
    pub fn is_on_tick(self, tick: Price) -> bool {
        self.0.checked_rem(tick.0) == Some(0)
    }

    /// Returns the price rounded up to the tick.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64` or for a tick that is not positive.
    pub fn up_to_tick(self, tick: Price) -> Result<Self, OutOfRange> {
        let over = self.0.checked_rem_euclid(tick.0).ok_or(OutOfRange)?;
        if over == 0 {
            return Ok(self);
        }
        let step = tick.0.checked_sub(over).ok_or(OutOfRange)?;
        self.0.checked_add(step).map(Self).ok_or(OutOfRange)
    }

    /// Returns what is set aside for GPUs over minutes: `gpus * ceil(price * minutes / 60)`.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    ///
    /// ```
    /// use gpubourse::types::{Money, Price};
    /// // One micro-dollar an hour for one minute still sets aside a micro-dollar for each GPU.
    /// assert_eq!(Price::from_micros(1).cost(8, 1), Ok(Money::from_micros(8)));
    /// assert_eq!(Price::from_micros(1_940_000).cost(8, 60), Ok(Money::from_micros(15_520_000)));
    /// ```
    pub fn cost(self, gpus: u32, minutes: u32) -> Result<Money, OutOfRange> {
        let product = i128::from(self.0).checked_mul(i128::from(minutes)).ok_or(OutOfRange)?;
        let per_gpu = product.checked_add(MINUTES_PER_HOUR - 1).ok_or(OutOfRange)?.div_euclid(MINUTES_PER_HOUR);
        let total = per_gpu.checked_mul(i128::from(gpus)).ok_or(OutOfRange)?;
        i64::try_from(total).map(Money).map_err(|_| OutOfRange)
    }

    /// Returns the price times GPU-minutes.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`, at some 150 billion USD.
    pub fn turnover(self, gpus: u32, minutes: u32) -> Result<Turnover, OutOfRange> {
        let gpu_minutes = i64::from(gpus).checked_mul(i64::from(minutes)).ok_or(OutOfRange)?;
        self.0.checked_mul(gpu_minutes).map(Turnover).ok_or(OutOfRange)
    }

    /// Returns what is due for the GPU-minutes so far: `floor(price * gpu_minutes / 60)`.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn due(self, gpu_minutes: u64) -> Result<Money, OutOfRange> {
        let product = i128::from(self.0).checked_mul(i128::from(gpu_minutes)).ok_or(OutOfRange)?;
        i64::try_from(product.div_euclid(MINUTES_PER_HOUR)).map(Money).map_err(|_| OutOfRange)
    }

    /// Returns the collateral for GPU-minutes: `ceil(bps * price * gpu_minutes / (60 * 10000))`.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `i64`.
    pub fn collateral(self, bps: u32, gpu_minutes: u64) -> Result<Money, OutOfRange> {
        let hours = i128::from(self.0).checked_mul(i128::from(gpu_minutes)).ok_or(OutOfRange)?;
        let share = hours.checked_mul(i128::from(bps)).ok_or(OutOfRange)?;
        let whole = MINUTES_PER_HOUR * i128::from(BPS_WHOLE);
        let up = share.checked_add(whole - 1).ok_or(OutOfRange)?.div_euclid(whole);
        i64::try_from(up).map(Money).map_err(|_| OutOfRange)
    }

    /// Returns the GPU-minutes that cost nearest to an amount, half up; nothing without a price. What fell due between two
    /// settlements differs by less than a micro-USD from what its GPU-minutes cost, so for prices above 120 micro-USD these
    /// are the very ones that were settled.
    pub fn gpu_minutes(self, amount: Money) -> Option<u64> {
        let price = i128::from(self.0);
        let doubled = i128::from(amount.0).saturating_mul(MINUTES_PER_HOUR).saturating_mul(2).saturating_add(price);
        u64::try_from(doubled.checked_div_euclid(price.saturating_mul(2))?).ok()
    }
}

fn parse_micros(text: &str) -> Result<i64, NotDecimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || whole.len() > 13 || fraction.len() > 6 {
        return Err(NotDecimal);
    }
    let whole: i64 = whole.parse().map_err(|_| NotDecimal)?;
    let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| NotDecimal)?;
    let micros = whole.checked_mul(MICROS_PER_USD).and_then(|micros| micros.checked_add(fraction)).ok_or(NotDecimal)?;
    Ok(if negative { -micros } else { micros })
}

fn write_micros(micros: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sign = if micros < 0 { "-" } else { "" };
    let magnitude = micros.unsigned_abs();
    let per_usd = MICROS_PER_USD.unsigned_abs();
    let fraction = format!("{:06}", magnitude % per_usd);
    let shown = fraction.trim_end_matches('0');
    f.pad(&format!("{sign}{}.{shown:0<2}", magnitude / per_usd))
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_micros(self.0, f)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_micros(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_strings_round_trip() {
        for (text, micros, shown) in [
            ("1.94", 1_940_000, "1.94"),
            ("1.940000", 1_940_000, "1.94"),
            ("8", 8_000_000, "8.00"),
            ("0.000001", 1, "0.000001"),
            ("-2.5", -2_500_000, "-2.50"),
            ("-0.05", -50_000, "-0.05"),
        ] {
            assert_eq!(Money::parse(text), Ok(Money(micros)));
            assert_eq!(Money(micros).to_string(), shown);
        }
    }

    #[test]
    fn what_is_not_a_decimal_string_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "1,5", " 1", "1.0000001", "NaN", "99999999999999", "٣"] {
            assert_eq!(Money::parse(text), Err(NotDecimal), "{text}");
        }
    }

    #[test]
    fn products_beyond_the_range_are_errors() {
        assert_eq!(Price(i64::MAX).cost(u32::MAX, u32::MAX), Err(OutOfRange));
        assert_eq!(Price(i64::MAX).due(u64::MAX), Err(OutOfRange));
        assert_eq!(Money(i64::MAX).plus(Money(1)), Err(OutOfRange));
    }

    #[test]
    fn instalments_add_up_to_one_settlement() {
        let price = Price(1_234_567);
        let mut paid = Money::ZERO;
        for minutes in 1..=1_000u64 {
            let due = price.due(minutes * 7).unwrap().minus(paid).unwrap();
            paid = paid.plus(due).unwrap();
        }
        assert_eq!(Ok(paid), price.due(7_000));
    }

    #[test]
    fn a_mean_over_odd_minutes_is_the_price_that_was_paid() {
        let price = Price(1_940_000);
        let turnover = price.turnover(1, 7).unwrap().plus(price.turnover(3, 11).unwrap()).unwrap();
        assert_eq!(turnover.mean(7 + 33), Some(price));
        assert_eq!(Turnover::ZERO.mean(0), None);
        assert_eq!(Price(i64::MAX).turnover(2, 1), Err(OutOfRange));
    }

    #[test]
    fn imported_prices_round_up_to_the_tick() {
        assert_eq!(Price(1_940_001).up_to_tick(Price(1_000)), Ok(Price(1_941_000)));
        assert_eq!(Price(1_940_000).up_to_tick(Price(1_000)), Ok(Price(1_940_000)));
        assert_eq!(Price(1).up_to_tick(Price(0)), Err(OutOfRange));
    }

    #[test]
    fn what_fell_due_says_how_many_gpu_minutes() {
        for price in [121, 1_000, 333_333, 2_100_000, 1_000_000_000_000] {
            let price = Price::from_micros(price);
            for (before, then) in [(0, 1), (1, 2), (59, 61), (7, 100_007), (123_456, 123_457)] {
                let due = price.due(then).unwrap().minus(price.due(before).unwrap()).unwrap();
                assert_eq!(price.gpu_minutes(due), Some(then - before), "{price} from {before} to {then}");
            }
        }
        assert_eq!(Price::from_micros(0).gpu_minutes(Money::from_micros(1)), None);
    }
}
