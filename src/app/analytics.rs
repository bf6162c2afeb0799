//! Market data of a product: the pure formulas of [`crate::market`] on what the store and the view hold.
//!
//! They read much, so each is computed by one at a time and kept while it is good: however many ask, the database does the
//! work once.
//! Invariant: own trades and imported prices are never mixed; every series names its source and kind.

pub mod candles;
pub mod depth;
pub(in crate::app) mod fixes;
pub mod forward;
pub mod index;
pub mod kept;
pub mod oversupply;
pub(in crate::app) mod past;
pub mod reputation;
pub(in crate::app) mod resting;
pub mod sources;
mod spells;
pub mod stickiness;
pub mod surveillance;
pub mod tape;
mod warm;

use std::sync::Arc;
use tokio::sync::Mutex;

pub use index::{INDEX_DAYS_MAX, Index};

use super::series::PriceSeries;
use super::{App, AppError};
use crate::market::Day;
use crate::market::drawdown::{Drawdown, Point, drawdown};
use crate::market::index::{Fixed, Slice};
use crate::market::reputation::Reputation;
use crate::market::supply::DaySupply;
use crate::types::{OrganizationId, ProductId, Region, Symbol};

/// A price series and where it stands.
#[derive(Debug, Clone)]
pub struct SeriesStanding {
    /// Who says so: `gpubourse` for the own index.
    pub source: String,
    /// What kind of price it is.
    pub kind: String,
    /// The variant of the kind; empty if there is none.
    pub term: String,
    /// Where, if stated.
    pub region: Option<String>,
    /// Its peak, trough and rebound.
    pub standing: Drawdown,
}

impl SeriesStanding {
    fn of(series: &PriceSeries) -> Self {
        let PriceSeries { source, kind, term, region, standing, .. } = series.clone();
        Self { source, kind, term, region, standing }
    }

    /// Returns the kind with its variant, in words.
    pub fn label(&self) -> String {
        if self.term.is_empty() { self.kind.clone() } else { format!("{} {}", self.kind, self.term) }
    }
}

/// Figures that were computed, as of a journal row.
#[derive(Debug, Default)]
pub struct Figures {
    tapes: Arc<Mutex<tape::Tapes>>,
    published: Arc<Mutex<fixes::Published>>,
    publishing: Mutex<()>,
    /// The turns of those that are made for nobody who waits.
    in_turn: Arc<Mutex<()>>,
    pub(super) glances: kept::Kept<ProductId, super::overview::Open>,
    indices: index::Indices,
    resting: kept::Kept<(ProductId, Slice, Day), Option<Fixed>>,
    forwards: kept::Kept<ProductId, forward::Forward>,
    past: Mutex<Option<Arc<past::Past>>>,
    oversupplies: kept::Kept<(ProductId, Option<Region>, u32), oversupply::Standing>,
    sources: kept::Kept<(ProductId, Option<Region>), sources::Behind>,
    spells: Arc<Mutex<spells::Spelled>>,
    stickinesses: kept::Kept<ProductId, stickiness::Sticky>,
    surveillances: kept::Kept<u32, surveillance::Hints>,
    reputations: kept::Kept<OrganizationId, Reputation>,
    pub(super) external: super::series::Kept,
    pub(super) books: super::books::Books,
    pub(super) supplies: kept::Kept<(ProductId, Day, Day), Vec<DaySupply>>,
}

impl App {
    /// Returns where the own index and each imported series of a product stand.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there is neither such a product nor such a series, or if the store fails.
    pub async fn drawdowns(&self, symbol: &Symbol) -> Result<Vec<SeriesStanding>, AppError> {
        let own = match self.index(symbol).await {
            Ok(index) => Some(index),
            Err(AppError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let series = self.price_series().await?;
        let of_product = series.iter().filter(|series| series.product == symbol.as_str());
        let imported: Vec<SeriesStanding> = of_product.map(SeriesStanding::of).collect();
        if own.is_none() && imported.is_empty() {
            return Err(AppError::NotFound);
        }
        let own = own.and_then(|index| own_standing(self.source(), &index));
        Ok(own.into_iter().chain(imported).collect())
    }
}

fn own_standing(source: &str, index: &Index) -> Option<SeriesStanding> {
    let points: Vec<Point> = index.fixes.iter().map(|fix| Point { at: fix.day.start(), price: fix.price }).collect();
    let standing = drawdown(&points)?;
    Some(SeriesStanding {
        source: source.to_owned(),
        kind: "trade".to_owned(),
        term: String::new(),
        region: None,
        standing,
    })
}
