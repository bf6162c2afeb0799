//! The forward curve of a product: what GPU-hours delivered in each month cost now.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::kept::Made;
use super::resting::{ORDERS_MAX, pass};
use crate::app::catalogue::product_by_symbol;
use crate::app::{App, AppError};
use crate::exchange::entities::Order;
use crate::market::forward::{ForwardFold, MonthAsk, MonthPrice, by_month};
use crate::market::{Day, GpuMinutes, Month};
use crate::types::{Price, ProductId, Side, Symbol, Timestamp};

/// One price for each delivery month, this one first.
pub type Forward = Vec<MonthPrice>;

impl App {
    /// Returns the forward curve of a product.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn forward(&self, symbol: &Symbol) -> Result<Arc<Made<Forward>>, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).map(|row| row.id));
        self.forward_of(product.ok_or(AppError::NotFound)?).await
    }

    pub(in crate::app) async fn forward_of(&self, product: ProductId) -> Result<Arc<Made<Forward>>, AppError> {
        let make = move |app: Self| async move {
            // Nobody shall wait for the tapes while the book is passed over.
            let fold = app.tapes().await?.of(product).map(|tape| tape.forward.clone()).unwrap_or_default();
            app.compute(move |app| curve(app, product, &fold)).await
        };
        self.figures().forwards.get(self, product, make).await
    }
}

fn curve(app: &App, product: ProductId, fold: &ForwardFold) -> Made<Forward> {
    let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
    let mut asks: Vec<Arc<Order>> = Vec::new();
    let passed = pass(app.live(), (product, Side::Ask), ORDERS_MAX, |_, ask| {
        asks.push(Arc::clone(ask));
        ControlFlow::Continue(())
    });
    let figure = fold.curve(&month_asks(&asks, now), Day::of(now));
    Made { figure, orders: passed.orders, truncated: passed.truncated, now, as_of }
}

/// Returns what asks offer per month and price: those of one price weigh in a median as one.
fn month_asks(asks: &[Arc<Order>], now: Timestamp) -> Vec<MonthAsk> {
    let mut offers: BTreeMap<(Month, Price), GpuMinutes> = BTreeMap::new();
    for ask in asks {
        for (window, gpus) in ask.residual_schedule(now) {
            for (month, piece) in by_month(window) {
                let offered = offers.entry((month, ask.price)).or_default();
                *offered = offered.plus(GpuMinutes::block(piece, gpus));
            }
        }
    }
    offers.into_iter().map(|((month, price), offered)| MonthAsk { month, price, offered }).collect()
}
