//! The whole state at once.

use std::collections::BTreeMap;

use super::market::Market;
use super::order::{Order, gives};
use super::{Rule, Violation, ensure};
use crate::types::{ContractId, ListingId, Side, Source, Window};

impl Market {
    /// Judges the whole state.
    pub(super) fn scan(&self) -> Result<(), Violation> {
        self.scan_capacity()?;
        self.scan_orders()?;
        self.scan_money()?;
        self.scan_quiet()
    }

    fn scan_capacity(&self) -> Result<(), Violation> {
        for (id, listing) in &self.listings {
            self.not_oversold(Source::Listing(ListingId::new(*id)), listing.window, listing.gpus)?;
        }
        for (id, contract) in &self.contracts {
            self.not_oversold(Source::Contract(ContractId::new(*id)), contract.window, contract.gpus)?;
            ensure(self.hangs(contract), Rule::BrokenChain, || format!("{contract:?}"))?;
        }
        Ok(())
    }

    fn not_oversold(&self, source: Source, window: Window, gpus: u32) -> Result<(), Violation> {
        let used = self.used(source)?;
        let open = window.from_minute(self.first_open());
        let most = used.max_over(open);
        ensure(most <= gpus, Rule::Oversold, || format!("{source:?} has {gpus} GPUs, {most} are used"))?;
        let outside = |piece: Window| !piece.is_empty() && !window.contains(piece);
        let outside = used.runs().find(|(piece, _)| outside(piece.from_minute(self.first_open())));
        ensure(outside.is_none(), Rule::Oversold, || format!("{source:?} is {window:?}, used in {outside:?}"))
    }

    fn scan_orders(&self) -> Result<(), Violation> {
        for order in self.orders.values() {
            let due = order.expires_at.is_some_and(|at| at <= self.now);
            let alive = !due && order.can_trade(self.first_open());
            ensure(alive, Rule::WrongEnd, || format!("its time has passed: {order:?}"))?;
        }
        Ok(())
    }

    fn scan_money(&self) -> Result<(), Violation> {
        let sum: i128 = self.ledger.values().map(|micros| i128::from(*micros)).fold(0, i128::saturating_add);
        ensure(sum == 0, Rule::Unbalanced, || format!("the sum is {sum}"))?;
        let mut holds: BTreeMap<i64, i64> = BTreeMap::new();
        for bid in self.orders.values() {
            let hold = bid.hold().map_or(i64::MAX, |hold| hold.micros());
            let sum = holds.entry(bid.organization).or_default();
            *sum = sum.saturating_add(hold);
        }
        for (organization, purse) in &self.purses {
            let due = holds.get(organization).copied().unwrap_or(0);
            let told = || format!("{organization} has {} on hold, open bids are {due}", purse.held);
            ensure(purse.held == due, Rule::WrongHold, told)?;
        }
        Ok(())
    }

    fn scan_quiet(&self) -> Result<(), Violation> {
        let open = |order: &&Order| self.products.get(&order.product).is_some_and(|product| !product.halted);
        let (asks, bids): (Vec<&Order>, Vec<&Order>) =
            self.orders.values().filter(open).partition(|order| order.side == Side::Ask);
        for ask in asks {
            for bid in bids.iter().filter(|bid| bid.organization != ask.organization) {
                let gpus = gives(ask, bid, self.now);
                ensure(gpus == 0, Rule::NotQuiet, || format!("{ask:?} would give {gpus} GPUs to {bid:?}"))?;
            }
        }
        Ok(())
    }
}
