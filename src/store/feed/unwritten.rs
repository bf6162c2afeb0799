//! The feed rows past the watermark, found again in the append-only tables.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl};

use super::{FeedRows, Pending, state};
use crate::store::db::{on, portable};
use crate::store::schema::{contracts, orders, trades, transfers};
use crate::store::{Db, StoreError};
use crate::types::{ContractId, Source};

/// A contract's number, seller, buyer, listing, and the kind and number of its source.
type Made = (i64, i64, i64, i64, String, i64);

/// Returns what waits to be written, as of the last batch; inside one transaction.
///
/// # Errors
/// What the database said.
pub(crate) fn load(db: &mut Db) -> Result<Pending, StoreError> {
    let state = state::get(db)?;
    let mut rows = FeedRows::default();
    for (number, organization) in on!(&mut *db, |c, m| m::orders_past(c, state.orders))? {
        rows.order(number, organization);
    }
    for (number, ask, bid, product) in on!(&mut *db, |c, m| m::trades_past(c, state.trades))? {
        rows.trade(number, [ask, bid], product);
    }
    let (kind, _) = Source::Contract(ContractId::new(0)).parts();
    for (number, seller, buyer, listing, source_kind, source) in
        on!(&mut *db, |c, m| m::contracts_past(c, state.contracts))?
    {
        rows.contract(number, [seller, buyer], listing, (source_kind == kind).then_some(source));
    }
    for (number, debit, credit) in on!(db, |c, m| m::transfers_past(c, state.transfers))? {
        rows.transfer(number, [debit, credit]);
    }
    Ok(Pending::new(state, rows.sorted()))
}

portable! {
    pub(crate) fn orders_past(c: &mut Conn, number: i64) -> QueryResult<Vec<(i64, i64)>> {
        orders::table.filter(orders::number.gt(number)).select((orders::number, orders::organization)).load(c)
    }

    pub(crate) fn trades_past(c: &mut Conn, number: i64) -> QueryResult<Vec<(i64, i64, i64, i64)>> {
        let columns = (trades::number, trades::ask, trades::bid, trades::product);
        trades::table.filter(trades::number.gt(number)).select(columns).load(c)
    }

    pub(crate) fn contracts_past(c: &mut Conn, number: i64) -> QueryResult<Vec<Made>> {
        let columns = (
            contracts::number,
            contracts::seller,
            contracts::buyer,
            contracts::listing,
            contracts::source_kind,
            contracts::source_number,
        );
        contracts::table.filter(contracts::number.gt(number)).select(columns).load(c)
    }

    pub(crate) fn transfers_past(c: &mut Conn, number: i64) -> QueryResult<Vec<(i64, i64, i64)>> {
        let columns = (transfers::number, transfers::debit_organization, transfers::credit_organization);
        transfers::table.filter(transfers::number.gt(number)).select(columns).load(c)
    }
}
