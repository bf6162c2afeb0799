//! Trades.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper,
};

use super::{Page, entities, newest};
use crate::exchange::entities::Trade;
use crate::store::db::{on, portable};
use crate::store::feed::{Stream, state};
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
    of(db, Stream::TradesOfOrder, order.number(), page)
}

/// Returns a page of a product's trades.
///
/// # Errors
/// What the database said.
pub fn of_product(db: &mut Db, product: ProductId, page: Page) -> Result<Vec<Trade>, StoreError> {
    of(db, Stream::TradesOfProduct, product.number(), page)
}

/// Returns a product's first trades after one, oldest first: for series that are kept up to date.
///
/// # Errors
/// What the database said.
pub fn of_product_after(db: &mut Db, product: ProductId, after: TradeId, limit: u32) -> Result<Vec<Trade>, StoreError> {
    let (product, after, limit) = (product.number(), after.number(), i64::from(limit));
    let mark = state::get(db)?.trades;
    let mut rows = on!(&mut *db, |c, m| m::listed_after(c, product, after, limit))?;
    rows.extend(on!(db, |c, m| m::past_after(c, product, mark.max(after), limit))?);
    rows.sort_by_key(|trade| trade.number);
    rows.dedup_by_key(|trade| trade.number);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    entities(rows)
}

fn of(db: &mut Db, stream: Stream, owner: i64, page: Page) -> Result<Vec<Trade>, StoreError> {
    let after = state::get(db)?.trades;
    let listed = on!(&mut *db, |c, m| m::listed(c, stream, owner, page))?;
    let past = on!(db, |c, m| m::past(c, stream, owner, after, page))?;
    entities(newest(listed, past, page, |trade| trade.number))
}

portable! {
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<TradeRow>> {
        trades::table.find(number).select(TradeRow::as_select()).first(c).optional()
    }

    pub(crate) fn listed(c: &mut Conn, stream: Stream, owner: i64, page: Page) -> QueryResult<Vec<TradeRow>> {
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

    pub(crate) fn past(
        c: &mut Conn,
        stream: Stream,
        owner: i64,
        after: i64,
        page: Page,
    ) -> QueryResult<Vec<TradeRow>> {
        let query = trades::table
            .filter(trades::number.gt(after))
            .filter(trades::number.lt(page.before()))
            .order(trades::number.desc())
            .limit(page.limit())
            .select(TradeRow::as_select())
            .into_boxed::<DB>();
        match stream {
            Stream::TradesOfProduct => query.filter(trades::product.eq(owner)).load(c),
            _ => query.filter(trades::ask.eq(owner).or(trades::bid.eq(owner))).load(c),
        }
    }

    pub(crate) fn past_after(c: &mut Conn, product: i64, after: i64, limit: i64) -> QueryResult<Vec<TradeRow>> {
        trades::table
            .filter(trades::number.gt(after))
            .filter(trades::product.eq(product))
            .order(trades::number)
            .limit(limit)
            .select(TradeRow::as_select())
            .load(c)
    }

    pub(crate) fn listed_after(c: &mut Conn, product: i64, after: i64, limit: i64) -> QueryResult<Vec<TradeRow>> {
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
