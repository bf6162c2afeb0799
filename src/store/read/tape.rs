//! The tape: trades of all products in the order in which they were made, each with what the contract it created says of
//! where the GPUs come from. Of each row only what a fold needs is read: the tape is the longest thing there is to read.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
};

use crate::exchange::entities::Contract;
use crate::exchange::novation::Novation;
use crate::market::GpuMinutes;
use crate::market::index::DayTrade;
use crate::store::db::{on, portable};
use crate::store::rows::Place;
use crate::store::schema;
use crate::store::{Db, Reader, StoreError};
use crate::types::{ContractId, ContractStatus, OrganizationId, Price, ProductId, SiteId, Timestamp, TradeId, Window};

/// Trades read in one statement.
const STRETCH: i64 = 5_000;

/// A trade, and what its contract says of where the GPUs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printed {
    /// Its number.
    pub trade: TradeId,
    /// When it was made.
    pub at: Timestamp,
    /// What was traded.
    pub product: ProductId,
    /// The contract it created.
    pub contract: ContractId,
    /// Who sold.
    pub seller: OrganizationId,
    /// Who bought.
    pub buyer: OrganizationId,
    /// How many GPUs.
    pub gpus: u32,
    /// For when.
    pub window: Window,
    /// At what price.
    pub price: Price,
    /// Where the GPUs stand.
    pub site: SiteId,
    /// Whether it was sold out of a listing, and not out of a contract.
    pub primary: bool,
    /// Whether it was taken over from somebody it was sold to before.
    pub taken_over: bool,
    /// Whether the contract has been recalled by now.
    pub recalled: bool,
}

/// Number, time, product, contract, seller, buyer, GPUs, first minute, minute after the last, price; site and depth of the
/// contract.
type PrintedRow = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

impl Printed {
    /// Returns what an index knows of it.
    pub fn day_trade(&self) -> DayTrade {
        let Self { trade, buyer, seller, window, gpus, price, recalled, .. } = *self;
        let gpu_minutes = GpuMinutes::block(window, gpus).get();
        DayTrade { trade, buyer, seller, gpu_minutes, price, recalled }
    }

    fn of(row: PrintedRow) -> Result<Self, StoreError> {
        let (number, at, product, contract, seller, buyer, gpus, start, end, price, site, depth) = row;
        let place = Place::new("trades", number);
        Ok(Self {
            trade: TradeId::new(number),
            at: Timestamp::from_millis(at),
            product: ProductId::new(product),
            contract: ContractId::new(contract),
            seller: OrganizationId::new(seller),
            buyer: OrganizationId::new(buyer),
            gpus: place.int("gpus", gpus)?,
            window: place.window(start, end)?,
            price: Price::from_micros(price),
            site: SiteId::new(site),
            primary: depth == 0,
            taken_over: false,
            recalled: false,
        })
    }
}

/// Returns the trades after one, in order, at most so many. The tables are read along their only key, and of a trade
/// nothing changes but whether it is recalled: whoever has read up to one has to read it again only then.
///
/// # Errors
/// What the database said.
pub fn after(reader: &mut Reader, trade: TradeId, limit: u32) -> Result<Vec<Printed>, StoreError> {
    let rows = on!(reader.db(), |c, m| m::after(c, trade.number(), i64::from(limit)))?;
    let mut printed = rows.into_iter().map(Printed::of).collect::<Result<Vec<_>, _>>()?;
    let standing = standing(reader, &printed)?;
    for row in &mut printed {
        (row.recalled, row.taken_over) = standing.get(&row.contract).copied().unwrap_or_default();
    }
    Ok(printed)
}

/// Returns which of the contracts of trades are recalled by now, and which were taken over; of most there is nothing to say.
fn standing(reader: &mut Reader, printed: &[Printed]) -> Result<BTreeMap<ContractId, (bool, bool)>, StoreError> {
    let made = || printed.iter().map(|row| row.contract);
    let Some((first, last)) = made().min().zip(made().max()) else { return Ok(BTreeMap::new()) };
    // Either is for good, so what waits and what is written say the same, whatever is written in between.
    let mut standing: BTreeMap<ContractId, (bool, bool)> = reader.waiting(|pending| {
        let waiting = made().filter_map(|contract| pending.contracts.get(contract.number()));
        let is = |row: &Arc<Contract>| (row.status == ContractStatus::Recalled, row.taken_over().is_some());
        waiting.map(|row| (row.id, is(row))).collect()
    });
    for (number, status, novation) in on!(reader.db(), |c, m| m::standing(c, first.number(), last.number()))? {
        let novation: Option<Novation> = novation
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(|_| Place::new("contract_states", number).corrupt("novation"))?;
        let is_taken_over = novation.is_some_and(|novation| novation.taken_over.is_some());
        let (recalled, taken_over) = standing.entry(ContractId::new(number)).or_default();
        *recalled |= status == ContractStatus::Recalled.as_str();
        *taken_over |= is_taken_over;
    }
    Ok(standing)
}

/// Returns the trades made in `[from, until)`, in order; which of them are recalled by now is not to be relied on. Trades
/// follow each other in time, so the first of them is found along the only key of their table.
///
/// # Errors
/// What the database said.
pub fn between(db: &mut Db, from: Timestamp, until: Timestamp) -> Result<Vec<Printed>, StoreError> {
    let (mut after, mut end) = (0_i64, on!(&mut *db, |c, m| m::last(c))?.unwrap_or(0));
    while after < end {
        let middle = after.saturating_add(end.saturating_sub(after) / 2);
        match on!(&mut *db, |c, m| m::first_after(c, middle))? {
            Some((number, at)) if at < from.millis() => after = number,
            _ => end = middle,
        }
    }
    let mut printed = Vec::new();
    loop {
        let rows = on!(&mut *db, |c, m| m::after(c, after, STRETCH))?;
        if rows.is_empty() {
            return Ok(printed);
        }
        for row in rows {
            let row = Printed::of(row)?;
            after = row.trade.number();
            if row.at >= until {
                return Ok(printed);
            }
            printed.push(row);
        }
    }
}

portable! {
    pub(crate) fn last(c: &mut Conn) -> QueryResult<Option<i64>> {
        use schema::trades;
        trades::table.order(trades::number.desc()).select(trades::number).first(c).optional()
    }

    pub(crate) fn first_after(c: &mut Conn, number: i64) -> QueryResult<Option<(i64, i64)>> {
        use schema::trades;
        let after = trades::table.filter(trades::number.gt(number)).order(trades::number);
        after.select((trades::number, trades::created_at)).first(c).optional()
    }

    pub(crate) fn after(c: &mut Conn, number: i64, limit: i64) -> QueryResult<Vec<PrintedRow>> {
        use schema::{contracts, trades};
        trades::table
            .inner_join(contracts::table.on(contracts::number.eq(trades::contract)))
            .filter(trades::number.gt(number))
            .order(trades::number)
            .limit(limit)
            .select((
                trades::number,
                trades::created_at,
                trades::product,
                trades::contract,
                trades::seller,
                trades::buyer,
                trades::gpus,
                trades::start_minute,
                trades::end_minute,
                trades::price,
                contracts::site,
                contracts::depth,
            ))
            .load(c)
    }

    pub(crate) fn standing(c: &mut Conn, first: i64, last: i64) -> QueryResult<Vec<(i64, String, Option<String>)>> {
        use schema::contract_states as s;
        s::table
            .filter(s::number.between(first, last))
            .filter(s::status.eq(ContractStatus::Recalled.as_str()).or(s::novation.is_not_null()))
            .select((s::number, s::status, s::novation))
            .load(c)
    }
}
