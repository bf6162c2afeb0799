//! Imported price series, day by day: where each stands, and its path.
//!
//! Invariant: own trades are never among them; every series names its source and kind.

use std::sync::Arc;
use tokio::sync::Mutex;

use super::{App, AppError};
use crate::market::drawdown::{Drawdown, Point, daily, drawdown};
use crate::store::quotes::Series;
use crate::store::{Db, StoreError, quotes};

/// An imported price series.
#[derive(Debug, Clone)]
pub struct PriceSeries {
    /// The product's symbol, or the model as published if it names no product.
    pub product: String,
    /// Who says so.
    pub source: String,
    /// What kind of price it is.
    pub kind: String,
    /// The variant of the kind; empty if there is none.
    pub term: String,
    /// Where, if stated.
    pub region: Option<String>,
    /// One price per day, in order.
    pub points: Vec<Point>,
    /// Its peak, trough and rebound.
    pub standing: Drawdown,
}

/// Every series, and the last quote there was when they were read.
type Read = (Option<i64>, Arc<Vec<PriceSeries>>);

/// Every series, kept until something is imported.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Read>>);

impl PriceSeries {
    /// Tells whether there is a path and not only a price.
    pub fn is_path(&self) -> bool {
        self.points.len() > 1
    }
}

impl App {
    /// Returns every imported series, by product, source and kind; outliers and stale prices are not part of one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn price_series(&self) -> Result<Arc<Vec<PriceSeries>>, AppError> {
        let mut kept = self.figures().external.0.lock().await;
        let last = self.read(|reader| quotes::last(reader.db())).await?;
        if let Some((_, series)) = kept.as_ref().filter(|(at, _)| *at == last) {
            return Ok(Arc::clone(series));
        }
        let series = Arc::new(self.read(|reader| all(reader.db())).await?);
        *kept = Some((last, Arc::clone(&series)));
        Ok(series)
    }
}

fn all(db: &mut Db) -> Result<Vec<PriceSeries>, StoreError> {
    let mut found = Vec::new();
    for name in quotes::names(db)? {
        let rows = quotes::series(db, &name)?;
        let sound = rows.iter().map(|row| &row.quote).filter(|quote| !quote.outlier && !quote.stale);
        let prices: Vec<_> = sound.map(|quote| (quote.observed_at, quote.price)).collect();
        let points = daily(&prices);
        let Some(standing) = drawdown(&points) else { continue };
        let Series { product, source, kind, term, region } = name;
        found.push(PriceSeries { product, source, kind, term, region, points, standing });
    }
    Ok(found)
}
