//! Who is behind the supply of a product.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::kept::Made;
use super::resting::{ORDERS_MAX, pass};
use crate::app::catalogue::product_by_symbol;
use crate::app::overview::free;
use crate::app::{App, AppError};
use crate::exchange::entities::Order;
use crate::market::sources::{SourcedAsk, Sources, sources};
use crate::types::{Price, ProductId, Region, Side, Source, Symbol};

/// Who is behind the supply, and the last index, against which it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Who.
    pub sources: Sources,
    /// The last index.
    pub index: Option<Price>,
}

impl App {
    /// Returns who is behind the supply of a product, or of a region.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn sources(&self, symbol: &Symbol, region: Option<Region>) -> Result<Arc<Made<Behind>>, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).map(|row| row.id));
        let product = product.ok_or(AppError::NotFound)?;
        let (of, symbol) = ((product, region.clone()), symbol.clone());
        let make = move |app: Self| async move {
            let index = app.index(&symbol).await?.fixes.last().map(|fix| fix.price);
            app.compute(move |app| made(app, product, region.as_ref(), index)).await
        };
        self.figures().sources.get(self, of, make).await
    }
}

fn made(app: &App, product: ProductId, region: Option<&Region>, index: Option<Price>) -> Made<Behind> {
    let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
    let mut asks: Vec<(Arc<Order>, Option<Price>)> = Vec::new();
    let passed = pass(app.live(), (product, Side::Ask), ORDERS_MAX, |view, ask| {
        let paid = match ask.source {
            Some(Source::Contract(contract)) => view.titles.get(&contract).map(|title| title.bought_at),
            _ => None,
        };
        if region.is_none_or(|region| view.region_of(ask) == Some(region)) {
            asks.push((Arc::clone(ask), paid));
        }
        ControlFlow::Continue(())
    });
    let sourced: Vec<SourcedAsk> = asks
        .into_iter()
        .map(|(ask, bought_at)| SourcedAsk {
            organization: ask.organization,
            price: ask.price,
            offered: free(&ask, now),
            bought_at,
        })
        .collect();
    let figure = Behind { sources: sources(&sourced, index), index };
    Made { figure, orders: passed.orders, truncated: passed.truncated, now, as_of }
}
