//! Exact decimal numbers, as files write them.

use super::{Refusal, RefusalCode};
use crate::types::Price;
use crate::types::limits::{GPUS_MAX, PRICE_MICROS_MAX};

const DIGITS_MAX: usize = 24;
const EXPONENT_MAX: i32 = 18;
const MICROS_PER_USD: i128 = 1_000_000;
const ON_REQUEST: [&str; 6] = ["enquire", "inquire", "contact", "request", "call", "quote"];

/// `mantissa / 10^scale`.
///
/// Bounded to 24 digits and exponents of 18 either way, so that what is computed here stays within `i128`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: i128,
    scale: u32,
}

impl Decimal {
    /// Reads digits with at most one point, a leading minus and an exponent.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = whole.len().checked_add(fraction.len()).is_some_and(|digits| digits <= DIGITS_MAX);
        if !plain(whole) || !plain(fraction) || !fits || !(-EXPONENT_MAX..=EXPONENT_MAX).contains(&exponent) {
            return None;
        }
        let magnitude: i128 = format!("{whole}{fraction}").parse().ok()?;
        let mantissa = if negative { magnitude.checked_neg()? } else { magnitude };
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        match u32::try_from(scale) {
            Ok(scale) => Some(Self { mantissa, scale }),
            Err(_) => Some(Self { mantissa: mantissa.checked_mul(power_of_ten(scale.unsigned_abs())?)?, scale: 0 }),
        }
    }

    /// Reads a price in USD, telling a missing one, one on request and one that is no price apart.
    pub(super) fn price(text: Option<&str>) -> Result<Self, Refusal> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Err(Refusal::new(RefusalCode::NoPrice, "no price is given"));
        };
        if let Some(price) = Self::parse(text.strip_prefix('$').unwrap_or(text)) {
            return match price.mantissa > 0 {
                true => Ok(price),
                false => Err(Refusal::new(RefusalCode::PriceNotPositive, format!("the price is {text}"))),
            };
        }
        let lower = text.to_lowercase();
        let code = match ON_REQUEST.iter().any(|word| lower.contains(word)) {
            true => RefusalCode::PriceOnRequest,
            false => RefusalCode::NotAPrice,
        };
        Err(Refusal::new(code, format!("the price is {text:?}")))
    }

    /// Reads a number of GPUs: whole (`8` or `8.0`) and positive.
    pub(super) fn count(text: &str) -> Result<u32, Refusal> {
        let refusal = || Refusal::new(RefusalCode::InvalidCount, format!("the number of GPUs is {text:?}"));
        let count = Self::parse(text).and_then(Self::whole).ok_or_else(refusal)?;
        u32::try_from(count).ok().filter(|count| (1..=GPUS_MAX).contains(count)).ok_or_else(refusal)
    }

    /// Returns the number if it is whole.
    pub(super) fn whole(self) -> Option<i128> {
        let unit = power_of_ten(self.scale)?;
        (self.mantissa.checked_rem(unit)? == 0).then(|| self.mantissa.checked_div(unit)).flatten()
    }

    /// Returns the largest whole number that is not above it.
    pub(super) fn floor(self) -> Option<i128> {
        power_of_ten(self.scale).and_then(|unit| self.mantissa.checked_div_euclid(unit))
    }

    /// Returns this many times the number, rounded down.
    pub(super) fn times(self, factor: i128) -> Option<i128> {
        self.mantissa.checked_mul(factor)?.checked_div_euclid(power_of_ten(self.scale)?)
    }

    /// Returns one part of so many as a price, half up to the micro-dollar.
    pub(super) fn per(self, parts: u64) -> Result<Price, Refusal> {
        let out_of_range = || Refusal::new(RefusalCode::OutOfRange, "the price per GPU-hour is out of range");
        let divided = || -> Option<i128> {
            let parts = i128::from(parts).checked_mul(power_of_ten(self.scale)?)?;
            let micros = self.mantissa.checked_mul(MICROS_PER_USD)?;
            micros.checked_mul(2)?.checked_add(parts)?.checked_div_euclid(parts.checked_mul(2)?)
        };
        let micros = divided().and_then(|micros| i64::try_from(micros).ok()).ok_or_else(out_of_range)?;
        match (1..=PRICE_MICROS_MAX).contains(&micros) {
            true => Ok(Price::from_micros(micros)),
            false => Err(out_of_range()),
        }
    }
}

fn power_of_ten(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn per(text: &str, parts: u64) -> i64 {
        Decimal::parse(text).unwrap().per(parts).unwrap().micros()
    }

    #[test]
    fn division_is_exact_and_rounds_half_up_once() {
        assert_eq!(per("61.94814684", 8), 7_743_518); // 7.743518355
        assert_eq!(per("0.000001", 2), 1);
        assert_eq!(per("0.0000149", 10), 1);
        assert_eq!(per("5601.26008308", 730), 7_672_959); // 7.67295901...
        assert_eq!(per("2.5e-05", 1), 25);
        assert_eq!(per("1.5E+1", 1), 15_000_000);
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "1,5", " 1", "1e", "1e99", "NaN", "0x1", "1e+-2", "1234567890123456789012345"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert!(Decimal::parse("0.0000001").unwrap().per(1).is_err());
        assert!(Decimal::parse("999999999999999999999999e18").is_none_or(|number| number.per(1).is_err()));
    }

    #[test]
    fn counts_are_whole_and_positive() {
        assert_eq!(Decimal::count("8.0"), Ok(8));
        for text in ["0", "-8", "8.5", "eight", "99999999"] {
            assert_eq!(Decimal::count(text).unwrap_err().code, RefusalCode::InvalidCount, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9.eE+]{0,40}", parts in 1u64..10_000) {
            if let Some(number) = Decimal::parse(&text) {
                let _ = (number.per(parts), number.whole(), number.floor(), number.times(1_000));
            }
        }
    }
}
