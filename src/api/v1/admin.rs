//! `/v1/admin/organizations`, `/v1/admin/halts` and `/v1/admin/clock`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::products::{self, PageQuery, Product};
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, IdempotencyKey, PathId, Query};
use crate::api::page::{self, Page};
use crate::api::wire::{Id, Instant};
use crate::app::facade::Caller;
use crate::exchange::entities;
use crate::types::{Kind, OrganizationKind, PublicId, Tier};

/// Whoever trades.
#[derive(Debug, Serialize, ToSchema)]
pub struct Organization {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is in the market for.
    pub kind: OrganizationKind,
    /// Whether it may not place orders.
    pub suspended: bool,
    /// How well the exchange knows it.
    pub tier: Tier,
    /// When it registered.
    pub created_at: Instant,
}

/// Whether an organization shall be suspended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspensionBody {
    /// True suspends (its orders are cancelled, new ones refused), false reinstates.
    pub suspended: bool,
}

json_body!(SuspensionBody, {"suspended": true});

/// How well the exchange knows an organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierBody {
    /// How well.
    pub tier: Tier,
}

json_body!(TierBody, {"tier": "verified"});

/// Whether trading in a product shall be halted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HaltBody {
    /// Which product.
    pub symbol: String,
    /// True halts, false lifts the halt.
    pub halted: bool,
}

json_body!(HaltBody, {"symbol": "h100-sxm-80gb", "halted": true});

/// The halted products.
#[derive(Debug, Serialize, ToSchema)]
pub struct Halts {
    /// All of them.
    pub data: Vec<Product>,
}

/// Whether the server's clock is believed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockState {
    /// False: it has jumped ahead by more than 5 minutes, and nothing trades until an admin accepts that.
    pub believed: bool,
    /// How far it has jumped, in milliseconds.
    pub jump_ms: Option<i64>,
    /// The time up to which the exchange has done what was due.
    pub now: Instant,
}

/// Lists organizations.
pub async fn organizations(
    api: Data<Api>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Answer<Page<Organization>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let rows = api.app.organizations(&caller, slice)?;
    Ok(Answer(Page::of(rows, show)))
}

/// Suspends an organization or reinstates it.
pub async fn suspend(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<SuspensionBody>,
) -> Reply<Answer<Organization>> {
    Ok(Answer(show(api.app.suspend_organization(&caller, key.0, id.0, body.suspended).await?)))
}

/// Says how well the exchange knows an organization.
pub async fn set_tier(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<TierBody>,
) -> Reply<Answer<Organization>> {
    Ok(Answer(show(api.app.set_tier(&caller, key.0, id.0, body.tier).await?)))
}

/// Halts trading in a product or lifts the halt.
pub async fn halt(
    api: Data<Api>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body<HaltBody>,
) -> Reply<Answer<Product>> {
    let product = api.app.halt_product(&caller, key.0, &body.symbol, body.halted).await?;
    Ok(Answer(products::show(product)))
}

/// Lists the halted products.
pub async fn halts(api: Data<Api>, caller: Caller) -> Reply<Answer<Halts>> {
    let data = api.app.halts(&caller)?.into_iter().map(products::show).collect();
    Ok(Answer(Halts { data }))
}

/// Says whether the server's clock is believed.
pub async fn clock(api: Data<Api>, caller: Caller) -> Reply<Answer<ClockState>> {
    let state = api.app.clock_state(&caller)?;
    Ok(Answer(ClockState { believed: state.jump_ms.is_none(), jump_ms: state.jump_ms, now: Instant(state.now) }))
}

/// Accepts that the server's clock has jumped ahead.
pub async fn accept_clock(api: Data<Api>, caller: Caller) -> Reply<Answer<ClockState>> {
    api.app.accept_clock(&caller).await?;
    clock(api, caller).await
}

/// Returns an organization as it looks outside.
pub fn show(row: entities::Organization) -> Organization {
    let id = PublicId { created_at: row.created_at, kind: Kind::Organization, number: row.id.number() };
    Organization {
        id: id.into(),
        name: row.name,
        kind: row.kind,
        suspended: row.suspended,
        tier: row.tier,
        created_at: Instant(row.created_at),
    }
}
