//! The state as of the last batch, read back after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel::{
    ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper,
};

use super::db::{on, portable};
use super::pending::{Numbered, Pending, Waiting};
use super::rows::field::Place;
use super::rows::{
    BalanceRow, ContractRow, ContractStateRow, DeliveryRow, KeyRow, ListingRow, OrderRow, OrderStateRow,
    OrganizationRow, ProductRow, SiteRow, StateRow, TapeRow, TermsRow,
};
use super::schema::{
    balances, contract_states, contract_terms, contracts, deliveries, exchange_state, journal, listings, order_states,
    orders, organizations, products, remembered_keys, sites, tapes,
};
use super::{Db, StoreError};
use crate::exchange::Snapshot;
use crate::exchange::delivery::Delivery;
use crate::exchange::entities::{ClientOrder, Contract, Counters, Order};
use crate::types::limits::CLIENT_ORDER_ID_MS;
use crate::types::{ContractId, OrderId, OrderStatus, OrganizationId, Timestamp};

/// Orders looked through at a time for remembered `client_order_id`s.
const SCAN_ROWS: i64 = 10_000;

/// The contracts that are live, word for word as the index has it.
const LIVE: &str =
    "contract_states.status IN ('scheduled', 'ready', 'delivered', 'active', 'late', 'degraded', 'disputed')";

/// What a restart begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The exchange's state.
    pub snapshot: Snapshot,
    /// The last journal row; 0 if there is none.
    pub sequence: i64,
    /// Its hash; zeros if there is none.
    pub hash: [u8; 32],
    /// The digest of the state, if there was a batch.
    pub digest: Option<u128>,
    /// When the last journal row was sequenced.
    pub last_at: Timestamp,
}

/// Reads everything back, inside one transaction.
pub(super) fn load(db: &mut Db, pending: &Pending) -> Result<Recovered, StoreError> {
    let state = on!(db, |c, m| m::state(c))?;
    let head = on!(db, |c, m| m::journal_head(c))?;
    let Some(state) = state else {
        return match head {
            None => Ok(Recovered::default()),
            Some(_) => Err(Place::new("exchange_state", 0).corrupt("the row that is missing")),
        };
    };
    let (sequence, hash, last_at) = head.unwrap_or_default();
    if (sequence, hash.as_str()) != (state.last_sequence, state.last_hash.as_ref()) {
        return Err(Place::new("exchange_state", 0).corrupt("last_sequence beside the journal's end"));
    }
    let counters = state.counters()?;
    Ok(Recovered {
        snapshot: snapshot(db, counters, pending)?,
        sequence: state.last_sequence,
        hash: state.hash()?,
        digest: Some(state.digest()?),
        last_at: Timestamp::from_millis(last_at),
    })
}

fn snapshot(db: &mut Db, counters: Counters, pending: &Pending) -> Result<Snapshot, StoreError> {
    let orders = open_orders(db, pending)?;
    let contracts = live_contracts(db, pending)?;
    let deliveries = open_deliveries(db)?;
    let unsettled = unsettled_contracts(db, pending, &deliveries)?;
    let terms = on!(&mut *db, |c, m| m::terms(c))?;
    let client_orders = client_orders(db, counters.now, &orders, pending)?;
    let balances = on!(&mut *db, |c, m| m::balances(c))?;
    let tapes = on!(&mut *db, |c, m| m::tapes(c))?;
    Ok(Snapshot {
        counters,
        organizations: all(on!(&mut *db, |c, m| m::organizations(c))?)?,
        products: all(on!(&mut *db, |c, m| m::products(c))?)?,
        sites: all(on!(&mut *db, |c, m| m::sites(c))?)?,
        listings: all(on!(&mut *db, |c, m| m::listings(c))?)?,
        orders,
        contracts,
        unsettled,
        deliveries,
        terms: terms.iter().map(TermsRow::terms).collect::<Result<_, _>>()?,
        purses: standing(balances.iter().map(BalanceRow::purse), &pending.balances)?,
        tapes: standing(tapes.iter().map(|row| Ok(row.tape())), &pending.tapes)?,
        client_orders,
        keys: on!(db, |c, m| m::keys(c))?.into_iter().map(KeyRow::remembered).collect::<Result<_, _>>()?,
    })
}

/// Returns the rows of a table with what waits for it, by number.
fn standing<S: Numbered>(
    rows: impl Iterator<Item = Result<S, StoreError>>,
    waiting: &Waiting<S>,
) -> Result<Vec<S>, StoreError> {
    let rows = rows.map(|row| row.map(|row| (row.number(), row)));
    let mut all: BTreeMap<i64, S> = rows.collect::<Result<_, _>>()?;
    all.extend(waiting.iter().map(|state| (state.number(), state.clone())));
    Ok(all.into_values().collect())
}

/// Reads the open orders, by number: those the table says are open, unless what waits for it says otherwise, and those
/// it does not know yet.
fn open_orders(db: &mut Db, pending: &Pending) -> Result<Vec<Arc<Order>>, StoreError> {
    let waiting = &pending.orders;
    let mut orders: Vec<Arc<Order>> = waiting.iter().filter(|order| order.status.is_open()).cloned().collect();
    on!(db, |c, m| m::open_orders(c, |order, state| {
        if waiting.get(order.number).is_none() {
            orders.push(Arc::new(order.with(&state)?));
        }
        Ok(())
    }))?;
    orders.sort_unstable_by_key(|order| order.id);
    Ok(orders)
}

/// As [`open_orders`], of the contracts that are live.
fn live_contracts(db: &mut Db, pending: &Pending) -> Result<Vec<Arc<Contract>>, StoreError> {
    let waiting = &pending.contracts;
    let mut contracts: Vec<Arc<Contract>> = waiting.iter().filter(|row| row.status.is_live()).cloned().collect();
    on!(db, |c, m| m::live_contracts(c, |contract, state| {
        if waiting.get(contract.number).is_none() {
            contracts.push(Arc::new(contract.with(&state)?));
        }
        Ok(())
    }))?;
    contracts.sort_unstable_by_key(|contract| contract.id);
    Ok(contracts)
}

/// Reads the deliveries with open slots, by contract.
fn open_deliveries(db: &mut Db) -> Result<Vec<(ContractId, Arc<Delivery>)>, StoreError> {
    let rows = on!(db, |c, m| m::open_deliveries(c))?;
    rows.iter().map(|row| row.standing().map(|(id, standing)| (id, standing.delivery))).collect()
}

/// Reads the contracts with open slots that are not live any more, by number.
fn unsettled_contracts(
    db: &mut Db,
    pending: &Pending,
    deliveries: &[(ContractId, Arc<Delivery>)],
) -> Result<Vec<Arc<Contract>>, StoreError> {
    let open = deliveries.iter().filter_map(|(id, _)| pending.contracts.get(id.number()));
    let mut contracts: Vec<Arc<Contract>> = open.filter(|row| !row.status.is_live()).cloned().collect();
    on!(db, |c, m| m::unsettled_contracts(c, |contract, state| {
        if pending.contracts.get(contract.number).is_none() {
            contracts.push(Arc::new(contract.with(&state)?));
        }
        Ok(())
    }))?;
    contracts.retain(|contract| !contract.status.is_live());
    contracts.sort_unstable_by_key(|contract| contract.id);
    Ok(contracts)
}

fn all<R, T: TryFrom<R, Error = StoreError>>(rows: Vec<R>) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(T::try_from).collect()
}

/// A row of the scan for `client_order_id`s: number, organization, id, fingerprint, placed at, status.
type Named = (i64, i64, Option<String>, Option<String>, i64, Option<String>);

/// What an organization called an order, and which that was.
type NamedOrder = ((OrganizationId, String), ClientOrder);

/// Returns the remembered `client_order_id`s: those of open orders, however old, and those of the last 7 days.
/// Orders are numbered in the order of the exchange's time, so the scan backwards ends at the first older one.
fn client_orders(
    db: &mut Db,
    now: Timestamp,
    open: &[Arc<Order>],
    pending: &Pending,
) -> Result<Vec<NamedOrder>, StoreError> {
    let since = now.plus_millis(CLIENT_ORDER_ID_MS.saturating_neg()).millis();
    let mut found: BTreeMap<(OrganizationId, String), ClientOrder> = BTreeMap::new();
    for order in open {
        if let (Some(id), Some(fingerprint)) = (&order.client_order_id, order.fingerprint) {
            let named = ClientOrder { order: order.id, fingerprint, placed_at: order.placed_at, ended: false };
            found.insert((order.organization, id.clone()), named);
        }
    }
    let mut before = i64::MAX;
    loop {
        let page = on!(&mut *db, |c, m| m::named_orders(c, before))?;
        let recent = page.iter().take_while(|row| row.4 > since);
        let mut count = 0;
        for row in recent {
            count += 1;
            if let Some((key, named)) = named(row, pending)? {
                found.insert(key, named);
            }
        }
        match page.last() {
            Some(last) if count == page.len() => before = last.0,
            _ => return Ok(found.into_iter().collect()),
        }
    }
}

fn named(
    (number, organization, id, fingerprint, placed_at, status): &Named,
    pending: &Pending,
) -> Result<Option<NamedOrder>, StoreError> {
    let (Some(id), Some(fingerprint)) = (id, fingerprint) else { return Ok(None) };
    let at = Place::new("orders", *number);
    let waiting = pending.orders.get(*number).map(|order| order.status);
    let status = waiting.or(status.as_deref().and_then(OrderStatus::parse));
    let status = Place::new("order_states", *number).parsed("status", status)?;
    let named = ClientOrder {
        order: OrderId::new(*number),
        fingerprint: at.hex128("fingerprint", fingerprint)?,
        placed_at: Timestamp::from_millis(*placed_at),
        ended: !status.is_open(),
    };
    Ok(Some(((OrganizationId::new(*organization), id.clone()), named)))
}

/// Hands each row on with its state.
fn hand_on<R, S>(
    rows: impl Iterator<Item = QueryResult<(R, S)>>,
    mut each: impl FnMut(R, S) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for row in rows {
        let (row, state) = row?;
        each(row, state)?;
    }
    Ok(())
}

portable! {
    pub(crate) fn state(c: &mut Conn) -> QueryResult<Option<StateRow>> {
        exchange_state::table.find(0).select(StateRow::as_select()).first(c).optional()
    }

    pub(crate) fn journal_head(c: &mut Conn) -> QueryResult<Option<(i64, String, i64)>> {
        let head = journal::table.select((journal::sequence, journal::hash, journal::at)).order(journal::sequence.desc());
        head.first(c).optional()
    }

    pub(crate) fn open_orders(
        c: &mut Conn,
        each: impl FnMut(OrderRow, OrderStateRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let rows = order_states::table
            .inner_join(orders::table.on(orders::number.eq(order_states::number)))
            // Word for word the condition of the partial index.
            .filter(sql::<Bool>("order_states.status IN ('open', 'partially_filled')"))
            .order(order_states::number)
            .select((OrderRow::as_select(), OrderStateRow::as_select()))
            .load_iter::<(OrderRow, OrderStateRow), Streaming>(c)?;
        hand_on(rows, each)
    }

    pub(crate) fn live_contracts(
        c: &mut Conn,
        each: impl FnMut(ContractRow, ContractStateRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let rows = contract_states::table
            .inner_join(contracts::table.on(contracts::number.eq(contract_states::number)))
            .filter(sql::<Bool>(LIVE))
            .order(contract_states::number)
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .load_iter::<(ContractRow, ContractStateRow), Streaming>(c)?;
        hand_on(rows, each)
    }

    pub(crate) fn unsettled_contracts(
        c: &mut Conn,
        each: impl FnMut(ContractRow, ContractStateRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let rows = deliveries::table
            .inner_join(contracts::table.on(contracts::number.eq(deliveries::contract)))
            .inner_join(contract_states::table.on(contract_states::number.eq(deliveries::contract)))
            .filter(sql::<Bool>("deliveries.open = 1"))
            .order(deliveries::contract)
            .select((ContractRow::as_select(), ContractStateRow::as_select()))
            .load_iter::<(ContractRow, ContractStateRow), Streaming>(c)?;
        hand_on(rows, each)
    }

    pub(crate) fn open_deliveries(c: &mut Conn) -> QueryResult<Vec<DeliveryRow>> {
        deliveries::table
            .filter(sql::<Bool>("deliveries.open = 1"))
            .order(deliveries::contract)
            .select(DeliveryRow::as_select())
            .load(c)
    }

    pub(crate) fn terms(c: &mut Conn) -> QueryResult<Vec<TermsRow>> {
        contract_terms::table.order(contract_terms::version).select(TermsRow::as_select()).load(c)
    }

    pub(crate) fn named_orders(c: &mut Conn, before: i64) -> QueryResult<Vec<Named>> {
        orders::table
            .left_join(order_states::table.on(order_states::number.eq(orders::number)))
            .filter(orders::number.lt(before))
            .order(orders::number.desc())
            .limit(SCAN_ROWS)
            .select((
                orders::number,
                orders::organization,
                orders::client_order_id,
                orders::fingerprint,
                orders::placed_at,
                order_states::status.nullable(),
            ))
            .load(c)
    }

    pub(crate) fn organizations(c: &mut Conn) -> QueryResult<Vec<OrganizationRow>> {
        organizations::table.order(organizations::number).select(OrganizationRow::as_select()).load(c)
    }

    pub(crate) fn products(c: &mut Conn) -> QueryResult<Vec<ProductRow>> {
        products::table.order(products::number).select(ProductRow::as_select()).load(c)
    }

    pub(crate) fn sites(c: &mut Conn) -> QueryResult<Vec<SiteRow>> {
        sites::table.order(sites::number).select(SiteRow::as_select()).load(c)
    }

    pub(crate) fn listings(c: &mut Conn) -> QueryResult<Vec<ListingRow>> {
        listings::table.order(listings::number).select(ListingRow::as_select()).load(c)
    }

    pub(crate) fn balances(c: &mut Conn) -> QueryResult<Vec<BalanceRow>> {
        balances::table.order(balances::organization).select(BalanceRow::as_select()).load(c)
    }

    pub(crate) fn tapes(c: &mut Conn) -> QueryResult<Vec<TapeRow>> {
        tapes::table.order(tapes::product).select(TapeRow::as_select()).load(c)
    }

    pub(crate) fn keys(c: &mut Conn) -> QueryResult<Vec<KeyRow>> {
        let order = (remembered_keys::actor, remembered_keys::key);
        remembered_keys::table.order(order).select(KeyRow::as_select()).load(c)
    }
}
