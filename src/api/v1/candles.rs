//! `/v1/markets/{symbol}/candles`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::words::IntervalWord;
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathSymbol, Query};
use crate::api::wire::{Instant, UsdPerHour};
use crate::market::candles::Candle;
use crate::market::{GpuMinutes, Interval};

/// Which candles.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CandlesQuery {
    /// How long a candle is; `1d` if absent. Days are of UTC, weeks begin on Monday.
    pub interval: Option<IntervalWord>,
    /// Candles that begin at this time or later; 200 intervals before `to` if absent.
    pub from: Option<Instant>,
    /// Candles that begin before this time; now if absent.
    pub to: Option<Instant>,
}

/// Candles of a product's own trades.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Candles)]
pub struct CandlesAnswer {
    /// The product.
    pub symbol: String,
    /// `gpubourse`; `gpubourse SIMULATED` if it was made up.
    pub source: &'static str,
    /// `trade`: from the exchange's own trades, primary and resale.
    pub kind: &'static str,
    /// How long a candle is: `1h`, `1d` or `1w`.
    pub interval: &'static str,
    /// Oldest first, at most 1,000; an interval without trades has none.
    pub data: Vec<CandleRow>,
    /// Whether there are more after the last one.
    pub truncated: bool,
    /// The exchange's time; the candle it lies in is not finished.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// What was paid in an interval.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Candle)]
pub struct CandleRow {
    /// When it begins.
    pub start: Instant,
    /// The first trade's price.
    pub open: UsdPerHour,
    /// The highest price.
    pub high: UsdPerHour,
    /// The lowest price.
    pub low: UsdPerHour,
    /// The last trade's price.
    pub close: UsdPerHour,
    /// Sum of price times GPU-hours over sum of GPU-hours, half up to the micro-dollar.
    pub vwap: Option<UsdPerHour>,
    /// GPUs times hours traded.
    #[schema(example = "1536.0000")]
    pub gpu_hours: String,
    /// How many trades.
    pub trades: u64,
}

/// Shows candles of a product.
pub async fn candles(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<CandlesQuery>,
) -> Reply<Answer<CandlesAnswer>> {
    let interval = query.interval.map_or(Interval::Day, |word| word.0);
    let series = api.app.candles(&symbol, interval, query.from.map(|at| at.0), query.to.map(|at| at.0)).await?;
    Ok(Answer(CandlesAnswer {
        symbol: symbol.into(),
        source: api.app.source(),
        kind: "trade",
        interval: interval.as_str(),
        data: series.candles.iter().map(row).collect(),
        truncated: series.truncated,
        now: Instant(series.now),
        as_of: series.as_of,
    }))
}

fn row(candle: &Candle) -> CandleRow {
    CandleRow {
        start: Instant(candle.start),
        open: UsdPerHour(candle.open),
        high: UsdPerHour(candle.high),
        low: UsdPerHour(candle.low),
        close: UsdPerHour(candle.close),
        vwap: candle.vwap().map(UsdPerHour),
        gpu_hours: GpuMinutes::new(candle.gpu_minutes).hours(),
        trades: candle.trades,
    }
}
