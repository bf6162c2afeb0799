//! `/v1/markets/{symbol}/index`, `/drawdown` and `/supply`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::oversupply::region;
use super::words::{MarketWord, TenorWord};
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathSymbol, Query};
use crate::api::problem::Problem;
use crate::api::wire::{Instant, UsdPerHour};
use crate::app::analytics::SeriesStanding;
use crate::app::supply::SUPPLY_DAYS_MAX;
use crate::market::drawdown::{Leg, Piecewise, Point, Trough};
use crate::market::index::{Fixed, Slice};
use crate::market::supply::DaySupply;
use crate::market::{Day, Ratio};

const SUPPLY_DAYS_DEFAULT: u32 = 30;
/// Days before the last that an index shows if nobody says from when on.
const INDEX_DAYS_DEFAULT: u32 = 366;

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DaysQuery {
    /// The first day; its time of day does not matter.
    pub from: Option<Instant>,
    /// The last day.
    pub to: Option<Instant>,
}

/// Which days of which index.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct IndexQuery {
    /// The first day, at most five years ago; its time of day does not matter. 366 days before the last if absent.
    pub from: Option<Instant>,
    /// The last day.
    pub to: Option<Instant>,
    /// Only GPUs that stand in this region.
    pub region: Option<String>,
    /// Only rentals of this length, the longest bucket that the window fills: under a day, 1, 7, 28, 89, 180 days.
    pub tenor: Option<TenorWord>,
    /// Only sales out of listings (`primary`) or out of contracts (`resale`).
    pub market: Option<MarketWord>,
}

/// The daily index of a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Index)]
pub struct IndexAnswer {
    /// The product.
    pub symbol: String,
    /// `gpubourse`; `gpubourse SIMULATED` if it was made up.
    pub source: &'static str,
    /// `trade`: from the exchange's own trades.
    pub kind: &'static str,
    /// One fix for each day, oldest first; today's is provisional.
    pub data: Vec<IndexFix>,
    /// Whether fixes before the first were left out.
    pub truncated: bool,
    /// Whether the last fix is thin, or there is none.
    pub thin: bool,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// The index of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct IndexFix {
    /// The UTC day.
    #[schema(example = "2026-12-01")]
    pub day: String,
    /// The index.
    pub price: UsdPerHour,
    /// Whether there were too few trades.
    pub thin: bool,
    /// What it was made from: `trades`, `asks` or `carried`.
    pub from: &'static str,
    /// How many trades or asks are in it.
    pub inputs: usize,
    /// How many trades were left out as too far from the median.
    pub dropped: usize,
    /// SHA-256 over the rule's version, the day (since 1970) and each input's number, price in micro-USD and weight in
    /// GPU-minutes (asks: GPUs), all as eight bytes, big-endian.
    pub inputs_hash: String,
    /// The rule it was made by.
    pub rule_version: u32,
    /// Which publication of this day it is, from 1 on; a recall makes a new one. Nothing before it is published: today, and a
    /// day that carries the one before.
    pub version: Option<u32>,
}

/// Where the price series of a product stand; the own index first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Drawdowns {
    /// The product.
    pub symbol: String,
    /// One for each series; own trades and imported prices are never mixed.
    pub data: Vec<DrawdownRow>,
}

/// Where a price series stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct DrawdownRow {
    /// Who says so.
    pub source: String,
    /// What kind of price it is.
    pub kind: String,
    /// The variant of the kind that is a series of its own, such as `1y`.
    pub term: Option<String>,
    /// Where, if stated.
    pub region: Option<String>,
    /// The first price.
    pub first: PricePoint,
    /// The highest price.
    pub peak: PricePoint,
    /// The last price.
    pub current: PricePoint,
    /// `current / peak - 1`.
    #[schema(example = "-0.1905")]
    pub drawdown: Option<String>,
    /// From the peak's day to the last price's.
    pub days_since_peak: u32,
    /// Days on which a price stood below the highest before it; a price holds until the next.
    pub days_under_water: u32,
    /// The lowest price since the peak; null if the peak is the last price.
    pub trough: Option<TroughAnswer>,
    /// The path in its corners.
    pub piecewise: PiecewiseAnswer,
}

/// The path of a price in its corners.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Piecewise)]
pub struct PiecewiseAnswer {
    /// In words: from the peak to the trough in so many days, and back to where it is.
    #[schema(example = "8.00 -> 2.00 in 512 days; back to 2.60")]
    pub says: String,
    /// From the first price to the peak, to the trough, to the last price.
    pub legs: Vec<PathLeg>,
}

/// A straight piece of the path of a price.
#[derive(Debug, Serialize, ToSchema)]
pub struct PathLeg {
    /// Where it begins.
    pub from: PricePoint,
    /// Where it ends.
    pub to: PricePoint,
    /// `to / from - 1`.
    #[schema(example = "-0.7500")]
    pub change: Option<String>,
    /// From the one's day to the other's.
    pub days: u32,
}

/// A price at a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct PricePoint {
    /// When.
    pub at: Instant,
    /// How much.
    pub price: UsdPerHour,
}

/// The lowest price since the peak.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Trough)]
pub struct TroughAnswer {
    /// When.
    pub at: Instant,
    /// How much.
    pub price: UsdPerHour,
    /// `trough / peak - 1`.
    pub drawdown: Option<String>,
    /// `current / trough - 1`.
    pub rebound: Option<String>,
    /// From the peak's day to the trough's.
    pub days: u32,
    /// From the peak's day to the first price at or below `(peak + trough) / 2`: the half-life of the fall.
    pub half_life_days: Option<u32>,
}

/// Supply and demand of a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Supply)]
pub struct SupplyAnswer {
    /// The product.
    pub symbol: String,
    /// One for each delivery day.
    pub data: Vec<SupplyDay>,
    /// Whether there were more orders than are looked at: 100,000 open ones of a side and, of those that had ended before this
    /// server started, the newest 500,000.
    pub truncated: bool,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// Supply and demand of a delivery day; amounts are GPU-hours as decimal strings.
#[derive(Debug, Serialize, ToSchema)]
pub struct SupplyDay {
    /// The UTC day.
    pub day: String,
    /// Offered, out of listings and contracts.
    #[schema(example = "1536.0000")]
    pub offered: String,
    /// Offered, out of contracts.
    pub resale_offered: String,
    /// Contracted out of listings: up to today what was sold for the day, from tomorrow on what live contracts cover.
    pub contracted: String,
    /// Contracted out of contracts: the same hours once more.
    pub resale_contracted: String,
    /// Wanted.
    pub bid: String,
    /// Passed free in asks out of listings.
    pub expired_unsold: String,
    /// Passed free in asks out of contracts.
    pub resale_expired_unsold: String,
    /// `contracted / (contracted + expired_unsold)`.
    pub sell_through: Option<String>,
    /// `offered / mean sold per day over the last 30 days`.
    pub days_of_supply: Option<String>,
    /// `resale_offered / offered`.
    pub resale_share: Option<String>,
    /// Median resale ask against median primary ask, minus one.
    pub resale_discount: Option<String>,
}

/// Shows the daily index of a product.
pub async fn index(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<IndexQuery>,
) -> Reply<Answer<IndexAnswer>> {
    let index = api.app.index_of(&symbol, &slice(&query)?).await?;
    let last = query.to.map_or(Day::new(u32::MAX), |to| Day::of(to.0));
    let newest = index.fixes.last().map_or(last, |fix| fix.day.min(last));
    let year = Day::new(newest.get().saturating_sub(INDEX_DAYS_DEFAULT));
    let first = query.from.map_or(year, |from| Day::of(from.0));
    let left_out = query.from.is_none() && index.fixes.first().is_some_and(|fix| fix.day < first);
    let fixes = index.fixes.iter().filter(|fix| (first..=last).contains(&fix.day));
    let data: Vec<_> = fixes.map(|fix| show_fix(fix)).collect();
    let thin = data.last().is_none_or(|fix| fix.thin);
    Ok(Answer(IndexAnswer {
        symbol: symbol.into(),
        source: api.app.source(),
        kind: "trade",
        data,
        truncated: index.truncated || left_out,
        thin,
        as_of: index.as_of,
    }))
}

/// Shows where the price series of a product stand.
pub async fn drawdown(api: Data<Api>, PathSymbol(symbol): PathSymbol) -> Reply<Answer<Drawdowns>> {
    let data = api.app.drawdowns(&symbol).await?.into_iter().map(show_standing).collect();
    Ok(Answer(Drawdowns { symbol: symbol.into(), data }))
}

/// Shows supply and demand per delivery day; 30 days from today if not said otherwise.
pub async fn supply(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<DaysQuery>,
) -> Reply<Answer<SupplyAnswer>> {
    let today = || Day::of(api.app.live().read(|view| view.now));
    let first = query.from.map_or_else(today, |from| Day::of(from.0));
    let default = Day::new(first.get().saturating_add(SUPPLY_DAYS_DEFAULT.saturating_sub(1)));
    let last = query.to.map_or(default, |to| Day::of(to.0));
    if last < first || last.days_since(first) >= SUPPLY_DAYS_MAX {
        return Err(Problem::of("invalid_window").saying(format!("1 to {SUPPLY_DAYS_MAX} days can be asked for")));
    }
    let supply = api.app.supply(&symbol, first, last).await?;
    let data = supply.figure.iter().map(show_day).collect();
    let (truncated, as_of) = (supply.truncated, supply.as_of);
    Ok(Answer(SupplyAnswer { symbol: symbol.into(), data, truncated, as_of }))
}

/// Returns the slice that is asked for.
pub(super) fn slice(query: &IndexQuery) -> Result<Slice, Problem> {
    Ok(Slice {
        region: region(query.region.as_deref())?,
        tenor: query.tenor.as_ref().map(|word| word.0),
        primary: query.market.as_ref().map(|word| word.0),
    })
}

fn show_fix(fix: &Fixed) -> IndexFix {
    IndexFix {
        day: fix.day.to_string(),
        price: UsdPerHour(fix.price),
        thin: fix.thin,
        from: fix.origin.as_str(),
        inputs: fix.inputs,
        dropped: fix.dropped.len(),
        inputs_hash: fix.hash.clone(),
        version: fix.version,
        rule_version: fix.rule_version,
    }
}

fn show_standing(series: SeriesStanding) -> DrawdownRow {
    let SeriesStanding { source, kind, term, region, standing } = series;
    DrawdownRow {
        source,
        kind,
        term: Some(term).filter(|term| !term.is_empty()),
        region,
        first: point(standing.first),
        peak: point(standing.peak),
        current: point(standing.current),
        drawdown: ratio(standing.drawdown),
        days_since_peak: standing.days_since_peak,
        days_under_water: standing.days_under_water,
        trough: standing.trough.map(show_trough),
        piecewise: show_piecewise(standing.piecewise()),
    }
}

fn show_trough(trough: Trough) -> TroughAnswer {
    let PricePoint { at, price } = point(trough.point);
    TroughAnswer {
        at,
        price,
        drawdown: ratio(trough.drawdown),
        rebound: ratio(trough.rebound),
        days: trough.days,
        half_life_days: trough.half_life_days,
    }
}

fn show_piecewise(Piecewise { legs, says }: Piecewise) -> PiecewiseAnswer {
    let show =
        |leg: Leg| PathLeg { from: point(leg.from), to: point(leg.to), change: ratio(leg.change), days: leg.days };
    PiecewiseAnswer { says, legs: legs.into_iter().map(show).collect() }
}

fn show_day(day: &DaySupply) -> SupplyDay {
    SupplyDay {
        day: day.day.to_string(),
        offered: day.offered.hours(),
        resale_offered: day.resale_offered.hours(),
        contracted: day.contracted.hours(),
        resale_contracted: day.resale_contracted.hours(),
        bid: day.bid.hours(),
        expired_unsold: day.expired_unsold.hours(),
        resale_expired_unsold: day.resale_expired_unsold.hours(),
        sell_through: ratio(day.sell_through),
        days_of_supply: ratio(day.days_of_supply),
        resale_share: ratio(day.resale_share),
        resale_discount: ratio(day.resale_discount),
    }
}

fn point(point: Point) -> PricePoint {
    PricePoint { at: Instant(point.at), price: UsdPerHour(point.price) }
}

fn ratio(ratio: Option<Ratio>) -> Option<String> {
    ratio.map(|ratio| ratio.to_string())
}
