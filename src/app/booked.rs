//! What live contracts cover of the days to come, kept up contract by contract.
//!
//! Invariant: it is the sum over the live contracts of what each covers, day by day, whatever became of them on the way.

use std::collections::BTreeMap;

use super::view::Title;
use crate::exchange::entities::Contract;
use crate::market::GpuMinutes;
use crate::market::supply::{Apart, ByDay};
use crate::market::tape::by_day;
use crate::types::{ContractId, ProductId, Steps, Window};

/// GPU-minutes of live contracts by delivery day.
#[derive(Debug, Default)]
pub struct Booked {
    by_product: BTreeMap<ProductId, Apart>,
    /// Of contracts of which others took a part over: that part.
    given_up: BTreeMap<ContractId, Steps>,
}

impl Booked {
    /// Takes a contract in as it stands, in place of what was known of it.
    pub(super) fn take(&mut self, before: Option<&Title>, contract: &Contract) {
        let is_live = contract.status.is_live();
        let after = is_live.then(|| Title::of(contract));
        let (known, now) = (self.given_up.get(&contract.id), contract.given_up().filter(|_| is_live));
        let covers = |title: &Title| (title.product, title.window, title.gpus, title.primary);
        if before.map(covers) == after.as_ref().map(covers) && known == now {
            return;
        }
        if let Some(before) = before {
            let known = self.given_up.remove(&contract.id);
            self.change(before, known.as_ref(), |sum, amount| sum.get().saturating_sub(amount.get()));
        }
        if let Some(after) = &after {
            self.change(after, now, |sum, amount| sum.get().saturating_add(amount.get()));
        }
        if let Some(now) = now {
            self.given_up.insert(contract.id, now.clone());
        }
    }

    /// Returns what live contracts of a product cover.
    pub fn of(&self, product: ProductId) -> Option<&Apart> {
        self.by_product.get(&product)
    }

    /// Returns what others took over of a live contract; nothing if none did.
    pub fn given_up(&self, contract: ContractId) -> Option<&Steps> {
        self.given_up.get(&contract)
    }

    fn change(&mut self, title: &Title, given_up: Option<&Steps>, change: impl Fn(GpuMinutes, GpuMinutes) -> u64) {
        let apart = self.by_product.entry(title.product).or_default();
        let sums: &mut ByDay = if title.primary { &mut apart.primary } else { &mut apart.resale };
        for (day, piece) in by_day(title.window) {
            let amount = covered(title, given_up, piece);
            let sum = sums.entry(day).or_default();
            *sum = GpuMinutes::new(change(*sum, amount));
            if *sum == GpuMinutes::ZERO {
                sums.remove(&day);
            }
        }
    }
}

/// Returns what a contract covers of a window inside its own.
pub(super) fn covered(title: &Title, given_up: Option<&Steps>, window: Window) -> GpuMinutes {
    let whole = GpuMinutes::block(window, title.gpus).get();
    let gone = given_up.into_iter().flat_map(|steps| steps.pieces(window));
    let gone = gone.fold(0_u64, |sum, (piece, gpus)| sum.saturating_add(GpuMinutes::block(piece, gpus).get()));
    GpuMinutes::new(whole.saturating_sub(gone))
}
