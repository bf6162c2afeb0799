//! Supply and demand of one product per delivery day, in GPU-minutes.
//!
//! Primary and resale are stated apart, so that no hour counts twice: an hour resold was sold by its listing
//! first. Sell-through therefore looks at primary capacity only.

use std::collections::BTreeMap;

use super::median::weighted_lower_median;
use super::tape::by_day;
use super::{Day, GpuMinutes, Ratio};
use crate::types::{Price, Window};

const DAYS_SOLD: i128 = 30;

/// Amounts by delivery day.
pub type ByDay = BTreeMap<Day, GpuMinutes>;

/// An open ask.
#[derive(Debug, Clone, Copy)]
pub struct OfferedAsk<'a> {
    /// What it still offers, in pieces that do not overlap.
    pub residual: &'a [(Window, u32)],
    /// At what price.
    pub price: Price,
    /// Whether a listing backs it, and not a contract.
    pub primary: bool,
}

/// An open bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// When.
    pub window: Window,
    /// GPUs it still wants.
    pub gpus: u32,
}

/// Amounts out of listings, and out of contracts: the same hours once more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Apart {
    /// Out of listings.
    pub primary: ByDay,
    /// Out of contracts.
    pub resale: ByDay,
}

/// Everything supply is computed from.
#[derive(Debug, Clone, Default)]
pub struct Inputs<'a> {
    /// Open asks.
    pub asks: &'a [OfferedAsk<'a>],
    /// Open bids.
    pub bids: &'a [Wanted],
    /// What contracts cover.
    pub contracted: Apart,
    /// What was free in asks when its minutes passed.
    pub unsold: Apart,
    /// What the trades of the last 30 days sold out of listings, whenever it is delivered.
    pub sold_last_30_days: GpuMinutes,
}

/// Supply and demand of a delivery day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySupply {
    /// The day.
    pub day: Day,
    /// Offered, out of listings and contracts.
    pub offered: GpuMinutes,
    /// Offered, out of contracts.
    pub resale_offered: GpuMinutes,
    /// Contracted out of listings.
    pub contracted: GpuMinutes,
    /// Contracted out of contracts: the same hours once more.
    pub resale_contracted: GpuMinutes,
    /// Wanted.
    pub bid: GpuMinutes,
    /// Passed free in asks out of listings.
    pub expired_unsold: GpuMinutes,
    /// Passed free in asks out of contracts.
    pub resale_expired_unsold: GpuMinutes,
    /// `contracted / (contracted + expired_unsold)`.
    pub sell_through: Option<Ratio>,
    /// `offered / mean sold per day over the last 30 days`.
    pub days_of_supply: Option<Ratio>,
    /// `resale_offered / offered`.
    pub resale_share: Option<Ratio>,
    /// Median resale ask against median primary ask, both weighted by the day's GPU-minutes, minus one: negative
    /// where resale is cheaper.
    pub resale_discount: Option<Ratio>,
}

/// What asks offer and bids want on a day.
#[derive(Debug, Clone, Default)]
struct Resting {
    /// The price of each ask and what it offers: out of listings, and out of contracts.
    asks: [Vec<(i64, u64)>; 2],
    bid: GpuMinutes,
}

/// Returns the days from the first to the last, both included. Each order is looked at once, whatever the days.
pub fn supply(inputs: &Inputs<'_>, first: Day, last: Day) -> Vec<DaySupply> {
    if last < first {
        return Vec::new();
    }
    let all = Window::new(first.window().start, last.window().end);
    let days = (first.get()..=last.get()).map(Day::new);
    let mut resting: Vec<Resting> = days.clone().map(|_| Resting::default()).collect();
    let within = |window: Window| {
        let place = |day: Day| usize::try_from(day.days_since(first)).unwrap_or(usize::MAX);
        by_day(window.shared(all)).map(move |(day, piece)| (place(day), piece))
    };
    for ask in inputs.asks {
        for (window, gpus) in ask.residual {
            for (place, piece) in within(*window) {
                resting.get_mut(place).into_iter().for_each(|day| day.offer(ask, GpuMinutes::block(piece, *gpus)));
            }
        }
    }
    for bid in inputs.bids {
        for (place, piece) in within(bid.window) {
            resting
                .get_mut(place)
                .into_iter()
                .for_each(|day| day.bid = day.bid.plus(GpuMinutes::block(piece, bid.gpus)));
        }
    }
    days.zip(resting).map(|(day, resting)| of_day(inputs, day, resting)).collect()
}

impl Resting {
    fn offer(&mut self, ask: &OfferedAsk<'_>, amount: GpuMinutes) {
        let [primary, resale] = &mut self.asks;
        let asks = if ask.primary { primary } else { resale };
        asks.push((ask.price.micros(), amount.get()));
    }
}

fn of_day(inputs: &Inputs<'_>, day: Day, resting: Resting) -> DaySupply {
    let on = |amounts: &ByDay| amounts.get(&day).copied().unwrap_or_default();
    let Resting { asks: [primary_asks, resale_asks], bid } = resting;
    let (primary, resale) = (total(&primary_asks), total(&resale_asks));
    let all = primary.plus(resale);
    let (sold, expired) = (on(&inputs.contracted.primary), on(&inputs.unsold.primary));
    let sold_in_30_days = wide(inputs.sold_last_30_days);
    DaySupply {
        day,
        offered: all,
        resale_offered: resale,
        contracted: sold,
        resale_contracted: on(&inputs.contracted.resale),
        bid,
        expired_unsold: expired,
        resale_expired_unsold: on(&inputs.unsold.resale),
        sell_through: Ratio::of(wide(sold), wide(sold.plus(expired))),
        days_of_supply: Ratio::of(wide(all).saturating_mul(DAYS_SOLD), sold_in_30_days),
        resale_share: Ratio::of(wide(resale), wide(all)),
        resale_discount: discount(primary_asks, resale_asks),
    }
}

fn discount(primary: Vec<(i64, u64)>, resale: Vec<(i64, u64)>) -> Option<Ratio> {
    Ratio::change(weighted_lower_median(primary)?, weighted_lower_median(resale)?)
}

fn total(asks: &[(i64, u64)]) -> GpuMinutes {
    asks.iter().fold(GpuMinutes::ZERO, |sum, (_, amount)| sum.plus(GpuMinutes::new(*amount)))
}

fn wide(amount: GpuMinutes) -> i128 {
    i128::from(amount.get())
}

#[cfg(test)]
mod tests;
