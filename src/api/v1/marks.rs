//! `/v1/organizations/{id}/marks`.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use super::products::PageQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathId, Query};
use crate::api::page::{self, Page};
use crate::api::wire::{DeliveryTime, Id, Instant, Usd, UsdPerHour};
use crate::app::facade::Caller;
use crate::app::marks::{Marked, Totals};
use crate::types::{Kind, PublicId};

/// Open contracts of an organization against the forward curve.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Marks)]
pub struct MarksAnswer {
    /// Contracts, newest first.
    pub data: Vec<MarkRow>,
    /// Give it as `cursor` to read on; null at the end.
    pub next_cursor: Option<String>,
    /// Over everything bought, on all pages.
    pub bought: MarkTotals,
    /// Over everything sold, on all pages.
    pub sold: MarkTotals,
    /// What would be gained or, below zero, lost in all.
    pub result: Usd,
    /// Whether there are more open contracts than the newest 10,000, which are marked.
    pub truncated: bool,
    /// The exchange's time.
    pub now: Instant,
    /// The journal row it reflects, at least.
    pub as_of: i64,
}

/// An open contract against the forward curve.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mark)]
pub struct MarkRow {
    /// The contract.
    pub contract_id: Id,
    /// `bought`: the organization holds the GPUs; `sold`: it sells them.
    pub side: &'static str,
    /// What is delivered.
    #[schema(example = "h100-sxm-80gb")]
    pub product: String,
    /// How many GPUs.
    pub gpus: u32,
    /// From: its own start, or the next minute once it has begun.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// At what price.
    pub price: UsdPerHour,
    /// The mean mark of the months it is delivered in, weighted by its hours there; null without a curve, as are those
    /// below.
    pub mark: Option<UsdPerHour>,
    /// GPU-hours left.
    #[schema(example = "1536.0000")]
    pub remaining: Option<String>,
    /// `remaining * price`, before fees.
    pub cost: Option<Usd>,
    /// `remaining * mark`.
    pub value: Option<Usd>,
    /// `value - cost` if bought, `cost - value` if sold.
    pub result: Option<Usd>,
    /// Whether the mark of any of its months rests on anything but trades.
    pub thin: Option<bool>,
}

/// Sums of marks.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarkTotals {
    /// Contracts that could be marked.
    pub contracts: u64,
    /// GPU-hours left of them.
    #[schema(example = "1536.0000")]
    pub remaining: String,
    /// At their own prices.
    pub cost: Usd,
    /// At the curve's.
    pub value: Usd,
    /// What would be gained or, below zero, lost.
    pub result: Usd,
}

/// Lists an organization's open contracts against the forward curve.
pub async fn list(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    Query(query): Query<PageQuery>,
) -> Reply<Answer<MarksAnswer>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let marks = api.app.marks(&caller, id.0).await?;
    let Page { data, next_cursor, .. } = Page::of(marks.page(slice), |row| show(&row));
    Ok(Answer(MarksAnswer {
        data,
        next_cursor,
        bought: totals(&marks.bought),
        sold: totals(&marks.sold),
        result: Usd(marks.result),
        truncated: marks.truncated,
        now: Instant(marks.now),
        as_of: marks.as_of,
    }))
}

fn show(row: &Marked) -> MarkRow {
    let id = PublicId { created_at: row.created_at, kind: Kind::Contract, number: row.contract.number() };
    MarkRow {
        contract_id: id.into(),
        side: if row.sold { "sold" } else { "bought" },
        product: row.product.to_string(),
        gpus: row.gpus,
        start: DeliveryTime(row.window.start),
        end: DeliveryTime(row.window.end),
        price: UsdPerHour(row.price),
        mark: row.mark.and_then(|mark| mark.price).map(UsdPerHour),
        remaining: row.mark.map(|mark| mark.remaining.hours()),
        cost: row.mark.map(|mark| Usd(mark.cost)),
        value: row.mark.map(|mark| Usd(mark.value)),
        result: row.result.map(Usd),
        thin: row.mark.map(|mark| mark.thin),
    }
}

fn totals(totals: &Totals) -> MarkTotals {
    MarkTotals {
        contracts: totals.contracts,
        remaining: totals.remaining.hours(),
        cost: Usd(totals.cost),
        value: Usd(totals.value),
        result: Usd(totals.result),
    }
}
