//! Whether each published fix of the index is what its trades, asks or earlier fix come to.
//!
//! Trades are read from their table, which is itself held against the journal; what was recalled by then, and which asks
//! rested, is what the replay has come to at the journal row that the fix names.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::analytics::fixes::{index_fix, offered, slice_of};
use crate::app::analytics::resting::ORDERS_MAX;
use crate::exchange::entities::Order;
use crate::exchange::fixes::IndexFix;
use crate::exchange::{Changes, Exchange};
use crate::market::index::{DayTrade, Fixed, RestingAsk, Slice, fixed};
use crate::market::{Day, Tenor};
use crate::store::read::fixes::made_of_asks;
use crate::store::read::tape::{Printed, between};
use crate::store::verify::Mismatch;
use crate::store::{Db, StoreError};
use crate::types::{ContractId, ContractStatus, FixId, FixOrigin, ProductId, Region, Side, SiteId};

/// What fixes are held against.
#[derive(Debug, Default)]
pub(super) struct Fixes {
    /// The products whose resting asks will be asked for, by the journal row they rested after.
    announced: BTreeMap<i64, BTreeSet<ProductId>>,
    rested: BTreeMap<(i64, ProductId), Vec<RestingAsk>>,
    /// Contracts that were recalled, and by which row.
    recalled: BTreeMap<ContractId, i64>,
    /// The last publication of each day.
    published: BTreeMap<(ProductId, Slice), BTreeMap<Day, Fixed>>,
    /// The trades of the day asked for last.
    day: Option<(Day, Vec<Printed>)>,
    /// Fixes that came to something else. They count only where every table is as the journal says: they are worked out
    /// from tables.
    pub(super) found: Vec<Mismatch>,
}

impl Fixes {
    /// Returns what there is to remember for the fixes of a database.
    pub(super) fn announced(db: &mut Db) -> Result<Self, StoreError> {
        let mut fixes = Self::default();
        for (as_of, product) in made_of_asks(db)? {
            fixes.announced.entry(as_of).or_default().insert(product);
        }
        Ok(fixes)
    }

    /// Remembers what later fixes are made of.
    pub(super) fn take(&mut self, sequence: i64, exchange: &Exchange, changes: &Changes) {
        let recalled = changes.contracts.values().filter(|row| row.status == ContractStatus::Recalled);
        for row in recalled {
            self.recalled.entry(row.id).or_insert(sequence);
        }
        for product in self.announced.remove(&sequence).into_iter().flatten() {
            self.rested.insert((sequence, product), resting(exchange, product));
        }
    }

    /// Works a fix out again; a difference is added to what was found.
    pub(super) fn check(
        &mut self,
        db: &mut Db,
        exchange: &Exchange,
        (sequence, id, as_of): (i64, FixId, i64),
        fix: &IndexFix,
    ) {
        let what = match self.differs(db, exchange, as_of, fix) {
            Ok(None) => return,
            Ok(Some(what)) => what,
            Err(error) => format!("cannot be worked out again: {error}"),
        };
        let key = id.to_string();
        self.found.push(Mismatch { sequence, table: "index_fixes", key, column: "price", what });
    }

    /// Says what a fix should be, if it is something else.
    fn differs(
        &mut self,
        db: &mut Db,
        exchange: &Exchange,
        as_of: i64,
        fix: &IndexFix,
    ) -> Result<Option<String>, StoreError> {
        let (day, slice) = (Day::new(fix.day), slice_of(fix));
        let trades = self.trades(db, exchange, as_of, fix)?;
        let is_of_asks = fix.origin == FixOrigin::Asks && slice == Slice::default();
        let asks = self.rested.get(&(as_of, fix.product)).filter(|_| is_of_asks);
        let days = self.published.entry((fix.product, slice.clone())).or_default();
        let last = days.range(..day).next_back().map(|(_, fixed)| fixed);
        let Ok(should) = fixed(day, &trades, asks.map_or(&[], Vec::as_slice), last) else {
            return Ok(Some("the recomputation leaves the range of prices".to_owned()));
        };
        let expected = index_fix(fix.product, &slice, day, should.as_ref());
        match should {
            Some(should) => drop(days.insert(day, should)),
            None => drop(days.remove(&day)),
        }
        if expected == *fix {
            return Ok(None);
        }
        let shown = |fix: &IndexFix| serde_json::to_string(fix).unwrap_or_else(|error| error.to_string());
        Ok(Some(format!("the recomputation comes to {}, published is {}", shown(&expected), shown(fix))))
    }

    /// Returns the trades of a fix's day and slice.
    fn trades(
        &mut self,
        db: &mut Db,
        exchange: &Exchange,
        as_of: i64,
        fix: &IndexFix,
    ) -> Result<Vec<DayTrade>, StoreError> {
        let day = Day::new(fix.day);
        if self.day.as_ref().is_none_or(|(cached, _)| *cached != day) {
            self.day = Some((day, between(db, day.start(), day.next().start())?));
        }
        let in_region = |region: &Region| -> BTreeSet<SiteId> {
            exchange.sites().filter(|site| site.region == *region).map(|site| site.id).collect()
        };
        let sites = fix.region.as_ref().map(in_region);
        let of_day = self.day.iter().flat_map(|(_, trades)| trades);
        let in_slice = of_day.filter(|printed| {
            printed.product == fix.product
                && sites.as_ref().is_none_or(|sites| sites.contains(&printed.site))
                && fix.tenor.is_none_or(|tenor| Tenor::of(printed.window) == tenor)
                && fix.primary.is_none_or(|primary| printed.primary == primary)
        });
        let was_recalled = |contract: ContractId| self.recalled.get(&contract).is_some_and(|by| *by <= as_of);
        let day_trade =
            |printed: &Printed| DayTrade { recalled: was_recalled(printed.contract), ..printed.day_trade() };
        Ok(in_slice.map(day_trade).collect())
    }
}

/// Returns the cheapest asks out of listings that rest, as whoever published looked at them.
fn resting(exchange: &Exchange, product: ProductId) -> Vec<RestingAsk> {
    let mut asks: Vec<&Order> =
        exchange.orders().filter(|row| row.side == Side::Ask && row.product == product).collect();
    asks.sort_unstable_by_key(|ask| (ask.price, ask.sequence, ask.id));
    let cheapest = asks.into_iter().take(ORDERS_MAX).filter(|ask| ask.is_primary());
    offered(cheapest, exchange.counters().now)
}
