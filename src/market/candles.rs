//! Candles: open, high, low, close, VWAP, GPU-hours and trades of an interval of time.
//!
//! A fold over trades in the order in which they were made. Invariant: folding trades one by one, in any number of
//! parts, gives what folding all of them at once gives. An interval without trades has no candle: nothing was paid.

use std::collections::BTreeMap;

use crate::types::{Price, Timestamp};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// The Unix epoch was a Thursday; weeks begin on Monday.
const MONDAY_MS: i64 = 4 * DAY_MS;

/// How long a candle is. Hours and days are of UTC; a week begins on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
}

/// What was paid in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// When the interval begins.
    pub start: Timestamp,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
    /// GPUs times minutes.
    pub gpu_minutes: u64,
    /// Price times GPU-minutes.
    pub turnover: i128,
    /// How many trades.
    pub trades: u64,
}

/// The candles of one product and interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candles {
    interval: Interval,
    by_start: BTreeMap<Timestamp, Candle>,
}

impl Interval {
    /// Every interval, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// Returns its one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Week => "1w",
        }
    }

    /// Returns the interval spelled so, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text)
    }

    /// Returns its length in milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
            Self::Week => WEEK_MS,
        }
    }

    /// Returns when the interval that a time lies in begins.
    pub fn start_of(self, at: Timestamp) -> Timestamp {
        let offset = if self == Self::Week { MONDAY_MS } else { 0 };
        let since = at.millis().saturating_sub(offset);
        let over = since.checked_rem_euclid(self.millis()).unwrap_or_default();
        at.plus_millis(over.saturating_neg())
    }
}

impl Candle {
    /// Returns the mean price weighted by GPU-minutes, half up to the micro-dollar; nothing over none.
    pub fn vwap(&self) -> Option<Price> {
        mean(self.turnover, self.gpu_minutes)
    }
}

impl Candles {
    /// Returns no candles.
    pub const fn new(interval: Interval) -> Self {
        Self { interval, by_start: BTreeMap::new() }
    }

    /// Folds in the next trade.
    pub fn add(&mut self, at: Timestamp, price: Price, gpu_minutes: u64) {
        let start = self.interval.start_of(at);
        let fresh = Candle {
            start,
            open: price,
            high: price,
            low: price,
            close: price,
            gpu_minutes: 0,
            turnover: 0,
            trades: 0,
        };
        let candle = self.by_start.entry(start).or_insert(fresh);
        candle.high = candle.high.max(price);
        candle.low = candle.low.min(price);
        candle.close = price;
        candle.gpu_minutes = candle.gpu_minutes.saturating_add(gpu_minutes);
        candle.turnover = candle.turnover.saturating_add(turnover(price, gpu_minutes));
        candle.trades = candle.trades.saturating_add(1);
    }

    /// Returns the candles that begin in `[from, to)`, oldest first.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Candle> {
        self.by_start.range(from..to.max(from)).map(|(_, candle)| candle)
    }
}

/// Returns a price times GPU-minutes.
pub(super) fn turnover(price: Price, gpu_minutes: u64) -> i128 {
    i128::from(price.micros()).saturating_mul(i128::from(gpu_minutes))
}

/// Returns a mean price, half up to the micro-dollar; nothing over no GPU-minutes.
pub(super) fn mean(turnover: i128, gpu_minutes: u64) -> Option<Price> {
    let minutes = i128::from(gpu_minutes);
    let twice = turnover.checked_mul(2)?.checked_add(minutes)?;
    i64::try_from(twice.checked_div_euclid(minutes.checked_mul(2)?)?).ok().map(Price::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIDNIGHT: i64 = 20_000 * DAY_MS;

    fn fold(interval: Interval, trades: &[(i64, i64, u64)]) -> Candles {
        let mut candles = Candles::new(interval);
        for (millis, micros, gpu_minutes) in trades {
            candles.add(Timestamp::from_millis(*millis), Price::from_micros(*micros), *gpu_minutes);
        }
        candles
    }

    fn all(candles: &Candles) -> Vec<Candle> {
        candles.between(Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX)).copied().collect()
    }

    #[test]
    fn candles_are_as_computed_by_hand() {
        // Two trades in the first hour, one exactly at the second: 3 at 2.00 and 1 at 1.00 have the mean 1.75.
        let trades = [
            (MIDNIGHT + 5, 2_000_000, 180),
            (MIDNIGHT + HOUR_MS - 1, 1_000_000, 60),
            (MIDNIGHT + HOUR_MS, 3_000_000, 60),
        ];
        let found = all(&fold(Interval::Hour, &trades));
        let shape = |candle: &Candle| {
            let prices = [candle.open, candle.high, candle.low, candle.close].map(Price::micros);
            (candle.start.millis(), prices, candle.vwap().unwrap().micros(), candle.gpu_minutes, candle.trades)
        };
        let found: Vec<_> = found.iter().map(shape).collect();
        let first = (MIDNIGHT, [2_000_000, 2_000_000, 1_000_000, 1_000_000], 1_750_000, 240, 2);
        let second = (MIDNIGHT + HOUR_MS, [3_000_000; 4], 3_000_000, 60, 1);
        assert_eq!(found, [first, second]);
        let day: Vec<_> = all(&fold(Interval::Day, &trades)).iter().map(shape).collect();
        assert_eq!(day, [(MIDNIGHT, [2_000_000, 3_000_000, 1_000_000, 3_000_000], 2_000_000, 300, 3)]);
    }

    #[test]
    fn weeks_begin_on_monday() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let week = |text| Interval::Week.start_of(at(text)).to_rfc3339();
        assert_eq!(week("2026-11-29T23:59:59Z"), "2026-11-23T00:00:00.000Z");
        assert_eq!(week("2026-11-30T00:00:00Z"), "2026-11-30T00:00:00.000Z");
    }

    #[test]
    fn trades_of_nothing_have_no_mean() {
        assert_eq!(all(&fold(Interval::Day, &[(MIDNIGHT, 5, 0)]))[0].vwap(), None);
    }

    proptest! {
        #[test]
        fn folding_is_recomputing(
            mut trades in prop::collection::vec((0..30 * DAY_MS, 1i64..10_000_000, 0u64..10_000), 0..80),
            ends in prop::collection::vec(0..30 * DAY_MS, 2),
        ) {
            trades.sort_by_key(|trade| trade.0);
            let (from, to) = (Timestamp::from_millis(ends[0]), Timestamp::from_millis(ends[1]));
            for interval in Interval::ALL {
                let folded = fold(interval, &trades);
                // By the definition: group, then look at each group as a whole.
                let mut groups: BTreeMap<i64, Vec<(i64, i64, u64)>> = BTreeMap::new();
                for trade in &trades {
                    let start = interval.start_of(Timestamp::from_millis(trade.0)).millis();
                    prop_assert!(start <= trade.0 && trade.0 < start + interval.millis());
                    groups.entry(start).or_default().push(*trade);
                }
                let recomputed: Vec<Candle> = groups.iter().map(|(start, group)| Candle {
                    start: Timestamp::from_millis(*start),
                    open: Price::from_micros(group[0].1),
                    high: Price::from_micros(group.iter().map(|trade| trade.1).max().unwrap()),
                    low: Price::from_micros(group.iter().map(|trade| trade.1).min().unwrap()),
                    close: Price::from_micros(group[group.len() - 1].1),
                    gpu_minutes: group.iter().map(|trade| trade.2).sum(),
                    turnover: group.iter().map(|trade| i128::from(trade.1) * i128::from(trade.2)).sum(),
                    trades: u64::try_from(group.len()).unwrap(),
                }).collect();
                prop_assert_eq!(all(&folded), recomputed.clone());
                let asked: Vec<_> = folded.between(from, to).copied().collect();
                let expected: Vec<_> =
                    recomputed.into_iter().filter(|candle| from <= candle.start && candle.start < to).collect();
                prop_assert_eq!(asked, expected);
            }
        }
    }
}
