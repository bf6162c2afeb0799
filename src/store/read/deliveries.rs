//! What becomes of contracts, and the terms they are made under.

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use crate::exchange::delivery::Standing;
use crate::exchange::terms::ContractTerms;
use crate::store::db::{on, portable};
use crate::store::rows::{DeliveryRow, TermsRow};
use crate::store::schema::{contract_terms, deliveries};
use crate::store::{Reader, StoreError};
use crate::types::ContractId;

/// Returns the deliveries of contracts, of those that have begun.
///
/// # Errors
/// What the database said.
pub fn numbered(reader: &mut Reader, contracts: &[ContractId]) -> Result<BTreeMap<ContractId, Standing>, StoreError> {
    let numbers: Vec<i64> = contracts.iter().map(|contract| contract.number()).collect();
    on!(reader.db(), |c, m| m::numbered(c, &numbers))?.iter().map(DeliveryRow::standing).collect()
}

/// Returns the terms of a version, or with none given those in force, if there are any.
///
/// # Errors
/// What the database said.
pub fn terms(reader: &mut Reader, version: Option<u32>) -> Result<Option<(u32, ContractTerms)>, StoreError> {
    let most = version.map_or(i64::MAX, i64::from);
    let found = on!(reader.db(), |c, m| m::newest_terms(c, most))?.map(|row| row.terms()).transpose()?;
    Ok(found.filter(|(found, _)| version.is_none_or(|version| version == *found)))
}

/// Tells whether any delivery is not settled.
///
/// # Errors
/// What the database said.
pub fn any_open(reader: &mut Reader) -> Result<bool, StoreError> {
    Ok(on!(reader.db(), |c, m| m::first_open(c))?.is_some())
}

portable! {
    pub(crate) fn first_open(c: &mut Conn) -> QueryResult<Option<i64>> {
        deliveries::table
            // Word for word the condition of the partial index.
            .filter(sql::<Bool>("deliveries.open = 1"))
            .select(deliveries::contract)
            .first(c)
            .optional()
    }

    pub(crate) fn numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<DeliveryRow>> {
        deliveries::table.filter(deliveries::contract.eq_any(numbers)).select(DeliveryRow::as_select()).load(c)
    }

    pub(crate) fn newest_terms(c: &mut Conn, most: i64) -> QueryResult<Option<TermsRow>> {
        contract_terms::table
            .filter(contract_terms::version.le(most))
            .order(contract_terms::version.desc())
            .select(TermsRow::as_select())
            .first(c)
            .optional()
    }
}
