//! Movements of money.

use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::{Page, entities};
use crate::exchange::entities::Transfer;
use crate::store::db::{on, portable};
use crate::store::feed::Stream;
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
    entities(on!(db, |c, m| m::of_organization(c, organization.number(), page))?)
}

portable! {
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<TransferRow>> {
        transfers::table.find(number).select(TransferRow::as_select()).first(c).optional()
    }

    pub(crate) fn of_organization(c: &mut Conn, organization: i64, page: Page) -> QueryResult<Vec<TransferRow>> {
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
}
