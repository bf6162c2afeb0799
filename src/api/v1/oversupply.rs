//! `/v1/markets/{symbol}/oversupply` and `/sources`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::words::HorizonWord;
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathSymbol, Query};
use crate::api::problem::Problem;
use crate::api::wire::{Instant, Usd, UsdPerHour};
use crate::app::analytics::oversupply::{ROLLING_DAYS, Standing};
use crate::market::oversupply::{BALANCED_FROM, BALANCED_TO, Oversupply, WEIGHTS};
use crate::market::sources::{Share, Sources};
use crate::market::{GpuMinutes, Ratio};
use crate::types::Region;

const HORIZON_DAYS: u32 = 30;

/// Where, and how far back and ahead.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OversupplyQuery {
    /// Only GPUs that stand in this region, and bids that would take them.
    pub region: Option<String>,
    /// Days back and ahead, today among both; 30 if absent.
    pub horizon_days: Option<HorizonWord>,
}

/// Where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct RegionQuery {
    /// Only GPUs that stand in this region.
    pub region: Option<String>,
}

/// How much more is offered than taken. Amounts are GPU-hours as decimal strings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Oversupply)]
pub struct OversupplyAnswer {
    /// The product.
    pub symbol: String,
    /// `gpubourse` (`gpubourse SIMULATED` if it was made up): the exchange's own orders and trades.
    pub source: &'static str,
    /// The region, if one was named.
    pub region: Option<String>,
    /// Days back and ahead, today among both.
    pub horizon_days: u32,
    /// The oversupply index, 0 to 100: the mean of the components weighted by `weight`, half up; those that are null are
    /// left out, and with fewer than two there is none.
    pub index: Option<u32>,
    /// `short` below 35, `balanced` up to 65, `glut` above.
    pub state: Option<&'static str>,
    /// The least index of a balanced market.
    pub balanced_from: u32,
    /// The greatest index of a balanced market.
    pub balanced_to: u32,
    /// What the index is made of.
    pub components: Vec<Component>,
    /// Offered ahead, out of listings and contracts.
    #[schema(example = "1536.0000")]
    pub offered: String,
    /// Offered ahead, out of contracts.
    pub resale_offered: String,
    /// Wanted ahead at 0.9 times the last index or more; everything wanted if there is no index.
    pub bid_near: String,
    /// Sold out of listings by the trades of the days back, whenever it is delivered.
    pub sold: String,
    /// Sold out of listings for delivery on the days back, the rest of today included.
    pub delivered: String,
    /// Passed free in asks out of listings on the days back.
    pub expired_unsold: String,
    /// What that would have earned at the asks' last prices.
    pub expired_value: Usd,
    /// `resale_offered / offered`.
    pub resale_share: Option<String>,
    /// `offered / (sold / horizon_days)`.
    pub days_of_supply: Option<String>,
    /// `delivered / (delivered + expired_unsold)`.
    pub sell_through: Option<String>,
    /// `(offered - bid_near) / (offered + bid_near)`: -1 (only bids) to 1 (only asks).
    pub book_imbalance: Option<String>,
    /// The last index of the product.
    pub last_index: Option<UsdPerHour>,
    /// Contracts out of listings whose windows end within 30 and 90 days: what comes back to the market.
    pub rolling_off: Vec<RollingOff>,
    /// Whether more orders rest, or had ended before the server started, than are looked at.
    pub truncated: bool,
    /// The exchange's time; a figure over 250 orders or more is made once in a minute of it, and may be of the one before.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// A component of the oversupply index.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OversupplyComponent)]
pub struct Component {
    /// `unsold`: `expired_unsold / (delivered + expired_unsold)`; `cover`: `offered / (offered + sold)`; `imbalance`: the
    /// book's, at least 0; `resale`: `resale_offered / offered`.
    pub name: &'static str,
    /// 0 to 1; null without a denominator.
    #[schema(example = "0.7500")]
    pub value: Option<String>,
    /// Its weight, in hundredths.
    pub weight: u32,
}

/// Contracts that end.
#[derive(Debug, Serialize, ToSchema)]
pub struct RollingOff {
    /// Within so many days, today among them.
    pub days: u32,
    /// Contracts.
    pub contracts: u64,
    /// Their GPUs.
    pub gpus: u64,
}

/// Who is behind the supply: shares are of what resting asks offer. Amounts are GPU-hours as decimal strings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sources)]
pub struct SourcesAnswer {
    /// The product.
    pub symbol: String,
    /// `gpubourse` (`gpubourse SIMULATED` if it was made up): the exchange's own resting asks.
    pub source: &'static str,
    /// The region, if one was named.
    pub region: Option<String>,
    /// Resting asks.
    pub asks: u64,
    /// What they offer.
    #[schema(example = "1536.0000")]
    pub offered: String,
    /// Out of listings: hosts. An owner whose GPUs a host lists counts as that host.
    pub host: SourceShare,
    /// Out of contracts: resellers.
    pub reseller: SourceShare,
    /// Herfindahl-Hirschman index: the sum of squared shares of organizations; 1 is a monopoly.
    pub hhi: Option<String>,
    /// The last index of the product.
    pub last_index: Option<UsdPerHour>,
    /// Offered at more than 1.2 times the last index; null without an index.
    pub above_index: Option<String>,
    /// `above_index / offered`.
    pub above_index_share: Option<String>,
    /// Offered by resellers at less than they paid.
    pub resale_at_loss: String,
    /// `resale_at_loss / reseller.offered`.
    pub resale_at_loss_share: Option<String>,
    /// Offered by resellers that paid more than the last index; null without an index.
    pub resale_underwater: Option<String>,
    /// `resale_underwater / reseller.offered`.
    pub resale_underwater_share: Option<String>,
    /// Whether more asks rest than the 100,000 cheapest, which are in it.
    pub truncated: bool,
    /// The exchange's time; a figure over 250 asks or more is made once in a minute of it, and may be of the one before.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// What one kind of source offers.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceShare {
    /// Organizations.
    pub organizations: u64,
    /// What they offer.
    pub offered: String,
    /// `offered / all that is offered`.
    pub share: Option<String>,
}

/// Shows how much more is offered than taken.
pub async fn oversupply(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<OversupplyQuery>,
) -> Reply<Answer<OversupplyAnswer>> {
    let days = query.horizon_days.map_or(HORIZON_DAYS, |word| word.0);
    let made = api.app.oversupply(&symbol, region(query.region.as_deref())?, days).await?;
    let Standing { oversupply, index, rolling_off } = &made.figure;
    let Oversupply { flows, .. } = oversupply;
    Ok(Answer(OversupplyAnswer {
        symbol: symbol.into(),
        source: api.app.source(),
        region: query.region,
        horizon_days: days,
        index: oversupply.index,
        state: oversupply.state.map(|state| state.as_str()),
        balanced_from: BALANCED_FROM,
        balanced_to: BALANCED_TO,
        components: components(oversupply),
        offered: flows.offered.hours(),
        resale_offered: flows.resale_offered.hours(),
        bid_near: flows.bid_near.hours(),
        sold: flows.sold.hours(),
        delivered: flows.delivered.hours(),
        expired_unsold: flows.expired.hours(),
        expired_value: Usd(flows.expired_value),
        resale_share: ratio(oversupply.resale_share),
        days_of_supply: ratio(oversupply.days_of_supply),
        sell_through: ratio(oversupply.sell_through),
        book_imbalance: ratio(oversupply.book_imbalance),
        last_index: index.map(UsdPerHour),
        rolling_off: ROLLING_DAYS
            .iter()
            .zip(rolling_off)
            .map(|(days, (contracts, gpus))| RollingOff { days: *days, contracts: *contracts, gpus: *gpus })
            .collect(),
        truncated: made.truncated,
        now: Instant(made.now),
        as_of: made.as_of,
    }))
}

/// Shows who is behind the supply.
pub async fn sources(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<RegionQuery>,
) -> Reply<Answer<SourcesAnswer>> {
    let made = api.app.sources(&symbol, region(query.region.as_deref())?).await?;
    let Sources { asks, offered, host, reseller, .. } = made.figure.sources;
    let found = made.figure.sources;
    Ok(Answer(SourcesAnswer {
        symbol: symbol.into(),
        source: api.app.source(),
        region: query.region,
        asks,
        offered: offered.hours(),
        host: share(&host),
        reseller: share(&reseller),
        hhi: ratio(found.hhi),
        last_index: made.figure.index.map(UsdPerHour),
        above_index: found.above_index.map(GpuMinutes::hours),
        above_index_share: ratio(found.above_index_share),
        resale_at_loss: found.resale_at_loss.hours(),
        resale_at_loss_share: ratio(found.resale_at_loss_share),
        resale_underwater: found.resale_underwater.map(GpuMinutes::hours),
        resale_underwater_share: ratio(found.resale_underwater_share),
        truncated: made.truncated,
        now: Instant(made.now),
        as_of: made.as_of,
    }))
}

/// Reads the region of a query.
///
/// # Errors
/// `invalid_field` for what is not a region.
pub fn region(text: Option<&str>) -> Result<Option<Region>, Problem> {
    let parse = |text: &str| Region::new(text.to_owned()).ok_or_else(|| Problem::field("region", "is not a region"));
    text.map(parse).transpose()
}

fn components(oversupply: &Oversupply) -> Vec<Component> {
    let weighed = oversupply.components.iter().zip(WEIGHTS);
    weighed.map(|(value, (name, weight))| Component { name, value: ratio(*value), weight }).collect()
}

fn share(share: &Share) -> SourceShare {
    SourceShare { organizations: share.organizations, offered: share.offered.hours(), share: ratio(share.share) }
}

fn ratio(ratio: Option<Ratio>) -> Option<String> {
    ratio.map(|ratio| ratio.to_string())
}
