//! The daily index of a product.
//!
//! From the trades of a UTC day, recalled ones left out:
//! 1. `m` is the lower median of their prices, unweighted; `d` the larger of the lower median of `|p - m|` and 1 % of
//!    `m`. Trades with `|p - m| > 3 d` are out.
//! 2. The weight of each buyer-seller pair is cut to a quarter of the GPU-hours left after step 1, in one pass: the
//!    quarter is taken before any cut. (Cutting again to a quarter of what the cuts left has no solution with three
//!    pairs, and would let the order of cutting matter.) A pair that is cut counts with its GPU-hour weighted mean.
//! 3. The index is the mean weighted so.
//!
//! With fewer than 5 trades or 3 pairs left after step 1 the day is thin: outliers must not make a market. The index
//! is then the GPU-weighted lower median of the primary asks resting at the day's end or, without any, the last
//! index carried forward. Means round half up to the micro-dollar.

mod fold;

pub use fold::{Fixed, IndexFold, Kept, Slice, ToPublish, fixed, hash_of_nothing};

use std::collections::BTreeMap;

use super::Day;
use super::median::{lower_median, weighted_lower_median};
use crate::types::{OrderId, OrganizationId, OutOfRange, Price, TradeId};

/// The version of this rule; a fix says by which it was made.
pub const RULE_VERSION: u32 = 1;

const TRADES_MIN: usize = 5;
const PAIRS_MIN: usize = 3;
const DEVIATIONS_MAX: i128 = 3;
const PER_CENT: i128 = 100;
/// A pair weighs at most one part in so many.
const PAIR_PARTS: i128 = 4;

/// A trade of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTrade {
    /// Its number.
    pub trade: TradeId,
    /// Who bought.
    pub buyer: OrganizationId,
    /// Who sold.
    pub seller: OrganizationId,
    /// GPUs times minutes.
    pub gpu_minutes: u64,
    /// At what price.
    pub price: Price,
    /// Whether the exchange has undone it.
    pub recalled: bool,
}

/// An ask resting at the day's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestingAsk {
    /// Its number.
    pub order: OrderId,
    /// Its price.
    pub price: Price,
    /// The GPUs it still offers.
    pub gpus: u32,
    /// Whether a listing backs it, and not a contract.
    pub primary: bool,
}

/// What a fix was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// The day's trades.
    Trades {
        /// Those in the mean.
        used: Vec<TradeId>,
        /// Those too far from the median.
        dropped: Vec<TradeId>,
    },
    /// The primary asks at the end of a thin day.
    Asks(Vec<OrderId>),
    /// The fix of an earlier day.
    Carried(Day),
}

/// The index of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The day.
    pub day: Day,
    /// The index.
    pub price: Price,
    /// Whether there were too few trades.
    pub thin: bool,
    /// The rule it was made by.
    pub rule_version: u32,
    /// What it was made of.
    pub inputs: Inputs,
}

/// Fixes the index of a day, from the fix of an earlier one if it must; nothing if there is nothing to fix it from.
///
/// # Errors
/// [`OutOfRange`] where sums leave `i128`.
pub fn fix(
    day: Day,
    trades: &[DayTrade],
    asks: &[RestingAsk],
    previous: Option<(Day, Price)>,
) -> Result<Option<Fix>, OutOfRange> {
    let standing: Vec<&DayTrade> = trades.iter().filter(|trade| !trade.recalled && trade.gpu_minutes > 0).collect();
    let (used, dropped) = without_outliers(&standing);
    let pairs = pairs(&used)?;
    if used.len() >= TRADES_MIN && pairs.len() >= PAIRS_MIN {
        let numbers = |trades: &[&DayTrade]| trades.iter().map(|trade| trade.trade).collect();
        let inputs = Inputs::Trades { used: numbers(&used), dropped: numbers(&dropped) };
        return Ok(Some(Fix { day, price: weighted_mean(&pairs)?, thin: false, rule_version: RULE_VERSION, inputs }));
    }
    Ok(thin(day, asks, previous))
}

fn thin(day: Day, asks: &[RestingAsk], previous: Option<(Day, Price)>) -> Option<Fix> {
    let primary: Vec<&RestingAsk> = asks.iter().filter(|ask| ask.primary && ask.gpus > 0).collect();
    let weighted = primary.iter().map(|ask| (ask.price.micros(), u64::from(ask.gpus))).collect();
    let (price, inputs) = match weighted_lower_median(weighted) {
        Some(micros) => (Price::from_micros(micros), Inputs::Asks(primary.iter().map(|ask| ask.order).collect())),
        None => {
            let (day, price) = previous?;
            (price, Inputs::Carried(day))
        }
    };
    Some(Fix { day, price, thin: true, rule_version: RULE_VERSION, inputs })
}

fn without_outliers<'a>(trades: &[&'a DayTrade]) -> (Vec<&'a DayTrade>, Vec<&'a DayTrade>) {
    let prices: Vec<i64> = trades.iter().map(|trade| trade.price.micros()).collect();
    let Some(median) = lower_median(prices.clone()) else { return (Vec::new(), Vec::new()) };
    let distance = |price: i64| price.abs_diff(median);
    let distances = prices.iter().map(|price| i64::try_from(distance(*price)).unwrap_or(i64::MAX)).collect();
    let mad = lower_median(distances).map_or(0, i128::from);
    // In hundredths of a micro-dollar, so that 1 % of the median is whole.
    let deviation = mad.saturating_mul(PER_CENT).max(i128::from(median));
    let is_near = |trade: &&&DayTrade| {
        i128::from(distance(trade.price.micros())).saturating_mul(PER_CENT) <= deviation.saturating_mul(DEVIATIONS_MAX)
    };
    trades.iter().partition(|trade| is_near(trade))
}

/// What one pair traded.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    gpu_minutes: i128,
    /// Price times GPU-minutes, summed.
    turnover: i128,
}

fn pairs(trades: &[&DayTrade]) -> Result<Vec<Pair>, OutOfRange> {
    let mut pairs: BTreeMap<(OrganizationId, OrganizationId), Pair> = BTreeMap::new();
    for trade in trades {
        let pair = pairs.entry((trade.buyer, trade.seller)).or_default();
        let gpu_minutes = i128::from(trade.gpu_minutes);
        let turnover = i128::from(trade.price.micros()).checked_mul(gpu_minutes).ok_or(OutOfRange)?;
        pair.gpu_minutes = pair.gpu_minutes.checked_add(gpu_minutes).ok_or(OutOfRange)?;
        pair.turnover = pair.turnover.checked_add(turnover).ok_or(OutOfRange)?;
    }
    Ok(pairs.into_values().collect())
}

/// Weights are counted in quarters of GPU-minutes, so that a quarter of the whole is whole too.
fn weighted_mean(pairs: &[Pair]) -> Result<Price, OutOfRange> {
    let whole = pairs.iter().try_fold(0i128, |sum, pair| sum.checked_add(pair.gpu_minutes)).ok_or(OutOfRange)?;
    let (mut weight, mut turnover) = (0i128, 0i128);
    for pair in pairs {
        let quarters = pair.gpu_minutes.checked_mul(PAIR_PARTS).ok_or(OutOfRange)?;
        let (pair_weight, pair_turnover) = match quarters > whole {
            true => (whole, half_up(pair.turnover, pair.gpu_minutes)?.checked_mul(whole)),
            false => (quarters, pair.turnover.checked_mul(PAIR_PARTS)),
        };
        weight = weight.checked_add(pair_weight).ok_or(OutOfRange)?;
        turnover = pair_turnover.and_then(|pair| turnover.checked_add(pair)).ok_or(OutOfRange)?;
    }
    let micros = half_up(turnover, weight)?;
    i64::try_from(micros).map(Price::from_micros).map_err(|_| OutOfRange)
}

fn half_up(numerator: i128, denominator: i128) -> Result<i128, OutOfRange> {
    let doubled = numerator.checked_mul(2).and_then(|doubled| doubled.checked_add(denominator)).ok_or(OutOfRange)?;
    doubled.checked_div_euclid(denominator.checked_mul(2).ok_or(OutOfRange)?).ok_or(OutOfRange)
}

#[cfg(test)]
mod tests;
