//! Contracts, ended ones included.

use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::chain::{self, Chain};
use super::{Listed, Page};
use crate::exchange::entities::Contract;
use crate::store::db::{on, portable};
use crate::store::rows::{ContractRow, ContractStateRow};
use crate::store::schema::{balances, contract_states, contracts};
use crate::store::{Db, StoreError};
use crate::types::{ContractId, OrganizationId};

/// A contract as made and as it stands.
type Rows = Vec<(ContractRow, ContractStateRow)>;

// Places in chains of contracts are contracts by their numbers and passes by theirs with a minus.

const OF_ORGANIZATION: Chain = Chain(
    "WITH RECURSIVE walk (place, number, previous, step) AS (
         SELECT COALESCE(-p.number, c.number), COALESCE(p.contract, c.number),
             CASE WHEN p.number IS NOT NULL THEN p.previous_of_seller
                 WHEN c.seller = $1 THEN c.previous_of_seller ELSE c.previous_of_buyer END, 1
         FROM (SELECT 1 AS one) o
             LEFT JOIN contracts c ON c.number = $2 AND (c.seller = $1 OR c.buyer = $1)
             LEFT JOIN contract_passes p ON p.number = -$2 AND p.seller = $1
         WHERE c.number IS NOT NULL OR p.number IS NOT NULL
         UNION ALL
         SELECT walk.previous, COALESCE(p.contract, c.number),
             CASE WHEN p.number IS NOT NULL THEN p.previous_of_seller
                 WHEN c.seller = $1 THEN c.previous_of_seller ELSE c.previous_of_buyer END, step + 1
         FROM walk
             LEFT JOIN contracts c ON c.number = walk.previous
             LEFT JOIN contract_passes p ON p.number = -walk.previous
         WHERE step < $3 AND (c.number IS NOT NULL OR p.number IS NOT NULL))
     SELECT place, number, previous FROM walk ORDER BY step",
);

const OF_CONTRACT: Chain = Chain(
    "WITH RECURSIVE walk (place, number, previous, step) AS (
         SELECT COALESCE(-p.number, c.number), COALESCE(p.contract, c.number),
             CASE WHEN p.number IS NOT NULL THEN p.previous_of_parent ELSE c.previous_of_parent END, 1
         FROM (SELECT 1 AS one) o
             LEFT JOIN contracts c ON c.source_kind = 'contract' AND c.source_number = $1 AND c.number = $2
             LEFT JOIN contract_passes p ON p.number = -$2 AND p.source_kind = 'contract' AND p.source_number = $1
         WHERE c.number IS NOT NULL OR p.number IS NOT NULL
         UNION ALL
         SELECT walk.previous, COALESCE(p.contract, c.number),
             CASE WHEN p.number IS NOT NULL THEN p.previous_of_parent ELSE c.previous_of_parent END, step + 1
         FROM walk
             LEFT JOIN contracts c ON c.number = walk.previous
             LEFT JOIN contract_passes p ON p.number = -walk.previous
         WHERE step < $3 AND (c.number IS NOT NULL OR p.number IS NOT NULL))
     SELECT place, number, previous FROM walk ORDER BY step",
);

/// Returns a contract as it stands.
///
/// # Errors
/// What the database said.
pub fn get(db: &mut Db, contract: ContractId) -> Result<Option<Contract>, StoreError> {
    let row = on!(db, |c, m| m::get(c, contract.number()))?;
    row.map(|(contract, state)| contract.with(state)).transpose()
}

/// Returns the contracts with these numbers, by number; those that do not exist are left out.
///
/// # Errors
/// What the database said.
pub fn numbered(db: &mut Db, contracts: &[ContractId]) -> Result<Vec<Contract>, StoreError> {
    let numbers: Vec<i64> = contracts.iter().map(|contract| contract.number()).collect();
    let rows = on!(db, |c, m| m::numbered(c, &numbers))?;
    rows.into_iter().map(|(contract, state)| contract.with(state)).collect()
}

/// Returns a page of the contracts an organization buys or sells, those it once sold included.
///
/// # Errors
/// What the database said.
pub fn of_organization(db: &mut Db, organization: OrganizationId, page: Page) -> Result<Listed<Contract>, StoreError> {
    let last = on!(&mut *db, |c, m| m::last_holding(c, organization.number()))?.flatten();
    of(db, OF_ORGANIZATION, organization.number(), last, page)
}

/// Returns a page of the contracts that were sold out of a contract or passed to it, whatever their source is now.
///
/// # Errors
/// What the database said.
pub fn children(db: &mut Db, contract: ContractId, page: Page) -> Result<Listed<Contract>, StoreError> {
    let last = on!(&mut *db, |c, m| m::last_child(c, contract.number()))?.flatten();
    of(db, OF_CONTRACT, contract.number(), last, page)
}

/// Returns a page of all contracts.
///
/// # Errors
/// What the database said.
pub fn all(db: &mut Db, page: Page) -> Result<Listed<Contract>, StoreError> {
    let rows = on!(db, |c, m| m::all(c, page))?;
    Listed::of(rows, page, |(contract, _)| contract.number).try_map(|(contract, state)| contract.with(state))
}

fn of(db: &mut Db, chain: Chain, owner: i64, last: Option<i64>, page: Page) -> Result<Listed<Contract>, StoreError> {
    let steps = chain::walk(db, chain, owner, last, page)?;
    let rows = on!(db, |c, m| m::numbered(c, &chain::numbers(&steps)))?;
    chain::listed(&steps, rows, |(contract, _)| contract.number).try_map(|(contract, state)| contract.with(state))
}

portable! {
    pub(crate) fn get(c: &mut Conn, number: i64) -> QueryResult<Option<(ContractRow, ContractStateRow)>> {
        contracts::table
            .inner_join(contract_states::table.on(contract_states::number.eq(contracts::number)))
            .filter(contracts::number.eq(number))
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .first(c)
            .optional()
    }

    pub(crate) fn last_holding(c: &mut Conn, organization: i64) -> QueryResult<Option<Option<i64>>> {
        balances::table.find(organization).select(balances::last_holding).first(c).optional()
    }

    pub(crate) fn last_child(c: &mut Conn, contract: i64) -> QueryResult<Option<Option<i64>>> {
        contract_states::table.find(contract).select(contract_states::last_child).first(c).optional()
    }

    pub(crate) fn numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Rows> {
        contracts::table
            .inner_join(contract_states::table.on(contract_states::number.eq(contracts::number)))
            .filter(contracts::number.eq_any(numbers))
            .order(contracts::number)
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .load(c)
    }

    pub(crate) fn all(c: &mut Conn, page: Page) -> QueryResult<Rows> {
        contracts::table
            .inner_join(contract_states::table.on(contract_states::number.eq(contracts::number)))
            .filter(contracts::number.lt(page.before()))
            .order(contracts::number.desc())
            .limit(page.limit_and_one())
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .load(c)
    }
}
