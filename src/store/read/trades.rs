//! Trades.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::chain::{self, Chain};
use super::{Listed, Page};
use crate::exchange::entities::{Order, Trade};
use crate::store::db::{on, portable};
use crate::store::rows::TradeRow;
use crate::store::schema::{tapes, trades};
use crate::store::{Reader, StoreError};
use crate::types::{ProductId, TradeId};

const OF_ORDER: Chain = Chain(
    "WITH RECURSIVE walk (place, previous, step) AS (
         SELECT number, CASE WHEN ask = $1 THEN previous_of_ask ELSE previous_of_bid END, 1
         FROM trades WHERE number = $2 AND (ask = $1 OR bid = $1)
         UNION ALL
         SELECT t.number, CASE WHEN t.ask = $1 THEN t.previous_of_ask ELSE t.previous_of_bid END, step + 1
         FROM walk JOIN trades t ON t.number = walk.previous WHERE step < $3)
     SELECT place, place AS number, previous FROM walk ORDER BY step",
);

const OF_PRODUCT: Chain = Chain(
    "WITH RECURSIVE walk (place, previous, step) AS (
         SELECT number, previous_of_product, 1 FROM trades WHERE product = $1 AND number = $2
         UNION ALL
         SELECT t.number, t.previous_of_product, step + 1
         FROM walk JOIN trades t ON t.number = walk.previous WHERE step < $3)
     SELECT place, place AS number, previous FROM walk ORDER BY step",
);

/// Returns a trade.
///
/// # Errors
/// What the database said.
pub fn get(reader: &mut Reader, trade: TradeId) -> Result<Option<Trade>, StoreError> {
    on!(reader.db(), |c, m| m::get(c, trade.number()))?.map(Trade::try_from).transpose()
}

/// Returns a page of an order's trades. It is the order, as it stands, that knows the last one: so its fills are never
/// others than those of the order beside them.
///
/// # Errors
/// What the database said.
pub fn of_order(reader: &mut Reader, order: &Order, page: Page) -> Result<Listed<Trade>, StoreError> {
    of(reader, OF_ORDER, order.id.number(), order.last_trade.map(TradeId::number), page)
}

/// Returns a page of a product's trades.
///
/// # Errors
/// What the database said.
pub fn of_product(reader: &mut Reader, product: ProductId, page: Page) -> Result<Listed<Trade>, StoreError> {
    let number = product.number();
    let last = match reader.waiting(|pending| pending.tapes.get(number).map(|(_, tape)| tape.last_trade)) {
        Some(last) => last.map(TradeId::number),
        None => on!(reader.db(), |c, m| m::last_of_product(c, number))?.flatten(),
    };
    of(reader, OF_PRODUCT, number, last, page)
}

fn of(
    reader: &mut Reader,
    chain: Chain,
    owner: i64,
    last: Option<i64>,
    page: Page,
) -> Result<Listed<Trade>, StoreError> {
    let steps = chain::walk(reader, chain, owner, last, page)?;
    let rows = on!(reader.db(), |c, m| m::numbered(c, &chain::numbers(&steps)))?;
    chain::listed(&steps, rows, |trade| trade.number).try_map(Trade::try_from)
}

portable! {
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<TradeRow>> {
        trades::table.find(number).select(TradeRow::as_select()).first(c).optional()
    }

    pub(crate) fn last_of_product(c: &mut Conn, product: i64) -> QueryResult<Option<Option<i64>>> {
        tapes::table.find(product).select(tapes::last_trade).first(c).optional()
    }

    pub(crate) fn numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<TradeRow>> {
        trades::table.filter(trades::number.eq_any(numbers)).select(TradeRow::as_select()).load(c)
    }
}
