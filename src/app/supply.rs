//! Supply and demand of a product per delivery day, from open orders (the view) and contracts and ended asks (the
//! store).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalogue::product_by_symbol;
use super::reads::{OrderFilter, Slice};
use super::{App, AppError, View};
use crate::exchange::entities::{Contract, Order};
use crate::market::supply::{Contracted, DaySupply, Inputs, OfferedAsk, Unsold, Wanted, supply};
use crate::market::{Day, GpuMinutes};
use crate::store::{Reader, StoreError, read};
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ContractId, OrganizationId, ProductId, Side, Source, Steps, Symbol, Timestamp, Window};

/// Delivery days in one answer.
pub const SUPPLY_DAYS_MAX: u32 = 366;
/// Figures kept; beyond it all are forgotten.
const KEPT_MAX: usize = 1_000;
const SOLD_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Supply and demand, day by day.
#[derive(Debug, Clone)]
pub struct Supply {
    /// One for each delivery day.
    pub days: Vec<DaySupply>,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// What the view says.
struct Seen {
    product: ProductId,
    now: Timestamp,
    as_of: i64,
    asks: Vec<Arc<Order>>,
    bids: Vec<Wanted>,
    sellers: BTreeSet<OrganizationId>,
}

impl App {
    /// Returns supply and demand of the delivery days from the first to the last.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn supply(&self, symbol: &Symbol, first: Day, last: Day) -> Result<Arc<Supply>, AppError> {
        let found = self.live().read(|view| product_by_symbol(view, symbol).map(|row| (row.id, view.as_of)));
        let (product, as_of) = found.ok_or(AppError::NotFound)?;
        let key = (product, first, last);
        let mut supplies = self.figures().supplies.lock().await;
        if let Some(kept) = supplies.get(&key).filter(|kept| kept.as_of >= as_of) {
            return Ok(Arc::clone(kept));
        }
        let seen = self.live().read(|view| seen(view, symbol)).ok_or(AppError::NotFound)?;
        let computed = Arc::new(self.read(move |reader| compute(reader, &seen, first, last)).await?);
        if supplies.len() >= KEPT_MAX {
            supplies.clear();
        }
        supplies.insert(key, Arc::clone(&computed));
        Ok(computed)
    }
}

fn seen(view: &View, symbol: &Symbol) -> Option<Seen> {
    let product = product_by_symbol(view, symbol)?;
    let wanted = |bid: &Arc<Order>| Wanted { window: bid.open_window(view.now), gpus: bid.remaining_gpus(view.now) };
    let listings = view.listings.values().filter(|listing| listing.product == product.id);
    let asks = || view.side(product.id, Side::Ask);
    Some(Seen {
        product: product.id,
        now: view.now,
        as_of: view.as_of,
        asks: asks().cloned().collect(),
        bids: view.side(product.id, Side::Bid).map(wanted).collect(),
        sellers: listings.map(|listing| listing.organization).chain(asks().map(|ask| ask.organization)).collect(),
    })
}

fn compute(reader: &mut Reader, seen: &Seen, first: Day, last: Day) -> Result<Supply, StoreError> {
    let contracts = contracts(reader, seen.product)?;
    let holders = contracts.values().map(|contract| contract.buyer);
    let sellers: BTreeSet<_> = seen.sellers.iter().copied().chain(holders).collect();
    let mut asks = seen.asks.clone();
    asks.extend(ended_asks(reader, seen, &sellers)?);
    let free: Vec<(Steps, bool)> = asks.iter().map(|ask| (of_pieces(ask.lapsed(seen.now)), is_primary(ask))).collect();
    let residual: Vec<(Steps, &Arc<Order>)> = seen.asks.iter().map(|ask| (residual(ask, seen.now), ask)).collect();
    let offered: Vec<OfferedAsk<'_>> = residual
        .iter()
        .map(|(residual, ask)| OfferedAsk { residual, price: ask.price, primary: is_primary(ask) })
        .collect();
    let unsold: Vec<Unsold<'_>> = free.iter().map(|(free, primary)| Unsold { free, primary: *primary }).collect();
    let contracted: Vec<Contracted> = contracts.values().map(contracted).collect();
    let inputs = Inputs {
        asks: &offered,
        contracts: &contracted,
        bids: &seen.bids,
        unsold: &unsold,
        sold_last_30_days: sold_lately(&contracts, seen.now),
    };
    Ok(Supply { days: supply(&inputs, first, last), as_of: seen.as_of })
}

/// Reads every contract of the product: each trade made one.
fn contracts(reader: &mut Reader, product: ProductId) -> Result<BTreeMap<ContractId, Contract>, StoreError> {
    let mut found = BTreeMap::new();
    let mut page = Slice::first(PAGE_ROWS_MAX);
    loop {
        let trades = read::trades::of_product(reader, product, page)?;
        let made: Vec<ContractId> = trades.rows.iter().map(|trade| trade.contract).collect();
        found.extend(read::contracts::numbered(reader, &made)?.into_iter().map(|row| (row.id, row)));
        match trades.next {
            Some(next) => page = page.after(next),
            None => return Ok(found),
        }
    }
}

/// Reads the asks of the product that have ended.
fn ended_asks(
    reader: &mut Reader,
    seen: &Seen,
    sellers: &BTreeSet<OrganizationId>,
) -> Result<Vec<Arc<Order>>, StoreError> {
    let filter = OrderFilter { status: None, side: Some(Side::Ask), product: Some(seen.product) };
    let mut ended = Vec::new();
    for seller in sellers {
        let mut page = Slice::first(PAGE_ROWS_MAX);
        loop {
            let asks = read::orders::of_organization(reader, *seller, &filter, page)?;
            ended.extend(asks.rows.into_iter().filter(|order| !order.status.is_open()));
            match asks.next {
                Some(next) => page = page.after(next),
                None => break,
            }
        }
    }
    Ok(ended)
}

const fn is_primary(ask: &Order) -> bool {
    matches!(ask.source, Some(Source::Listing(_)))
}

fn residual(ask: &Order, now: Timestamp) -> Steps {
    of_pieces(ask.residual_schedule(now))
}

fn of_pieces(pieces: Vec<(Window, u32)>) -> Steps {
    let mut steps = Steps::new();
    for (window, gpus) in pieces {
        // Pieces of one function never overlap, so a sum cannot leave its range.
        if steps.add(window, gpus).is_err() {
            tracing::error!("pieces of a step function overlap");
        }
    }
    steps
}

fn contracted(contract: &Contract) -> Contracted {
    let end = contract.ended_at.map_or(contract.window.end, |ended| ended.min(contract.window.end));
    Contracted {
        window: Window::new(contract.window.start, end),
        gpus: contract.gpus,
        primary: matches!(contract.source, Source::Listing(_)),
    }
}

fn sold_lately(contracts: &BTreeMap<ContractId, Contract>, now: Timestamp) -> GpuMinutes {
    let since = now.plus_millis(-SOLD_MS);
    let recent = contracts.values().filter(|contract| contract.created_at >= since && contract.depth == 0);
    recent.fold(GpuMinutes::ZERO, |sum, contract| sum.plus(GpuMinutes::block(contract.window, contract.gpus)))
}
