//! Oversupply of a product: what is offered ahead against what was sold and what passed unsold.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::kept::Made;
use super::past::Past;
use super::resting::{ORDERS_MAX, Passed, pass};
use super::tape::Tapes;
use crate::app::catalogue::product_by_symbol;
use crate::app::{App, AppError, View};
use crate::exchange::entities::Order;
use crate::market::lapsed::Lapsed;
use crate::market::oversupply::{Flows, Oversupply, oversupply};
use crate::market::tape::over_days;
use crate::market::{Day, GpuMinutes};
use crate::types::{OutOfRange, Price, ProductId, Region, Side, SiteId, Symbol, Timestamp, Window};

/// A bid is near the money from this many tenths of the index on.
pub const NEAR_TENTHS: i64 = 9;
/// Days within which contracts are said to roll off.
pub const ROLLING_DAYS: [u32; 2] = [30, 90];

/// Oversupply, and what comes back to the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How much too much there is.
    pub oversupply: Oversupply,
    /// The last index, which tells what is near the money.
    pub index: Option<Price>,
    /// Contracts out of listings, and their GPUs, whose windows end within each of [`ROLLING_DAYS`].
    pub rolling_off: [(u64, u64); 2],
}

impl App {
    /// Returns the oversupply of a product, or of a region, over so many days back and ahead.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn oversupply(
        &self,
        symbol: &Symbol,
        region: Option<Region>,
        days: u32,
    ) -> Result<Arc<Made<Standing>>, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).map(|row| row.id));
        let product = product.ok_or(AppError::NotFound)?;
        let (of, symbol) = ((product, region.clone(), days), symbol.clone());
        let make = move |app: Self| async move {
            let index = app.index(&symbol).await?.fixes.last().map(|fix| fix.price);
            let past = app.past().await?;
            let scope = Scope { product, region, days, index };
            // Nobody shall wait for the tapes while the books are passed over.
            let sold = sold(&scope, app.live().read(|view| view.now), &*app.tapes().await?);
            let made = app.compute(move |app| standing(app, &scope, &past, sold)).await?;
            made.map_err(|error| AppError::Internal(format!("oversupply of {symbol}: {error}")))
        };
        self.figures().oversupplies.get(self, of, make).await
    }
}

/// Of what.
struct Scope {
    product: ProductId,
    region: Option<Region>,
    days: u32,
    index: Option<Price>,
}

impl Scope {
    /// Returns the days back, the day after them, and the minutes ahead.
    fn days(&self, now: Timestamp) -> (Day, Day, Window) {
        let today = Day::of(now);
        let first = Day::new(today.get().saturating_sub(self.days.saturating_sub(1)));
        let last = Day::new(today.get().saturating_add(self.days.saturating_sub(1)));
        (first, today.next(), Window::new(now.first_open_minute(), last.window().end))
    }

    fn takes_site(&self, view: &View, site: SiteId) -> bool {
        self.region.as_ref().is_none_or(|region| view.sites.get(&site).is_some_and(|site| site.region == *region))
    }

    fn takes_ask(&self, view: &View, ask: &Order) -> bool {
        self.region.as_ref().is_none_or(|region| view.region_of(ask) == Some(region))
    }

    fn takes_bid(&self, bid: &Order) -> bool {
        let regions = &bid.requirements.regions;
        let fits = |region: &Region| regions.is_empty() || regions.iter().any(|name| name == region.as_str());
        self.region.as_ref().is_none_or(fits)
    }
}

/// What trades say.
#[derive(Debug, Clone, Copy, Default)]
struct Sold {
    sold: GpuMinutes,
    delivered: GpuMinutes,
    rolling_off: [(u64, u64); 2],
}

fn sold(scope: &Scope, now: Timestamp, tapes: &Tapes) -> Sold {
    let (first, until, _) = scope.days(now);
    let sales = || tapes.of(scope.product).into_iter().flat_map(|tape| tape.sales_in(scope.region.as_ref()));
    let mut sum = Sold::default();
    for sales in sales() {
        sum.sold = sum.sold.plus(over_days(&sales.sold, first, until));
        let delivered = sales.delivered.by_day(first, until.before());
        sum.delivered = delivered.into_values().fold(sum.delivered, GpuMinutes::plus);
    }
    let today = Day::of(now);
    sum.rolling_off = ROLLING_DAYS.map(|days| {
        let last = Day::new(today.get().saturating_add(days));
        let ends = sales().flat_map(|sales| sales.ends.range(today..last));
        ends.fold((0, 0), |(contracts, gpus): (u64, u64), (_, ends)| {
            (contracts.saturating_add(ends.0), gpus.saturating_add(ends.1))
        })
    });
    sum
}

fn standing(app: &App, scope: &Scope, past: &Past, sold: Sold) -> Result<Made<Standing>, OutOfRange> {
    let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
    let (first, until, ahead) = scope.days(now);
    let mut lapsed = ended(app, scope, past);
    let mut flows = Flows { days: scope.days, ..Flows::default() };
    let asks = offered(app, scope, now, ahead, (&mut flows, &mut lapsed));
    let bids = wanted(app, scope, ahead, &mut flows);
    let perished = lapsed.over(first, until);
    (flows.expired, flows.expired_value) = (perished.gpu_minutes, perished.value()?);
    let Sold { rolling_off, .. } = sold;
    (flows.sold, flows.delivered) = (sold.sold, sold.delivered);
    let figure = Standing { oversupply: oversupply(flows), index: scope.index, rolling_off };
    let truncated = asks.truncated || bids.truncated || past.truncated;
    Ok(Made { figure, orders: asks.orders.saturating_add(bids.orders), truncated, now, as_of })
}

/// Returns what passed unsold in asks that have ended.
fn ended(app: &App, scope: &Scope, past: &Past) -> Lapsed {
    let mut sum = Lapsed::default();
    app.live().read(|view| {
        let ended = [&past.ended, &view.ended].into_iter().flat_map(|ended| ended.primary(scope.product));
        ended.filter(|(site, _)| scope.takes_site(view, *site)).for_each(|(_, lapsed)| sum.merge(lapsed));
    });
    sum
}

/// Adds up what open asks offer ahead and what passed unsold in them.
fn offered(
    app: &App,
    scope: &Scope,
    now: Timestamp,
    ahead: Window,
    (flows, lapsed): (&mut Flows, &mut Lapsed),
) -> Passed {
    let mut asks: Vec<Arc<Order>> = Vec::new();
    let passed = pass(app.live(), (scope.product, Side::Ask), ORDERS_MAX, |view, ask| {
        if scope.takes_ask(view, ask) {
            asks.push(Arc::clone(ask));
        }
        ControlFlow::Continue(())
    });
    for ask in asks {
        let primary = ask.is_primary();
        let pieces = ask.residual_schedule(now).into_iter();
        let amount = pieces.fold(GpuMinutes::ZERO, |sum, (window, gpus)| {
            sum.plus(GpuMinutes::block(Window::new(window.start, window.end.min(ahead.end)), gpus))
        });
        flows.offered = flows.offered.plus(amount);
        if primary {
            lapsed.add(&ask.lapsed(now), ask.price);
        } else {
            flows.resale_offered = flows.resale_offered.plus(amount);
        }
    }
    passed
}

/// Adds up what bids near the money want ahead; without an index all are near.
fn wanted(app: &App, scope: &Scope, ahead: Window, flows: &mut Flows) -> Passed {
    let near = scope.index.map_or(0, |index| index.micros().saturating_mul(NEAR_TENTHS));
    pass(app.live(), (scope.product, Side::Bid), ORDERS_MAX, |view, bid| {
        if bid.price.micros().saturating_mul(10) < near {
            return ControlFlow::Break(());
        }
        let open = bid.open_window(view.now);
        let wanted = Window::new(open.start, open.end.min(ahead.end));
        if scope.takes_bid(bid) && !wanted.is_empty() {
            flows.bid_near = flows.bid_near.plus(GpuMinutes::block(wanted, bid.remaining_gpus(view.now)));
        }
        ControlFlow::Continue(())
    })
}
