//! How contracts end early, and listings that are lowered.

use super::delivery::Book;
use super::facts::{Contract, Lower, Pocket};
use super::market::{Market, out_of_range};
use super::{Rule, Violation, ensure, violation};
use crate::types::{ContractId, Fault, ListingId, Minute, OrderReason, OrderStatus, Price, Source, Window};

impl Market {
    /// Ends a contract and what is sold out of it, or hands that on if its buyer is at fault.
    pub(super) fn end_contract(&mut self, id: i64, fault: Option<Fault>) -> Result<(), Violation> {
        let Some(contract) = self.contracts.get(&id).cloned() else {
            return violation(Rule::WronglyAccepted, format!("contract {id} is not live"));
        };
        let children = self.sold_out_of(id);
        if fault != Some(Fault::Buyer) {
            children.into_iter().try_for_each(|child| self.end_contract(child, fault))?;
            return self.end_one(&contract, 0);
        }
        let from = self.end_minute(&contract);
        let mut gap = 0_i64;
        for child in children {
            let Some(row) = self.contracts.get_mut(&child) else { continue };
            let minutes = row.window.from_minute(from).minutes();
            let less = due(&contract, row.gpus, minutes)?.saturating_sub(due(row, row.gpus, minutes)?);
            gap = gap.saturating_add(less.max(0));
            (row.source, row.seller) = (contract.source, contract.seller);
            self.pass_book(child, from, (contract.seller, contract.source));
            self.raise(child);
        }
        self.end_one(&contract, gap)?;
        self.pay((contract.buyer, Pocket::Escrow), (contract.seller, Pocket::Available), gap)
    }

    /// Ends one contract: its asks end, its buyer gets back what will not be delivered.
    fn end_one(&mut self, contract: &Contract, kept: i64) -> Result<(), Violation> {
        let source = Some(Source::Contract(ContractId::new(contract.id)));
        let asks = self.orders.values().filter(|ask| ask.source == source).map(|ask| ask.id);
        let asks: Vec<i64> = asks.collect();
        for ask in asks {
            self.finish(ask, OrderStatus::Cancelled, Some(OrderReason::SourceEnded))?;
        }
        let delivered = Window::new(contract.window.start, self.end_minute(contract)).minutes();
        let spent = self.books.get(&contract.id).map_or(0, Book::spent);
        let due = due(contract, contract.gpus, delivered)?.saturating_sub(spent);
        let refund = contract.escrow_micros.saturating_sub(due).saturating_sub(kept);
        ensure(refund >= 0, Rule::Overdrawn, || format!("{refund} would be given back for {contract:?}"))?;
        self.pay((contract.buyer, Pocket::Escrow), (contract.buyer, Pocket::Available), refund)?;
        self.contracts.remove(&contract.id);
        self.completed.push(contract.id);
        self.end_book(contract.id, self.end_minute(contract), due);
        Ok(())
    }

    /// Everything below a contract that was handed on moves one step up.
    fn raise(&mut self, id: i64) {
        if let Some(row) = self.contracts.get_mut(&id) {
            row.depth = row.depth.saturating_sub(1);
        }
        for child in self.sold_out_of(id) {
            self.raise(child);
        }
    }

    fn sold_out_of(&self, id: i64) -> Vec<i64> {
        let source = Source::Contract(ContractId::new(id));
        self.contracts.values().filter(|row| row.source == source).map(|row| row.id).collect()
    }

    /// The first minute a contract that ends now no longer covers.
    fn end_minute(&self, contract: &Contract) -> Minute {
        self.first_open().max(contract.window.start).min(contract.window.end)
    }

    /// Lowers a listing, never below what is sold or offered in minutes to come.
    pub(super) fn lower(&mut self, lower: &Lower) -> Result<(), Violation> {
        let used = self.used(Source::Listing(ListingId::new(lower.listing)))?;
        let first_open = self.first_open();
        let told = || format!("{lower:?}, used is {used:?}");
        let Some(row) = self.listings.get_mut(&lower.listing) else {
            return violation(Rule::WronglyAccepted, told());
        };
        let window = Window::new(lower.start.unwrap_or(row.window.start), lower.end.unwrap_or(row.window.end));
        let gpus = lower.gpus.unwrap_or(row.gpus);
        let lowered = gpus <= row.gpus && row.window.contains(window) && row.organization == lower.organization;
        ensure(lowered, Rule::WronglyAccepted, told)?;
        let fits = |(piece, used): (Window, u32)| {
            let open = piece.from_minute(first_open);
            open.is_empty() || (used <= gpus && window.contains(open))
        };
        ensure(used.runs().all(fits), Rule::Oversold, told)?;
        (row.gpus, row.window) = (gpus, window);
        Ok(())
    }
}

/// What is due for so many GPUs over so many minutes at a contract's price.
fn due(contract: &Contract, gpus: u32, minutes: u32) -> Result<i64, Violation> {
    let gpu_minutes = u64::from(gpus).saturating_mul(u64::from(minutes));
    let due = Price::from_micros(contract.price_micros).due(gpu_minutes);
    due.map(|due| due.micros()).map_err(|_| out_of_range("a contract"))
}
