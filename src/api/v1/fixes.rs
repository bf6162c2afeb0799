//! `/v1/markets/{symbol}/index/versions`: every fix as it was published, also those that a recall has replaced.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use super::analytics::{IndexQuery, slice};
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathSymbol, Query};
use crate::api::wire::{Instant, UsdPerHour};
use crate::app::analytics::index::Version;
use crate::market::Day;

/// The publications of an index.
#[derive(Debug, Serialize, ToSchema)]
pub struct IndexVersions {
    /// The product.
    pub symbol: String,
    /// Every publication of each day asked for, by day and version, of at most five years of days with one, the newest.
    pub data: Vec<IndexVersion>,
    /// Whether days before the first were left out.
    pub truncated: bool,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// A fix as it was published.
#[derive(Debug, Serialize, ToSchema)]
pub struct IndexVersion {
    /// The UTC day.
    #[schema(example = "2026-12-01")]
    pub day: String,
    /// Which publication of the day it is, from 1 on.
    pub version: u32,
    /// Whether it is the last one.
    pub current: bool,
    /// The index; nothing if its trades were recalled and there is no earlier fix.
    pub price: Option<UsdPerHour>,
    /// Whether there were too few trades.
    pub thin: bool,
    /// What it was made from: `trades`, `asks` or `carried`.
    pub from: &'static str,
    /// How many trades or asks are in it.
    pub inputs: u32,
    /// The least number of a trade or ask in it.
    pub first_input: Option<i64>,
    /// The greatest.
    pub last_input: Option<i64>,
    /// The numbers of trades between these that were too far from the median.
    pub dropped: Vec<i64>,
    /// SHA-256 over the rule's version, the day (since 1970) and each input's number, price in micro-USD and weight in
    /// GPU-minutes (asks: GPUs), all as eight bytes, big-endian.
    pub inputs_hash: String,
    /// The rule it was made by.
    pub rule_version: u32,
    /// When it was published.
    pub published_at: Instant,
    /// The journal row whose state it was made from.
    pub made_as_of: i64,
}

/// Shows every publication of the index of a product, by day.
pub async fn versions(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<IndexQuery>,
) -> Reply<Answer<IndexVersions>> {
    let first = query.from.as_ref().map_or(Day::new(0), |from| Day::of(from.0));
    let last = query.to.as_ref().map_or(Day::new(u32::MAX), |to| Day::of(to.0));
    let published = api.app.index_versions(&symbol, &slice(&query)?, (first, last)).await?;
    let data = published.versions.iter().map(show).collect();
    Ok(Answer(IndexVersions { symbol: symbol.into(), data, truncated: published.truncated, as_of: published.as_of }))
}

fn show(Version { version, current, published }: &Version) -> IndexVersion {
    let fix = &published.fix;
    IndexVersion {
        day: Day::new(fix.day).to_string(),
        version: *version,
        current: *current,
        price: fix.price.map(UsdPerHour),
        thin: fix.thin,
        from: fix.origin.as_str(),
        inputs: fix.inputs,
        first_input: fix.between.map(|(first, _)| first),
        last_input: fix.between.map(|(_, last)| last),
        dropped: fix.dropped.clone(),
        inputs_hash: fix.hash.clone(),
        rule_version: fix.rule_version,
        published_at: Instant(published.created_at),
        made_as_of: published.as_of,
    }
}
