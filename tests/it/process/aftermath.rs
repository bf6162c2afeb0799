//! What must hold after a server ended in the middle of its work, asked of its successor through the API.

use std::thread;

use gpubourse::types::Money;
use serde_json::Value;

use super::http::{Client, Request};
use super::load::{CONNECTIONS, Cancel, Round, Sent, is_live};
use super::market::Market;
use super::program::Server;

/// What changes in an order while it trades; everything else is frozen when it is placed.
const MOVING: &[&str] = &[
    "status",
    "reason",
    "filled_gpus",
    "remaining_gpus",
    "average_price",
    "fills",
    "held",
    "residual_schedule",
    "ended_at",
    "as_of",
];

/// What became of the requests that were never answered.
#[derive(Debug, Default, Clone, Copy)]
pub struct Unanswered {
    /// Orders that are there.
    pub there: u32,
    /// Orders that are not, and were placed anew by asking again.
    pub absent: u32,
    /// Cancellations that are there.
    pub cancelled: u32,
    /// Cancellations that are not.
    pub not_cancelled: u32,
}

/// Judges every order of a round.
pub fn judge(server: &Server, market: &Market, round: &Round) -> Unanswered {
    let share = round.orders.len().div_ceil(usize::try_from(CONNECTIONS).unwrap()).max(1);
    let judged = thread::scope(|scope| {
        let judges: Vec<_> = round
            .orders
            .chunks(share)
            .map(|orders| {
                let mut judge = Judge { client: server.connect(), market, found: Unanswered::default() };
                scope.spawn(move || {
                    orders.iter().for_each(|order| judge.order(order));
                    judge.found
                })
            })
            .collect();
        judges.into_iter().map(|judge| judge.join().unwrap()).collect::<Vec<_>>()
    });
    // All that was sent is there by now, if only since it was asked for again.
    for deposit in round.orders.iter().filter(|sent| sent.key.is_some()) {
        market.give(deposit.who, text(&deposit.body["reference"]), text(&deposit.body["amount"]));
    }
    let mut judge = Judge { client: server.connect(), market, found: Unanswered::default() };
    judge.money();
    judge.head(round);
    judged.into_iter().fold(Unanswered::default(), |sum, part| Unanswered {
        there: sum.there + part.there,
        absent: sum.absent + part.absent,
        cancelled: sum.cancelled + part.cancelled,
        not_cancelled: sum.not_cancelled + part.not_cancelled,
    })
}

struct Judge<'a> {
    client: Client,
    market: &'a Market,
    found: Unanswered,
}

impl Judge<'_> {
    fn order(&mut self, sent: &Sent) {
        let Some(placed) = &sent.placed else { return self.unanswered(sent) };
        if sent.key.is_some() {
            assert_eq!(self.repeat(sent), (true, placed.clone()), "a deposit changed");
            return;
        }
        let now = self.get(sent.who, &format!("/v1/orders/{}", text(&placed["id"])));
        assert_follows(placed, &now);
        match &sent.cancel {
            Cancel::Done(cancelled) => assert_follows(cancelled, &now),
            Cancel::Unanswered if now["reason"] == "requested" => self.found.cancelled += 1,
            Cancel::Unanswered => self.found.not_cancelled += 1,
            Cancel::NotAsked => assert_ne!(now["reason"], "requested", "nobody asked: {now}"),
            Cancel::Denied => assert_ne!(now["reason"], "requested", "it was said not to be: {now}"),
            Cancel::Refused => assert!(!is_live(&now), "it was said to have ended: {now}"),
        }
        // Asking again finds the same order.
        let again = self.repeat(sent);
        assert_eq!((again.0, &again.1["id"]), (true, &placed["id"]), "{placed}");
        self.whole(sent, &now);
    }

    fn unanswered(&mut self, sent: &Sent) {
        let (was_there, order) = self.repeat(sent);
        assert!(!(was_there && sent.denied), "it was said not to be there: {order}");
        if was_there {
            self.found.there += 1;
        } else {
            self.found.absent += 1;
        }
        if sent.key.is_some() {
            assert_booked(sent, &order);
        } else {
            self.whole(sent, &order);
        }
        let again = self.repeat(sent);
        assert_eq!((again.0, &again.1["id"]), (true, &order["id"]), "{order}");
    }

    /// An order is there with everything that belongs to it: its fills, their contracts, its hold.
    fn whole(&mut self, sent: &Sent, order: &Value) {
        assert_asked(&sent.body, order);
        let fills = order["fills"].as_array().unwrap();
        for fill in fills {
            let contract = self.get(sent.who, &format!("/v1/contracts/{}", text(&fill["contract_id"])));
            for name in ["trade_id", "gpus", "start", "end", "price"] {
                assert_eq!(contract[name], fill[name], "{name} of {contract}");
            }
        }
        if order["side"] == "bid" {
            let filled: u64 = fills.iter().map(|fill| number(&fill["gpus"])).sum();
            assert_eq!(filled, number(&order["filled_gpus"]), "{order}");
            let has_hold = micros(&order["held"]) > 0;
            assert_eq!(has_hold, is_live(order), "{order}");
        }
    }

    /// Sends the same once more; returns whether it was there, and what is there now.
    fn repeat(&mut self, sent: &Sent) -> (bool, Value) {
        let answer = self.client.call(&sent.request(self.market)).unwrap();
        let expected = if answer.is_replayed() { 200 } else { 201 };
        assert_eq!(answer.status, expected, "{}", answer.body);
        (answer.is_replayed(), answer.body)
    }

    fn get(&mut self, who: usize, path: &str) -> Value {
        let answer = self.client.call(&Request::get(path).bearer(&self.market.keys[who])).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Nothing has been delivered yet, so what a renter was given is still its own: each deposit once.
    fn money(&mut self) {
        for who in self.market.renters() {
            let balances = self.get(who, "/v1/balances");
            let parts = ["available", "held", "escrow"].map(|account| micros(&balances[account]));
            assert_eq!(parts.iter().sum::<i64>(), self.market.given(who), "{balances}");
        }
    }

    /// The journal reaches as far as any answer said it did.
    fn head(&mut self, round: &Round) {
        let head = self.get(0, "/v1/audit/head");
        let placed = round.orders.iter().filter_map(|order| order.placed.as_ref());
        let seen = placed.filter_map(|placed| placed["as_of"].as_u64());
        let seen = seen.max().unwrap_or_default();
        assert!(number(&head["sequence"]) >= seen, "an answer said {seen}, the journal ends with {head}");
    }
}

/// An order is what was asked for.
fn assert_asked(asked: &Value, order: &Value) {
    for (name, value) in asked.as_object().unwrap() {
        match name.as_str() {
            "price" => assert_eq!(micros(&order[name]), micros(value), "{order}"),
            _ => assert_eq!(&order[name], value, "{name} of {order}"),
        }
    }
}

/// A deposit is what was asked for.
fn assert_booked(sent: &Sent, transfer: &Value) {
    assert_eq!(micros(&transfer["amount"]), micros(&sent.body["amount"]), "{transfer}");
    assert_eq!(transfer["reference"], sent.body["reference"], "{transfer}");
    assert_eq!(transfer["credit"]["organization_id"], sent.body["organization_id"], "{transfer}");
}

/// An order, or what is left of it, is one that `before` can have become.
fn assert_follows(before: &Value, now: &Value) {
    for (name, value) in before.as_object().unwrap() {
        if !MOVING.contains(&name.as_str()) {
            assert_eq!(&now[name], value, "{name} changed from {before} to {now}");
        }
    }
    let fills = now["fills"].as_array().unwrap();
    for fill in before["fills"].as_array().unwrap() {
        assert!(fills.contains(fill), "{fill} is gone from {now}");
    }
    assert!(number(&now["filled_gpus"]) >= number(&before["filled_gpus"]), "{before} became {now}");
    assert!(number(&now["as_of"]) >= number(&before["as_of"]), "{before} became {now}");
    if !is_live(before) {
        for name in MOVING.iter().filter(|name| **name != "as_of") {
            assert_eq!(now[name], before[name], "{name} changed after the end of {before}");
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn micros(value: &Value) -> i64 {
    Money::parse(text(value)).unwrap().micros()
}
