//! Surveillance hints over the last days, for those who look after the market.
//!
//! They are made from the tables at most once a minute: nobody but an overseer asks, and nothing else is kept between.
//! Only the newest trades and orders are looked at, so the time it takes does not grow with the history.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::index::resting_asks;
use super::kept::Made;
use crate::app::facade::Caller;
use crate::app::face::{Mentioned, Mentions};
use crate::app::{App, AppError};
use crate::exchange::entities::Order;
use crate::market::Day;
use crate::market::index::{DayTrade, RestingAsk, Slice};
use crate::market::surveillance::Deal;
use crate::market::surveillance::cancels::{Cancelling, Placed, cancellings};
use crate::market::surveillance::fixes::{Inputs, Left, Mover, movers};
use crate::market::surveillance::pairs::{WashPair, wash_pairs};
use crate::store::read::{orders, tape};
use crate::store::{Reader, StoreError};
use crate::types::{ContractId, OrderReason, OutOfRange, Price, ProductId, Symbol, Timestamp, TradeId};

/// Days that are looked at if nobody says how many, today among them.
pub const DAYS: u32 = 30;
/// Days that can be looked at.
pub const DAYS_MAX: u32 = 90;
/// Trades looked at, the newest.
pub const TRADES_MAX: i64 = 50_000;
/// Orders looked at, the newest: those before the days count as what rested.
pub const ORDERS_MAX: i64 = 50_000;
/// Hints of one kind.
pub const HINTS_MAX: usize = 100;
/// Rows read in one statement.
const STRETCH: u32 = 2_000;

/// A trade or an organization that moved a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Of which product.
    pub product: ProductId,
    /// What moved, and by how much.
    pub mover: Mover,
    /// The contract of the trade, if it is one.
    pub contract: Option<ContractId>,
}

/// Where to look.
#[derive(Debug, Clone)]
pub struct Hints {
    /// From when on: the first instant of the first day, or of the first day of which every trade was read.
    pub since: Timestamp,
    /// Trades looked at.
    pub trades: usize,
    /// Who sold to each other.
    pub pairs: Vec<WashPair>,
    /// Who cancelled much.
    pub cancellings: Vec<Cancelling>,
    /// What moved an index.
    pub movers: Vec<Moved>,
    /// Whether there were more hints of a kind than are kept.
    pub more: bool,
    /// What they mention.
    pub mentioned: Mentioned,
}

/// What was read.
struct Records {
    since: Timestamp,
    deals: Vec<Deal>,
    orders: Vec<Placed>,
    truncated: bool,
}

impl App {
    /// Returns hints from the last days, today among them.
    ///
    /// # Errors
    /// `role_required` for all but admins and auditors, or if the store fails.
    pub async fn surveillance(&self, caller: &Caller, days: u32) -> Result<Arc<Made<Hints>>, AppError> {
        caller.overseer()?;
        let days = days.clamp(1, DAYS_MAX);
        self.figures().surveillances.get(self, days, move |app| async move { app.made_hints(days).await }).await
    }

    async fn made_hints(&self, days: u32) -> Result<Made<Hints>, AppError> {
        let (now, as_of, next_trade, next_order) =
            self.live().read(|view| (view.now, view.as_of, view.next_trade, view.next_order));
        let today = Day::of(now);
        let first = Day::new(today.get().saturating_sub(days.saturating_sub(1)));
        let records = self.read(move |reader| read(reader, first, next_trade, next_order)).await?;
        let before = self.fixes_before(&records).await?;
        let looked_at = records.deals.len().saturating_add(records.orders.len());
        let (trades, truncated) = (records.deals.len(), records.truncated);
        let found = self.compute(move |app| hints(app, &records, &before, today)).await?;
        let (mut hints, is_cut) = found.map_err(|error| AppError::Internal(format!("surveillance: {error}")))?;
        hints.mentioned = self.look_up(mentions(&hints)).await?;
        hints.trades = trades;
        Ok(Made { figure: hints, orders: looked_at, truncated: truncated || is_cut, now, as_of })
    }

    /// Returns the published fixes of the products that traded.
    async fn fixes_before(&self, records: &Records) -> Result<Fixes, AppError> {
        let mut traded: Vec<ProductId> = records.deals.iter().map(|deal| deal.product).collect();
        traded.sort_unstable();
        traded.dedup();
        let symbol = |id: &ProductId| self.live().read(|view| view.products.get(id).map(|row| row.symbol.clone()));
        let symbols: Vec<(ProductId, Symbol)> = traded.iter().filter_map(|id| Some((*id, symbol(id)?))).collect();
        let mut found = Fixes::new();
        for (product, symbol) in symbols {
            let fixes = self.index(&symbol).await?.fixes;
            found.insert(product, fixes.iter().map(|fix| (fix.day, fix.price)).collect());
        }
        Ok(found)
    }
}

/// The index of each day, by product.
type Fixes = BTreeMap<ProductId, BTreeMap<Day, Price>>;

fn read(reader: &mut Reader, first: Day, next_trade: i64, next_order: i64) -> Result<Records, StoreError> {
    let (deals, since, is_cut) = deals(reader, first, next_trade)?;
    let from = next_order.saturating_sub(ORDERS_MAX).max(1);
    let mut placed = Vec::new();
    let mut number = from;
    while number < next_order {
        let until = number.saturating_add(i64::from(STRETCH)).min(next_order);
        let numbers: Vec<i64> = (number..until).collect();
        let mut rows = orders::numbered(reader, &numbers)?;
        rows.sort_unstable_by_key(|order| order.id);
        placed.extend(rows.iter().map(|order| as_placed(order)));
        number = until;
    }
    let is_short = from > 1 && placed.first().is_none_or(|order| order.placed_at >= since);
    Ok(Records { since, deals, orders: placed, truncated: is_cut || is_short })
}

/// Returns the trades from a day on, or from the first day of which all were read.
fn deals(reader: &mut Reader, first: Day, next_trade: i64) -> Result<(Vec<Deal>, Timestamp, bool), StoreError> {
    let from = next_trade.saturating_sub(TRADES_MAX).max(1);
    let mut last = TradeId::new(from.saturating_sub(1));
    let (mut deals, mut whole_from) = (Vec::new(), first);
    let mut is_first = from > 1;
    loop {
        let rows = tape::after(reader, last, STRETCH)?;
        let Some(newest) = rows.last().map(|row| row.trade) else { break };
        for row in rows {
            let day = Day::of(row.at);
            if std::mem::take(&mut is_first) {
                // Trades of its day that came before it are not read.
                whole_from = whole_from.max(day.next());
            }
            if day >= whole_from {
                deals.push(as_deal(&row));
            }
        }
        last = newest;
    }
    Ok((deals, whole_from.start(), whole_from > first))
}

fn as_deal(row: &tape::Printed) -> Deal {
    Deal { at: row.at, product: row.product, trade: row.day_trade(), contract: row.contract }
}

fn as_placed(order: &Order) -> Placed {
    Placed {
        order: order.id,
        organization: order.organization,
        product: order.product,
        side: order.side,
        price: order.price,
        placed_at: order.created_at,
        ended_at: order.ended_at,
        is_cancelled: order.reason == Some(OrderReason::Requested),
        fills: order.fills,
    }
}

fn hints(app: &App, records: &Records, before: &Fixes, today: Day) -> Result<(Hints, bool), OutOfRange> {
    let mut pairs = wash_pairs(&records.deals)?;
    let mut cancellings = cancellings(&records.orders, records.since);
    let (mut movers, is_cut) = moved(app, records, before, today)?;
    let more = pairs.len().max(cancellings.len()).max(movers.len()) > HINTS_MAX;
    pairs.truncate(HINTS_MAX);
    cancellings.truncate(HINTS_MAX);
    movers.truncate(HINTS_MAX);
    let since = records.since;
    let hints = Hints { since, trades: 0, pairs, cancellings, movers, more, mentioned: Mentioned::default() };
    Ok((hints, is_cut))
}

/// Returns what moved the fixes of each product and day, what moved one most first.
fn moved(app: &App, records: &Records, before: &Fixes, today: Day) -> Result<(Vec<Moved>, bool), OutOfRange> {
    let mut days: BTreeMap<(ProductId, Day), Vec<DayTrade>> = BTreeMap::new();
    let mut contracts: BTreeMap<TradeId, ContractId> = BTreeMap::new();
    for deal in &records.deals {
        days.entry((deal.product, Day::of(deal.at))).or_default().push(deal.trade);
        contracts.insert(deal.trade.trade, deal.contract);
    }
    let (mut found, mut is_cut) = (Vec::new(), false);
    for ((product, day), trades) in &days {
        let yesterday = day.before();
        let previous = before.get(product).and_then(|fixes| Some((yesterday, *fixes.get(&yesterday)?)));
        let asks: Vec<RestingAsk> =
            if *day == today { resting_asks(app.live(), *product, &Slice::default()).0 } else { Vec::new() };
        let (of_day, more) = movers(&Inputs { day: *day, trades, asks: &asks, previous })?;
        is_cut |= more;
        found.extend(of_day.into_iter().map(|mover| {
            let contract = match mover.left_out {
                Left::Trade(trade) => contracts.get(&trade).copied(),
                Left::Organization(_) => None,
            };
            Moved { product: *product, mover, contract }
        }));
    }
    found.sort_by_key(|row| std::cmp::Reverse((row.mover.size(), row.mover.day)));
    Ok((found, is_cut))
}

fn mentions(hints: &Hints) -> Mentions {
    let mut mentions = Mentions::default();
    mentions.orders.extend(hints.cancellings.iter().flat_map(|row| row.orders.iter().copied()));
    mentions.contracts.extend(hints.pairs.iter().flat_map(|row| row.contracts.iter().copied()));
    mentions.contracts.extend(hints.movers.iter().filter_map(|row| row.contract));
    mentions
}
