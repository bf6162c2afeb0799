//! Random commands, steered by what anybody can see, so that rare cases are frequent.
//!
//! Windows lie within a few hours, prices on few ticks, organizations and products are few: orders meet,
//! tie and run out. A share of the commands is wrong on purpose, one way at a time ([`wrong`]).

mod chain;
mod orders;
mod rest;
mod setup;
mod wrong;

use std::collections::{BTreeMap, VecDeque};

use gpubourse::exchange::entities::Contract;
use gpubourse::exchange::{Command, Envelope, Event, Outcome};
use gpubourse::types::{ContractId, Minute, OrderId, OrganizationId, Price, Timestamp};

use super::rng::Rng;
use super::view::View;

/// Where time begins: some minute that is not round, some milliseconds into it.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_795_000_123_456);
/// Orders that may rest at once.
pub const OPEN_ORDERS_MAX: usize = 64;
const HORIZON_MINUTES: u32 = 300;
const TICK_MICROS: i64 = 1_000;

/// One stream's source of commands.
pub struct Generator {
    rng: Rng,
    setup: VecDeque<Command>,
    /// Whether this stream builds long chains of title.
    deep: bool,
    requests: u32,
    names: u32,
    owners: BTreeMap<OrderId, OrganizationId>,
    ended_orders: Vec<(OrganizationId, OrderId)>,
    contracts: BTreeMap<ContractId, Contract>,
    ended_contracts: Vec<Contract>,
    /// A resale ask that is to be bought next.
    link: chain::Link,
    /// Accepted requests that carried a name or a key, to be repeated.
    repeatable: Vec<Envelope>,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let deep = rng.chance(20);
        let setup = setup::commands(&mut rng);
        Self {
            rng,
            setup,
            deep,
            requests: 0,
            names: 0,
            owners: BTreeMap::new(),
            ended_orders: Vec::new(),
            contracts: BTreeMap::new(),
            ended_contracts: Vec::new(),
            link: chain::Link::None,
            repeatable: Vec::new(),
        }
    }

    /// Returns the next command.
    pub fn next(&mut self, view: &View) -> Envelope {
        self.requests += 1;
        if let Some(command) = self.setup.pop_front() {
            return self.envelope(view, command);
        }
        if let Some(command) = self.buy_link(view) {
            return self.envelope(view, command);
        }
        if self.rng.chance(3)
            && let Some(envelope) = self.repeat(view)
        {
            return envelope;
        }
        if self.rng.chance(14)
            && let Some(envelope) = wrong::envelope(self, view)
        {
            return envelope;
        }
        let command = self.command(view);
        self.envelope(view, command)
    }

    /// Learns from what the last command did.
    pub fn observe(&mut self, envelope: &Envelope, outcome: &Outcome) {
        let named = match &envelope.command {
            Command::PlaceAsk(ask) => ask.terms.client_order_id.is_some(),
            Command::PlaceBid(bid) => bid.terms.client_order_id.is_some(),
            _ => envelope.idempotency_key.is_some(),
        };
        self.link.observe(outcome);
        if named && !outcome.replayed {
            self.repeatable.push(envelope.clone());
        }
        for event in &outcome.events {
            match event {
                Event::OrderPlaced { order } => {
                    self.owners.insert(order.id, order.organization);
                }
                Event::OrderEnded { order, .. } => {
                    if let Some(owner) = self.owners.get(order) {
                        self.ended_orders.push((*owner, *order));
                    }
                }
                Event::Traded { contract, .. } => {
                    self.contracts.insert(contract.id, (**contract).clone());
                }
                Event::ContractMoved { contract, status } if !status.is_live() => {
                    self.ended_contracts.extend(self.contracts.get(contract).cloned());
                }
                _ => {}
            }
        }
    }

    fn command(&mut self, view: &View) -> Command {
        if view.orders.len() >= OPEN_ORDERS_MAX - 1 {
            return self.cancel(view).unwrap_or_else(|| self.advance(view));
        }
        if let Some(command) = self.calm_down(view) {
            return command;
        }
        if self.rng.chance(if self.deep { 25 } else { 8 })
            && let Some(command) = self.offer_link(view)
        {
            return command;
        }
        if self.rng.chance(10)
            && let Some(command) = self.raise(view)
        {
            return command;
        }
        let chosen = match self.rng.below(1_000) {
            0..80 => Some(self.advance(view)),
            80..260 => self.ask_from_listing(view),
            260..380 => self.ask_from_contract(view),
            380..700 => self.bid(view),
            700..810 => self.amend(view),
            810..850 => self.cancel(view),
            850..855 => Some(self.cancel_all(view)),
            855..900 => self.end_contract(view),
            900..907 => self.suspend(view),
            907..915 => self.halt(view),
            915..945 => self.amend_listing(view),
            945..957 => self.list(view),
            957..965 => self.wallet(view),
            965..990 => Some(self.rank(view)),
            _ => self.catalogue(view),
        };
        chosen.or_else(|| self.bid(view)).unwrap_or_else(|| self.advance(view))
    }

    fn envelope(&mut self, view: &View, command: Command) -> Envelope {
        let named_otherwise = matches!(command, Command::PlaceAsk(_) | Command::PlaceBid(_));
        let key = (!named_otherwise && self.rng.chance(20)).then(|| self.name("key"));
        self.wrap(view, command, key)
    }

    fn wrap(&mut self, view: &View, command: Command, idempotency_key: Option<String>) -> Envelope {
        // The recorded time may be anything; it must not matter.
        let at = view.counters.now.plus_millis(i64::from(self.rng.below(90_000)));
        Envelope {
            at,
            actor: format!("user:{}", actor(&command)),
            request_id: format!("request-{}", self.requests),
            idempotency_key,
            command,
        }
    }

    /// Sends an accepted request again, most often unchanged.
    fn repeat(&mut self, view: &View) -> Option<Envelope> {
        let recent = self.repeatable.len().saturating_sub(12);
        let sent = self.rng.pick_if_any(&self.repeatable[recent..])?;
        Some(self.wrap(view, sent.command, sent.idempotency_key))
    }

    /// Returns a name nobody used before.
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}-{}", self.names)
    }

    fn price(&mut self, first_tick: u32, last_tick: u32) -> Price {
        Price::from_micros(i64::from(self.rng.between(first_tick, last_tick)) * TICK_MICROS)
    }

    /// Returns a window inside the given one, most often all of it.
    fn inside(&mut self, start: Minute, end: Minute) -> (Minute, Minute) {
        let minutes = end.get().saturating_sub(start.get());
        if minutes < 2 || self.rng.chance(45) {
            return (start, end);
        }
        let length = self.rng.between(1, minutes);
        let first = start.plus(self.rng.below(minutes - length + 1));
        (first, first.plus(length))
    }

    fn organization(&mut self, view: &View) -> OrganizationId {
        let all: Vec<_> = view.organizations.iter().map(|row| row.id).collect();
        self.rng.pick(&all)
    }
}

/// Returns who would send such a command: keys are remembered per sender.
fn actor(command: &Command) -> String {
    match command {
        Command::PlaceAsk(ask) => ask.organization.to_string(),
        Command::PlaceBid(bid) => bid.organization.to_string(),
        Command::CreateSite { organization, .. }
        | Command::CreateListing { organization, .. }
        | Command::AmendListing { organization, .. }
        | Command::CancelOrder { organization, .. }
        | Command::CancelAll { organization, .. } => organization.to_string(),
        Command::AmendOrder(amend) => amend.organization.to_string(),
        _ => "admin".to_owned(),
    }
}
