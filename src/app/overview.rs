//! The market at a glance: the top of every product's book, whatever the window, and its last trade.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::analytics::resting::{ORDERS_MAX, pass};
use super::catalogue::product_by_symbol;
use super::reads::Slice;
use super::stream::Top;
use super::{App, AppError, Live};
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

impl Glance {
    /// Returns the best ask less the best bid. It may be negative: orders for different windows do not meet.
    pub fn spread(&self) -> Option<Price> {
        let (ask, bid) = self.best_ask.zip(self.best_bid)?;
        ask.micros().checked_sub(bid.micros()).map(Price::from_micros)
    }
}

impl App {
    /// Returns every product at a glance, by symbol, with the exchange's time and the journal row.
    pub fn overview(&self) -> (Vec<Glance>, Timestamp, i64) {
        let (products, now, as_of) = self.live().read(|view| {
            let products = view.symbols.values().filter_map(|id| view.products.get(id));
            (products.cloned().collect::<Vec<Product>>(), view.now, view.as_of)
        });
        (products.into_iter().map(|product| glance(self.live(), product)).collect(), now, as_of)
    }

    /// Returns a product at a glance.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub fn glance(&self, symbol: &Symbol) -> Result<Glance, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).cloned());
        Ok(glance(self.live(), product.ok_or(AppError::NotFound)?))
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

fn glance(live: &Live, product: Product) -> Glance {
    let id = product.id;
    let Top { best_bid, best_ask, bids, asks } = live.read(|view| view.top(id));
    let (mut open_gpus, mut open_supply) = (0_u64, GpuMinutes::ZERO);
    pass(live, (id, Side::Ask), ORDERS_MAX, |view, ask| {
        open_gpus = open_gpus.saturating_add(ask.remaining_gpus(view.now).into());
        open_supply = open_supply.plus(free(ask, view.now));
        ControlFlow::Continue(())
    });
    Glance { product, best_bid, best_ask, bids, asks, open_gpus, open_supply }
}

/// Returns what an ask still offers.
pub(super) fn free(ask: &Order, now: Timestamp) -> GpuMinutes {
    let pieces = ask.residual_schedule(now).into_iter();
    pieces.fold(GpuMinutes::ZERO, |sum, (window, gpus)| sum.plus(GpuMinutes::block(window, gpus)))
}
