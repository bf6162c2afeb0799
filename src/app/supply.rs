//! Supply and demand of a product per delivery day, from open orders (the view) and contracts and ended asks (the
//! store).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::analytics::kept::Made;
use super::analytics::resting::{ORDERS_MAX, pass};
use super::catalogue::product_by_symbol;
use super::reads::{OrderFilter, Slice};
use super::{App, AppError};
use crate::exchange::entities::{Contract, Order};
use crate::market::supply::{Contracted, DaySupply, Inputs, OfferedAsk, Unsold, Wanted, supply};
use crate::market::{Day, GpuMinutes};
use crate::store::{Reader, StoreError, read};
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ContractId, OrganizationId, ProductId, Side, Source, Steps, Symbol, Timestamp, Window};

/// Delivery days in one answer.
pub const SUPPLY_DAYS_MAX: u32 = 366;
/// Contracts of a product that are read, the newest; and as many asks that have ended.
const READ_MAX: usize = 10_000;
const SOLD_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// What the view says.
struct Seen {
    product: ProductId,
    now: Timestamp,
    as_of: i64,
    asks: Vec<Arc<Order>>,
    bids: Vec<Wanted>,
    sellers: BTreeSet<OrganizationId>,
    truncated: bool,
}

/// Rows that were read, and whether there are more.
struct Newest<T> {
    rows: T,
    truncated: bool,
}

impl App {
    /// Returns supply and demand of the delivery days from the first to the last.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn supply(&self, symbol: &Symbol, first: Day, last: Day) -> Result<Arc<Made<Vec<DaySupply>>>, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).map(|row| row.id));
        let product = product.ok_or(AppError::NotFound)?;
        let make = async || {
            let seen = self.compute(move |app| seen(app, product)).await?;
            self.read(move |reader| compute(reader, &seen, first, last)).await
        };
        self.figures().supplies.get(self.live(), (product, first, last), make).await
    }
}

fn seen(app: &App, product: ProductId) -> Seen {
    let (now, as_of, mut sellers) = app.live().read(|view| {
        let listings = view.listings.values().filter(|listing| listing.product == product);
        (view.now, view.as_of, listings.map(|listing| listing.organization).collect::<BTreeSet<_>>())
    });
    let (mut asks, mut bids) = (Vec::new(), Vec::new());
    let offered = pass(app.live(), (product, Side::Ask), ORDERS_MAX, |_, ask| {
        sellers.insert(ask.organization);
        asks.push(Arc::clone(ask));
        ControlFlow::Continue(())
    });
    let wanted = pass(app.live(), (product, Side::Bid), ORDERS_MAX, |view, bid| {
        bids.push(Wanted { window: bid.open_window(view.now), gpus: bid.remaining_gpus(view.now) });
        ControlFlow::Continue(())
    });
    Seen { product, now, as_of, asks, bids, sellers, truncated: offered.truncated || wanted.truncated }
}

fn compute(reader: &mut Reader, seen: &Seen, first: Day, last: Day) -> Result<Made<Vec<DaySupply>>, StoreError> {
    let Newest { rows: contracts, truncated: older_contracts } = contracts(reader, seen.product)?;
    let holders = contracts.values().map(|contract| contract.buyer);
    let sellers: BTreeSet<_> = seen.sellers.iter().copied().chain(holders).collect();
    let mut asks = seen.asks.clone();
    let ended = ended_asks(reader, seen, &sellers)?;
    let truncated = seen.truncated || older_contracts || ended.truncated;
    asks.extend(ended.rows);
    let free: Vec<(Steps, bool)> = asks.iter().map(|ask| (of_pieces(ask.lapsed(seen.now)), ask.is_primary())).collect();
    let residual: Vec<(Steps, &Arc<Order>)> = seen.asks.iter().map(|ask| (residual(ask, seen.now), ask)).collect();
    let offered: Vec<OfferedAsk<'_>> = residual
        .iter()
        .map(|(residual, ask)| OfferedAsk { residual, price: ask.price, primary: ask.is_primary() })
        .collect();
    let unsold: Vec<Unsold<'_>> = free.iter().map(|(free, primary)| Unsold { free, primary: *primary }).collect();
    let contracted: Vec<Contracted> = contracts.values().flat_map(contracted).collect();
    let inputs = Inputs {
        asks: &offered,
        contracts: &contracted,
        bids: &seen.bids,
        unsold: &unsold,
        sold_last_30_days: sold_lately(&contracts, seen.now),
    };
    let orders = asks.len().saturating_add(seen.bids.len()).saturating_add(contracts.len());
    let figure = supply(&inputs, first, last);
    Ok(Made { figure, orders, truncated, now: seen.now, as_of: seen.as_of })
}

/// Reads the newest contracts of the product: each trade made one.
fn contracts(reader: &mut Reader, product: ProductId) -> Result<Newest<BTreeMap<ContractId, Contract>>, StoreError> {
    let mut rows = BTreeMap::new();
    let mut page = Slice::first(PAGE_ROWS_MAX);
    loop {
        let trades = read::trades::of_product(reader, product, page)?;
        let made: Vec<ContractId> = trades.rows.iter().map(|trade| trade.contract).collect();
        rows.extend(read::contracts::numbered(reader, &made)?.into_iter().map(|row| (row.id, row)));
        match trades.next {
            Some(_) if rows.len() >= READ_MAX => return Ok(Newest { rows, truncated: true }),
            Some(next) => page = page.after(next),
            None => return Ok(Newest { rows, truncated: false }),
        }
    }
}

/// Reads the asks of the product that have ended, of each seller the newest first.
fn ended_asks(
    reader: &mut Reader,
    seen: &Seen,
    sellers: &BTreeSet<OrganizationId>,
) -> Result<Newest<Vec<Arc<Order>>>, StoreError> {
    let filter = OrderFilter { status: None, side: Some(Side::Ask), product: Some(seen.product) };
    let mut rows = Vec::new();
    for seller in sellers {
        let mut page = Slice::first(PAGE_ROWS_MAX);
        loop {
            let asks = read::orders::of_organization(reader, *seller, &filter, page)?;
            rows.extend(asks.rows.into_iter().filter(|order| !order.status.is_open()));
            match asks.next {
                Some(_) if rows.len() >= READ_MAX => return Ok(Newest { rows, truncated: true }),
                Some(next) => page = page.after(next),
                None => break,
            }
        }
    }
    Ok(Newest { rows, truncated: false })
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

/// Returns what a contract covers: what others took over from it is theirs.
fn contracted(contract: &Contract) -> Vec<Contracted> {
    let end = contract.ended_at.map_or(contract.window.end, |ended| ended.min(contract.window.end));
    let window = Window::new(contract.window.start, end);
    let primary = matches!(contract.source, Source::Listing(_));
    let Some(given_up) = contract.given_up() else {
        return vec![Contracted { window, gpus: contract.gpus, primary }];
    };
    let held = |(window, gone): (Window, u32)| Contracted { window, gpus: contract.gpus.saturating_sub(gone), primary };
    given_up.pieces(window).map(held).collect()
}

fn sold_lately(contracts: &BTreeMap<ContractId, Contract>, now: Timestamp) -> GpuMinutes {
    let since = now.plus_millis(-SOLD_MS);
    let first = |contract: &&Contract| contract.depth == 0 && contract.taken_over().is_none();
    let recent = contracts.values().filter(first).filter(|contract| contract.created_at >= since);
    recent.fold(GpuMinutes::ZERO, |sum, contract| sum.plus(GpuMinutes::block(contract.window, contract.gpus)))
}
