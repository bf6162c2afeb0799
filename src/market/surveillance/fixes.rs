//! Trades that moved a fix: the index of a day without one of its trades, and without all trades of one organization.

use std::collections::{BTreeMap, BTreeSet};

use crate::market::index::{DayTrade, RestingAsk, fix};
use crate::market::{Day, GpuMinutes, Ratio};
use crate::types::{OrganizationId, OutOfRange, Price, TradeId};

/// A fix was moved if it differs by at least so many basis points.
pub const MOVED_BPS: i64 = 50;
/// Trades of a day that are left out in turn, those of the most GPU-hours; and as many organizations.
pub const LEFT_OUT_MAX: usize = 50;

/// What a day's fix is made of.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The day.
    pub day: Day,
    /// Its trades.
    pub trades: &'a [DayTrade],
    /// The asks at its end, as far as they are known.
    pub asks: &'a [RestingAsk],
    /// The fix of the day before.
    pub previous: Option<(Day, Price)>,
}

/// What is left out of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// All that an organization bought or sold.
    Organization(OrganizationId),
    /// One trade.
    Trade(TradeId),
}

/// A fix, and what it is without something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mover {
    /// Of which day.
    pub day: Day,
    /// Without what.
    pub left_out: Left,
    /// How many trades that are.
    pub trades: u64,
    /// How much they traded.
    pub amount: GpuMinutes,
    /// The fix.
    pub index: Price,
    /// The fix without them; nothing if there is none.
    pub without: Option<Price>,
    /// Whether the day is thin without them.
    pub is_thin: bool,
    /// `index / without - 1`.
    pub moved: Option<Ratio>,
}

/// Returns what moved the fix of a day by [`MOVED_BPS`] or more, what moved it most first; and whether more could be left out than
/// [`LEFT_OUT_MAX`] of either kind.
///
/// # Errors
/// [`OutOfRange`] where the day cannot be fixed.
pub fn movers(inputs: &Inputs<'_>) -> Result<(Vec<Mover>, bool), OutOfRange> {
    let Inputs { day, trades, asks, previous } = *inputs;
    let Some(whole) = fix(day, trades, asks, previous)? else { return Ok((Vec::new(), false)) };
    let (candidates, is_cut) = candidates(trades);
    let mut found = Vec::new();
    for (left_out, count, amount) in candidates {
        let rest: Vec<DayTrade> = trades.iter().filter(|trade| !left_out.takes(trade)).copied().collect();
        let without = fix(day, &rest, asks, previous)?;
        let price = without.as_ref().map(|fix| fix.price);
        let moved = price.and_then(|price| Ratio::change(price.micros(), whole.price.micros()));
        let is_thin = without.is_none_or(|fix| fix.thin);
        let mover = Mover { day, left_out, trades: count, amount, index: whole.price, without: price, is_thin, moved };
        if mover.size() >= MOVED_BPS {
            found.push(mover);
        }
    }
    found.sort_by_key(|mover| (std::cmp::Reverse(mover.size()), mover.left_out));
    Ok((found, is_cut))
}

impl Left {
    /// Tells whether a trade is left out.
    pub fn takes(self, trade: &DayTrade) -> bool {
        match self {
            Self::Trade(id) => trade.trade == id,
            Self::Organization(id) => [trade.buyer, trade.seller].contains(&id),
        }
    }
}

impl Mover {
    /// Returns by how much it moved the fix, in basis points either way; the most there is if there is no fix without it.
    pub fn size(&self) -> i64 {
        self.moved.map_or(i64::MAX, |moved| moved.ten_thousandths().saturating_abs())
    }
}

/// Returns what can be left out of a day, with its trades and amount, and whether some of it was passed over.
fn candidates(trades: &[DayTrade]) -> (Vec<(Left, u64, GpuMinutes)>, bool) {
    let mut amounts: BTreeMap<Left, (u64, GpuMinutes)> = BTreeMap::new();
    for trade in trades.iter().filter(|trade| !trade.recalled && trade.gpu_minutes > 0) {
        let parties = BTreeSet::from([trade.buyer, trade.seller]).into_iter().map(Left::Organization);
        for left in parties.chain([Left::Trade(trade.trade)]) {
            let (count, amount) = amounts.entry(left).or_default();
            *count = count.saturating_add(1);
            *amount = amount.plus(GpuMinutes::new(trade.gpu_minutes));
        }
    }
    let (mut single, mut whole): (Vec<_>, Vec<_>) = amounts
        .into_iter()
        .map(|(left, (count, amount))| (left, count, amount))
        .partition(|(left, ..)| matches!(left, Left::Trade(_)));
    let is_cut = single.len().max(whole.len()) > LEFT_OUT_MAX;
    for of_kind in [&mut single, &mut whole] {
        // The sort is stable: of equal amounts, the lower number.
        of_kind.sort_by_key(|(_, _, amount)| std::cmp::Reverse(*amount));
        of_kind.truncate(LEFT_OUT_MAX);
    }
    whole.append(&mut single);
    (whole, is_cut)
}
