//! Slots, disputes and what is paid for them, to the micro-dollar.

use gpubourse::exchange::{Command, Event};
use gpubourse::types::{ContractStatus, Source};

use super::life::{DAY, Life, P, R, X, minute};

/// 8 GPUs for two days at 3.00: 1,152.00 in all, a fee of 2.5 %.
fn active() -> (Life, gpubourse::types::ContractId) {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 60 + 2 * DAY), "3.00");
    life.hand_over(id);
    life.advance(60);
    (life, id)
}

#[test]
fn a_contract_delivered_in_full_is_paid_in_full() {
    let (mut life, id) = active();
    life.operate((60, 60 + DAY), &[(id, 8)]);
    life.settle();
    assert_eq!(life.sums(id), "escrow 1152.00, payment 0.00, fee 0.00, refund 0.00, credit 0.00");
    life.operate((60 + DAY, 60 + 2 * DAY), &[(id, 8)]);
    life.settle();
    assert_eq!(life.sums(id), "escrow 1152.00, payment 561.60, fee 14.40, refund 0.00, credit 0.00");
    let moves = life.moved.len();
    life.settle();
    assert_eq!(life.moved.len(), moves);
    life.advance(60 + 3 * DAY);
    life.settle();
    assert_eq!(life.sums(id), "escrow 1152.00, payment 1123.20, fee 28.80, refund 0.00, credit 0.00");
    life.check_money();
}

#[test]
fn an_outage_is_refunded_and_credited() {
    let (mut life, id) = active();
    // Six hours without a GPU, then four hours with half of them.
    life.operate((60, 60 + DAY), &[(id, 8)]);
    life.meter(P, id, (60, 60 + 360), 0).unwrap();
    life.meter(P, id, (420, 420 + 240), 4).unwrap();
    assert_eq!(life.contract(id).status, ContractStatus::Active);
    life.operate((60 + DAY, 60 + 2 * DAY), &[(id, 8)]);
    life.advance(60 + 3 * DAY);
    life.settle();
    // Undelivered: 8 x 6 h + 4 x 4 h = 64 GPU-hours = 192.00 of 384; 16.7 % missing, so five times, at most the price.
    assert_eq!(life.sums(id), "escrow 1152.00, payment 936.00, fee 24.00, refund 192.00, credit 960.00");
    life.check_money();
}

#[test]
fn minutes_before_the_acceptance_are_not_delivered() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 120), "3.00");
    life.advance(60);
    life.deliver(id);
    life.advance(89);
    life.done(Command::AcceptDelivery { organization: X, contract: id });
    life.advance(120);
    life.meter(P, id, (65, 120), 8).unwrap();
    life.advance(120 + DAY);
    life.settle();
    // Accepted in minute 89, paid from 90 on: half an hour of eight GPUs.
    assert_eq!(life.sums(id), "escrow 24.00, payment 11.70, fee 0.30, refund 12.00, credit 24.00");
}

#[test]
fn the_lower_report_counts_unless_somebody_decides() {
    let (mut life, id) = active();
    life.operate((60, 60 + DAY), &[(id, 8)]);
    life.meter(X, id, (60, 180), 2).unwrap();
    assert_eq!(life.contract(id).status, ContractStatus::Disputed);
    life.operate((60 + DAY, 60 + 2 * DAY), &[(id, 8)]);
    life.settle();
    // Two of the hours wait.
    assert_eq!(life.sums(id), "escrow 1152.00, payment 514.80, fee 13.20, refund 0.00, credit 0.00");
    let evidence = |start, end| Command::AddEvidence {
        organization: P,
        contract: id,
        start: minute(start),
        end: minute(end),
        evidence: "switch log".into(),
    };
    let decide = |start, end, gpus_up| Command::DecideDispute {
        contract: id,
        start: minute(start),
        end: minute(end),
        gpus_up,
        reason: "the switch log shows it".into(),
    };
    assert_eq!(life.run(evidence(170, 190)).unwrap_err(), "not_disputed");
    life.done(evidence(120, 180));
    assert_eq!(life.run(decide(120, 150, 9)).unwrap_err(), "invalid_gpus");
    assert_eq!(life.run(decide(120, 150, 1)).unwrap_err(), "invalid_gpus");
    life.done(decide(120, 150, 8));
    assert_eq!(life.run(decide(120, 150, 8)).unwrap_err(), "not_disputed");
    // Without evidence: 72 h after the closing the lower report counts.
    life.advance(120 + 4 * DAY);
    life.settle();
    let closed = life.events.iter().filter_map(|event| match event {
        Event::DisputeClosed { window, gpus, .. } => {
            Some((window.start.get() - minute(0).get(), window.minutes(), *gpus))
        }
        _ => None,
    });
    assert_eq!(closed.collect::<Vec<_>>(), [(120, 30, 8), (60, 60, 2)]);
    // With evidence and no decision: after 14 days.
    life.advance(180 + 15 * DAY);
    life.settle();
    // Undelivered: 6 GPUs for an hour and a half at 3.00 = 27.00.
    assert_eq!(life.sum(id, "refund").to_string(), "27.00");
    assert!(life.exchange.contract(id).is_none());
    life.check_money();
}

#[test]
fn reports_are_idempotent_late_and_in_any_order() {
    let (mut life, id) = active();
    life.advance(DAY);
    let settled = |life: &Life| life.exchange.recomputed_digest().unwrap();
    life.meter(P, id, (120, 180), 8).unwrap();
    life.meter(P, id, (60, 120), 4).unwrap();
    let once = settled(&life);
    life.meter(P, id, (60, 120), 4).unwrap();
    assert_eq!(settled(&life), once);
    assert_eq!(life.meter(P, id, (DAY, DAY + 5), 8).unwrap_err(), "slot_in_future");
    life.advance(64 + DAY);
    life.meter(P, id, (60, 65), 8).unwrap();
    life.advance(65 + DAY);
    assert_eq!(life.meter(P, id, (60, 65), 4).unwrap_err(), "slot_closed");
    life.meter(P, id, (65, 70), 4).unwrap();
}

#[test]
fn one_delivered_minute_settles_every_leg() {
    let mut life = Life::new();
    let whole = life.sell(Life::listing(), R, 64, (60, 60 + 2 * DAY), "4.00");
    let part = life.sell(Source::Contract(whole), X, 48, (60 + DAY, 60 + 2 * DAY), "2.10");
    life.hand_over(whole);
    life.hand_over(part);
    life.operate((60, 60 + DAY), &[(whole, 64)]);
    life.operate((60 + DAY, 60 + 2 * DAY), &[(whole, 16), (part, 48)]);
    life.meter(P, part, (60 + DAY, 60 + DAY + 60), 40).unwrap();
    life.advance(60 + 3 * DAY);
    life.settle();
    // Eight GPU-hours are missing, in both legs; 3,064 and 1,144 GPU-hours are paid.
    assert_eq!(life.sums(whole), "escrow 12288.00, payment 11949.60, fee 306.40, refund 32.00, credit 32.00");
    assert_eq!(life.sums(part), "escrow 2419.20, payment 2342.34, fee 60.06, refund 16.80, credit 16.80");
    life.check_money();
}

#[test]
fn disputes_wait_for_the_clock_and_not_for_a_settlement() {
    let (mut life, id) = active();
    life.operate((60, 60 + DAY), &[(id, 8)]);
    life.meter(X, id, (60, 120), 2).unwrap();
    let decide = |start, end| Command::DecideDispute {
        contract: id,
        start: minute(start),
        end: minute(end),
        gpus_up: 5,
        reason: "half of it".into(),
    };
    // The slots may still be reported.
    assert_eq!(life.run(decide(60, 90)).unwrap_err(), "not_disputed");
    life.operate((60 + DAY, 120 + DAY), &[(id, 8)]);
    // Closed by now, though nothing was settled since.
    life.done(decide(60, 90));
    assert_eq!(life.exchange.delivery(id).unwrap().disputes.len(), 1);
    life.operate((120 + DAY, 60 + 2 * DAY), &[(id, 8)]);
    // Too late, though nothing was settled since: the lower report counts.
    life.advance(120 + 4 * DAY);
    assert_eq!(life.run(decide(90, 120)).unwrap_err(), "not_disputed");
    life.settle();
    // 3 GPUs and then 6 were missing, for half an hour each, at 3.00.
    assert_eq!(life.sum(id, "refund").to_string(), "13.50");
    life.check_money();
}
