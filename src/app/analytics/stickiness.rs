//! Price stickiness of a product, as a whole and by region.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

use super::kept::Made;
use super::resting::{ORDERS_MAX, pass};
use super::spells::Spelled;
use crate::app::catalogue::product_by_symbol;
use crate::app::overview::free;
use crate::app::{App, AppError};
use crate::exchange::entities::Order;
use crate::market::sources::SourcedAsk;
use crate::market::stickiness::{Repricing, StandingAsk, Stickiness, counted_after, stickiness};
use crate::types::{Price, ProductId, Region, Side, SiteId, Source, Symbol, Timestamp};

/// How sticky prices are, and the last index, against which supply is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// The whole product first, then each region.
    pub rows: Vec<(Option<Region>, Stickiness)>,
    /// The last index.
    pub index: Option<Price>,
}

/// What belongs to one row.
#[derive(Default)]
struct Seen {
    repricings: Vec<Repricing>,
    asks: Vec<StandingAsk>,
}

impl App {
    /// Returns how sticky the prices of a product are.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist, or if the store fails.
    pub async fn stickiness(&self, symbol: &Symbol) -> Result<Arc<Made<Sticky>>, AppError> {
        let product = self.live().read(|view| product_by_symbol(view, symbol).map(|row| row.id));
        let product = product.ok_or(AppError::NotFound)?;
        let symbol = symbol.clone();
        let make = move |app: Self| async move {
            let index = app.index(&symbol).await?.fixes.last().map(|fix| fix.price);
            let spelled = app.spells().await?;
            app.compute(move |app| made(app, product, index, spelled)).await
        };
        self.figures().stickinesses.get(self, product, make).await
    }
}

fn made(app: &App, product: ProductId, index: Option<Price>, spelled: OwnedMutexGuard<Spelled>) -> Made<Sticky> {
    let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
    let mut asks: Vec<(Arc<Order>, Option<Price>, Option<Region>)> = Vec::new();
    let passed = pass(app.live(), (product, Side::Ask), ORDERS_MAX, |view, ask| {
        let paid = match ask.source {
            Some(Source::Contract(contract)) => view.titles.get(&contract).map(|title| title.bought_at),
            _ => None,
        };
        asks.push((Arc::clone(ask), paid, view.region_of(ask).cloned()));
        ControlFlow::Continue(())
    });
    let mut seen: BTreeMap<Option<Region>, Seen> = BTreeMap::from([(None, Seen::default())]);
    for (ask, bought_at, region) in asks {
        let standing = standing(&ask, bought_at, &spelled, now);
        both(&mut seen, region, |seen| seen.asks.push(standing));
    }
    let regions = regions(app);
    let mut truncated = passed.truncated || spelled.truncated;
    for (site, repricing) in spelled.spells.repricings(product, counted_after(now)) {
        both(&mut seen, regions.get(&site).cloned(), |seen| seen.repricings.push(*repricing));
    }
    truncated |= regions.keys().any(|site| spelled.spells.is_full(product, *site));
    // Nobody shall wait for the spells while medians are sought.
    drop(spelled);
    let rows = seen.into_iter().map(|(region, seen)| (region, stickiness(&seen.repricings, &seen.asks, index)));
    let figure = Sticky { rows: rows.collect(), index };
    Made { figure, orders: passed.orders, truncated, now, as_of }
}

fn standing(ask: &Order, bought_at: Option<Price>, spelled: &Spelled, now: Timestamp) -> StandingAsk {
    let since = spelled.spells.since(ask.id).unwrap_or(ask.placed_at);
    StandingAsk {
        ask: SourcedAsk { organization: ask.organization, price: ask.price, offered: free(ask, now), bought_at },
        stood_ms: now.millis().saturating_sub(since.millis()).max(0),
    }
}

/// Adds something to the whole and to its region.
fn both(seen: &mut BTreeMap<Option<Region>, Seen>, region: Option<Region>, mut add: impl FnMut(&mut Seen)) {
    add(seen.entry(None).or_default());
    if region.is_some() {
        add(seen.entry(region).or_default());
    }
}

fn regions(app: &App) -> BTreeMap<SiteId, Region> {
    app.live().read(|view| view.sites.values().map(|site| (site.id, site.region.clone())).collect())
}
