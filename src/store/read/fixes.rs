//! Fixes of the index as they were published, in the order in which they were.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use crate::exchange::fixes::PublishedFix;
use crate::store::db::{on, portable};
use crate::store::rows::FixRow;
use crate::store::schema::index_fixes;
use crate::store::{Db, StoreError};
use crate::types::{FixId, FixOrigin, ProductId};

/// Returns the fixes published after one, in order, at most so many.
///
/// # Errors
/// What the database said.
pub fn after(db: &mut Db, fix: FixId, limit: u32) -> Result<Vec<PublishedFix>, StoreError> {
    let rows = on!(db, |c, m| m::after(c, fix.number(), i64::from(limit)))?;
    rows.into_iter().map(PublishedFix::try_from).collect()
}

/// Returns which products' resting asks fixes were made of, and after which journal rows.
///
/// # Errors
/// What the database said.
pub fn made_of_asks(db: &mut Db) -> Result<Vec<(i64, ProductId)>, StoreError> {
    let rows = on!(db, |c, m| m::made_of_asks(c))?;
    Ok(rows.into_iter().map(|(as_of, product)| (as_of, ProductId::new(product))).collect())
}

portable! {
    pub(crate) fn made_of_asks(c: &mut Conn) -> QueryResult<Vec<(i64, i64)>> {
        index_fixes::table
            .filter(index_fixes::origin.eq(FixOrigin::Asks.as_str()))
            .select((index_fixes::as_of, index_fixes::product))
            .load(c)
    }

    pub(crate) fn after(c: &mut Conn, number: i64, limit: i64) -> QueryResult<Vec<FixRow>> {
        index_fixes::table
            .filter(index_fixes::number.gt(number))
            .order(index_fixes::number)
            .limit(limit)
            .select(FixRow::as_select())
            .load(c)
    }
}
