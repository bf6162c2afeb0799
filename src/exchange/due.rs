//! What will happen by itself when time moves.

use std::collections::{BTreeMap, BTreeSet};

use super::entities::{Contract, Order};
use super::paged::{Number, Numbers};
use crate::types::{ContractId, Minute, OrderId, OrganizationId, Side, Timestamp, Window};

/// Numbers by minute.
#[derive(Debug)]
pub(super) struct Calendar<I>(BTreeMap<Minute, Numbers<I>>);

impl<I> Default for Calendar<I> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<I: Number> Calendar<I> {
    pub(super) fn insert(&mut self, minute: Minute, id: I) {
        self.0.entry(minute).or_default().insert(id);
    }

    pub(super) fn remove(&mut self, minute: Minute, id: I) {
        if let Some(numbers) = self.0.get_mut(&minute) {
            numbers.remove(id);
            if numbers.is_empty() {
                self.0.remove(&minute);
            }
        }
    }

    /// Returns what is written in, by minute and number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Minute, I)> {
        self.0.iter().flat_map(|(minute, numbers)| numbers.iter().map(|id| (*minute, id)))
    }

    pub(super) fn first(&self) -> Option<(Minute, I)> {
        self.iter().next()
    }
}

/// Everything with a date, earliest first. Follows from the tables.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// gtd orders by `expires_at`: due when now has reached it.
    pub(super) expiries: BTreeSet<(Timestamp, OrderId)>,
    /// Orders by the last minute they can live in: due when that minute has come.
    pub(super) last_minutes: Calendar<OrderId>,
    /// Contracts that have not started by their first minute.
    pub(super) starts: Calendar<ContractId>,
    /// Contracts that have started by the first minute after them.
    pub(super) ends: Calendar<ContractId>,
    /// Contracts by the minute at which they default if nothing more happens.
    pub(super) deadlines: BTreeSet<(Minute, ContractId)>,
    /// The same, by contract.
    deadline_of: BTreeMap<ContractId, Minute>,
    /// Contracts paid for by the month by the minute in which the next draw is tried.
    draws: BTreeSet<(Minute, ContractId)>,
    /// The same, by contract.
    draw_of: BTreeMap<ContractId, Minute>,
    /// Client order ids by the time they may be forgotten.
    pub(super) client_orders: BTreeSet<(Timestamp, (OrganizationId, String))>,
    /// Idempotency keys by the time they are forgotten.
    pub(super) keys: BTreeSet<(Timestamp, (String, String))>,
}

impl Due {
    /// Writes an open order into the calendar.
    pub(super) fn add_order(&mut self, order: &Order) {
        self.last_minutes.insert(last_minute(order), order.id);
        if let Some(at) = order.expires_at {
            self.expiries.insert((at, order.id));
        }
    }

    /// Takes an order out, as it was when it was written in.
    pub(super) fn remove_order(&mut self, order: &Order) {
        self.last_minutes.remove(last_minute(order), order.id);
        if let Some(at) = order.expires_at {
            self.expiries.remove(&(at, order.id));
        }
    }

    /// Moves an order whose last minute has changed.
    pub(super) fn move_order(&mut self, id: OrderId, before: Minute, after: Minute) {
        if before != after {
            self.last_minutes.remove(before, id);
            self.last_minutes.insert(after, id);
        }
    }

    /// Writes a live contract into the calendar, under what happens to it next.
    pub(super) fn add_contract(&mut self, contract: &Contract, now: Timestamp) {
        if contract.window.start > now.minute() {
            self.starts.insert(contract.window.start, contract.id);
        } else {
            self.ends.insert(contract.window.end, contract.id);
        }
    }

    /// Moves a contract that starts.
    pub(super) fn start_contract(&mut self, contract: &Contract) {
        self.starts.remove(contract.window.start, contract.id);
        self.ends.insert(contract.window.end, contract.id);
    }

    /// Writes a contract's deadline into the calendar, in place of the one it had.
    pub(super) fn set_deadline(&mut self, contract: ContractId, deadline: Option<Minute>) {
        let before = match deadline {
            Some(minute) => self.deadline_of.insert(contract, minute),
            None => self.deadline_of.remove(&contract),
        };
        if before == deadline {
            return;
        }
        before.map(|minute| self.deadlines.remove(&(minute, contract)));
        deadline.map(|minute| self.deadlines.insert((minute, contract)));
    }

    /// Writes into the calendar when a contract's next draw is tried, in place of what was there.
    pub(super) fn set_draw(&mut self, contract: ContractId, tried: Option<Minute>) {
        let before = match tried {
            Some(minute) => self.draw_of.insert(contract, minute),
            None => self.draw_of.remove(&contract),
        };
        before.map(|minute| self.draws.remove(&(minute, contract)));
        tried.map(|minute| self.draws.insert((minute, contract)));
    }

    /// Returns the contract whose draw is tried first, and when.
    pub(super) fn first_draw(&self) -> Option<(Minute, ContractId)> {
        self.draws.first().copied()
    }

    /// Takes a contract out, whether it has started or not.
    pub(super) fn remove_contract(&mut self, contract: &Contract) {
        self.starts.remove(contract.window.start, contract.id);
        self.ends.remove(contract.window.end, contract.id);
    }
}

/// Returns the current minute in which an order ends: a bid's own start; for an ask, the last minute after
/// which no run of `min_minutes` with `lot` free GPUs fits any more. An ask without such a run ends at once.
pub(super) fn last_minute(order: &Order) -> Minute {
    match order.side {
        Side::Bid => order.window.start,
        Side::Ask => last_run_end(order).map_or(Minute::new(0), |end| end.minus(order.min_minutes)),
    }
}

/// Returns the end of the last run of at least `min_minutes` with at least `lot` GPUs free.
fn last_run_end(order: &Order) -> Option<Minute> {
    let most_sold = order.gpus.checked_sub(order.lot)?;
    let mut run = Window::new(order.window.start, order.window.start);
    let mut last = None;
    for (piece, sold) in order.sold.pieces(order.window) {
        if sold > most_sold {
            run = Window::new(piece.end, piece.end);
            continue;
        }
        run.end = piece.end;
        if run.minutes() >= order.min_minutes {
            last = Some(run.end);
        }
    }
    last
}
