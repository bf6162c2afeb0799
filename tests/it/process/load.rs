//! Load: connections that place and cancel distinct orders, one request at a time each, until the server is gone.
//!
//! What was sent and what was answered is written down exactly: the server is judged by it after its end.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::http::{Client, Request};
use super::market::{Market, PRODUCT};
use super::program::Server;
use crate::streams::rng::Rng;

/// Connections at once.
pub const CONNECTIONS: u64 = 16;

/// One order as its sender knows it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Whose; an index of [`Market::keys`].
    pub who: usize,
    pub body: Value,
    /// The answer to placing it.
    pub placed: Option<Value>,
    pub cancel: Cancel,
}

/// What its sender knows about an order's cancellation.
#[derive(Debug, Clone)]
pub enum Cancel {
    NotAsked,
    Unanswered,
    /// The order had ended before.
    Refused,
    Done(Value),
}

/// What one round of load left behind.
#[derive(Debug, Default)]
pub struct Round {
    pub orders: Vec<Sent>,
    /// Requests that succeeded.
    pub acknowledged: u32,
    /// Requests handed over whole before the end began and never answered.
    pub in_flight: u32,
}

/// Shared by the connections and whoever ends the round.
#[derive(Debug, Default)]
pub struct Progress {
    acknowledged: AtomicU32,
    /// Set just before the server is told to end.
    ending: AtomicBool,
}

impl Progress {
    pub fn acknowledged(&self) -> u32 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub fn end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }
}

/// Loads the server from all connections while `end` decides when and how it ends.
pub fn load(server: &mut Server, market: &Market, seed: u64, end: impl FnOnce(&mut Server, &Progress)) -> Round {
    let progress = Progress::default();
    let address = server.address;
    thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let progress = &progress;
                let client = Client::connect(address).unwrap();
                let names = format!("{seed:x}-{number}");
                let rng = Rng::new(seed ^ (number << 32));
                scope.spawn(move || Connection { client, market, progress, rng, names, round: Round::default() }.run())
            })
            .collect();
        end(server, &progress);
        let mut whole = Round::default();
        for connection in connections {
            let round = connection.join().unwrap();
            whole.orders.extend(round.orders);
            whole.acknowledged += round.acknowledged;
            whole.in_flight += round.in_flight;
        }
        whole
    })
}

struct Connection<'a> {
    client: Client,
    market: &'a Market,
    progress: &'a Progress,
    rng: Rng,
    names: String,
    round: Round,
}

impl Connection<'_> {
    fn run(mut self) -> Round {
        loop {
            let resting: Vec<usize> = (0..self.round.orders.len()).filter(|at| self.may_cancel(*at)).collect();
            let cancelled = if self.rng.chance(20) { self.rng.pick_if_any(&resting) } else { None };
            let went_on = match cancelled {
                Some(at) => self.cancel(at),
                None => self.place(),
            };
            if !went_on {
                return self.round;
            }
        }
    }

    fn may_cancel(&self, at: usize) -> bool {
        let order = &self.round.orders[at];
        let is_open = order.placed.as_ref().is_some_and(is_live);
        is_open && matches!(order.cancel, Cancel::NotAsked)
    }

    /// Returns whether there is still somebody to talk to.
    fn place(&mut self) -> bool {
        let (who, body) = self.new_order();
        let request = Request::post("/v1/orders", body.clone()).bearer(&self.market.keys[who]);
        self.round.orders.push(Sent { who, body, placed: None, cancel: Cancel::NotAsked });
        let Some((status, answer)) = self.exchange(&request) else { return false };
        assert_eq!(status, 201, "{answer}");
        self.round.orders.last_mut().unwrap().placed = Some(answer);
        true
    }

    fn cancel(&mut self, at: usize) -> bool {
        let order = &mut self.round.orders[at];
        let id = order.placed.as_ref().unwrap()["id"].as_str().unwrap();
        let request = Request::delete(format!("/v1/orders/{id}")).bearer(&self.market.keys[order.who]);
        order.cancel = Cancel::Unanswered;
        let Some((status, answer)) = self.exchange(&request) else { return false };
        self.round.orders[at].cancel = match status {
            200 => Cancel::Done(answer),
            409 => Cancel::Refused,
            other => panic!("{other} {answer}"),
        };
        true
    }

    /// Sends a request and waits; nothing if the server went away before it answered.
    fn exchange(&mut self, request: &Request) -> Option<(u16, Value)> {
        self.client.send(request).ok()?;
        let was_running = !self.progress.ending.load(Ordering::SeqCst);
        let Ok(answer) = self.client.receive() else {
            self.round.in_flight += u32::from(was_running);
            return None;
        };
        if answer.status < 300 {
            self.round.acknowledged += 1;
            self.progress.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        Some((answer.status, answer.body))
    }

    fn new_order(&mut self) -> (usize, Value) {
        let number = self.round.orders.len();
        let price = format!("{}.{:03}", self.rng.between(1, 2), self.rng.below(1_000));
        let gpus = 8 * self.rng.between(1, 8);
        let lot = self.rng.pick(&[1, 8]);
        let mut body =
            json!({"gpus": gpus, "lot": lot, "price": price, "client_order_id": format!("{}-{number}", self.names)});
        if self.rng.chance(40) {
            body["side"] = json!("ask");
            body["listing_id"] = json!(self.market.listing_id);
            return (0, body);
        }
        let first = self.rng.between(1, 25);
        let last = self.rng.between(first + 1, 31);
        body["side"] = json!("bid");
        body["product"] = json!(PRODUCT);
        body["start"] = json!(format!("2030-01-{first:02}T00:00:00Z"));
        body["end"] = json!(format!("2030-01-{last:02}T00:00:00Z"));
        body["time_in_force"] = json!(self.rng.pick(&["gtc", "gtc", "gtc", "ioc"]));
        let renters: Vec<usize> = self.market.renters().collect();
        (self.rng.pick(&renters), body)
    }
}

/// Tells whether an order can still trade.
pub fn is_live(order: &Value) -> bool {
    ["open", "partially_filled"].contains(&order["status"].as_str().unwrap())
}
