//! `/v1/products`.

use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::answer::{Answer, Created, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, IdempotencyKey, PathSymbol, Query};
use crate::api::page::{self, Page};
use crate::api::wire::{Instant, UsdPerHour, Whole};
use crate::app::catalogue::NewProduct;
use crate::app::facade::Caller;
use crate::exchange::entities;
use crate::types::{Price, Symbol};

const TICK_DEFAULT: Price = Price::from_micros(1_000);

/// A tradable specification.
#[derive(Debug, Serialize, ToSchema)]
pub struct Product {
    /// Its name in the market.
    #[schema(example = "h100-sxm-80gb")]
    pub symbol: String,
    /// What it is, for people.
    pub name: String,
    /// Prices are multiples of it.
    pub tick: UsdPerHour,
    /// The exchange's fee on the seller's side, in basis points.
    pub fee_bps: u32,
    /// Whether new orders are refused.
    pub halted: bool,
    /// When it was made.
    pub created_at: Instant,
}

/// A product to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProductBody {
    /// Lower-case letters, digits and hyphens.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9-]{0,63}$")]
    pub symbol: Symbol,
    /// What it is, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Prices are multiples of it; "0.001" if absent.
    pub tick: Option<UsdPerHour>,
    /// The exchange's fee on the seller's side, in basis points; 0 if absent.
    pub fee_bps: Option<u32>,
}

json_body!(NewProductBody, {"symbol": "h100-sxm-80gb", "name": "NVIDIA H100 SXM 80 GB", "tick": "0.001", "fee_bps": 100});

/// A page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Rows, 1 to 200; 50 if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<Whole>,
    /// The `next_cursor` of the page before.
    #[param(pattern = "^c1[0-9a-f]{16}$")]
    pub cursor: Option<String>,
}

/// Makes a product.
pub async fn create(
    api: Data<Api>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body<NewProductBody>,
) -> Reply<Created<Product>> {
    let NewProductBody { symbol, name, tick, fee_bps } = body;
    let tick = tick.map_or(TICK_DEFAULT, |tick| tick.0);
    let new = NewProduct { symbol, name, tick, fee_bps: fee_bps.unwrap_or_default() };
    let made = api.app.create_product(&caller, key.0, new).await?;
    let location = format!("/v1/products/{}", made.value.symbol);
    Ok(Created { body: show(made.value), location, replayed: made.replayed })
}

/// Lists products.
pub async fn list(api: Data<Api>, Query(query): Query<PageQuery>) -> Reply<Answer<Page<Product>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let rows = api.app.products(slice);
    Ok(Answer(Page::of(rows, show)))
}

/// Shows a product.
pub async fn get(api: Data<Api>, PathSymbol(symbol): PathSymbol) -> Reply<Answer<Product>> {
    Ok(Answer(show(api.app.product(&symbol)?)))
}

/// Returns a product as it looks outside.
pub fn show(product: entities::Product) -> Product {
    Product {
        symbol: product.symbol.into(),
        name: product.name,
        tick: UsdPerHour(product.tick),
        fee_bps: product.fee_bps,
        halted: product.halted,
        created_at: Instant(product.created_at),
    }
}
