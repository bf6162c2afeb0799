//! `/v1/orders`.

use actix_web::web::Data;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

use super::order_answer::{OrderAnswer, show, show_standing};
use super::order_bodies::{BatchBody, NewOrderBody, OrderChangeBody};
use super::wallet::FreshQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Created, Reply};
use crate::api::extract::{Body, PathId, Query, RequestId};
use crate::api::page::{self, Page};
use crate::api::problem::{Problem, ProblemDocument};
use crate::api::wire::{Id, Usd, UsdPerHour, Whole};
use crate::app::catalogue::Accepted;
use crate::app::facade::{App, Caller};
use crate::app::trading::{OrderStanding, OrdersAsked, PreparedOrder};
use crate::types::{OrderReason, OrderStatus, Side};

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OrdersQuery {
    /// `live` for those that can still trade (from memory, as of `as_of`), or one status; all if absent.
    pub status: Option<StatusFilter>,
    /// Of this side.
    pub side: Option<Side>,
    /// Of this product.
    pub product: Option<String>,
    /// Rows, 1 to 200; 50 if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<Whole>,
    /// The `next_cursor` of the page before.
    #[param(pattern = "^c1[0-9a-f]{16}$")]
    pub cursor: Option<String>,
    /// Answer only as of this sequence or later; waits briefly, then 503.
    #[param(value_type = Option<i64>, minimum = 0)]
    pub min_sequence: Option<Whole>,
}

/// What orders can be listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(rename_all = "snake_case")]
pub enum StatusFilter {
    /// Open or partially filled.
    Live,
    /// Resting without fills.
    Open,
    /// Resting with fills.
    PartiallyFilled,
    /// Nothing left to trade.
    Filled,
    /// Ended before it was filled.
    Cancelled,
    /// Its time passed.
    Expired,
}

impl StatusFilter {
    const fn status(self) -> Option<OrderStatus> {
        match self {
            Self::Live => None,
            Self::Open => Some(OrderStatus::Open),
            Self::PartiallyFilled => Some(OrderStatus::PartiallyFilled),
            Self::Filled => Some(OrderStatus::Filled),
            Self::Cancelled => Some(OrderStatus::Cancelled),
            Self::Expired => Some(OrderStatus::Expired),
        }
    }
}

/// Which orders to cancel.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CancelQuery {
    /// Of this product only.
    pub product: Option<String>,
    /// Of this side only.
    pub side: Option<Side>,
}

/// The orders that were cancelled.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cancelled {
    /// Their ids.
    pub cancelled: Vec<Id>,
    /// The journal row this reflects.
    pub as_of: i64,
}

/// What an order would do if it were placed next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preview)]
pub struct PreviewAnswer {
    /// The fills it would make.
    pub fills: Vec<PreviewFill>,
    /// The mean price of the fills weighted by GPU-hours.
    pub average_price: Option<UsdPerHour>,
    /// What would be set aside for it at once, before it trades: a bid's worst case, an ask's bond.
    pub hold: Usd,
    /// How it would stand afterwards.
    pub status: OrderStatus,
    /// Why it would end, unless filled.
    pub reason: Option<OrderReason>,
    /// GPUs filled.
    pub filled_gpus: u32,
    /// GPUs left.
    pub remaining_gpus: u32,
}

/// A fill that would be made.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewFill {
    /// How many GPUs.
    pub gpus: u32,
    /// At what price.
    pub price: UsdPerHour,
}

/// What became of the orders of a batch, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// One result for each order.
    pub results: Vec<BatchResult>,
}

/// What became of one order of a batch: an order or a problem.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResult {
    /// The status it would have had alone: 201, 200 (a repeat) or that of its problem.
    pub status: u16,
    /// The order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderAnswer>,
    /// The problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemDocument>,
}

/// Places an order.
pub async fn place(api: Data<Api>, caller: Caller, Body(body): Body<NewOrderBody>) -> Reply<Created<OrderAnswer>> {
    let placed = api.app.place_order(&caller, body.order()?).await?;
    created(&api.app, &placed)
}

/// Says what placing an order next would do.
pub async fn preview(api: Data<Api>, caller: Caller, Body(body): Body<NewOrderBody>) -> Reply<Answer<PreviewAnswer>> {
    let (preview, now) = api.app.preview_order(&caller, body.order()?).await?;
    let fills = preview.fills.iter().map(|(_, gpus, price)| PreviewFill { gpus: *gpus, price: UsdPerHour(*price) });
    Ok(Answer(PreviewAnswer {
        fills: fills.collect(),
        average_price: preview.average_price.map(UsdPerHour),
        hold: Usd(preview.hold),
        status: preview.order.status,
        reason: preview.order.reason,
        filled_gpus: preview.order.filled_gpus,
        remaining_gpus: preview.order.remaining_gpus(now),
    }))
}

/// Places up to 100 orders, each independent of the others.
pub async fn batch(
    api: Data<Api>,
    caller: Caller,
    request_id: RequestId,
    Body(body): Body<BatchBody>,
) -> Reply<Answer<BatchAnswer>> {
    let (app, caller) = (&api.app, &caller);
    let mut prepared = Vec::with_capacity(body.orders.len());
    for value in body.orders {
        prepared.push(prepare(app, caller, value).await);
    }
    // An order is queued when it is first polled, and join_all polls in order: they arrive as they were given.
    let placed = join_all(prepared.into_iter().map(|prepared| async move {
        let placed = app.place_prepared(caller, prepared?).await?;
        created(app, &placed)
    }));
    let results = placed.await.into_iter().map(|result| batch_result(result, &request_id)).collect();
    Ok(Answer(BatchAnswer { results }))
}

/// Lists the caller's orders.
pub async fn list(
    api: Data<Api>,
    caller: Caller,
    Query(query): Query<OrdersQuery>,
) -> Reply<Answer<Page<OrderAnswer>>> {
    api.fresh(query.min_sequence).await?;
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let asked = OrdersAsked {
        live: query.status == Some(StatusFilter::Live),
        status: query.status.and_then(StatusFilter::status),
        side: query.side,
        product: query.product,
    };
    let found = api.app.orders(&caller, asked, slice).await?;
    let one = |order: Arc<_>| show(&api.app, &order, found.now, found.as_of, &found.mentioned);
    let shown = Page::of(found.orders, one);
    Ok(Answer(shown.transpose()?.as_of(found.as_of)))
}

/// Shows an order.
pub async fn get(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    Query(query): Query<FreshQuery>,
) -> Reply<Answer<OrderAnswer>> {
    api.fresh(query.min_sequence).await?;
    let standing = api.app.order(&caller, id.0).await?;
    Ok(Answer(show_standing(&api.app, &standing)?))
}

/// Amends an open order.
pub async fn amend(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    Body(body): Body<OrderChangeBody>,
) -> Reply<Answer<OrderAnswer>> {
    let standing = api.app.amend_order(&caller, id.0, body.into()).await?;
    Ok(Answer(show_standing(&api.app, &standing)?))
}

/// Cancels an open order.
pub async fn cancel(api: Data<Api>, caller: Caller, id: PathId) -> Reply<Answer<OrderAnswer>> {
    let standing = api.app.cancel_order(&caller, id.0).await?;
    Ok(Answer(show_standing(&api.app, &standing)?))
}

/// Cancels every open order of the caller's organization.
pub async fn cancel_all(api: Data<Api>, caller: Caller, Query(query): Query<CancelQuery>) -> Reply<Answer<Cancelled>> {
    let (cancelled, as_of) = api.app.cancel_orders(&caller, query.product.as_deref(), query.side).await?;
    Ok(Answer(Cancelled { cancelled: cancelled.into_iter().map(Id::from).collect(), as_of }))
}

async fn prepare(app: &App, caller: &Caller, value: Value) -> Result<PreparedOrder, Problem> {
    let order = NewOrderBody::of_value(value)?.order()?;
    Ok(app.prepare_order(caller, order).await?)
}

fn created(app: &App, placed: &Accepted<OrderStanding>) -> Reply<Created<OrderAnswer>> {
    let body = show_standing(app, &placed.value)?;
    Ok(Created { location: format!("/v1/orders/{}", body.id.0), body, replayed: placed.replayed })
}

fn batch_result(result: Reply<Created<OrderAnswer>>, request_id: &RequestId) -> BatchResult {
    match result {
        Ok(created) => {
            let status = if created.replayed { 200 } else { 201 };
            BatchResult { status, order: Some(created.body), problem: None }
        }
        Err(problem) => {
            let document = problem.document(&request_id.0);
            BatchResult { status: document.status, order: None, problem: Some(document) }
        }
    }
}
