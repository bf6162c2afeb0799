//! `/v1/markets/{symbol}/depth`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::words::{PerWord, StripWord};
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathSymbol, Query};
use crate::api::problem::Problem;
use crate::api::wire::{DeliveryTime, Instant, UsdPerHour, Whole};
use crate::app::analytics::depth::{LADDER, Need};
use crate::market::depth::Quote;
use crate::types::Window;
use crate::types::limits::GPUS_MAX;

/// How many GPUs, and for when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DepthQuery {
    /// From; the next full hour if absent.
    pub start: Option<DeliveryTime>,
    /// To; 24 hours after the start if absent.
    pub end: Option<DeliveryTime>,
    /// Instead of a start and an end: the next UTC day, the next week from Monday, or the next calendar month.
    pub strip: Option<StripWord>,
    /// How many GPUs; 1, 8, 16, 32, 64, 128, 256 and 1,024 if absent.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 1_000_000)]
    pub gpus: Option<Whole>,
    /// `hour`: say also what they would cost in each hour of the window, of at most 744 hours.
    pub per: Option<PerWord>,
}

/// What GPUs over a window would cost out of the asks that rest.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Depth)]
pub struct DepthAnswer {
    /// The product.
    pub symbol: String,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// Over the whole window, one for each amount of GPUs.
    pub data: Vec<DepthRow>,
    /// Hour by hour, if asked for: what `gpus`, else 8, would cost there as part of the window. An hour without asks has
    /// null prices.
    pub hours: Vec<DepthHour>,
    /// Whether asks beyond the 20,000 cheapest were left out, and something wanted.
    pub truncated: bool,
    /// The exchange's time.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// What so many GPUs would cost, taken from the cheapest ask on in whole lots.
#[derive(Debug, Serialize, ToSchema)]
pub struct DepthRow {
    /// GPUs asked for.
    pub gpus: u32,
    /// GPUs of them that could be had.
    pub available: u32,
    /// The price of the cheapest.
    pub best: Option<UsdPerHour>,
    /// The price of the last one; null if not all can be had.
    pub marginal: Option<UsdPerHour>,
    /// The mean price of those that can be had, half up to the micro-dollar.
    pub average: Option<UsdPerHour>,
}

/// What so many GPUs would cost in an hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct DepthHour {
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// What they would cost.
    #[serde(flatten)]
    pub quote: DepthRow,
}

/// Amount of GPUs that hours are quoted for unless the caller names one.
const HOURLY_GPUS: u32 = 8;

/// Shows what GPUs over a window would cost.
pub async fn depth(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<DepthQuery>,
) -> Reply<Answer<DepthAnswer>> {
    let (start, end) = (query.start.map(|time| time.0), query.end.map(|time| time.0));
    let need = match query.strip {
        Some(_) if start.is_some() || end.is_some() => {
            return Err(Problem::field("strip", "cannot be given with a start or an end"));
        }
        Some(word) => Need::Strip(word.0),
        None => Need::Window(start, end),
    };
    let gpus = query.gpus.map(amount).transpose()?;
    let amounts = gpus.map_or_else(|| LADDER.to_vec(), |gpus| vec![gpus]);
    let hourly = query.per.map(|_| gpus.unwrap_or(HOURLY_GPUS));
    let depth = api.app.depth(&symbol, need, &amounts, hourly).await?;
    Ok(Answer(DepthAnswer {
        symbol: symbol.into(),
        start: DeliveryTime(depth.window.start),
        end: DeliveryTime(depth.window.end),
        data: depth.quotes.iter().map(row).collect(),
        hours: depth.hours.iter().map(hour).collect(),
        truncated: depth.truncated,
        now: Instant(depth.now),
        as_of: depth.as_of,
    }))
}

fn amount(gpus: Whole) -> Result<u32, Problem> {
    let gpus = u32::try_from(gpus.0).ok().filter(|gpus| (1..=GPUS_MAX).contains(gpus));
    gpus.ok_or_else(|| Problem::field("gpus", format!("must be 1 to {GPUS_MAX}")))
}

fn row(quote: &Quote) -> DepthRow {
    DepthRow {
        gpus: quote.wanted,
        available: quote.available,
        best: quote.best.map(UsdPerHour),
        marginal: quote.marginal.map(UsdPerHour),
        average: quote.average.map(UsdPerHour),
    }
}

fn hour((window, quote): &(Window, Quote)) -> DepthHour {
    DepthHour { start: DeliveryTime(window.start), end: DeliveryTime(window.end), quote: row(quote) }
}
