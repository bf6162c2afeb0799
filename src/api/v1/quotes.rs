//! `/v1/quotes`: imported prices. They are never mixed with the exchange's own trades.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::Query;
use crate::api::page::{self, Page};
use crate::api::wire::{Instant, UsdPerHour, Whole};
use crate::app::reads::{self, QuoteFilter};

/// An imported price.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quote {
    /// Who said so.
    pub source: String,
    /// What kind of price it is: `ask`, `on_demand`, `spot`, `committed`, `reserved` or `index`.
    pub kind: String,
    /// The variant of the kind that is a series of its own, such as `1y`.
    pub term: Option<String>,
    /// The product's symbol, or the model as published if it names no product.
    pub product: String,
    /// Where, if stated.
    pub region: Option<String>,
    /// When it held.
    pub observed_at: Instant,
    /// When it was fetched.
    pub fetched_at: Option<Instant>,
    /// The price as its source writes it.
    pub raw_price: String,
    /// What the raw price is for.
    pub raw_unit: String,
    /// How many GPUs the raw price is for.
    pub raw_count: Option<u32>,
    /// The price per GPU-hour.
    pub price: UsdPerHour,
    /// Whether it was old when it was fetched.
    pub stale: bool,
    /// Whether it lies far off its peers.
    pub outlier: bool,
    /// What its publisher says beside it.
    pub note: Option<String>,
}

/// Which quotes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct QuotesQuery {
    /// Of this product.
    #[param(example = "h100-sxm-80gb")]
    pub product: Option<String>,
    /// Of this source.
    pub source: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this region.
    pub region: Option<String>,
    /// Observed at or after.
    pub from: Option<Instant>,
    /// Observed before.
    pub to: Option<Instant>,
    /// Rows, 1 to 200; 50 if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<Whole>,
    /// The `next_cursor` of the page before.
    #[param(pattern = "^c1[0-9a-f]{16}$")]
    pub cursor: Option<String>,
}

/// Lists imported prices, newest import first.
pub async fn list(api: Data<Api>, Query(query): Query<QuotesQuery>) -> Reply<Answer<Page<Quote>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let filter = QuoteFilter {
        product: query.product,
        source: query.source,
        kind: query.kind,
        from: query.from.map(|time| time.0),
        region: query.region,
        until: query.to.map(|time| time.0),
    };
    let rows = api.app.quotes(filter, slice).await?;
    Ok(Answer(Page::of(rows, show)))
}

fn show(row: reads::Quote) -> Quote {
    let row = row.quote;
    let stated = |text: String| Some(text).filter(|text| !text.is_empty());
    Quote {
        source: row.source,
        kind: row.kind,
        term: stated(row.term),
        product: row.product,
        region: row.region,
        observed_at: Instant(row.observed_at),
        fetched_at: row.fetched_at.map(Instant),
        raw_price: row.raw_price,
        raw_unit: row.raw_unit,
        raw_count: row.raw_count,
        price: UsdPerHour(row.price),
        stale: row.stale,
        outlier: row.outlier,
        note: stated(row.note),
    }
}
