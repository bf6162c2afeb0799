//! Clients and the network between them and the exchange: replies are lost, requests come twice and out of order.

use super::rng::Rng;
use crate::app::Submission;
use crate::exchange::Command;

/// Deliveries of one request a client tries before it gives up.
const ATTEMPTS_MAX: u32 = 6;
/// A request comes this many steps late at most.
const DELAY_STEPS: u32 = 3;
/// A duplicate comes this many steps late at most.
const DUPLICATE_STEPS: u32 = 12;
/// In a thousand requests, how many come twice.
const DUPLICATES: u32 = 60;

/// What somebody wants done once, however often it has to be sent.
#[derive(Debug)]
struct Errand {
    actor: String,
    key: Option<String>,
    command: Command,
    attempts: u32,
    settled: bool,
}

/// A request on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    errand: usize,
    copy: u32,
    due: u32,
}

/// Everybody's requests.
#[derive(Debug, Default)]
pub(super) struct Clients {
    errands: Vec<Errand>,
    underway: Vec<Delivery>,
    /// Copies of requests that the network made.
    pub(super) duplicates: u64,
}

impl Clients {
    /// Sends a new request.
    pub(super) fn send(&mut self, rng: &mut Rng, step: u32, (actor, mut command): (String, Command)) {
        let errand = self.errands.len();
        let name = format!("n{errand}");
        let terms = match &mut command {
            Command::PlaceAsk(ask) => Some(&mut ask.terms),
            Command::PlaceBid(bid) => Some(&mut bid.terms),
            _ => None,
        };
        let key = match terms {
            Some(terms) => {
                terms.client_order_id = Some(name);
                None
            }
            None => Some(name),
        };
        self.errands.push(Errand { actor, key, command, attempts: 0, settled: false });
        self.deliver(errand, step.saturating_add(rng.below(DELAY_STEPS)));
        if rng.chance(DUPLICATES) {
            self.duplicates = self.duplicates.saturating_add(1);
            self.deliver(errand, step.saturating_add(rng.below(DUPLICATE_STEPS)));
        }
    }

    fn deliver(&mut self, errand: usize, due: u32) {
        if let Some(row) = self.errands.get_mut(errand) {
            row.attempts = row.attempts.saturating_add(1);
            self.underway.push(Delivery { errand, copy: row.attempts, due });
        }
    }

    /// Takes what arrives now, in any order.
    pub(super) fn arriving(&mut self, rng: &mut Rng, step: u32) -> Vec<Delivery> {
        let mut arriving = Vec::new();
        self.underway.retain(|delivery| {
            let now = delivery.due <= step;
            if now {
                arriving.push(*delivery);
            }
            !now
        });
        for last in (1..arriving.len()).rev() {
            arriving.swap(last, rng.place(last.saturating_add(1)));
        }
        arriving
    }

    /// Tells whether nothing is on its way.
    pub(super) const fn is_quiet(&self) -> bool {
        self.underway.is_empty()
    }

    /// Returns a request as it arrives.
    pub(super) fn submission(&self, delivery: Delivery) -> Option<Submission> {
        let errand = self.errands.get(delivery.errand)?;
        Some(Submission {
            actor: errand.actor.clone(),
            request_id: request_id(delivery),
            idempotency_key: errand.key.clone(),
            command: errand.command.clone(),
        })
    }

    /// A client has its answer.
    pub(super) fn settled(&mut self, delivery: Delivery) {
        if let Some(errand) = self.errands.get_mut(delivery.errand) {
            errand.settled = true;
        }
    }

    /// A client has none, or one that tells nothing: it sends again, if it has not given up.
    pub(super) fn unanswered(&mut self, rng: &mut Rng, step: u32, delivery: Delivery) {
        let again = self.errands.get(delivery.errand).is_some_and(|row| !row.settled && row.attempts < ATTEMPTS_MAX);
        if again {
            self.deliver(delivery.errand, step.saturating_add(rng.between(1, DELAY_STEPS)));
        }
    }
}

/// Each copy of a request has an id of its own.
pub(super) fn request_id(delivery: Delivery) -> String {
    format!("r{}-{}", delivery.errand, delivery.copy)
}
