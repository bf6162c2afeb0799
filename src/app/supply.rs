//! Supply and demand of a product per delivery day: resting orders, what was sold and covers the days to come, and what
//! passed unsold. All but the orders is kept up as it happens; of the orders there is one pass.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::analytics::kept::Made;
use super::analytics::past::Past;
use super::analytics::resting::{ORDERS_MAX, pass};
use super::analytics::tape::Tapes;
use super::catalogue::product_by_symbol;
use super::{App, AppError, View};
use crate::exchange::entities::Order;
use crate::market::lapsed::Lapsed;
use crate::market::supply::{Apart, ByDay, DaySupply, Inputs, OfferedAsk, Wanted, supply};
use crate::market::tape::over_days;
use crate::market::{Day, GpuMinutes};
use crate::types::{ProductId, Side, Symbol, Timestamp};

/// Delivery days in one answer.
pub const SUPPLY_DAYS_MAX: u32 = 366;
/// Days whose trades say how much is sold a day, today among them.
const SOLD_DAYS: u32 = 30;

/// Of what, and over which days.
#[derive(Debug, Clone, Copy)]
struct Scope {
    product: ProductId,
    first: Day,
    last: Day,
}

/// What was traded.
struct Traded {
    /// By delivery day, up to today.
    delivered: Apart,
    sold_last_30_days: GpuMinutes,
}

impl App {
    /// Returns supply and demand of the delivery days from the first to the last.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn supply(&self, symbol: &Symbol, first: Day, last: Day) -> Result<Arc<Made<Vec<DaySupply>>>, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).map(|row| row.id));
        let scope = Scope { product: product.ok_or(AppError::NotFound)?, first, last };
        let make = move |app: Self| async move {
            let past = app.past().await?;
            // Nobody shall wait for the tapes while the books are passed over.
            let traded = traded(&scope, app.live().read(|view| view.now), &*app.tapes().await?);
            app.compute(move |app| made(app, scope, &past, traded)).await
        };
        self.figures().supplies.get(self, (scope.product, first, last), make).await
    }
}

fn made(app: &App, scope: Scope, past: &Past, traded: Traded) -> Made<Vec<DaySupply>> {
    let Scope { product, first, last } = scope;
    let (now, as_of, mut unsold, contracted) = app
        .live()
        .read(|view| (view.now, view.as_of, ended(view, scope, past), contracted(view, scope, traded.delivered)));
    let mut asks: Vec<Arc<Order>> = Vec::new();
    let offered = pass(app.live(), (product, Side::Ask), ORDERS_MAX, |_, ask| {
        asks.push(Arc::clone(ask));
        ControlFlow::Continue(())
    });
    let mut bids = Vec::new();
    let wanted = pass(app.live(), (product, Side::Bid), ORDERS_MAX, |view, bid| {
        bids.push(Wanted { window: bid.open_window(view.now), gpus: bid.remaining_gpus(view.now) });
        ControlFlow::Continue(())
    });
    let residuals: Vec<_> = asks.iter().map(|ask| (ask.residual_schedule(now), ask)).collect();
    let offers: Vec<OfferedAsk<'_>> = residuals
        .iter()
        .map(|(residual, ask)| OfferedAsk { residual, price: ask.price, primary: ask.is_primary() })
        .collect();
    let mut passed = [Lapsed::default(), Lapsed::default()];
    for ask in &asks {
        let [primary, resale] = &mut passed;
        if ask.is_primary() { primary } else { resale }.add(&ask.lapsed(now), ask.price);
    }
    let [primary, resale] = &passed;
    add(&mut unsold.primary, primary, scope);
    add(&mut unsold.resale, resale, scope);
    let inputs = Inputs { asks: &offers, bids: &bids, contracted, unsold, sold_last_30_days: traded.sold_last_30_days };
    let figure = supply(&inputs, first, last);
    let truncated = offered.truncated || wanted.truncated || past.truncated;
    Made { figure, orders: offered.orders.saturating_add(wanted.orders), truncated, now, as_of }
}

/// Returns what trades say: recalled ones are not delivered, and what is taken over was sold before.
fn traded(scope: &Scope, now: Timestamp, tapes: &Tapes) -> Traded {
    let Scope { product, first, last } = *scope;
    let today = Day::of(now);
    let since = Day::new(today.get().saturating_sub(SOLD_DAYS.saturating_sub(1)));
    let (mut delivered, mut sold) = (Apart::default(), GpuMinutes::ZERO);
    let until = last.min(today);
    if let Some(tape) = tapes.of(product) {
        for sales in tape.sales_in(None) {
            for (day, amount) in sales.delivered.by_day(first, until) {
                plus(&mut delivered.primary, day, amount);
            }
            sold = sold.plus(over_days(&sales.sold, since, today.next()));
        }
        delivered.resale = tape.resold.by_day(first, until);
    }
    Traded { delivered, sold_last_30_days: sold }
}

/// Returns what is contracted: up to today what was sold for those days, from tomorrow on what live contracts cover.
fn contracted(view: &View, scope: Scope, delivered: Apart) -> Apart {
    let tomorrow = Day::of(view.now).next();
    let mut contracted = delivered;
    // What was sold is of days up to today: the two have no day in common.
    let ahead = view.booked.of(scope.product, scope.first.max(tomorrow), scope.last);
    contracted.primary.extend(ahead.primary);
    contracted.resale.extend(ahead.resale);
    contracted
}

/// Returns what passed unsold in asks that have ended.
fn ended(view: &View, scope: Scope, past: &Past) -> Apart {
    let mut unsold = Apart::default();
    for ended in [&past.ended, &view.ended] {
        ended.primary(scope.product).for_each(|(_, lapsed)| add(&mut unsold.primary, lapsed, scope));
        ended.resale(scope.product).into_iter().for_each(|lapsed| add(&mut unsold.resale, lapsed, scope));
    }
    unsold
}

fn add(sums: &mut ByDay, lapsed: &Lapsed, scope: Scope) {
    for (day, amount) in lapsed.by_day(scope.first, scope.last.next()) {
        plus(sums, day, amount);
    }
}

fn plus(sums: &mut ByDay, day: Day, amount: GpuMinutes) {
    let sum = sums.entry(day).or_default();
    *sum = sum.plus(amount);
}
