//! The two tables behind what waits: the states batch by batch, and how far every state is in its own table.

use std::collections::BTreeMap;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};
use serde::{Deserialize, Serialize};

use super::{Mark, States};
use crate::exchange::bonds::AskBond;
use crate::exchange::entities::{Purse, Tape};
use crate::exchange::funding::Monthly;
use crate::exchange::novation::Novation;
use crate::store::db::{on, portable};
use crate::store::row::row;
use crate::store::rows::field::Place;
use crate::store::rows::{ContractNow, OrderNow};
use crate::store::schema::{pending_states, states_mark};
use crate::store::{Db, StoreError};
use crate::types::{Money, OrganizationId, ProductId};

/// The form the states are written in where there is nothing beside them: rows written before there could be have it too.
const VERSION: u8 = 1;
/// The form with what stands beside them behind the states.
const VERSION_BESIDE: u8 = 2;
/// The form with what was taken over behind that. Others are refused.
const VERSION_NOVATION: u8 = 3;

row! {
    /// The states that a batch changed.
    PendingRow in pending_states (sequence) Fail {
        sequence: i64,
        states: Vec<u8>,
    }

    /// The one row: the last journal row, and the last trade, up to which every state is in its table.
    ///
    /// It depends on when there was time to write, not on the journal alone: `verify` holds it against its promise.
    MarkRow in states_mark (id) Replace {
        id: i64,
        sequence: i64,
        trade: i64,
    }
}

/// States as a row has them. What an ask has sold is not among them: it is the sum of its trades.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Logged {
    pub(crate) orders: Vec<OrderNow>,
    pub(crate) contracts: Vec<ContractNow>,
    pub(crate) balances: Vec<(OrganizationId, Purse)>,
    pub(crate) tapes: Vec<(ProductId, Tape)>,
}

/// What most orders and contracts have none of, by number.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Beside {
    /// How far contracts are paid for.
    funded: BTreeMap<i64, Monthly>,
    asks: BTreeMap<i64, AskBond>,
    bonds: BTreeMap<i64, Money>,
}

/// What novation made of contracts, by number.
type Novations = BTreeMap<i64, Box<Novation>>;

impl Beside {
    fn of(logged: &Logged) -> Self {
        let (orders, contracts) = (&logged.orders, &logged.contracts);
        let bonds = contracts.iter().filter(|contract| !contract.bond.is_zero());
        Self {
            funded: contracts.iter().filter_map(|contract| Some((contract.number, contract.monthly?))).collect(),
            asks: orders.iter().filter_map(|order| Some((order.number, order.bond?))).collect(),
            bonds: bonds.map(|contract| (contract.number, contract.bond)).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.funded.is_empty() && self.asks.is_empty() && self.bonds.is_empty()
    }

    fn put_into(&self, logged: &mut Logged) {
        for order in &mut logged.orders {
            order.bond = self.asks.get(&order.number).copied();
        }
        for contract in &mut logged.contracts {
            contract.monthly = self.funded.get(&contract.number).copied();
            contract.bond = self.bonds.get(&contract.number).copied().unwrap_or(Money::ZERO);
        }
    }
}

impl PendingRow {
    /// Returns the row of a batch that ends with a journal row; none if it changed no state.
    pub(crate) fn of(states: &States, sequence: i64) -> Result<Option<Self>, StoreError> {
        if states.len() == 0 {
            return Ok(None);
        }
        let logged = Logged {
            orders: states.orders.iter().map(|order| OrderNow::of(order)).collect(),
            contracts: states.contracts.iter().map(|contract| ContractNow::of(contract)).collect(),
            balances: states.balances.clone(),
            tapes: states.tapes.clone(),
        };
        let beside = Beside::of(&logged);
        let novation = |contract: &ContractNow| Some((contract.number, contract.novation.clone()?));
        let novations: Novations = logged.contracts.iter().filter_map(novation).collect();
        let states = match (novations.is_empty(), beside.is_empty()) {
            (true, true) => postcard::to_allocvec(&(VERSION, logged)),
            (true, false) => postcard::to_allocvec(&(VERSION_BESIDE, logged, beside)),
            (false, _) => postcard::to_allocvec(&(VERSION_NOVATION, logged, beside, novations)),
        };
        let states = states.map_err(|_| Place::new("pending_states", sequence).corrupt("states"))?;
        Ok(Some(Self { sequence, states }))
    }

    /// Returns the states.
    pub(crate) fn logged(&self) -> Result<Logged, StoreError> {
        let corrupt = || Place::new("pending_states", self.sequence).corrupt("states");
        let read = postcard::take_from_bytes::<(u8, Logged)>(&self.states);
        let ((version, mut logged), rest) = read.map_err(|_| corrupt())?;
        match (version, rest) {
            (VERSION, []) => {}
            (VERSION_BESIDE, rest) => {
                postcard::from_bytes::<Beside>(rest).map_err(|_| corrupt())?.put_into(&mut logged);
            }
            (VERSION_NOVATION, rest) => {
                let read = postcard::from_bytes::<(Beside, Novations)>(rest);
                let (beside, mut novations) = read.map_err(|_| corrupt())?;
                beside.put_into(&mut logged);
                for contract in &mut logged.contracts {
                    contract.novation = novations.remove(&contract.number);
                }
            }
            _ => return Err(corrupt()),
        }
        Ok(logged)
    }
}

impl MarkRow {
    pub(crate) const fn at(mark: Mark) -> Self {
        Self { id: 0, sequence: mark.sequence, trade: mark.trade }
    }

    pub(crate) const fn mark(&self) -> Mark {
        Mark { sequence: self.sequence, trade: self.trade }
    }
}

/// Returns up to where every state is in its table; nothing if the row that says so is missing.
///
/// # Errors
/// What the database said.
pub(crate) fn mark(db: &mut Db) -> Result<Option<Mark>, StoreError> {
    Ok(on!(db, |c, m| m::mark(c))?.map(|row| row.mark()))
}

/// Forgets what waited up to a mark: all of it is in its table.
///
/// # Errors
/// What the database said.
pub(crate) fn forget(db: &mut Db, mark: Mark) -> Result<(), StoreError> {
    on!(db, |c, m| m::forget(c, mark.sequence))?;
    Ok(())
}

/// Shows the rows after a mark, in order.
///
/// # Errors
/// What the database or `each` said.
pub(crate) fn after(
    db: &mut Db,
    mark: Mark,
    each: impl FnMut(PendingRow) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    on!(db, |c, m| m::after(c, mark.sequence, each))
}

portable! {
    pub(crate) fn mark(c: &mut Conn) -> QueryResult<Option<MarkRow>> {
        states_mark::table.find(0).select(MarkRow::as_select()).first(c).optional()
    }

    pub(crate) fn after(
        c: &mut Conn,
        sequence: i64,
        mut each: impl FnMut(PendingRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let rows = pending_states::table
            .filter(pending_states::sequence.gt(sequence))
            .order(pending_states::sequence)
            .select(PendingRow::as_select())
            .load_iter::<PendingRow, Streaming>(c)?;
        for row in rows {
            each(row?)?;
        }
        Ok(())
    }

    pub(crate) fn forget(c: &mut Conn, sequence: i64) -> QueryResult<usize> {
        diesel::delete(pending_states::table.filter(pending_states::sequence.le(sequence))).execute(c)
    }
}
