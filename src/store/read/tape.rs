//! The tape: trades of all products in the order in which they were made, each with the contract it created.

use std::collections::BTreeSet;

use diesel::{ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use super::contracts;
use crate::exchange::entities::Trade;
use crate::market::GpuMinutes;
use crate::market::index::DayTrade;
use crate::store::db::{on, portable};
use crate::store::rows::{ContractRow, TradeRow};
use crate::store::schema;
use crate::store::{Db, Reader, StoreError};
use crate::types::{ContractId, ContractStatus, SiteId, Timestamp, TradeId};

/// Trades read in one statement.
const STRETCH: i64 = 5_000;

/// A trade, and what its contract says of where the GPUs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The trade.
    pub trade: Trade,
    /// Where the GPUs stand.
    pub site: SiteId,
    /// Whether it was sold out of a listing, and not out of a contract.
    pub primary: bool,
    /// Whether the contract has been recalled by now.
    pub recalled: bool,
}

impl Printed {
    /// Returns what an index knows of it.
    pub fn day_trade(&self) -> DayTrade {
        let Trade { id, buyer, seller, window, gpus, price, .. } = self.trade;
        let gpu_minutes = GpuMinutes::block(window, gpus).get();
        DayTrade { trade: id, buyer, seller, gpu_minutes, price, recalled: self.recalled }
    }
}

/// Returns the trades after one, in order, at most so many. The tables are read along their only key, and of a trade
/// nothing changes but whether it is recalled: whoever has read up to one has to read it again only then.
///
/// # Errors
/// What the database said.
pub fn after(reader: &mut Reader, trade: TradeId, limit: u32) -> Result<Vec<Printed>, StoreError> {
    let rows = on!(reader.db(), |c, m| m::after(c, trade.number(), i64::from(limit)))?;
    let made: Vec<ContractId> = rows.iter().map(|(_, contract)| ContractId::new(contract.number)).collect();
    let standing = contracts::numbered(reader, &made)?.into_iter();
    let recalled = standing.filter(|contract| contract.status == ContractStatus::Recalled).map(|contract| contract.id);
    let recalled: BTreeSet<ContractId> = recalled.collect();
    let printed = |(trade, contract): (TradeRow, ContractRow)| {
        let (site, primary) = (SiteId::new(contract.site), contract.depth == 0);
        let recalled = recalled.contains(&ContractId::new(contract.number));
        Ok(Printed { trade: Trade::try_from(trade)?, site, primary, recalled })
    };
    rows.into_iter().map(printed).collect()
}

/// Returns the trades made in `[from, until)`, in order, as they were made. Trades follow each other in time, so the first
/// of them is found along the only key of their table.
///
/// # Errors
/// What the database said.
pub fn between(db: &mut Db, from: Timestamp, until: Timestamp) -> Result<Vec<(Printed, ContractId)>, StoreError> {
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
        let Some((last, _)) = rows.last() else { return Ok(printed) };
        after = last.number;
        for (trade, contract) in rows {
            if trade.created_at >= until.millis() {
                return Ok(printed);
            }
            let (site, primary) = (SiteId::new(contract.site), contract.depth == 0);
            let printing = Printed { trade: Trade::try_from(trade)?, site, primary, recalled: false };
            printed.push((printing, ContractId::new(contract.number)));
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

    pub(crate) fn after(c: &mut Conn, number: i64, limit: i64) -> QueryResult<Vec<(TradeRow, ContractRow)>> {
        use schema::{contracts, trades};
        trades::table
            .inner_join(contracts::table.on(contracts::number.eq(trades::contract)))
            .filter(trades::number.gt(number))
            .order(trades::number)
            .limit(limit)
            .select((TradeRow::as_select(), ContractRow::as_select()))
            .load(c)
    }
}
