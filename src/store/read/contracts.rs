//! Contracts, ended ones included.

use std::collections::BTreeMap;

use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::chain::{self, Chain};
use super::{Listed, Page, balances};
use crate::exchange::entities::{Contract, Holding};
use crate::store::db::{on, portable};
use crate::store::rows::{ContractRow, ContractStateRow, PassRow};
use crate::store::schema::{contract_passes, contract_states, contracts};
use crate::store::{Reader, StoreError};
use crate::types::{ContractId, OrganizationId, Source, Timestamp};

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
pub fn get(reader: &mut Reader, contract: ContractId) -> Result<Option<Contract>, StoreError> {
    Ok(numbered(reader, &[contract])?.pop())
}

/// Returns the contracts with these numbers as they stand, by number; those that do not exist are left out.
///
/// # Errors
/// What the database said.
pub fn numbered(reader: &mut Reader, contracts: &[ContractId]) -> Result<Vec<Contract>, StoreError> {
    let (mut found, mut written) = (Vec::with_capacity(contracts.len()), Vec::new());
    reader.waiting(|pending| {
        for contract in contracts {
            match pending.contracts.get(contract.number()) {
                Some(contract) => found.push((**contract).clone()),
                None => written.push(contract.number()),
            }
        }
    });
    if !written.is_empty() {
        for (contract, state) in on!(reader.db(), |c, m| m::numbered(c, &written))? {
            found.push(contract.with(&state)?);
        }
    }
    found.sort_unstable_by_key(|contract| contract.id);
    Ok(found)
}

/// Returns when contracts were made, of those that exist.
///
/// # Errors
/// What the database said.
pub fn made_at(reader: &mut Reader, contracts: &[ContractId]) -> Result<Vec<(ContractId, Timestamp)>, StoreError> {
    let numbers: Vec<i64> = contracts.iter().map(|contract| contract.number()).collect();
    let rows = on!(reader.db(), |c, m| m::made_at(c, &numbers))?;
    Ok(rows.into_iter().map(|(number, at)| (ContractId::new(number), Timestamp::from_millis(at))).collect())
}

/// Somebody's time as the seller of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// Who sells.
    pub seller: OrganizationId,
    /// Out of what.
    pub source: Source,
    /// Since when; until the next one does.
    pub since: Timestamp,
}

/// Returns who has sold contracts, the first seller of each first.
///
/// # Errors
/// What the database said.
pub fn sales(reader: &mut Reader, contracts: &[ContractId]) -> Result<BTreeMap<ContractId, Vec<Sale>>, StoreError> {
    let numbers: Vec<i64> = contracts.iter().map(|contract| contract.number()).collect();
    let mut sales: BTreeMap<ContractId, Vec<Sale>> = BTreeMap::new();
    for row in on!(reader.db(), |c, m| m::made(c, &numbers))? {
        sales.insert(ContractId::new(row.number), vec![row.sale()?]);
    }
    for row in on!(reader.db(), |c, m| m::passes(c, &numbers))? {
        sales.entry(ContractId::new(row.contract)).or_default().push(row.sale()?);
    }
    Ok(sales)
}

/// Returns a page of the contracts an organization buys or sells, those it once sold included.
///
/// # Errors
/// What the database said.
pub fn of_organization(
    reader: &mut Reader,
    organization: OrganizationId,
    page: Page,
) -> Result<Listed<Contract>, StoreError> {
    let last = balances::of(reader, organization)?.last_holding.map(Holding::code);
    of(reader, OF_ORGANIZATION, organization.number(), last, page)
}

/// Returns a page of the contracts that were sold out of a contract or passed to it, whatever their source is now.
///
/// # Errors
/// What the database said.
pub fn children(reader: &mut Reader, contract: &Contract, page: Page) -> Result<Listed<Contract>, StoreError> {
    of(reader, OF_CONTRACT, contract.id.number(), contract.last_child.map(Holding::code), page)
}

/// Returns a page of all contracts.
///
/// # Errors
/// What the database said.
pub fn all(reader: &mut Reader, page: Page) -> Result<Listed<Contract>, StoreError> {
    let numbers = on!(reader.db(), |c, m| m::numbers(c, page))?;
    let Listed { rows: numbers, next } = Listed::of(numbers, page, |number| *number);
    let contracts: Vec<_> = numbers.into_iter().map(ContractId::new).collect();
    let mut rows = numbered(reader, &contracts)?;
    rows.reverse();
    Ok(Listed { rows, next })
}

fn of(
    reader: &mut Reader,
    chain: Chain,
    owner: i64,
    last: Option<i64>,
    page: Page,
) -> Result<Listed<Contract>, StoreError> {
    let steps = chain::walk(reader, chain, owner, last, page)?;
    let contracts: Vec<_> = chain::numbers(&steps).into_iter().map(ContractId::new).collect();
    let rows = numbered(reader, &contracts)?;
    Ok(chain::listed(&steps, rows, |contract| contract.id.number()))
}

portable! {
    pub(crate) fn numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<(ContractRow, ContractStateRow)>> {
        contracts::table
            .inner_join(contract_states::table.on(contract_states::number.eq(contracts::number)))
            .filter(contracts::number.eq_any(numbers))
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .load(c)
    }

    pub(crate) fn made(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<ContractRow>> {
        contracts::table.filter(contracts::number.eq_any(numbers)).select(ContractRow::as_select()).load(c)
    }

    pub(crate) fn passes(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<PassRow>> {
        contract_passes::table
            .filter(contract_passes::contract.eq_any(numbers))
            .order(contract_passes::number)
            .select(PassRow::as_select())
            .load(c)
    }

    pub(crate) fn made_at(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
        let made = contracts::table.filter(contracts::number.eq_any(numbers));
        made.select((contracts::number, contracts::created_at)).load(c)
    }

    pub(crate) fn numbers(c: &mut Conn, page: Page) -> QueryResult<Vec<i64>> {
        contracts::table
            .filter(contracts::number.lt(page.before()))
            .order(contracts::number.desc())
            .limit(page.limit_and_one())
            .select(contracts::number)
            .load(c)
    }
}
