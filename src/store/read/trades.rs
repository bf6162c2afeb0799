//! Trades.

use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::{Page, entities};
use crate::exchange::entities::Trade;
use crate::store::db::{on, portable};
use crate::store::feed::Stream;
use crate::store::rows::TradeRow;
use crate::store::schema::{feed, trades};
use crate::store::{Db, StoreError};
use crate::types::{OrderId, ProductId, TradeId};

/// Returns a trade.
///
/// # Errors
/// What the database said.
pub fn get(db: &mut Db, trade: TradeId) -> Result<Option<Trade>, StoreError> {
    on!(db, |c, m| m::get(c, trade.number()))?.map(Trade::try_from).transpose()
}

/// Returns a page of an order's trades.
///
/// # Errors
/// What the database said.
pub fn of_order(db: &mut Db, order: OrderId, page: Page) -> Result<Vec<Trade>, StoreError> {
    entities(on!(db, |c, m| m::of(c, Stream::TradesOfOrder, order.number(), page))?)
}

/// Returns a page of a product's trades.
///
/// # Errors
/// What the database said.
pub fn of_product(db: &mut Db, product: ProductId, page: Page) -> Result<Vec<Trade>, StoreError> {
    entities(on!(db, |c, m| m::of(c, Stream::TradesOfProduct, product.number(), page))?)
}

/// Returns a product's first trades after one, oldest first: for series that are kept up to date.
///
/// # Errors
/// What the database said.
pub fn of_product_after(db: &mut Db, product: ProductId, after: TradeId, limit: u32) -> Result<Vec<Trade>, StoreError> {
    entities(on!(db, |c, m| m::of_product_after(c, product.number(), after.number(), i64::from(limit)))?)
}

portable! {
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<TradeRow>> {
        trades::table.find(number).select(TradeRow::as_select()).first(c).optional()
    }

    pub(crate) fn of(c: &mut Conn, stream: Stream, owner: i64, page: Page) -> QueryResult<Vec<TradeRow>> {
        feed::table
            .inner_join(trades::table.on(trades::number.eq(feed::number)))
            .filter(feed::stream.eq(stream.code()))
            .filter(feed::owner.eq(owner))
            .filter(feed::number.lt(page.before()))
            .order(feed::number.desc())
            .limit(page.limit())
            .select(TradeRow::as_select())
            .load(c)
    }

    pub(crate) fn of_product_after(c: &mut Conn, product: i64, after: i64, limit: i64) -> QueryResult<Vec<TradeRow>> {
        feed::table
            .inner_join(trades::table.on(trades::number.eq(feed::number)))
            .filter(feed::stream.eq(Stream::TradesOfProduct.code()))
            .filter(feed::owner.eq(product))
            .filter(feed::number.gt(after))
            .order(feed::number)
            .limit(limit)
            .select(TradeRow::as_select())
            .load(c)
    }
}
