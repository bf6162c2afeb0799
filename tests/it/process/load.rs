//! Load: connections that place and cancel distinct orders and book deposits, one request at a time each, until the
//! server is gone or, where another takes over, until the end.
//!
//! What was sent and what was answered is written down exactly: the server is judged by it after its end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Client, Request};
use super::market::{Market, PRODUCT};
use super::program::Server;
use crate::streams::rng::Rng;

/// Connections at once.
pub const CONNECTIONS: u64 = 64;
/// How long a sender waits that was told that the exchange takes nothing.
const PAUSE: Duration = Duration::from_millis(20);

/// One order, or one deposit, as its sender knows it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Whose; an index of [`Market::keys`].
    pub who: usize,
    pub body: Value,
    /// The idempotency key of a deposit; orders have a `client_order_id`.
    pub key: Option<String>,
    /// The answer to placing it.
    pub placed: Option<Value>,
    /// Whether it was said that it is not there.
    pub denied: bool,
    pub cancel: Cancel,
}

impl Sent {
    /// Returns the request, the same each time.
    pub fn request(&self, market: &Market) -> Request {
        match &self.key {
            None => Request::post("/v1/orders", self.body.clone()).bearer(&market.keys[self.who]),
            Some(key) => {
                Request::post("/v1/admin/deposits", self.body.clone()).bearer(&market.admin).idempotency_key(key)
            }
        }
    }
}

/// What its sender knows about an order's cancellation.
#[derive(Debug, Clone)]
pub enum Cancel {
    NotAsked,
    Unanswered,
    /// It was said that it did not happen.
    Denied,
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
    /// Requests handed over whole before the end began and never answered, or answered that it is not known.
    pub in_flight: u32,
    /// Requests answered that nothing was applied.
    pub denied: u32,
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

/// Ends the load also where a test fails in the middle of it, or its connections would go on for ever.
struct Ends<'a>(&'a Progress);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Loads a node while `end` decides what happens to others, and until it returns.
pub fn load_through(node: &Server, market: &Market, seed: u64, end: impl FnOnce(&Progress)) -> Round {
    drive(node.address, market, (seed, true), |progress| {
        let _ends = Ends(progress);
        end(progress);
    })
}

/// Loads the server from all connections while `end` decides when and how it ends.
pub fn load(server: &mut Server, market: &Market, seed: u64, end: impl FnOnce(&mut Server, &Progress)) -> Round {
    drive(server.address, market, (seed, false), |progress| end(server, progress))
}

fn drive(address: SocketAddr, market: &Market, (seed, patient): (u64, bool), end: impl FnOnce(&Progress)) -> Round {
    let progress = Progress::default();
    thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let progress = &progress;
                let client = Client::connect(address).unwrap();
                let commands = Commands::new(market, seed, number);
                let round = Round::default();
                scope.spawn(move || Connection { client, market, progress, patient, commands, round }.run())
            })
            .collect();
        end(&progress);
        let mut whole = Round::default();
        for connection in connections {
            let round = connection.join().unwrap();
            whole.orders.extend(round.orders);
            whole.acknowledged += round.acknowledged;
            whole.in_flight += round.in_flight;
            whole.denied += round.denied;
        }
        whole
    })
}

/// What an answer says about a request.
enum Told {
    Done,
    Denied,
    Unknown,
}

struct Connection<'a> {
    client: Client,
    market: &'a Market,
    progress: &'a Progress,
    /// Whether it goes on after it was told that the exchange takes nothing, and until the end.
    patient: bool,
    commands: Commands<'a>,
    round: Round,
}

impl Connection<'_> {
    fn run(mut self) -> Round {
        loop {
            let resting: Vec<usize> = (0..self.round.orders.len()).filter(|at| self.may_cancel(*at)).collect();
            let cancelled = if self.commands.rng.chance(20) { self.commands.rng.pick_if_any(&resting) } else { None };
            let went_on = match cancelled {
                Some(at) => self.cancel(at),
                None => self.place(),
            };
            if !went_on || (self.patient && self.progress.ending.load(Ordering::SeqCst)) {
                return self.round;
            }
        }
    }

    fn may_cancel(&self, at: usize) -> bool {
        let order = &self.round.orders[at];
        let is_open = order.key.is_none() && order.placed.as_ref().is_some_and(is_live);
        is_open && matches!(order.cancel, Cancel::NotAsked)
    }

    /// Returns whether there is still somebody to talk to.
    fn place(&mut self) -> bool {
        let sent = self.commands.next();
        let request = sent.request(self.market);
        self.round.orders.push(sent);
        let Some((status, answer)) = self.exchange(&request) else { return false };
        match self.told(status, &answer) {
            Told::Done => {
                assert_eq!(status, 201, "{answer}");
                self.round.orders.last_mut().unwrap().placed = Some(answer);
            }
            Told::Denied => self.round.orders.last_mut().unwrap().denied = true,
            Told::Unknown => {}
        }
        true
    }

    fn cancel(&mut self, at: usize) -> bool {
        let order = &mut self.round.orders[at];
        let id = order.placed.as_ref().unwrap()["id"].as_str().unwrap();
        let request = Request::delete(format!("/v1/orders/{id}")).bearer(&self.market.keys[order.who]);
        order.cancel = Cancel::Unanswered;
        let Some((status, answer)) = self.exchange(&request) else { return false };
        self.round.orders[at].cancel = match (self.told(status, &answer), status) {
            (Told::Done, 200) => Cancel::Done(answer),
            (Told::Done, 409) => Cancel::Refused,
            (Told::Done, other) => panic!("{other} {answer}"),
            (Told::Denied, _) => Cancel::Denied,
            (Told::Unknown, _) => Cancel::Unanswered,
        };
        true
    }

    /// Counts what an answer says about a request, and waits a little if the exchange takes nothing now.
    fn told(&mut self, status: u16, answer: &Value) -> Told {
        if !self.patient || status != 503 {
            return Told::Done;
        }
        thread::sleep(PAUSE);
        if answer["applied"] == "not_applied" {
            self.round.denied += 1;
            return Told::Denied;
        }
        assert_eq!(answer["applied"], "unknown", "{answer}");
        self.round.in_flight += 1;
        Told::Unknown
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
}

/// Makes the commands of one connection; the same seed makes the same ones.
pub struct Commands<'a> {
    market: &'a Market,
    pub rng: Rng,
    names: String,
    made: u32,
}

impl<'a> Commands<'a> {
    pub fn new(market: &'a Market, seed: u64, connection: u64) -> Self {
        let rng = Rng::new(seed ^ (connection << 32));
        Self { market, rng, names: format!("{seed:x}-{connection}"), made: 0 }
    }

    /// Returns an order, or now and then a deposit, that was never there before.
    pub fn next(&mut self) -> Sent {
        self.made += 1;
        let name = format!("{}-{}", self.names, self.made);
        let renters: Vec<usize> = self.market.renters().collect();
        let renter = self.rng.pick(&renters);
        if self.rng.chance(10) {
            let amount = format!("{}.{:06}", self.rng.below(1_000), self.rng.between(1, 999_999));
            let organization = &self.market.organizations[renter];
            let body = json!({"organization_id": organization, "amount": amount, "reference": name});
            return Sent { who: renter, body, key: Some(name), placed: None, denied: false, cancel: Cancel::NotAsked };
        }
        let (who, body) = self.order(renter, &name);
        Sent { who, body, key: None, placed: None, denied: false, cancel: Cancel::NotAsked }
    }

    fn order(&mut self, renter: usize, name: &str) -> (usize, Value) {
        let price = format!("{}.{:03}", self.rng.between(1, 2), self.rng.below(1_000));
        let gpus = 8 * self.rng.between(1, 8);
        let lot = self.rng.pick(&[1, 8]);
        let mut body = json!({"gpus": gpus, "lot": lot, "price": price, "client_order_id": name});
        if self.rng.chance(40) {
            body["side"] = json!("ask");
            body["listing_id"] = json!(self.rng.pick(&self.market.listings));
            return (0, body);
        }
        let first = self.rng.between(1, 25);
        let last = self.rng.between(first + 1, 31);
        body["side"] = json!("bid");
        body["product"] = json!(PRODUCT);
        body["start"] = json!(format!("2030-01-{first:02}T00:00:00Z"));
        body["end"] = json!(format!("2030-01-{last:02}T00:00:00Z"));
        body["time_in_force"] = json!(self.rng.pick(&["gtc", "gtc", "gtc", "ioc"]));
        (renter, body)
    }
}

/// Tells whether an order can still trade.
pub fn is_live(order: &Value) -> bool {
    ["open", "partially_filled"].contains(&order["status"].as_str().unwrap())
}
