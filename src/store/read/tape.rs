//! The tape: trades of all products in the order in which they were made, each with the contract it created.

use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use crate::exchange::entities::Trade;
use crate::store::db::{on, portable};
use crate::store::rows::{ContractRow, TradeRow};
use crate::store::schema::{contracts, trades};
use crate::store::{Reader, StoreError};
use crate::types::{SiteId, TradeId};

/// A trade, and what its contract says of where the GPUs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The trade.
    pub trade: Trade,
    /// Where the GPUs stand.
    pub site: SiteId,
    /// Whether it was sold out of a listing, and not out of a contract.
    pub primary: bool,
}

/// Returns the trades after one, in order, at most so many. Both tables are read along their only key, and rows never
/// change: whoever has read up to a trade never has to read it again.
///
/// # Errors
/// What the database said.
pub fn after(reader: &mut Reader, trade: TradeId, limit: u32) -> Result<Vec<Printed>, StoreError> {
    let rows = on!(reader.db(), |c, m| m::after(c, trade.number(), i64::from(limit)))?;
    let printed = |(trade, contract): (TradeRow, ContractRow)| {
        let (site, primary) = (SiteId::new(contract.site), contract.depth == 0);
        Ok(Printed { trade: Trade::try_from(trade)?, site, primary })
    };
    rows.into_iter().map(printed).collect()
}

portable! {
    pub(crate) fn after(c: &mut Conn, number: i64, limit: i64) -> QueryResult<Vec<(TradeRow, ContractRow)>> {
        trades::table
            .inner_join(contracts::table.on(contracts::number.eq(trades::contract)))
            .filter(trades::number.gt(number))
            .order(trades::number)
            .limit(limit)
            .select((TradeRow::as_select(), ContractRow::as_select()))
            .load(c)
    }
}
