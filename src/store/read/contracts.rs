//! Contracts, ended ones included.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper,
};

use super::{Page, newest};
use crate::exchange::entities::Contract;
use crate::store::db::{on, portable};
use crate::store::feed::{Stream, state};
use crate::store::rows::{ContractRow, ContractStateRow};
use crate::store::schema::{contract_states, contracts, feed};
use crate::store::{Db, StoreError};
use crate::types::{ContractId, ListingId, OrganizationId, Source};

/// A contract as made and as it stands.
type Rows = Vec<(ContractRow, ContractStateRow)>;

/// Returns a contract as it stands.
///
/// # Errors
/// What the database said.
pub fn get(db: &mut Db, contract: ContractId) -> Result<Option<Contract>, StoreError> {
    let row = on!(db, |c, m| m::get(c, contract.number()))?;
    row.map(|(contract, state)| contract.with(state)).transpose()
}

/// Returns a page of the contracts an organization buys or sells, those it once sold included.
///
/// # Errors
/// What the database said.
pub fn of_organization(db: &mut Db, organization: OrganizationId, page: Page) -> Result<Vec<Contract>, StoreError> {
    of(db, Stream::ContractsOfOrganization, organization.number(), page)
}

/// Returns a page of the contracts made out of a contract, whatever their source is now.
///
/// # Errors
/// What the database said.
pub fn children(db: &mut Db, contract: ContractId, page: Page) -> Result<Vec<Contract>, StoreError> {
    of(db, Stream::ContractsOfContract, contract.number(), page)
}

/// Returns a page of the contracts whose chain of title begins with a listing.
///
/// # Errors
/// What the database said.
pub fn of_listing(db: &mut Db, listing: ListingId, page: Page) -> Result<Vec<Contract>, StoreError> {
    of(db, Stream::ContractsOfListing, listing.number(), page)
}

/// Returns a page of all contracts.
///
/// # Errors
/// What the database said.
pub fn all(db: &mut Db, page: Page) -> Result<Vec<Contract>, StoreError> {
    stand(on!(db, |c, m| m::all(c, page))?)
}

fn of(db: &mut Db, stream: Stream, owner: i64, page: Page) -> Result<Vec<Contract>, StoreError> {
    let after = state::get(db)?.contracts;
    let listed = on!(&mut *db, |c, m| m::listed(c, stream, owner, page))?;
    let past = on!(db, |c, m| m::past(c, stream, owner, after, page))?;
    stand(newest(listed, past, page, |(contract, _)| contract.number))
}

fn stand(rows: Rows) -> Result<Vec<Contract>, StoreError> {
    rows.into_iter().map(|(contract, state)| contract.with(state)).collect()
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

    pub(crate) fn listed(c: &mut Conn, stream: Stream, owner: i64, page: Page) -> QueryResult<Rows> {
        feed::table
            .inner_join(contracts::table.on(contracts::number.eq(feed::number)))
            .inner_join(contract_states::table.on(contract_states::number.eq(feed::number)))
            .filter(feed::stream.eq(stream.code()))
            .filter(feed::owner.eq(owner))
            .filter(feed::number.lt(page.before()))
            .order(feed::number.desc())
            .limit(page.limit())
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .load(c)
    }

    pub(crate) fn past(c: &mut Conn, stream: Stream, owner: i64, after: i64, page: Page) -> QueryResult<Rows> {
        let query = contracts::table
            .inner_join(contract_states::table.on(contract_states::number.eq(contracts::number)))
            .filter(contracts::number.gt(after))
            .filter(contracts::number.lt(page.before()))
            .order(contracts::number.desc())
            .limit(page.limit())
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .into_boxed::<DB>();
        match stream {
            Stream::ContractsOfContract => {
                let (kind, number) = Source::Contract(ContractId::new(owner)).parts();
                query.filter(contracts::source_kind.eq(kind)).filter(contracts::source_number.eq(number)).load(c)
            }
            Stream::ContractsOfListing => query.filter(contracts::listing.eq(owner)).load(c),
            _ => query.filter(contracts::seller.eq(owner).or(contracts::buyer.eq(owner))).load(c),
        }
    }

    pub(crate) fn all(c: &mut Conn, page: Page) -> QueryResult<Rows> {
        contracts::table
            .inner_join(contract_states::table.on(contract_states::number.eq(contracts::number)))
            .filter(contracts::number.lt(page.before()))
            .order(contracts::number.desc())
            .limit(page.limit())
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .load(c)
    }
}
