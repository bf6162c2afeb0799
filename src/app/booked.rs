//! What live contracts cover of the days to come, kept up contract by contract.
//!
//! Invariant: it is the sum over the live contracts of what each covers, day by day, whatever became of them on the way.

use std::collections::BTreeMap;

use super::view::Title;
use crate::exchange::entities::Contract;
use crate::market::levels::Levels;
use crate::market::supply::Apart;
use crate::market::{Day, GpuMinutes};
use crate::types::{ContractId, ProductId, Steps, Window};

/// GPU-minutes of live contracts by delivery day.
#[derive(Debug, Default)]
pub struct Booked {
    primary: BTreeMap<ProductId, Levels>,
    resale: BTreeMap<ProductId, Levels>,
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
            let levels = self.levels(before);
            levels.take(before.window, before.gpus);
            pieces(before, known.as_ref()).for_each(|(window, gpus)| levels.add(window, gpus));
        }
        if let Some(after) = &after {
            let levels = self.levels(after);
            levels.add(after.window, after.gpus);
            pieces(after, now).for_each(|(window, gpus)| levels.take(window, gpus));
        }
        if let Some(now) = now {
            self.given_up.insert(contract.id, now.clone());
        }
    }

    /// Returns what live contracts of a product cover from the first day to the last.
    pub fn of(&self, product: ProductId, first: Day, last: Day) -> Apart {
        let on = |levels: &BTreeMap<ProductId, Levels>| {
            levels.get(&product).map(|levels| levels.by_day(first, last)).unwrap_or_default()
        };
        Apart { primary: on(&self.primary), resale: on(&self.resale) }
    }

    /// Returns what others took over of a live contract; nothing if none did.
    pub fn given_up(&self, contract: ContractId) -> Option<&Steps> {
        self.given_up.get(&contract)
    }

    fn levels(&mut self, title: &Title) -> &mut Levels {
        let by_product = if title.primary { &mut self.primary } else { &mut self.resale };
        by_product.entry(title.product).or_default()
    }
}

/// Returns what others took over of a contract, piece by piece.
fn pieces<'a>(title: &Title, given_up: Option<&'a Steps>) -> impl Iterator<Item = (Window, u32)> + 'a {
    let window = title.window;
    given_up.into_iter().flat_map(move |steps| steps.pieces(window))
}

/// Returns what a contract covers of a window inside its own.
pub(super) fn covered(title: &Title, given_up: Option<&Steps>, window: Window) -> GpuMinutes {
    let whole = GpuMinutes::block(window, title.gpus).get();
    let gone = given_up.into_iter().flat_map(|steps| steps.pieces(window));
    let gone = gone.fold(0_u64, |sum, (piece, gpus)| sum.saturating_add(GpuMinutes::block(piece, gpus).get()));
    GpuMinutes::new(whole.saturating_sub(gone))
}
