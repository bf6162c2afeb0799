//! Which requests the exchange remembers, so that a repeat does nothing twice.
//!
//! Orders are remembered by `client_order_id` while they are open and for 7 days of exchange time after
//! they were placed; every other command by (actor, `Idempotency-Key`) for 24 hours. Only accepted
//! requests are remembered.

use serde::Serialize;

use super::book::Book;
use super::entities::{ClientOrder, Order, RememberedKey};
use super::table::hash;
use super::{Command, Envelope, Event, Exchange, Failure, Made, Outcome, Reject};
use crate::types::limits::{CLIENT_ORDER_ID_MS, IDEMPOTENCY_KEY_MS, KEY_CHARS_MAX};
use crate::types::{OrganizationId, Timestamp};

/// What an `Idempotency-Key` means for a command.
pub(super) enum Key {
    /// It came with none.
    None,
    /// It was not seen before; the command's fingerprint is to be remembered.
    New(u128),
    /// It was, with the same command.
    Repeat(Made),
}

/// What a `client_order_id` means for an order.
pub(super) enum ClientKey {
    /// It came with none.
    None,
    /// It was not seen before.
    New(u128),
    /// It was, with the same order.
    Repeat(Made),
    /// It was, with another order.
    Reused,
}

impl<B: Book> Exchange<B> {
    pub(super) fn remembered(&self, envelope: &Envelope) -> Result<Key, Failure> {
        let Some(key) = &envelope.idempotency_key else { return Ok(Key::None) };
        if matches!(envelope.command, Command::PlaceAsk(_) | Command::PlaceBid(_)) {
            return Ok(Key::None);
        }
        check_key(key)?;
        let fingerprint = fingerprint(&envelope.command)?;
        match self.keys.get(&(envelope.actor.clone(), key.clone())) {
            None => Ok(Key::New(fingerprint)),
            Some(first) if first.fingerprint == fingerprint => Ok(Key::Repeat(first.made)),
            Some(_) => Err(Reject::IdempotencyKeyReused.into()),
        }
    }

    pub(super) fn remember(&mut self, envelope: &Envelope, fingerprint: u128, made: Made) {
        let Some(key) = &envelope.idempotency_key else { return };
        let key = (envelope.actor.clone(), key.clone());
        let used_at = self.now();
        self.due.keys.insert((used_at.plus_millis(IDEMPOTENCY_KEY_MS), key.clone()));
        self.keys.insert(key, RememberedKey { fingerprint, used_at, made });
    }

    pub(super) fn replayed(&self, made: Made) -> Outcome {
        let order = match made {
            Made::Order(id) => self.orders.share(&id),
            _ => None,
        };
        Outcome { events: vec![Event::Replayed { made }], made, replayed: true, order }
    }

    pub(super) fn client_key(
        &self,
        organization: OrganizationId,
        client_order_id: Option<&String>,
        request: &impl Serialize,
    ) -> Result<ClientKey, Failure> {
        let Some(id) = client_order_id else { return Ok(ClientKey::None) };
        check_key(id)?;
        let fingerprint = hash("order", &(), request)?;
        Ok(match self.client_orders.get(&(organization, id.clone())) {
            None => ClientKey::New(fingerprint),
            Some(first) if first.fingerprint == fingerprint => ClientKey::Repeat(Made::Order(first.order)),
            Some(_) => ClientKey::Reused,
        })
    }

    pub(super) fn remember_order(&mut self, order: &Order) {
        let (Some(id), Some(fingerprint)) = (&order.client_order_id, order.fingerprint) else { return };
        let key = (order.organization, id.clone());
        self.due.client_orders.insert((forgotten_at(order.placed_at), key.clone()));
        let row = ClientOrder { order: order.id, fingerprint, placed_at: order.placed_at, ended: false };
        self.client_orders.insert(key, row);
    }

    /// Marks the memory of an order that ended, or drops it if its 7 days are over.
    pub(super) fn release_client_order(&mut self, order: &Order) {
        let Some(id) = &order.client_order_id else { return };
        let key = (order.organization, id.clone());
        if forgotten_at(order.placed_at) <= self.now() {
            self.client_orders.remove(&key);
        } else if let Some(row) = self.client_orders.get_mut(&key) {
            row.ended = true;
        }
    }

    /// Forgets what is due; open orders keep their `client_order_id`.
    pub(super) fn forget(&mut self) {
        let now = self.now();
        while let Some((at, key)) = self.due.client_orders.pop_first() {
            if at > now {
                self.due.client_orders.insert((at, key));
                break;
            }
            if self.client_orders.get(&key).is_some_and(|row| row.ended) {
                self.client_orders.remove(&key);
            }
        }
        while let Some((at, key)) = self.due.keys.pop_first() {
            if at > now {
                self.due.keys.insert((at, key));
                break;
            }
            self.keys.remove(&key);
            self.changes.keys.insert(key, None);
        }
    }
}

/// When an ended order's `client_order_id` may be used again.
pub(super) fn forgotten_at(placed_at: Timestamp) -> Timestamp {
    placed_at.plus_millis(CLIENT_ORDER_ID_MS)
}

fn fingerprint(request: &Command) -> Result<u128, Failure> {
    let text = serde_json::to_string(request).map_err(|_| Failure::Invariant("request_not_encodable"))?;
    hash("request", &(), &text)
}

fn check_key(key: &str) -> Result<(), Reject> {
    let fits = !key.is_empty() && key.len() <= KEY_CHARS_MAX && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(Reject::InvalidText) }
}
