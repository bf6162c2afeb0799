//! `/v1/markets/{symbol}`: public, without names or ids of organizations.

use actix_web::web::Data;
use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

use super::products::PageQuery;
use super::stream_events::{BookTop, book_top};
use super::wallet::FreshQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::{PathSymbol, Query};
use crate::api::page::{self, Page};
use crate::api::wire::{DeliveryTime, Id, Instant, UsdPerHour, Whole};
use crate::app::market_data::{Level, Sides, WindowBook};
use crate::exchange::entities;
use crate::types::{Kind, PublicId, Side};

/// For which window.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct BookQuery {
    /// From; the next full hour if absent.
    pub start: Option<DeliveryTime>,
    /// To; 24 hours after the start if absent.
    pub end: Option<DeliveryTime>,
    /// Answer only as of this sequence or later; waits briefly, then 503.
    #[param(value_type = Option<i64>, minimum = 0)]
    pub min_sequence: Option<Whole>,
}

/// The book of a window.
#[derive(Debug, Serialize, ToSchema)]
pub struct Book {
    /// The product.
    pub symbol: String,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// What a bid for exactly this window could take, cheapest first, at most 1,000 prices.
    #[schema(value_type = Vec<BookLevel>)]
    pub asks: ShownSide,
    /// Resting bids that overlap it, dearest first, at most 1,000 prices.
    #[schema(value_type = Vec<BookLevel>)]
    pub bids: ShownSide,
    /// The exchange's time.
    pub now: Instant,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// A side of a book: [`BookLevel`]s, written once for all who ask for the book.
#[derive(Debug)]
pub struct ShownSide(Arc<Sides>, Side);

/// One price of one side of a book.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookLevel {
    /// The price.
    pub price: UsdPerHour,
    /// GPUs at it.
    pub gpus: u64,
    /// Orders at it.
    pub orders: u32,
}

/// The top of a product's book.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Top)]
pub struct TopAnswer {
    /// The top.
    #[serde(flatten)]
    pub top: BookTop,
    /// The exchange's time.
    pub now: Instant,
    /// The journal row it reflects.
    pub as_of: i64,
}

/// A public trade.
#[derive(Debug, Serialize, ToSchema)]
pub struct TradeRow {
    /// Its id.
    pub id: Id,
    /// When.
    pub created_at: Instant,
    /// At what price.
    pub price: UsdPerHour,
    /// How many GPUs.
    pub gpus: u32,
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// The side that arrived.
    pub aggressor: Side,
}

/// Shows the book of a window.
pub async fn book(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<BookQuery>,
) -> Reply<Answer<Book>> {
    api.fresh(query.min_sequence).await?;
    let start = query.start.map(|time| time.0);
    let WindowBook { window, sides, now, as_of } = api.app.book(&symbol, start, query.end.map(|time| time.0))?;
    Ok(Answer(Book {
        symbol: symbol.into(),
        start: DeliveryTime(window.start),
        end: DeliveryTime(window.end),
        asks: ShownSide(Arc::clone(&sides), Side::Ask),
        bids: ShownSide(sides, Side::Bid),
        now: Instant(now),
        as_of,
    }))
}

/// Shows the top of the book.
pub async fn top(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<FreshQuery>,
) -> Reply<Answer<TopAnswer>> {
    api.fresh(query.min_sequence).await?;
    let (top, now, as_of) = api.app.top(&symbol)?;
    Ok(Answer(TopAnswer { top: book_top(&symbol, top), now: Instant(now), as_of }))
}

/// Lists trades, newest first.
pub async fn trades(
    api: Data<Api>,
    PathSymbol(symbol): PathSymbol,
    Query(query): Query<PageQuery>,
) -> Reply<Answer<Page<TradeRow>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let rows = api.app.trades(&symbol, slice).await?;
    Ok(Answer(Page::of(rows, trade)))
}

impl Serialize for ShownSide {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(sides, side) = self;
        let shown = match sides.shown.get() {
            Some(shown) => shown,
            None => {
                let written = [write(&sides.asks), write(&sides.bids)];
                let [asks, bids] = written.map(|side| side.map_err(S::Error::custom));
                let shown = [asks?, bids?];
                sides.shown.get_or_init(|| shown)
            }
        };
        let [asks, bids] = shown;
        if *side == Side::Ask { asks.serialize(serializer) } else { bids.serialize(serializer) }
    }
}

fn write(levels: &[Level]) -> serde_json::Result<Box<RawValue>> {
    to_raw_value(&levels.iter().map(level).collect::<Vec<_>>())
}

const fn level(level: &Level) -> BookLevel {
    BookLevel { price: UsdPerHour(level.price), gpus: level.gpus, orders: level.orders }
}

/// Returns a trade as everybody may see it.
pub(super) fn trade(row: entities::Trade) -> TradeRow {
    let id = PublicId { created_at: row.created_at, kind: Kind::Trade, number: row.id.number() };
    TradeRow {
        id: id.into(),
        created_at: Instant(row.created_at),
        price: UsdPerHour(row.price),
        gpus: row.gpus,
        start: DeliveryTime(row.window.start),
        end: DeliveryTime(row.window.end),
        aggressor: row.aggressor,
    }
}
