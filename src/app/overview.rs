//! The market at a glance: the top of every product's book, whatever the window, and its last trade.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::analytics::kept::Made;
use super::analytics::resting::{ORDERS_MAX, pass};
use super::catalogue::product_by_symbol;
use super::reads::Slice;
use super::stream::Top;
use super::{App, AppError};
use crate::exchange::entities::{Order, Product, Trade};
use crate::market::GpuMinutes;
use crate::store::read;
use crate::types::{Price, ProductId, Side, Symbol, Timestamp};

/// A product and the top of its book over all windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The product.
    pub product: Product,
    /// The highest resting bid.
    pub best_bid: Option<Price>,
    /// The lowest resting ask.
    pub best_ask: Option<Price>,
    /// Resting bids.
    pub bids: usize,
    /// Resting asks.
    pub asks: usize,
    /// GPUs that resting asks offer at most in a minute, added up over the cheapest 100,000 of them.
    pub open_gpus: u64,
    /// What they still offer from now on.
    pub open_supply: GpuMinutes,
}

/// What resting asks of a product offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Open {
    /// GPUs at most in a minute, added up.
    gpus: u64,
    /// From now on.
    supply: GpuMinutes,
}

impl Glance {
    /// Returns the best ask less the best bid. It may be negative: orders for different windows do not meet.
    pub fn spread(&self) -> Option<Price> {
        let (ask, bid) = self.best_ask.zip(self.best_bid)?;
        ask.micros().checked_sub(bid.micros()).map(Price::from_micros)
    }
}

impl App {
    /// Returns every product at a glance, by symbol, with the exchange's time and the journal row.
    ///
    /// # Errors
    /// If a computation panics.
    pub async fn overview(&self) -> Result<(Vec<Glance>, Timestamp, i64), AppError> {
        let (now, as_of) = self.live().read(|view| (view.now, view.as_of));
        let mut glances = Vec::new();
        for product in self.all_products() {
            glances.push(self.glance_at(product).await?);
        }
        Ok((glances, now, as_of))
    }

    /// Returns every product, by symbol.
    pub fn all_products(&self) -> Vec<Product> {
        self.live().read(|view| view.symbols.values().filter_map(|id| view.products.get(id)).cloned().collect())
    }

    /// Returns a product at a glance.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; if the computation panics.
    pub async fn glance(&self, symbol: &Symbol) -> Result<Glance, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).cloned());
        self.glance_at(product.ok_or(AppError::NotFound)?).await
    }

    async fn glance_at(&self, product: Product) -> Result<Glance, AppError> {
        let id = product.id;
        let make = move |app: Self| async move { app.compute(move |app| open(app, id)).await };
        let made = self.figures().glances.get(self, id, make).await?;
        let Open { gpus: open_gpus, supply: open_supply } = made.figure;
        let Top { best_bid, best_ask, bids, asks } = self.live().read(|view| view.top(id));
        Ok(Glance { product, best_bid, best_ask, bids, asks, open_gpus, open_supply })
    }

    /// Returns the last trade of every product that has one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn last_trades(&self) -> Result<BTreeMap<ProductId, Trade>, AppError> {
        let products: Vec<ProductId> = self.live().read(|view| view.products.keys().copied().collect());
        self.read(move |reader| {
            let mut last = BTreeMap::new();
            for product in products {
                let newest = read::trades::of_product(reader, product, Slice::first(1))?;
                last.extend(newest.rows.into_iter().next().map(|trade| (product, trade)));
            }
            Ok(last)
        })
        .await
    }
}

fn open(app: &App, product: ProductId) -> Made<Open> {
    let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
    let mut figure = Open::default();
    let passed = pass(app.live(), (product, Side::Ask), ORDERS_MAX, |view, ask| {
        figure.gpus = figure.gpus.saturating_add(ask.remaining_gpus(view.now).into());
        figure.supply = figure.supply.plus(free(ask, view.now));
        ControlFlow::Continue(())
    });
    Made { figure, orders: passed.orders, truncated: passed.truncated, now, as_of }
}

/// Returns what an ask still offers.
pub(super) fn free(ask: &Order, now: Timestamp) -> GpuMinutes {
    let pieces = ask.residual_schedule(now).into_iter();
    pieces.fold(GpuMinutes::ZERO, |sum, (window, gpus)| sum.plus(GpuMinutes::block(window, gpus)))
}
