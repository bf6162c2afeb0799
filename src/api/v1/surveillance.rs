//! `/v1/admin/surveillance`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::contracts::{Party, party};
use super::surveillance_file;
use super::words::FormatWord;
use crate::api::Api;
use crate::api::answer::{Form, Reply};
use crate::api::extract::{AcceptsCsv, Query};
use crate::api::problem::Problem;
use crate::api::wire::{Id, Instant, Usd, UsdPerHour, Whole};
use crate::app::analytics::kept::Made;
use crate::app::analytics::surveillance::{DAYS, DAYS_MAX, Hints, Moved};
use crate::app::facade::{App, Caller};
use crate::app::face::Faces;
use crate::market::Ratio;
use crate::market::surveillance::cancels::Cancelling;
use crate::market::surveillance::fixes::Left;
use crate::market::surveillance::pairs::{Sold, WashPair};
use crate::types::{Kind, PublicId, TradeId};

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SurveillanceQuery {
    /// Days looked at, today among them; 30 if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 90)]
    pub days: Option<Whole>,
    /// `csv` for a file for spreadsheets, also by `Accept: text/csv`; `json` if absent.
    pub format: Option<FormatWord>,
}

/// Where whoever looks after the market should look first; none of it is a finding. Amounts are GPU-hours as decimal strings. Trades
/// that were recalled are in none of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Surveillance)]
pub struct SurveillanceAnswer {
    /// `gpubourse` (`gpubourse SIMULATED` if it was made up): the exchange's own trades and orders.
    pub source: &'static str,
    /// Days that were asked for, today among them.
    pub days: u32,
    /// From when on: the first instant of the first of those days of which every trade is among those looked at.
    pub since: Instant,
    /// Trades looked at: those since then, at most the newest 50,000.
    pub trades: u64,
    /// Organizations of which each sold the same product to the other, by what came back; at most 100.
    pub wash_pairs: Vec<WashPairAnswer>,
    /// Organizations that cancelled at least 5 orders near the best price: those without fills first, then by the ratio; at most 100.
    pub cancellations: Vec<CancellationsAnswer>,
    /// Trades and organizations without which the index of a day would differ by 0.5 % or more, what moved one most first; at
    /// most 100. Of a day, the 50 trades and the 50 organizations of the most GPU-hours are left out in turn.
    pub fix_movers: Vec<FixMover>,
    /// Whether there were more than 100 of a kind.
    pub more: bool,
    /// Whether there were more trades, orders or ways to leave something out than are looked at.
    pub truncated: bool,
    /// The exchange's time; hints over 250 trades and orders or more are made once in a minute of it, and may be of the one before.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// Two organizations of which each sold the same product to the other.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WashPair)]
pub struct WashPairAnswer {
    /// What they traded.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// One of them.
    pub first: Party,
    /// The other.
    pub second: Party,
    /// What the first sold to the second.
    pub sold: SoldAnswer,
    /// What the second sold to the first.
    pub bought: SoldAnswer,
    /// Trades that brought back what the other had sold at most 24 hours before.
    pub round_trips: u64,
    /// What they brought back: of each trade, of the other's trades before it, the oldest first, each GPU-minute once.
    pub returned: String,
    /// What they traded with each other, of all that either traded of the product.
    #[schema(example = "0.8750")]
    pub share: Option<String>,
    /// The contracts of their newest trades with each other, newest first, at most 5.
    pub contract_ids: Vec<Id>,
}

/// What one sold to the other.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WashPairSold)]
pub struct SoldAnswer {
    /// Trades.
    pub trades: u64,
    /// GPU-hours.
    #[schema(example = "1536.0000")]
    pub gpu_hours: String,
    /// Price times GPU-hours, of each trade rounded down.
    pub value: Usd,
}

/// What became of an organization's orders that were placed near the best price of a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cancellations)]
pub struct CancellationsAnswer {
    /// What was traded.
    pub product: String,
    /// Whose orders.
    pub organization: Party,
    /// Orders that were placed at most 5 % worse than the best price that rested on their side then, of the newest 50,000 orders.
    pub near: u64,
    /// Of them: cancelled by their organization without a fill.
    pub cancelled: u64,
    /// Of them: with a fill.
    pub filled: u64,
    /// `cancelled / filled`.
    #[schema(example = "12.5000")]
    pub cancelled_to_filled: Option<String>,
    /// Lower median of the minutes for which the cancelled ones stood.
    pub median_minutes: Option<String>,
    /// The newest that were cancelled, newest first, at most 5.
    pub order_ids: Vec<Id>,
}

/// What moved a fix.
#[derive(Debug, Serialize, ToSchema)]
pub struct FixMover {
    /// Of which product.
    pub product: String,
    /// Of which UTC day.
    #[schema(example = "2026-12-01")]
    pub day: String,
    /// The organization, if all that it bought and sold on that day is left out.
    pub organization: Option<Party>,
    /// The trade, if one is left out.
    pub trade_id: Option<Id>,
    /// The contract of that trade.
    pub contract_id: Option<Id>,
    /// How many trades are left out.
    pub trades: u64,
    /// Their GPU-hours.
    pub gpu_hours: String,
    /// The index of the day.
    pub index: UsdPerHour,
    /// The index without them; null if there would be none.
    pub without: Option<UsdPerHour>,
    /// Whether the day would be thin without them.
    pub thin_without: bool,
    /// `index / without - 1`.
    #[schema(example = "0.0125")]
    pub moved: Option<String>,
}

/// Shows where to look.
pub async fn get(
    api: Data<Api>,
    caller: Caller,
    Query(query): Query<SurveillanceQuery>,
    accepts: AcceptsCsv,
) -> Reply<Form<SurveillanceAnswer>> {
    let days = match query.days {
        None => DAYS,
        Some(Whole(days)) => u32::try_from(days)
            .ok()
            .filter(|days| (1..=DAYS_MAX).contains(days))
            .ok_or_else(|| Problem::field("days", format!("must be 1 to {DAYS_MAX}")))?,
    };
    let made = api.app.surveillance(&caller, days).await?;
    let answer = show(&api.app, days, &made)?;
    Ok(match query.format.map_or(accepts.0, |format| format.0) {
        true => Form::File(surveillance_file::NAME.to_owned(), surveillance_file::text(&answer)),
        false => Form::Document(Box::new(answer)),
    })
}

/// Returns hints as they look outside.
///
/// # Errors
/// If they name what does not exist: a bug.
pub fn show(app: &App, days: u32, made: &Made<Hints>) -> Result<SurveillanceAnswer, Problem> {
    let hints = &made.figure;
    Ok(SurveillanceAnswer {
        source: app.source(),
        days,
        since: Instant(hints.since),
        trades: u64::try_from(hints.trades).unwrap_or(u64::MAX),
        wash_pairs: hints.pairs.iter().map(|row| show_pair(app, hints, row)).collect::<Result<_, _>>()?,
        cancellations: hints
            .cancellings
            .iter()
            .map(|row| show_cancelling(app, hints, row))
            .collect::<Result<_, _>>()?,
        fix_movers: hints.movers.iter().map(|row| show_mover(app, hints, row)).collect::<Result<_, _>>()?,
        more: hints.more,
        truncated: made.truncated,
        now: Instant(made.now),
        as_of: made.as_of,
    })
}

fn show_pair(app: &App, hints: &Hints, row: &WashPair) -> Result<WashPairAnswer, Problem> {
    let contracts = |faces: Faces<'_>| -> Result<_, Problem> {
        let ids = row.contracts.iter().map(|id| Ok(faces.contract(*id)?.into()));
        Ok((faces.symbol(row.product)?.into(), ids.collect::<Result<_, Problem>>()?))
    };
    let (product, contract_ids) = app.live().read(|view| contracts(Faces::new(view, &hints.mentioned)))?;
    Ok(WashPairAnswer {
        product,
        first: party(app, row.first, &hints.mentioned)?,
        second: party(app, row.second, &hints.mentioned)?,
        sold: show_sold(&row.sold),
        bought: show_sold(&row.bought),
        round_trips: row.round_trips,
        returned: row.returned.hours(),
        share: text(row.share),
        contract_ids,
    })
}

fn show_sold(sold: &Sold) -> SoldAnswer {
    SoldAnswer { trades: sold.trades, gpu_hours: sold.amount.hours(), value: Usd(sold.value) }
}

fn show_cancelling(app: &App, hints: &Hints, row: &Cancelling) -> Result<CancellationsAnswer, Problem> {
    let orders = |faces: Faces<'_>| -> Result<_, Problem> {
        let ids = row.orders.iter().map(|id| Ok(faces.order(*id)?.into()));
        Ok((faces.symbol(row.product)?.into(), ids.collect::<Result<_, Problem>>()?))
    };
    let (product, order_ids) = app.live().read(|view| orders(Faces::new(view, &hints.mentioned)))?;
    Ok(CancellationsAnswer {
        product,
        organization: party(app, row.organization, &hints.mentioned)?,
        near: row.near,
        cancelled: row.cancelled,
        filled: row.filled,
        cancelled_to_filled: text(row.ratio),
        median_minutes: text(row.median_minutes),
        order_ids,
    })
}

fn show_mover(app: &App, hints: &Hints, row: &Moved) -> Result<FixMover, Problem> {
    let Moved { product, mover, contract } = *row;
    let contract = contract.map(|id| app.live().read(|view| Faces::new(view, &hints.mentioned).contract(id)));
    let contract = contract.transpose()?;
    let (organization, trade) = match mover.left_out {
        Left::Organization(id) => (Some(party(app, id, &hints.mentioned)?), None),
        Left::Trade(trade) => (None, Some(trade)),
    };
    // A trade and the contract it makes are made at once.
    let face = |trade: TradeId| {
        Some(PublicId { created_at: contract?.created_at, kind: Kind::Trade, number: trade.number() }.into())
    };
    Ok(FixMover {
        product: app.live().read(|view| Faces::new(view, &hints.mentioned).symbol(product))?.into(),
        day: mover.day.to_string(),
        organization,
        trade_id: trade.and_then(face),
        contract_id: contract.map(Id::from),
        trades: mover.trades,
        gpu_hours: mover.amount.hours(),
        index: UsdPerHour(mover.index),
        without: mover.without.map(UsdPerHour),
        thin_without: mover.is_thin,
        moved: text(mover.moved),
    })
}

fn text(ratio: Option<Ratio>) -> Option<String> {
    ratio.map(|ratio| ratio.to_string())
}
