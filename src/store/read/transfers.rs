//! Movements of money.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::chain::{self, Chain};
use super::{Listed, Page, balances, entities};
use crate::exchange::entities::Transfer;
use crate::store::db::{on, portable};
use crate::store::rows::TransferRow;
use crate::store::schema::transfers;
use crate::store::{Reader, StoreError};
use crate::types::{OrganizationId, TransferId};

const OF_ORGANIZATION: Chain = Chain(
    "WITH RECURSIVE walk (place, previous, step) AS (
         SELECT number, CASE WHEN debit_organization = $1 THEN previous_of_debit ELSE previous_of_credit END, 1
         FROM transfers WHERE number = $2 AND (debit_organization = $1 OR credit_organization = $1)
         UNION ALL
         SELECT t.number, CASE WHEN t.debit_organization = $1 THEN t.previous_of_debit ELSE t.previous_of_credit END,
             step + 1
         FROM walk JOIN transfers t ON t.number = walk.previous WHERE step < $3)
     SELECT place, place AS number, previous FROM walk ORDER BY step",
);

/// Returns a transfer.
///
/// # Errors
/// What the database said.
pub fn get(reader: &mut Reader, transfer: TransferId) -> Result<Option<Transfer>, StoreError> {
    on!(reader.db(), |c, m| m::get(c, transfer.number()))?.map(Transfer::try_from).transpose()
}

/// Returns a page of the transfers to, from or within an organization.
///
/// # Errors
/// What the database said.
pub fn of_organization(
    reader: &mut Reader,
    organization: OrganizationId,
    page: Page,
) -> Result<Listed<Transfer>, StoreError> {
    let last = balances::of(reader, organization)?.last_transfer;
    back_from(reader, organization, last, page)
}

/// Returns a page of an organization's transfers, from the one its purse named as its last, that one included.
///
/// # Errors
/// What the database said.
pub fn back_from(
    reader: &mut Reader,
    organization: OrganizationId,
    last: Option<TransferId>,
    page: Page,
) -> Result<Listed<Transfer>, StoreError> {
    let last = last.map(TransferId::number);
    let steps = chain::walk(reader, OF_ORGANIZATION, organization.number(), last, page)?;
    let rows = on!(reader.db(), |c, m| m::numbered(c, &chain::numbers(&steps)))?;
    chain::listed(&steps, rows, |transfer| transfer.number).try_map(Transfer::try_from)
}

/// Returns the transfers with these numbers, by number; those that do not exist are left out.
///
/// # Errors
/// What the database said.
pub fn numbered(reader: &mut Reader, transfers: &[TransferId]) -> Result<Vec<Transfer>, StoreError> {
    let numbers: Vec<i64> = transfers.iter().map(|transfer| transfer.number()).collect();
    let mut found = entities(on!(reader.db(), |c, m| m::numbered(c, &numbers))?)?;
    found.sort_unstable_by_key(|transfer: &Transfer| transfer.id);
    Ok(found)
}

portable! {
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<TransferRow>> {
        transfers::table.find(number).select(TransferRow::as_select()).first(c).optional()
    }

    pub(crate) fn numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<TransferRow>> {
        transfers::table.filter(transfers::number.eq_any(numbers)).select(TransferRow::as_select()).load(c)
    }
}
