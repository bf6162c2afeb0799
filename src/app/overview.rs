//! The market at a glance: the top of every product's book, whatever the window, and its last trade.

use std::collections::BTreeMap;

use super::catalogue::product_by_symbol;
use super::reads::Slice;
use super::{App, AppError, View};
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
    /// GPUs that resting asks offer at most in a minute, added up.
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
        self.live().read(|view| {
            let products = view.symbols.values().filter_map(|id| view.products.get(id));
            (products.map(|product| glance(view, product)).collect(), view.now, view.as_of)
        })
    }

    /// Returns a product at a glance.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub fn glance(&self, symbol: &Symbol) -> Result<Glance, AppError> {
        let found = self.live().read(|view| product_by_symbol(view, symbol).map(|product| glance(view, product)));
        found.ok_or(AppError::NotFound)
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

fn glance(view: &View, product: &Product) -> Glance {
    let (mut asks, mut open_gpus, mut open_supply) = (0_usize, 0_u64, GpuMinutes::ZERO);
    for ask in view.side(product.id, Side::Ask) {
        asks = asks.saturating_add(1);
        open_gpus = open_gpus.saturating_add(ask.remaining_gpus(view.now).into());
        open_supply = open_supply.plus(free(ask, view.now));
    }
    let bids = || view.side(product.id, Side::Bid);
    Glance {
        product: product.clone(),
        best_bid: bids().next_back().map(|bid| bid.price),
        best_ask: view.side(product.id, Side::Ask).next().map(|ask| ask.price),
        bids: bids().count(),
        asks,
        open_gpus,
        open_supply,
    }
}

/// Returns what an ask still offers.
pub(super) fn free(ask: &Order, now: Timestamp) -> GpuMinutes {
    let pieces = ask.residual_schedule(now).into_iter();
    pieces.fold(GpuMinutes::ZERO, |sum, (window, gpus)| sum.plus(GpuMinutes::block(window, gpus)))
}
