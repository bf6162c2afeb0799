//! Supply and demand of one product per delivery day, in GPU-minutes.
//!
//! Primary and resale are stated apart, so that no hour counts twice: an hour resold was sold by its listing
//! first. Sell-through therefore looks at primary capacity only.

use super::median::weighted_lower_median;
use super::{Day, GpuMinutes, Ratio};
use crate::types::{Price, Steps, Window};

const DAYS_SOLD: i128 = 30;

/// An open ask.
#[derive(Debug, Clone, Copy)]
pub struct OfferedAsk<'a> {
    /// What it still offers.
    pub residual: &'a Steps,
    /// At what price.
    pub price: Price,
    /// Whether a listing backs it, and not a contract.
    pub primary: bool,
}

/// A contract over the minutes it stands for: one that ended early ends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contracted {
    /// When.
    pub window: Window,
    /// How many GPUs.
    pub gpus: u32,
    /// Whether it came from a listing, and not from a contract.
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

/// What was free in an open ask when its minutes passed.
#[derive(Debug, Clone, Copy)]
pub struct Unsold<'a> {
    /// The free GPUs, over past minutes only.
    pub free: &'a Steps,
    /// Whether a listing backed the ask, and not a contract.
    pub primary: bool,
}

/// Everything supply is computed from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Open asks.
    pub asks: &'a [OfferedAsk<'a>],
    /// Contracts.
    pub contracts: &'a [Contracted],
    /// Open bids.
    pub bids: &'a [Wanted],
    /// What passed unsold.
    pub unsold: &'a [Unsold<'a>],
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

/// Returns the days from the first to the last, both included.
pub fn supply(inputs: &Inputs<'_>, first: Day, last: Day) -> Vec<DaySupply> {
    let days = (first.get()..=last.get()).map(Day::new);
    days.map(|day| of_day(inputs, day)).collect()
}

fn of_day(inputs: &Inputs<'_>, day: Day) -> DaySupply {
    let window = day.window();
    let offered =
        |primary| total(inputs.asks.iter().filter(|ask| ask.primary == primary).map(|ask| over(ask.residual, window)));
    let contracted = |primary| {
        let contracts = inputs.contracts.iter().filter(|contract| contract.primary == primary);
        total(contracts.map(|contract| GpuMinutes::block(shared(contract.window, window), contract.gpus)))
    };
    let unsold =
        |primary| total(inputs.unsold.iter().filter(|ask| ask.primary == primary).map(|ask| over(ask.free, window)));
    let bid = total(inputs.bids.iter().map(|bid| GpuMinutes::block(shared(bid.window, window), bid.gpus)));
    let (primary, resale) = (offered(true), offered(false));
    let all = primary.plus(resale);
    let (sold, expired) = (contracted(true), unsold(true));
    let sold_in_30_days = wide(inputs.sold_last_30_days);
    DaySupply {
        day,
        offered: all,
        resale_offered: resale,
        contracted: sold,
        resale_contracted: contracted(false),
        bid,
        expired_unsold: expired,
        resale_expired_unsold: unsold(false),
        sell_through: Ratio::of(wide(sold), wide(sold.plus(expired))),
        days_of_supply: Ratio::of(wide(all).saturating_mul(DAYS_SOLD), sold_in_30_days),
        resale_share: Ratio::of(wide(resale), wide(all)),
        resale_discount: discount(inputs.asks, window),
    }
}

fn discount(asks: &[OfferedAsk<'_>], window: Window) -> Option<Ratio> {
    let median = |primary| {
        let asks = asks.iter().filter(|ask| ask.primary == primary);
        weighted_lower_median(asks.map(|ask| (ask.price.micros(), over(ask.residual, window).get())).collect())
    };
    Ratio::change(median(true)?, median(false)?)
}

fn over(steps: &Steps, window: Window) -> GpuMinutes {
    total(steps.pieces(window).map(|(piece, gpus)| GpuMinutes::block(piece, gpus)))
}

fn shared(a: Window, b: Window) -> Window {
    Window::new(a.start.max(b.start), a.end.min(b.end))
}

fn total(amounts: impl Iterator<Item = GpuMinutes>) -> GpuMinutes {
    amounts.fold(GpuMinutes::ZERO, GpuMinutes::plus)
}

fn wide(amount: GpuMinutes) -> i128 {
    i128::from(amount.get())
}

#[cfg(test)]
mod tests;
