//! How far the feed goes.

use diesel::{OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::{FeedRow, Stream};
use crate::store::db::{on, portable};
use crate::store::row::row;
use crate::store::rows::field::Place;
use crate::store::schema::feed_state;
use crate::store::{Db, StoreError};

row! {
    /// The one row: of each table, the highest number whose feed rows are all written.
    ///
    /// It depends on when there was time to write them, not on the journal alone. All it promises is that nothing up
    /// to it is missing: a lower one costs time, a higher one would hide rows and is found by `verify`.
    FeedStateRow in feed_state (id) Replace {
        id: i64,
        orders: i64,
        trades: i64,
        contracts: i64,
        transfers: i64,
    }
}

const ORDERS: i64 = Stream::OrdersOfOrganization.code();
const TRADES_OF_ORDER: i64 = Stream::TradesOfOrder.code();
const TRADES_OF_PRODUCT: i64 = Stream::TradesOfProduct.code();
const TRANSFERS: i64 = Stream::TransfersOfOrganization.code();

impl FeedStateRow {
    /// The state of a feed without rows.
    pub(crate) const EMPTY: Self = Self { id: 0, orders: 0, trades: 0, contracts: 0, transfers: 0 };

    /// Returns the watermark of the table a stream lists.
    pub(crate) const fn mark(&self, stream: i64) -> i64 {
        match stream {
            ORDERS => self.orders,
            TRADES_OF_ORDER | TRADES_OF_PRODUCT => self.trades,
            TRANSFERS => self.transfers,
            _ => self.contracts,
        }
    }

    /// Raises the watermarks to the numbers of these rows.
    pub(crate) fn raise(&mut self, rows: &[FeedRow]) {
        for row in rows {
            let mark = match row.stream {
                ORDERS => &mut self.orders,
                TRADES_OF_ORDER | TRADES_OF_PRODUCT => &mut self.trades,
                TRANSFERS => &mut self.transfers,
                _ => &mut self.contracts,
            };
            *mark = row.number.max(*mark);
        }
    }

    /// Returns each watermark with the name of its column.
    pub(crate) const fn marks(&self) -> [(&'static str, i64); 4] {
        [("orders", self.orders), ("trades", self.trades), ("contracts", self.contracts), ("transfers", self.transfers)]
    }
}

/// Returns how far the feed goes. Readers ask first, in the transaction they read in.
///
/// # Errors
/// [`StoreError::Corrupt`] if the row is missing: without it everything would have to be read.
pub(crate) fn get(db: &mut Db) -> Result<FeedStateRow, StoreError> {
    on!(db, |c, m| m::get(c))?.ok_or_else(|| Place::new("feed_state", 0).corrupt("the row that is missing"))
}

portable! {
    pub(crate) fn get(c: &mut Conn) -> QueryResult<Option<FeedStateRow>> {
        feed_state::table.find(0).select(FeedStateRow::as_select()).first(c).optional()
    }
}
