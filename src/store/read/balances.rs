//! Where an organization's histories end.

use diesel::{OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use crate::exchange::entities::Purse;
use crate::store::db::{on, portable};
use crate::store::rows::BalanceRow;
use crate::store::schema::balances;
use crate::store::{Reader, StoreError};
use crate::types::OrganizationId;

/// Returns an organization's purse; an empty one if it has none.
///
/// # Errors
/// What the database said.
pub fn of(reader: &mut Reader, organization: OrganizationId) -> Result<Purse, StoreError> {
    let organization = organization.number();
    if let Some(purse) = reader.waiting(|pending| pending.balances.get(organization).map(|(_, purse)| *purse)) {
        return Ok(purse);
    }
    let row = on!(reader.db(), |c, m| m::get(c, organization))?;
    Ok(row.map(|row| row.purse()).transpose()?.map(|(_, purse)| purse).unwrap_or_default())
}

portable! {
    pub(crate) fn get(c: &mut Conn, organization: i64) -> QueryResult<Option<BalanceRow>> {
        balances::table.find(organization).select(BalanceRow::as_select()).first(c).optional()
    }
}
