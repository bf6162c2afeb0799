//! The events of a stream as text.

use serde::Serialize;
use utoipa::ToSchema;

use super::contracts::{self, ContractAnswer};
use super::markets::{TradeRow, trade};
use super::order_answer::{OrderAnswer, show};
use super::wallet::Balances;
use crate::api::problem::Problem;
use crate::api::wire::{Instant, UsdPerHour};
use crate::app::App;
use crate::app::contracts::mention;
use crate::app::face::Mentions;
use crate::app::stream::{Told, Top, Topics};
use crate::exchange::entities::Trade;
use crate::types::{ProductId, Symbol};

/// The data of a `snapshot` or a `delta`. What was not asked for, and in a delta what did not change, is left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamEvent {
    /// The last journal row it reflects; also the id of the event.
    pub seq: i64,
    /// Of a delta: the `seq` of the event before, or the `Last-Event-ID` the stream goes on after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<i64>,
    /// The exchange's time.
    pub now: Instant,
    /// Trades by product: in a snapshot the newest 50, newest first; in a delta those made, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trades: Vec<ProductTrades>,
    /// The tops of books; those in a delta take the place of what was told before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub books: Vec<BookTop>,
    /// The caller's orders without their fills: in a snapshot the open ones, in a delta those that changed; ended ones leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<Vec<OrderAnswer>>,
    /// The caller's contracts: in a snapshot the newest 50, in a delta those that changed, ended ones included; newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contracts: Option<Vec<ContractAnswer>>,
    /// What the caller's organization owns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balances: Option<Balances>,
}

/// Trades of a product.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductTrades {
    /// The product.
    #[schema(example = "h100-sxm-80gb")]
    pub symbol: String,
    /// The trades.
    pub data: Vec<TradeRow>,
}

/// The top of a product's book over all delivery windows.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookTop {
    /// The product.
    #[schema(example = "h100-sxm-80gb")]
    pub symbol: String,
    /// The highest resting bid. It may be above the lowest ask: orders for different windows do not meet.
    pub best_bid: Option<UsdPerHour>,
    /// The lowest resting ask.
    pub best_ask: Option<UsdPerHour>,
    /// Resting bids.
    pub bids: usize,
    /// Resting asks.
    pub asks: usize,
}

/// Returns a snapshot or a delta.
///
/// # Errors
/// `internal` if something cannot be said: a bug; or if the store fails.
pub async fn text(app: &App, topics: &Topics, told: &Told) -> Result<String, Problem> {
    let event = StreamEvent {
        seq: told.sequence,
        previous: told.previous,
        now: Instant(told.now),
        trades: named(&topics.trades, &told.trades, |symbol, trades: &Vec<Trade>| ProductTrades {
            symbol: symbol.to_string(),
            data: trades.iter().cloned().map(trade).collect(),
        }),
        books: named(&topics.books, &told.books, |symbol, top| book_top(symbol, *top)),
        orders: orders(app, told).await?,
        contracts: contracts(app, told).await?,
        balances: told.balances.map(|purse| Balances::of(&purse, told.sequence)),
    };
    let name = if told.previous.is_some() { "delta" } else { "snapshot" };
    Ok(format!("event: {name}\nid: {}\ndata: {}\n\n", event.seq, json(&event)?))
}

/// Returns the last event of a stream that ends because something went wrong.
pub fn error(problem: &Problem, request_id: &str) -> String {
    let data = json(&problem.document(request_id)).unwrap_or_else(|_| "{}".to_owned());
    format!("event: error\ndata: {data}\n\n")
}

/// Returns the top of a product's book as it looks outside.
pub fn book_top(symbol: &Symbol, top: Top) -> BookTop {
    let Top { best_bid, best_ask, bids, asks } = top;
    let (best_bid, best_ask) = (best_bid.map(UsdPerHour), best_ask.map(UsdPerHour));
    BookTop { symbol: symbol.to_string(), best_bid, best_ask, bids, asks }
}

fn named<V, T>(
    symbols: &std::collections::BTreeMap<ProductId, Symbol>,
    values: &std::collections::BTreeMap<ProductId, V>,
    show: impl Fn(&Symbol, &V) -> T,
) -> Vec<T> {
    values.iter().filter_map(|(product, value)| Some(show(symbols.get(product)?, value))).collect()
}

async fn orders(app: &App, told: &Told) -> Result<Option<Vec<OrderAnswer>>, Problem> {
    let Some(orders) = &told.orders else { return Ok(None) };
    let mut mentions = Mentions::default();
    orders.iter().for_each(|order| mentions.source(order.source));
    let mentioned = app.look_up(mentions).await?;
    let shown = orders.iter().map(|order| show(app, order, told.now, told.sequence, &mentioned));
    shown.collect::<Result<_, _>>().map(Some)
}

async fn contracts(app: &App, told: &Told) -> Result<Option<Vec<ContractAnswer>>, Problem> {
    let Some(contracts) = &told.contracts else { return Ok(None) };
    let mut mentions = Mentions::default();
    contracts.iter().for_each(|row| mention(&mut mentions, row));
    let mentioned = app.look_up(mentions).await?;
    let shown = contracts.iter().map(|row| contracts::show(app, row, &mentioned));
    shown.collect::<Result<_, _>>().map(Some)
}

fn json<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "an event cannot be written");
        Problem::of("internal")
    })
}
