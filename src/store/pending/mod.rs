//! What stands now and is written later.
//!
//! The states of orders and contracts, balances and tapes change in place, all over their tables: written with every
//! batch, their pages would be most of what a commit writes. So a batch writes them side by side into one row of
//! `pending_states` ([`log`]), and they wait in memory until there are many. Then those of one page lie together and
//! many have changed more than once. They are frozen and written by number, slice by slice with later batches, or when
//! there is nothing else to do; the mark moves with the last slice, and what waited in `pending_states` up to it goes.
//!
//! Invariants: a state that changed after the mark is in `pending_states` and in memory; one that did not is in its
//! table. A table may hold states newer than the mark, never older ones.
//! Whoever reads a state looks here first and in the table afterwards: what is not here any more is there by then.

pub(crate) mod load;
pub(crate) mod log;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::StoreError;
use super::rows::{BalanceRow, ContractStateRow, OrderStateRow, TapeRow, Visit};
use crate::exchange::Changes;
use crate::exchange::entities::{Contract, Order, Purse, Tape};
use crate::types::{OrganizationId, ProductId};

/// How many states wait, and how many are written at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many are frozen and written.
    pub generation: usize,
    /// At least so many go with a batch while a generation is being written.
    pub slice: usize,
    /// At most so many are written in a moment without work.
    pub idle: usize,
}

impl Pace {
    /// States are written when somebody asks for it and not before.
    pub const NEVER: Self = Self { generation: usize::MAX, slice: 0, idle: 0 };
}

impl Default for Pace {
    fn default() -> Self {
        // A generation is also what a restart has to read. A thousand states take one to three milliseconds.
        Self { generation: 50_000, slice: 32, idle: 10_000 }
    }
}

/// How far states are taken in, or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// The last journal row.
    pub(crate) sequence: i64,
    /// The last trade made up to it.
    pub(crate) trade: i64,
}

/// The states a batch changed, or some of those that wait, each kind by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct States {
    pub(crate) orders: Vec<Arc<Order>>,
    pub(crate) contracts: Vec<Arc<Contract>>,
    pub(crate) balances: Vec<(OrganizationId, Purse)>,
    pub(crate) tapes: Vec<(ProductId, Tape)>,
}

impl States {
    /// Returns what a batch changed.
    pub(crate) fn of(changes: &Changes) -> Self {
        Self {
            orders: changes.orders.values().cloned().collect(),
            contracts: changes.contracts.values().cloned().collect(),
            balances: changes.purses.iter().map(|(id, purse)| (*id, *purse)).collect(),
            tapes: changes.tapes.iter().map(|(id, tape)| (*id, *tape)).collect(),
        }
    }

    /// Returns how many there are.
    pub(crate) const fn len(&self) -> usize {
        let (orders, contracts) = (self.orders.len(), self.contracts.len());
        orders.saturating_add(contracts).saturating_add(self.balances.len()).saturating_add(self.tapes.len())
    }

    /// Returns them as their tables have them.
    pub(crate) fn rows(&self) -> Result<StateRows, StoreError> {
        Ok(StateRows {
            orders: self.orders.iter().map(|order| OrderStateRow::of(order)).collect::<Result<_, _>>()?,
            contracts: self
                .contracts
                .iter()
                .map(|contract| ContractStateRow::of(contract))
                .collect::<Result<_, _>>()?,
            balances: self.balances.iter().map(|(id, purse)| BalanceRow::of(*id, purse)).collect(),
            tapes: self.tapes.iter().map(|(id, tape)| TapeRow::of(*id, tape)).collect(),
        })
    }
}

/// Rows of the four tables.
#[derive(Debug, Default)]
pub(crate) struct StateRows {
    orders: Vec<OrderStateRow>,
    contracts: Vec<ContractStateRow>,
    balances: Vec<BalanceRow>,
    tapes: Vec<TapeRow>,
}

impl StateRows {
    /// Shows the rows of every table.
    pub(crate) fn visit<'a>(&'a self, visit: &mut impl Visit<'a>) -> Result<(), StoreError> {
        visit.rows(&self.orders)?;
        visit.rows(&self.contracts)?;
        visit.rows(&self.balances)?;
        visit.rows(&self.tapes)
    }
}

/// A state that one number names.
pub(crate) trait Numbered: Clone {
    fn number(&self) -> i64;
}

impl Numbered for Arc<Order> {
    fn number(&self) -> i64 {
        self.id.number()
    }
}

impl Numbered for Arc<Contract> {
    fn number(&self) -> i64 {
        self.id.number()
    }
}

impl Numbered for (OrganizationId, Purse) {
    fn number(&self) -> i64 {
        self.0.number()
    }
}

impl Numbered for (ProductId, Tape) {
    fn number(&self) -> i64 {
        self.0.number()
    }
}

/// States of one kind.
#[derive(Debug)]
pub(crate) struct Waiting<S> {
    /// Changed since the last freeze, by number.
    gathering: BTreeMap<i64, S>,
    /// Being written, by number.
    frozen: BTreeMap<i64, S>,
    /// The last of them that is written.
    written: Option<i64>,
}

impl<S> Default for Waiting<S> {
    fn default() -> Self {
        Self { gathering: BTreeMap::new(), frozen: BTreeMap::new(), written: None }
    }
}

impl<S: Numbered> Waiting<S> {
    /// Returns the state of a number, if it waits.
    pub(crate) fn get(&self, number: i64) -> Option<&S> {
        self.gathering.get(&number).or_else(|| self.frozen.get(&number))
    }

    /// Returns all that wait, each as it stands.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &S> {
        let older = self.frozen.iter().filter(|(number, _)| !self.gathering.contains_key(number));
        self.gathering.iter().chain(older).map(|(_, state)| state)
    }

    fn sorted(&self) -> Vec<S> {
        let mut all: Vec<S> = self.iter().cloned().collect();
        all.sort_unstable_by_key(Numbered::number);
        all
    }

    fn absorb(&mut self, states: Vec<S>) {
        self.gathering.extend(states.into_iter().map(|state| (state.number(), state)));
    }

    fn freeze(&mut self) {
        self.frozen = std::mem::take(&mut self.gathering);
        self.written = None;
    }

    /// Returns the next states to write and takes their number off what is left.
    fn slice(&self, left: &mut usize) -> Vec<S> {
        let after = self.written.map_or(Bound::Unbounded, Bound::Excluded);
        let states = self.frozen.range((after, Bound::Unbounded)).map(|(_, state)| state);
        let states: Vec<S> = states.take(*left).cloned().collect();
        *left = left.saturating_sub(states.len());
        states
    }

    fn written(&mut self, states: &[S]) {
        self.written = states.last().map(Numbered::number).or(self.written);
    }
}

/// All that waits.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) orders: Waiting<Arc<Order>>,
    pub(crate) contracts: Waiting<Arc<Contract>>,
    pub(crate) balances: Waiting<(OrganizationId, Purse)>,
    pub(crate) tapes: Waiting<(ProductId, Tape)>,
    /// How far states were taken in.
    taken: Mark,
    /// How far they were at the freeze, while what was frozen is being written.
    frozen_at: Option<Mark>,
}

/// The next states to write.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    pub(crate) states: States,
    /// The new mark, with the last states of a generation.
    pub(crate) mark: Option<Mark>,
}

impl Slice {
    /// Tells whether there is nothing to write.
    pub(crate) const fn is_empty(&self) -> bool {
        self.states.len() == 0 && self.mark.is_none()
    }
}

impl Pending {
    /// Takes in the states of a batch.
    pub(crate) fn absorb(&mut self, states: States, taken: Mark) {
        self.orders.absorb(states.orders);
        self.contracts.absorb(states.contracts);
        self.balances.absorb(states.balances);
        self.tapes.absorb(states.tapes);
        self.taken = taken;
    }

    /// Returns what rides on a batch that adds so many: nothing while a generation gathers, then more than is added, so
    /// that it is written before the next one is complete.
    pub(crate) fn riding(&mut self, added: usize, pace: Pace) -> Slice {
        if self.frozen_at.is_none() && self.gathered() < pace.generation {
            return Slice::default();
        }
        self.next(added.saturating_mul(3).div_ceil(2).max(pace.slice))
    }

    /// Returns at most so many of the states that wait, however few they are.
    pub(crate) fn next(&mut self, states_max: usize) -> Slice {
        if self.frozen_at.is_none() {
            if self.gathered() == 0 {
                return Slice::default();
            }
            self.freeze();
        }
        let mut left = states_max.max(1);
        let states = States {
            orders: self.orders.slice(&mut left),
            contracts: self.contracts.slice(&mut left),
            balances: self.balances.slice(&mut left),
            tapes: self.tapes.slice(&mut left),
        };
        // Nothing is left where there was room for more.
        Slice { mark: self.frozen_at.filter(|_| left > 0), states }
    }

    /// Forgets a slice whose transaction is committed.
    pub(crate) fn written(&mut self, slice: &Slice) {
        self.orders.written(&slice.states.orders);
        self.contracts.written(&slice.states.contracts);
        self.balances.written(&slice.states.balances);
        self.tapes.written(&slice.states.tapes);
        if slice.mark.is_some() {
            self.thaw();
        }
    }

    /// Freezes what has gathered once there is so much of it, where another process writes it.
    pub(crate) fn freeze_if(&mut self, generation: usize) {
        if self.frozen_at.is_none() && self.gathered() >= generation {
            self.freeze();
        }
    }

    /// Tells whether something is frozen.
    pub(crate) const fn is_frozen(&self) -> bool {
        self.frozen_at.is_some()
    }

    /// Forgets what is frozen if all of it is in its tables up to a mark.
    pub(crate) fn forget(&mut self, mark: Mark) {
        if self.frozen_at.is_some_and(|frozen_at| frozen_at.sequence <= mark.sequence) {
            self.thaw();
        }
    }

    fn freeze(&mut self) {
        self.orders.freeze();
        self.contracts.freeze();
        self.balances.freeze();
        self.tapes.freeze();
        self.frozen_at = Some(self.taken);
    }

    fn thaw(&mut self) {
        self.orders.frozen.clear();
        self.contracts.frozen.clear();
        self.balances.frozen.clear();
        self.tapes.frozen.clear();
        self.frozen_at = None;
    }

    /// Returns all that wait, each as it stands.
    pub(crate) fn all(&self) -> States {
        States {
            orders: self.orders.sorted(),
            contracts: self.contracts.sorted(),
            balances: self.balances.sorted(),
            tapes: self.tapes.sorted(),
        }
    }

    fn gathered(&self) -> usize {
        let (orders, contracts) = (self.orders.gathering.len(), self.contracts.gathering.len());
        let (balances, tapes) = (self.balances.gathering.len(), self.tapes.gathering.len());
        orders.saturating_add(contracts).saturating_add(balances).saturating_add(tapes)
    }
}

#[cfg(test)]
mod tests;
