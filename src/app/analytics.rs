//! Market data of a product: the pure formulas of [`crate::market`] on what the store and the view hold.
//!
//! They read much, so one is computed at a time and kept until the exchange moves on: however many ask, the
//! database does the work once.
//! Invariant: own trades and imported prices are never mixed; every series names its source and kind.

pub mod candles;
pub mod index;
pub mod tape;

use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

pub use index::{INDEX_DAYS_MAX, Index};

use super::{App, AppError};
use crate::market::Day;
use crate::market::drawdown::{Drawdown, Point, daily, drawdown};
use crate::store::quotes::Series;
use crate::store::{Db, StoreError, quotes};
use crate::types::{ProductId, Symbol};

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
    /// Returns the kind with its variant, in words.
    pub fn label(&self) -> String {
        if self.term.is_empty() { self.kind.clone() } else { format!("{} {}", self.kind, self.term) }
    }
}

/// Figures that were computed, as of a journal row; one is computed at a time.
#[derive(Debug, Default)]
pub struct Figures {
    tapes: Arc<Mutex<tape::Tapes>>,
    /// Imports move no sequence, so what is read from them is not kept, only taken in turns.
    series: Mutex<()>,
    pub(super) external: super::series::Kept,
    pub(super) supplies: Mutex<BTreeMap<(ProductId, Day, Day), Arc<super::supply::Supply>>>,
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
        let name = symbol.as_str().to_owned();
        let turn = self.figures().series.lock().await;
        let imported = self.read(move |reader| imported(reader.db(), &name)).await?;
        drop(turn);
        if own.is_none() && imported.is_empty() {
            return Err(AppError::NotFound);
        }
        let own = own.and_then(|index| own_standing(&index));
        Ok(own.into_iter().chain(imported).collect())
    }
}

fn own_standing(index: &Index) -> Option<SeriesStanding> {
    let points: Vec<Point> = index.fixes.iter().map(|fix| Point { at: fix.day.start(), price: fix.price }).collect();
    let standing = drawdown(&points)?;
    Some(SeriesStanding {
        source: "gpubourse".to_owned(),
        kind: "trade".to_owned(),
        term: String::new(),
        region: None,
        standing,
    })
}

/// Reads every imported series of a product; outliers and stale prices are not part of one.
fn imported(db: &mut Db, product: &str) -> Result<Vec<SeriesStanding>, StoreError> {
    let mut standings = Vec::new();
    for series in quotes::names(db)?.into_iter().filter(|series| series.product == product) {
        let rows = quotes::series(db, &series)?;
        let sound = rows.iter().map(|row| &row.quote).filter(|quote| !quote.outlier && !quote.stale);
        let prices: Vec<_> = sound.map(|quote| (quote.observed_at, quote.price)).collect();
        let Series { source, kind, term, region, .. } = series;
        standings.extend(drawdown(&daily(&prices)).map(|standing| SeriesStanding {
            source,
            kind,
            term,
            region,
            standing,
        }));
    }
    Ok(standings)
}
