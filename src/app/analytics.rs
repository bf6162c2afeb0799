//! Index, drawdown and supply of a product: the pure formulas of [`crate::market`] on what the store and the view
//! hold.
//!
//! They read much, so one is computed at a time and kept until the exchange moves on: however many ask, the
//! database does the work once.
//! Invariant: own trades and imported prices are never mixed; every series names its source and kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

use super::catalogue::product_by_symbol;
use super::reads::{Listed, Slice};
use super::{App, AppError, View};
use crate::exchange::entities::{Order, Trade};
use crate::market::drawdown::{Drawdown, Point, daily, drawdown};
use crate::market::index::{DayTrade, Fix, RestingAsk, fix};
use crate::market::{Day, GpuMinutes};
use crate::store::quotes::Series;
use crate::store::{Db, Reader, StoreError, quotes, read};
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ContractStatus, ProductId, Side, Source, Symbol, Timestamp};

/// Days an index goes back.
pub const INDEX_DAYS_MAX: u32 = 366;
/// Trades an index is computed from; older ones are left out.
pub const INDEX_TRADES_MAX: usize = 50_000;

/// The daily index of a product, oldest first.
#[derive(Debug, Clone)]
pub struct Index {
    /// One fix for each day from the first that has one.
    pub fixes: Vec<Fix>,
    /// Whether trades before the first fix were left out.
    pub truncated: bool,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// A price series and where it stands.
#[derive(Debug, Clone)]
pub struct SeriesStanding {
    /// Who says so: `gpubourse` for the own index.
    pub source: String,
    /// What kind of price it is.
    pub kind: String,
    /// The variant of the kind; empty if there is none.
    pub term: String,
    /// Where, if stated.
    pub region: Option<String>,
    /// Its peak, trough and rebound.
    pub standing: Drawdown,
}

impl SeriesStanding {
    /// Returns the kind with its variant, in words.
    pub fn label(&self) -> String {
        if self.term.is_empty() { self.kind.clone() } else { format!("{} {}", self.kind, self.term) }
    }
}

/// Figures that were computed, as of a journal row; one is computed at a time.
#[derive(Debug, Default)]
pub struct Figures {
    indices: Mutex<BTreeMap<ProductId, Arc<Index>>>,
    /// Imports move no sequence, so what is read from them is not kept, only taken in turns.
    series: Mutex<()>,
    pub(super) external: super::series::Kept,
    pub(super) supplies: Mutex<BTreeMap<(ProductId, Day, Day), Arc<super::supply::Supply>>>,
}

impl App {
    /// Returns the daily index of a product from its own trades. A thin day takes the asks that rest now if it is
    /// today; asks of days gone by are not kept, so such a day carries the last fix forward.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn index(&self, symbol: &Symbol) -> Result<Arc<Index>, AppError> {
        let (product, as_of) = self.live().read(|view| (product_by_symbol(view, symbol).map(|row| row.id), view.as_of));
        let product = product.ok_or(AppError::NotFound)?;
        let mut indices = self.figures().indices.lock().await;
        if let Some(index) = indices.get(&product).filter(|index| index.as_of >= as_of) {
            return Ok(Arc::clone(index));
        }
        let (now, as_of, asks) = self.live().read(|view| (view.now, view.as_of, resting_asks(view, product)));
        let first = Day::new(Day::of(now).get().saturating_sub(INDEX_DAYS_MAX));
        let (days, truncated) = self.read(move |reader| day_trades(reader, product, first.start())).await?;
        let fixes = fixes(&days, &asks, Day::of(now))?;
        let index = Arc::new(Index { fixes, truncated, as_of });
        indices.insert(product, Arc::clone(&index));
        Ok(index)
    }

    /// Returns where the own index and each imported series of a product stand.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there is neither such a product nor such a series, or if the store fails.
    pub async fn drawdowns(&self, symbol: &Symbol) -> Result<Vec<SeriesStanding>, AppError> {
        let own = match self.index(symbol).await {
            Ok(index) => Some(index),
            Err(AppError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let name = symbol.as_str().to_owned();
        let turn = self.figures().series.lock().await;
        let imported = self.read(move |reader| imported(reader.db(), &name)).await?;
        drop(turn);
        if own.is_none() && imported.is_empty() {
            return Err(AppError::NotFound);
        }
        let own = own.and_then(|index| own_standing(&index));
        Ok(own.into_iter().chain(imported).collect())
    }
}

/// Returns the primary and resale asks that rest now, with what they still offer at most.
fn resting_asks(view: &View, product: ProductId) -> Vec<RestingAsk> {
    let resting = |ask: &Arc<Order>| RestingAsk {
        order: ask.id,
        price: ask.price,
        gpus: ask.remaining_gpus(view.now),
        primary: matches!(ask.source, Some(Source::Listing(_))),
    };
    view.side(product, Side::Ask).map(resting).collect()
}

/// Reads the trades since a time by day, and whether some were left out.
fn day_trades(
    reader: &mut Reader,
    product: ProductId,
    since: Timestamp,
) -> Result<(BTreeMap<Day, Vec<DayTrade>>, bool), StoreError> {
    let mut days: BTreeMap<Day, Vec<DayTrade>> = BTreeMap::new();
    let mut count = 0_usize;
    let mut page = Slice::first(PAGE_ROWS_MAX);
    loop {
        let Listed { rows: trades, next } = read::trades::of_product(reader, product, page)?;
        let done = next.is_none() || trades.last().is_some_and(|trade| trade.created_at < since);
        page.before = next;
        for trade in trades.into_iter().filter(|trade| trade.created_at >= since) {
            count = count.saturating_add(1);
            days.entry(Day::of(trade.created_at)).or_default().push(day_trade(reader, &trade)?);
        }
        if done {
            return Ok((days, false));
        }
        if count >= INDEX_TRADES_MAX {
            // The oldest day may be there in part only, which would be another index.
            days.pop_first();
            return Ok((days, true));
        }
    }
}

fn day_trade(reader: &mut Reader, trade: &Trade) -> Result<DayTrade, StoreError> {
    let contract = read::contracts::get(reader, trade.contract)?;
    Ok(DayTrade {
        trade: trade.id,
        buyer: trade.buyer,
        seller: trade.seller,
        gpu_minutes: GpuMinutes::block(trade.window, trade.gpus).get(),
        price: trade.price,
        recalled: contract.is_some_and(|contract| contract.status == ContractStatus::Recalled),
    })
}

fn fixes(days: &BTreeMap<Day, Vec<DayTrade>>, asks: &[RestingAsk], today: Day) -> Result<Vec<Fix>, AppError> {
    let mut fixes: Vec<Fix> = Vec::new();
    let mut day = days.keys().next().copied().unwrap_or(today);
    while day <= today {
        let trades = days.get(&day).map(Vec::as_slice).unwrap_or_default();
        let asks = if day == today { asks } else { &[] };
        let out_of_range = |error| AppError::Internal(format!("index of {day}: {error}"));
        fixes.extend(fix(day, trades, asks, fixes.last()).map_err(out_of_range)?);
        day = day.next();
    }
    Ok(fixes)
}

fn own_standing(index: &Index) -> Option<SeriesStanding> {
    let points: Vec<Point> = index.fixes.iter().map(|fix| Point { at: fix.day.start(), price: fix.price }).collect();
    let standing = drawdown(&points)?;
    Some(SeriesStanding {
        source: "gpubourse".to_owned(),
        kind: "trade".to_owned(),
        term: String::new(),
        region: None,
        standing,
    })
}

/// Reads every imported series of a product; outliers and stale prices are not part of one.
fn imported(db: &mut Db, product: &str) -> Result<Vec<SeriesStanding>, StoreError> {
    let mut standings = Vec::new();
    for series in quotes::names(db)?.into_iter().filter(|series| series.product == product) {
        let rows = quotes::series(db, &series)?;
        let sound = rows.iter().map(|row| &row.quote).filter(|quote| !quote.outlier && !quote.stale);
        let prices: Vec<_> = sound.map(|quote| (quote.observed_at, quote.price)).collect();
        let Series { source, kind, term, region, .. } = series;
        standings.extend(drawdown(&daily(&prices)).map(|standing| SeriesStanding {
            source,
            kind,
            term,
            region,
            standing,
        }));
    }
    Ok(standings)
}
