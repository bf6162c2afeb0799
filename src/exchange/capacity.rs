//! What is sold or resting out of each listing and each contract, minute by minute.
//!
//! It follows from the asks and contracts, is kept by difference and takes no part in the digest.
//! Invariant: a source without an entry has nothing sold or resting. Minutes gone may still show lapsed asks.

use super::Failure;
use super::entities::Order;
use super::paged::Paged;
use crate::types::{ContractId, ListingId, Source, Steps, Window};

/// GPUs sold or resting, by source.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    listings: Paged<ListingId, Steps>,
    contracts: Paged<ContractId, Steps>,
}

impl Capacity {
    fn of(&self, source: Source) -> Option<&Steps> {
        match source {
            Source::Listing(id) => self.listings.get(id),
            Source::Contract(id) => self.contracts.get(id),
        }
    }

    fn of_mut(&mut self, source: Source) -> Option<&mut Steps> {
        match source {
            Source::Listing(id) => self.listings.get_mut(id),
            Source::Contract(id) => self.contracts.get_mut(id),
        }
    }

    /// Returns the most that is used of a source in any minute of a window.
    pub(super) fn most_used(&self, source: Source, window: Window) -> u32 {
        self.of(source).map_or(0, |used| used.max_over(window))
    }

    /// Returns the most that would be used in any minute of a window with `before` given back and `after` taken;
    /// nothing if that is beyond what can be counted.
    pub(super) fn most_used_after(
        &self,
        source: Source,
        before: &Steps,
        after: &Steps,
        window: Window,
    ) -> Result<Option<u32>, Failure> {
        let mut used = self.of(source).cloned().unwrap_or_default();
        used.subtract_steps(before).map_err(|_| Failure::Invariant("reservation_missing"))?;
        Ok(used.add_steps(after).ok().map(|()| used.max_over(window)))
    }

    /// Takes GPUs out of a source over a window.
    pub(super) fn reserve_block(&mut self, source: Source, window: Window, gpus: u32) -> Result<(), Failure> {
        if window.is_empty() || gpus == 0 {
            return Ok(());
        }
        let used = match source {
            Source::Listing(id) => self.listings.get_or_insert_with(id, Steps::new),
            Source::Contract(id) => self.contracts.get_or_insert_with(id, Steps::new),
        };
        let used = used.ok_or(Failure::Invariant("capacity_missing"))?;
        used.add(window, gpus).map_err(|_| Failure::Invariant("capacity_range"))
    }

    /// Gives GPUs back to a source over a window.
    pub(super) fn unreserve_block(&mut self, source: Source, window: Window, gpus: u32) -> Result<(), Failure> {
        if window.is_empty() || gpus == 0 {
            return Ok(());
        }
        let missing = Failure::Invariant("capacity_missing");
        let used = self.of_mut(source).ok_or(missing)?;
        used.subtract(window, gpus).map_err(|_| missing)?;
        if used.is_zero() {
            self.forget(source);
        }
        Ok(())
    }

    /// Takes GPUs out of a source.
    pub(super) fn reserve(&mut self, source: Source, gpus: &Steps) -> Result<(), Failure> {
        gpus.runs().try_for_each(|(window, gpus)| self.reserve_block(source, window, gpus))
    }

    /// Gives GPUs back to a source.
    pub(super) fn unreserve(&mut self, source: Source, gpus: &Steps) -> Result<(), Failure> {
        gpus.runs().try_for_each(|(window, gpus)| self.unreserve_block(source, window, gpus))
    }

    /// Gives back to its source what an ask that ends has not sold.
    pub(super) fn unreserve_rest(&mut self, source: Source, ask: &Order) -> Result<(), Failure> {
        ask.sold.pieces(ask.window).try_for_each(|(piece, sold)| {
            let rest = ask.gpus.checked_sub(sold).ok_or(Failure::Invariant("oversold_ask"))?;
            self.unreserve_block(source, piece, rest)
        })
    }

    /// Forgets a source that has ended.
    pub(super) fn forget(&mut self, source: Source) {
        match source {
            Source::Listing(id) => drop(self.listings.remove(id)),
            Source::Contract(id) => drop(self.contracts.remove(id)),
        }
    }
}
