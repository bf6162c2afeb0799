//! A settlement that is cut off after any of its commands, and begun again, pays what one that is not does: on both
//! databases, each time from what is durable alone.

use gpubourse::app::verify::verify;
use gpubourse::exchange::{Command, Envelope, Event};
use gpubourse::types::ContractId;

use super::scene::Scribe;
use crate::backend::for_each_backend;
use crate::delivery::life::{DAY, Life, P, R, X, Y};

const CONTRACTS: u32 = 9;

/// Contracts of four days, every third with outages, of which nearly two days have closed; nothing is settled. They stay
/// open, so that each walk comes past those that the one before it settled.
fn unsettled() -> Life {
    let mut life = Life::new();
    let window = (60, 60 + 4 * DAY);
    let mut up = Vec::new();
    for number in 0..CONTRACTS {
        let gpus = 2 + number % 3;
        let buyer = [R, X, Y][number as usize % 3];
        let contract = life.sell(Life::listing(), buyer, gpus, window, &format!("1.00000{number}"));
        life.hand_over(contract);
        up.push((contract, if number % 3 == 0 { gpus - 1 } else { gpus }));
    }
    let reported = window.0 + 2 * DAY;
    life.operate((window.0, reported), &up);
    life.advance(reported + 20 * 60);
    life
}

/// Settles from the beginning on, contract by contract; tells whether it came to the end within so many commands.
fn walk(scribe: &mut Scribe, commands: u32) -> bool {
    let mut after = None::<ContractId>;
    for number in 0..commands {
        let envelope = Envelope {
            at: scribe.exchange.counters().now,
            actor: "system".to_owned(),
            request_id: number.to_string(),
            idempotency_key: None,
            command: Command::Settle { after, limit: 1 },
        };
        let (_, events) = scribe.commit(&[(envelope, "ok")]);
        after = events.iter().find_map(|event| match event {
            Event::SettledThrough { next } => *next,
            _ => None,
        });
        if after.is_none() {
            return true;
        }
    }
    false
}

#[test]
fn a_settlement_cut_off_at_any_contract_pays_everything_once() {
    for_each_backend(|backend| {
        let mut life = unsettled();
        let store = backend.open();
        Scribe::of(&store).commit(&life.rows);
        let of_provider = |scribe: &Scribe| scribe.exchange.purses().find(|(id, _)| *id == P).unwrap().1.available;
        let (mut walks, mut paid) = (0, Vec::new());
        loop {
            walks += 1;
            // As after a kill: only what was committed is there.
            let mut scribe = Scribe::of(&store);
            let is_done = walk(&mut scribe, walks);
            paid.push(of_provider(&scribe));
            if is_done {
                break;
            }
        }
        // Each walk settles one contract more; the last one comes to the end, where there is nothing left.
        let settled = &paid[..paid.len() - 1];
        assert!(walks == CONTRACTS + 1 && settled.is_sorted_by(|a, b| a < b), "{walks} walks, {paid:?}");
        life.settle();
        let scribe = Scribe::of(&store);
        assert_eq!(scribe.exchange.recomputed_digest().unwrap(), life.exchange.recomputed_digest().unwrap());
        drop(scribe);
        let verdict = verify(&store, None).unwrap();
        assert!(verdict.is_clean(), "{verdict:?}");
    });
}
