//! `/v1/markets/{symbol}/stickiness`.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::PathSymbol;
use crate::api::wire::{Instant, UsdPerHour};
use crate::market::stickiness::{REPRICED_DAYS, Stickiness};
use crate::market::{GpuMinutes, Ratio};
use crate::types::Region;

/// How long sellers leave prices as they are, and how much supply asks more than the market pays. Amounts are GPU-hours as
/// decimal strings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stickiness)]
pub struct StickinessAnswer {
    /// The product.
    pub symbol: String,
    /// `gpubourse` (`gpubourse SIMULATED` if it was made up): the exchange's own asks, as the journal has them.
    pub source: &'static str,
    /// Repricings count for so many days.
    pub days: i64,
    /// The last index of the product.
    pub last_index: Option<UsdPerHour>,
    /// The whole product first, then each region that has an ask or a repricing, by name.
    pub data: Vec<RegionStickiness>,
    /// Whether more asks rest than the 100,000 cheapest, or the journal has more rows before the server's start than the newest
    /// 200,000, which are read.
    pub truncated: bool,
    /// The exchange's time; a figure over 250 asks or more is made once in a minute of it, and may be of the one before.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// The stickiness of a product's prices in one region, or in all.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegionStickiness {
    /// The region; null for the whole product.
    pub region: Option<String>,
    /// Prices set anew: an ask amended to another price, or cancelled and within a day replaced by its organization's new ask
    /// on the same source at another price.
    pub repricings: u64,
    /// Those that lowered the price.
    pub cuts: u64,
    /// Lower median of the days for which the changed prices had stood.
    #[schema(example = "3.2500")]
    pub median_days: Option<String>,
    /// Lower median of `new price / old price - 1`.
    #[schema(example = "-0.0500")]
    pub median_change: Option<String>,
    /// Resting asks.
    pub asks: u64,
    /// Lower median of the days for which the prices of resting asks have stood so far.
    pub median_standing_days: Option<String>,
    /// What resting asks offer.
    pub offered: String,
    /// Offered at more than 1.2 times the last index; null without an index.
    pub above_index: Option<String>,
    /// `above_index / offered`.
    pub above_index_share: Option<String>,
    /// Offered by resellers.
    pub resale_offered: String,
    /// Offered by resellers that paid more than the last index; null without an index.
    pub resale_underwater: Option<String>,
    /// `resale_underwater / resale_offered`.
    pub resale_underwater_share: Option<String>,
    /// Of `resale_underwater`: offered at what its reseller paid, or more.
    pub held_at_cost: Option<String>,
    /// `held_at_cost / resale_underwater`: 1 if nobody under water sells below cost.
    pub held_at_cost_share: Option<String>,
}

/// Shows how long sellers leave prices as they are.
pub async fn stickiness(api: Data<Api>, PathSymbol(symbol): PathSymbol) -> Reply<Answer<StickinessAnswer>> {
    let made = api.app.stickiness(&symbol).await?;
    Ok(Answer(StickinessAnswer {
        symbol: symbol.into(),
        source: api.app.source(),
        days: REPRICED_DAYS,
        last_index: made.figure.index.map(UsdPerHour),
        data: made.figure.rows.iter().map(|(region, row)| shown(region.as_ref(), row)).collect(),
        truncated: made.truncated,
        now: Instant(made.now),
        as_of: made.as_of,
    }))
}

fn shown(region: Option<&Region>, row: &Stickiness) -> RegionStickiness {
    let ratio = |ratio: Option<Ratio>| ratio.map(|ratio| ratio.to_string());
    let hours = |amount: Option<GpuMinutes>| amount.map(GpuMinutes::hours);
    RegionStickiness {
        region: region.map(|region| region.as_str().to_owned()),
        repricings: row.repricings,
        cuts: row.cuts,
        median_days: ratio(row.median_days),
        median_change: ratio(row.median_change),
        asks: row.sources.asks,
        median_standing_days: ratio(row.median_standing_days),
        offered: row.sources.offered.hours(),
        above_index: hours(row.sources.above_index),
        above_index_share: ratio(row.sources.above_index_share),
        resale_offered: row.sources.reseller.offered.hours(),
        resale_underwater: hours(row.sources.resale_underwater),
        resale_underwater_share: ratio(row.sources.resale_underwater_share),
        held_at_cost: hours(row.held_at_cost),
        held_at_cost_share: ratio(row.held_at_cost_share),
    }
}
