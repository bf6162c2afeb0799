//! What waits, read back after a restart or by another process.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::{Mark, Pending, States, log};
use crate::exchange::entities::{Contract, Order, Purse, Tape};
use crate::store::db::{on, portable};
use crate::store::rows::field::Place;
use crate::store::rows::{ContractNow, ContractRow, OrderNow, OrderRow, OrderStateRow};
use crate::store::schema::{contracts, order_states, orders, trades};
use crate::store::{Db, StoreError};
use crate::types::{Minute, OrganizationId, ProductId, Side, Steps, TradeId, Window};

/// Rows asked for by number at a time.
const NUMBERS_TOGETHER: usize = 1_000;

/// The states past the mark, each as it stood last.
#[derive(Default)]
struct Last {
    orders: BTreeMap<i64, OrderNow>,
    contracts: BTreeMap<i64, ContractNow>,
    balances: BTreeMap<OrganizationId, Purse>,
    tapes: BTreeMap<ProductId, Tape>,
}

/// Reads back what waits, as of the last batch; inside one transaction.
///
/// # Errors
/// [`StoreError::Corrupt`] for states that this program has not written or that do not fit the tables, and without a
/// mark.
pub(crate) fn load(db: &mut Db) -> Result<Pending, StoreError> {
    let mark = log::mark(db)?.ok_or_else(|| Place::new("states_mark", 0).corrupt("the row that is missing"))?;
    let (mut last, mut taken) = (Last::default(), mark);
    log::after(db, mark, |row| {
        let logged = row.logged()?;
        last.orders.extend(logged.orders.into_iter().map(|order| (order.number, order)));
        last.contracts.extend(logged.contracts.into_iter().map(|contract| (contract.number, contract)));
        last.balances.extend(logged.balances);
        last.tapes.extend(logged.tapes);
        taken.sequence = row.sequence;
        Ok(())
    })?;
    let states = States {
        contracts: read_contracts(db, last.contracts)?,
        orders: read_orders(db, last.orders, &mut taken)?,
        balances: last.balances.into_iter().collect(),
        tapes: last.tapes.into_iter().collect(),
    };
    let mut pending = Pending::default();
    pending.absorb(states, taken);
    Ok(pending)
}

fn read_contracts(db: &mut Db, last: BTreeMap<i64, ContractNow>) -> Result<Vec<Arc<Contract>>, StoreError> {
    let numbers: Vec<i64> = last.keys().copied().collect();
    let mut found = Vec::with_capacity(numbers.len());
    for numbers in numbers.chunks(NUMBERS_TOGETHER) {
        for row in on!(&mut *db, |c, m| m::contracts_numbered(c, numbers))? {
            if let Some(now) = last.get(&row.number) {
                found.push(Arc::new(row.standing(now)?));
            }
        }
    }
    if found.len() == numbers.len() {
        Ok(found)
    } else {
        Err(Place::new("pending_states", 0).corrupt("a contract that does not exist"))
    }
}

/// An order being put together.
struct Part {
    row: OrderRow,
    now: OrderNow,
    /// What an ask had sold by the trade after which its table was written.
    sold: Steps,
    written_at: Option<TradeId>,
    /// How many trades there were by then.
    fills: u32,
}

/// Reads the orders and adds the trades since their table was written to what the asks have sold.
fn read_orders(db: &mut Db, last: BTreeMap<i64, OrderNow>, taken: &mut Mark) -> Result<Vec<Arc<Order>>, StoreError> {
    let mut parts = read_parts(db, last)?;
    on!(db, |c, m| m::trades_after(c, taken.trade, |(number, ask, start, end, gpus)| {
        taken.trade = number;
        let trade = Some(TradeId::new(number));
        let Some(part) = parts.get_mut(&ask).filter(|part| part.written_at < trade) else { return Ok(()) };
        let at = Place::new("trades", number);
        let window = Window::new(Minute::new(at.int("start_minute", start)?), Minute::new(at.int("end_minute", end)?));
        part.fills = part.fills.saturating_add(1);
        part.sold.add(window, at.int("gpus", gpus)?).map_err(|_| at.corrupt("gpus"))
    }))?;
    parts.into_values().map(|part| part.order().map(Arc::new)).collect()
}

fn read_parts(db: &mut Db, mut last: BTreeMap<i64, OrderNow>) -> Result<BTreeMap<i64, Part>, StoreError> {
    let numbers: Vec<i64> = last.keys().copied().collect();
    let mut parts = BTreeMap::new();
    for numbers in numbers.chunks(NUMBERS_TOGETHER) {
        for (row, state) in on!(&mut *db, |c, m| m::orders_numbered(c, numbers))? {
            let Some(now) = last.remove(&row.number) else { continue };
            let (written, sold) = state.map(|state| state.now()).transpose()?.unzip();
            let part = Part {
                sold: sold.unwrap_or_default(),
                written_at: written.as_ref().and_then(|written| written.last_trade),
                fills: written.map_or(0, |written| written.fills),
                now,
                row,
            };
            parts.insert(part.row.number, part);
        }
    }
    match last.keys().next() {
        None => Ok(parts),
        Some(number) => Err(Place::new("orders", *number).corrupt("the row that is missing")),
    }
}

impl Part {
    fn order(self) -> Result<Order, StoreError> {
        let Self { row, now, sold, fills, .. } = self;
        let at = Place::new("pending_states", row.number);
        let order = row.standing(now, sold)?;
        match order.side {
            Side::Ask if order.fills != fills => Err(at.corrupt("an ask's fills beside its trades")),
            _ => Ok(order),
        }
    }
}

/// A trade's number, ask, window and GPUs.
type Sale = (i64, i64, i64, i64, i64);

portable! {
    pub(crate) fn orders_numbered(
        c: &mut Conn,
        numbers: &[i64],
    ) -> QueryResult<Vec<(OrderRow, Option<OrderStateRow>)>> {
        orders::table
            .left_join(order_states::table.on(order_states::number.eq(orders::number)))
            .filter(orders::number.eq_any(numbers))
            .select((OrderRow::as_select(), Option::<OrderStateRow>::as_select()))
            .load(c)
    }

    pub(crate) fn contracts_numbered(c: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<ContractRow>> {
        contracts::table.filter(contracts::number.eq_any(numbers)).select(ContractRow::as_select()).load(c)
    }

    pub(crate) fn trades_after(
        c: &mut Conn,
        number: i64,
        mut each: impl FnMut(Sale) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sale = (trades::number, trades::ask, trades::start_minute, trades::end_minute, trades::gpus);
        let rows = trades::table
            .filter(trades::number.gt(number))
            .order(trades::number)
            .select(sale)
            .load_iter::<Sale, Streaming>(c)?;
        for row in rows {
            each(row?)?;
        }
        Ok(())
    }
}
