//! Movements of money.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper,
};

use super::{Page, entities, newest};
use crate::exchange::entities::Transfer;
use crate::store::db::{on, portable};
use crate::store::feed::{Stream, state};
use crate::store::rows::TransferRow;
use crate::store::schema::{feed, transfers};
use crate::store::{Db, StoreError};
use crate::types::{OrganizationId, TransferId};

/// Returns a transfer.
///
/// # Errors
/// What the database said.
pub fn get(db: &mut Db, transfer: TransferId) -> Result<Option<Transfer>, StoreError> {
    on!(db, |c, m| m::get(c, transfer.number()))?.map(Transfer::try_from).transpose()
}

/// Returns a page of the transfers to, from or within an organization.
///
/// # Errors
/// What the database said.
pub fn of_organization(db: &mut Db, organization: OrganizationId, page: Page) -> Result<Vec<Transfer>, StoreError> {
    let after = state::get(db)?.transfers;
    let listed = on!(&mut *db, |c, m| m::listed(c, organization.number(), page))?;
    let past = on!(db, |c, m| m::past(c, organization.number(), after, page))?;
    entities(newest(listed, past, page, |transfer| transfer.number))
}

portable! {
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<TransferRow>> {
        transfers::table.find(number).select(TransferRow::as_select()).first(c).optional()
    }

    pub(crate) fn listed(c: &mut Conn, organization: i64, page: Page) -> QueryResult<Vec<TransferRow>> {
        feed::table
            .inner_join(transfers::table.on(transfers::number.eq(feed::number)))
            .filter(feed::stream.eq(Stream::TransfersOfOrganization.code()))
            .filter(feed::owner.eq(organization))
            .filter(feed::number.lt(page.before()))
            .order(feed::number.desc())
            .limit(page.limit())
            .select(TransferRow::as_select())
            .load(c)
    }

    pub(crate) fn past(c: &mut Conn, organization: i64, after: i64, page: Page) -> QueryResult<Vec<TransferRow>> {
        let debit = transfers::debit_organization.eq(organization);
        transfers::table
            .filter(transfers::number.gt(after))
            .filter(transfers::number.lt(page.before()))
            .filter(debit.or(transfers::credit_organization.eq(organization)))
            .order(transfers::number.desc())
            .limit(page.limit())
            .select(TransferRow::as_select())
            .load(c)
    }
}
