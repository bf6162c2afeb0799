//! Ready, delivered, accepted: who may say what when.

use gpubourse::exchange::{Command, Event, Made};
use gpubourse::types::ContractStatus::{Active, Completed, Defaulted, Delivered, Late, Ready, Scheduled, Settled};
use gpubourse::types::{Money, OrganizationKind};

use super::life::{DAY, Life, P, R, X, Y, access, minute, report};

#[test]
fn the_main_line_is_walked_step_by_step() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    assert_eq!(life.contract(id).status, Scheduled);
    life.done(Command::DeclareReady { organization: P, contract: id });
    assert_eq!(life.contract(id).status, Ready);
    life.done(Command::DeliverAccess { organization: P, contract: id, access: access(X) });
    assert_eq!(life.contract(id).status, Delivered);
    life.done(Command::AcceptDelivery { organization: X, contract: id });
    assert_eq!(life.contract(id).status, Delivered);
    life.advance(60);
    assert_eq!(life.contract(id).status, Active);
    life.advance(60 + DAY);
    life.meter(P, id, (60, 60 + DAY), 8).unwrap();
    assert_eq!(life.contract(id).status, Completed);
    life.advance(60 + 2 * DAY);
    life.settle();
    assert!(life.exchange.contract(id).is_none());
    assert!(life.events.contains(&Event::ContractMoved { contract: id, status: Settled }));
}

#[test]
fn nobody_speaks_out_of_turn_or_for_others() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    let deliver = |organization, buyer| Command::DeliverAccess { organization, contract: id, access: access(buyer) };
    let accept = |organization| Command::AcceptDelivery { organization, contract: id };
    let refused = |life: &mut Life, command, code| assert_eq!(life.run(command).unwrap_err(), code);
    refused(&mut life, deliver(P, X), "illegal_transition");
    refused(&mut life, Command::DeclareReady { organization: X, contract: id }, "not_found");
    refused(&mut life, report(P, id, (0, 5), 8), "not_delivered");
    life.done(Command::DeclareReady { organization: P, contract: id });
    refused(&mut life, Command::DeclareReady { organization: P, contract: id }, "illegal_transition");
    refused(&mut life, deliver(X, X), "not_found");
    refused(&mut life, deliver(P, Y), "wrong_recipient");
    refused(&mut life, accept(X), "illegal_transition");
    life.done(deliver(P, X));
    refused(&mut life, accept(Y), "not_found");
    refused(&mut life, accept(P), "not_found");
    refused(&mut life, report(Y, id, (0, 5), 8), "not_found");
    refused(&mut life, report(P, id, (0, 5), 8), "slot_in_future");
    life.done(accept(X));
    refused(&mut life, accept(X), "illegal_transition");
    life.advance(70);
    refused(&mut life, report(P, id, (60, 65), 9), "invalid_gpus");
}

#[test]
fn an_objection_sends_access_back() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    life.deliver(id);
    let object = Command::ObjectDelivery { organization: X, contract: id, reason: "wrong host key".into() };
    life.done(object.clone());
    assert_eq!(life.contract(id).status, Ready);
    assert_eq!(life.run(object).unwrap_err(), "illegal_transition");
    life.advance(60);
    assert_eq!(life.contract(id).status, Late);
    life.deliver(id);
    assert_eq!(life.contract(id).status, Delivered);
    // The renter says nothing: fifteen minutes of heartbeats accept, from the first of them.
    life.advance(75);
    life.meter(P, id, (65, 75), 8).unwrap();
    assert_eq!(life.contract(id).status, Delivered);
    life.advance(80);
    life.meter(P, id, (75, 80), 8).unwrap();
    assert_eq!(life.contract(id).status, Active);
    assert_eq!(life.exchange.delivery(id).unwrap().accepted_from, Some(minute(65)));
}

#[test]
fn what_is_not_accepted_within_the_hour_is_a_default() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    life.advance(119);
    assert_eq!(life.contract(id).status, Late);
    life.advance(120);
    assert_eq!(life.contract(id).status, Defaulted);
    // The rest goes back at once, the late hour when its slots close.
    assert_eq!(life.sums(id), "escrow 576.00, payment 0.00, fee 0.00, refund 551.60, credit 0.00");
    life.advance(125 + DAY);
    life.settle();
    assert!(life.exchange.contract(id).is_none());
    // All of the 61 minutes were undelivered: a credit of five times their worth, at most their price.
    assert_eq!(life.sums(id), "escrow 576.00, payment 0.00, fee 0.00, refund 576.00, credit 24.40");
    life.check_money();
}

#[test]
fn a_day_without_a_gpu_is_a_default() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 60 + 5 * DAY), "3.00");
    life.hand_over(id);
    life.operate((60, 60 + DAY), &[(id, 8)]);
    life.advance(60 + 2 * DAY - 1);
    assert_eq!(life.contract(id).status, Active);
    life.advance(60 + 2 * DAY);
    assert_eq!(life.contract(id).status, Defaulted);
}

#[test]
fn gpus_that_are_sold_on_are_handed_to_their_last_holder() {
    let mut life = Life::new();
    let whole = life.sell(Life::listing(), R, 16, (60, 60 + 3 * DAY), "4.00");
    let sold_on = life.sell(gpubourse::types::Source::Contract(whole), X, 16, (60, 60 + 3 * DAY), "2.00");
    life.hand_over(sold_on);
    // Nobody hands anything to the reseller, and its contract is no default: it has kept no GPU.
    life.operate((60, 60 + DAY), &[(sold_on, 16)]);
    assert_eq!(life.contract(whole).status, Late);
    assert_eq!(life.contract(sold_on).status, Active);
    assert_eq!(life.meter(R, sold_on, (60, 65), 16).unwrap_err(), "not_found");
}

#[test]
fn without_a_key_or_terms_nothing_is_handed_over() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    life.done(Command::DeclareReady { organization: P, contract: id });
    let buyer =
        life.done(Command::RegisterOrganization { name: "Z".into(), organization_kind: OrganizationKind::Renter });
    let Made::Organization(keyless) = buyer.made else { panic!("no organization") };
    life.done(Command::Deposit { organization: keyless, amount: Money::parse("1000").unwrap(), reference: "w".into() });
    let theirs = life.sell(Life::listing(), keyless, 8, (60, 120), "3.00");
    life.done(Command::DeclareReady { organization: P, contract: theirs });
    let deliver = Command::DeliverAccess { organization: P, contract: theirs, access: access(X) };
    assert_eq!(life.run(deliver).unwrap_err(), "no_access_key");
    let key = Command::RegisterAccessKey { organization: X, key: "my password".into() };
    assert_eq!(life.run(key).unwrap_err(), "invalid_text");
    let mut old = Life::without_terms();
    let id = old.sell(Life::listing(), X, 8, (60, 60 + DAY), "3.00");
    assert_eq!(old.run(Command::DeclareReady { organization: P, contract: id }).unwrap_err(), "no_delivery_terms");
    // By the calendar alone, as ever.
    old.advance(60);
    assert_eq!(old.contract(id).status, Active);
    old.advance(60 + DAY);
    assert!(old.exchange.contract(id).is_none());
}

#[test]
fn heartbeats_before_the_window_accept_and_edge_slots_can_be_reported() {
    let mut life = Life::new();
    // Begins and ends in the middle of a slot.
    let id = life.sell(Life::listing(), X, 8, (62, 122), "3.00");
    life.deliver(id);
    life.advance(20);
    life.meter(P, id, (5, 20), 8).unwrap();
    assert_eq!(life.exchange.delivery(id).unwrap().accepted_from, Some(minute(5)));
    assert_eq!(life.contract(id).status, Delivered);
    life.advance(62);
    assert_eq!(life.contract(id).status, Active);
    life.advance(125);
    life.meter(P, id, (60, 125), 8).unwrap();
    life.advance(125 + DAY);
    life.settle();
    assert_eq!(life.sums(id), "escrow 24.00, payment 23.40, fee 0.60, refund 0.00, credit 0.00");
}
