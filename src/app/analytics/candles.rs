//! Candles of a product.

use crate::app::catalogue::product_by_symbol;
use crate::app::{App, AppError};
use crate::exchange::Reject;
use crate::market::Interval;
use crate::market::candles::Candle;
use crate::types::{Symbol, Timestamp};

/// Candles in one answer.
pub const CANDLES_MAX: usize = 1_000;
const CANDLES_DEFAULT: i64 = 200;

/// Candles, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleSeries {
    /// One for each interval with trades.
    pub candles: Vec<Candle>,
    /// Whether there are more after the last one: go on from there.
    pub truncated: bool,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

impl App {
    /// Returns the candles that begin in `[from, to)`, at most [`CANDLES_MAX`]; by default those of the last 200
    /// intervals.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a product that does not exist; `invalid_window`; or if the store fails.
    pub async fn candles(
        &self,
        symbol: &Symbol,
        interval: Interval,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<CandleSeries, AppError> {
        let found = self.live().read(|view| Some((product_by_symbol(view, symbol)?.id, view.now, view.as_of)));
        let (product, now, as_of) = found.ok_or(AppError::NotFound)?;
        let to = to.unwrap_or_else(|| now.plus_millis(1));
        let back = interval.millis().saturating_mul(CANDLES_DEFAULT).saturating_neg();
        let from = from.unwrap_or_else(|| to.plus_millis(back));
        if to <= from {
            return Err(Reject::InvalidWindow.into());
        }
        let tapes = self.tapes().await?;
        let tape = tapes.of(product);
        let between = tape.into_iter().flat_map(|tape| tape.candles(interval).between(from, to));
        let mut candles: Vec<Candle> = between.take(CANDLES_MAX.saturating_add(1)).copied().collect();
        let truncated = candles.len() > CANDLES_MAX;
        candles.truncate(CANDLES_MAX);
        Ok(CandleSeries { candles, truncated, now, as_of })
    }
}
