//! Credits of contracts that passed to another seller: each seller owes for its own time, and for no other.

use gpubourse::exchange::delivery::Delivery;
use gpubourse::exchange::terms::ContractTerms;
use gpubourse::exchange::{Command, Event};
use gpubourse::types::{ContractId, ContractStatus, Fault, Funding, Money, OrganizationId, Source};

use super::bonds::purse;
use super::life::{DAY, Life, P, R, X, Y};

/// The contracts begin here.
const START: u32 = 60;

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// Nothing defaults by itself.
fn patient() -> Life {
    let mut life = Life::new();
    let never = 400 * DAY;
    let terms =
        ContractTerms { default_after_minutes: never, outage_default_minutes: never, ..ContractTerms::default() };
    life.done(Command::PublishTerms(terms));
    life
}

/// P sold 8 GPUs for 60 days at 3.00 to R, and R four of them for so many days at 2.00 to X.
fn resold(days: u32) -> (Life, [ContractId; 2]) {
    let mut life = patient();
    let above = life.sell(Life::listing(), R, 8, (START, START + 60 * DAY), "3.00");
    let child = life.sell(Source::Contract(above), X, 4, (START, START + days * DAY), "2.00");
    [above, child].iter().for_each(|id| life.hand_over(*id));
    life.advance(START);
    (life, [above, child])
}

/// Lets days pass in which so many of the resold GPUs are up, and all others.
fn days(life: &mut Life, [above, child]: [ContractId; 2], days: (u32, u32), up: u32) {
    let reports = [(above, 4), (child, up)];
    let live = life.exchange.contract(above).is_some_and(|row| row.status.is_live());
    life.operate((START + days.0 * DAY, START + days.1 * DAY), if live { &reports } else { &reports[1..] });
}

/// Takes all that an organization is free to spend.
fn drain(life: &mut Life, organization: OrganizationId) {
    let amount = purse(life, organization).0;
    life.done(Command::Withdraw { organization, amount, reference: "wire".into() });
}

fn give(life: &mut Life, organization: OrganizationId, amount: &str) {
    life.done(Command::Deposit { organization, amount: usd(amount), reference: "wire".into() });
}

/// Ends a contract by its buyer's doing, from a minute on.
fn end_by_buyer(life: &mut Life, contract: ContractId, from: u32) {
    life.advance(from - 1);
    let (status, fault) = (ContractStatus::Terminated, Some(Fault::Buyer));
    life.done(Command::EndContract { contract, status, fault, reason: "r".into() });
}

/// What somebody has paid in credits for a contract.
fn credited(life: &Life, id: ContractId, seller: OrganizationId) -> String {
    life.credited.get(&(id, seller)).copied().unwrap_or_default().to_string()
}

/// What the contract's earlier sellers owe, and the present one.
fn owed(delivery: &Delivery) -> (Vec<String>, String) {
    let earlier = delivery.earlier.iter().map(|row| row.leg.owed.to_string()).collect();
    (earlier, delivery.present_leg().unwrap().owed.to_string())
}

/// R owes for a month of which a quarter was not delivered when what it sold passes to P.
pub fn passed_in_debt() -> (Life, [ContractId; 2]) {
    let (mut life, ids) = resold(50);
    let [above, child] = ids;
    days(&mut life, ids, (0, 15), 4);
    days(&mut life, ids, (15, 30), 2);
    life.settle();
    drain(&mut life, R);
    days(&mut life, ids, (30, 31), 4);
    life.settle();
    // 720 of 2,880 GPU-hours of the month were not delivered: five times that is more than the month's 5,760.00. R has
    // what the last day of it brought, 48 h at 2.00 less 2.5 %.
    assert_eq!(credited(&life, child, R), "93.60");
    assert_eq!(owed(life.exchange.delivery(child).unwrap()), (vec![], "5666.40".into()));
    end_by_buyer(&mut life, above, START + 31 * DAY + 1);
    assert_eq!(life.contract(child).seller, P);
    assert_eq!(owed(life.exchange.delivery(child).unwrap()), (vec!["5666.40".into()], "0.00".into()));
    (life, ids)
}

#[test]
fn what_is_owed_when_a_contract_passes_stays_the_debt_of_who_sold_it() {
    let (mut life, ids) = passed_in_debt();
    let [_, child] = ids;
    drain(&mut life, R);
    give(&mut life, R, "1000");
    let of_x = purse(&life, X).0;
    days(&mut life, ids, (31, 32), 4);
    life.settle();
    // R pays what it was given and what day 30 brought, 96 h at 2.00 less 2.5 %; P nothing.
    assert_eq!((credited(&life, child, R), credited(&life, child, P)), ("1280.80".into(), "0.00".into()));
    assert_eq!(owed(life.exchange.delivery(child).unwrap()), (vec!["4479.20".into()], "0.00".into()));
    assert_eq!(purse(&life, X).0, of_x.plus(usd("1187.20")).unwrap());
    life.check_money();
    life.restart();
    // Of what it has later, whatever for, the rest is paid.
    give(&mut life, R, "10000");
    days(&mut life, ids, (32, 50), 4);
    life.advance(START + 52 * DAY);
    life.settle();
    life.collect();
    assert_eq!((credited(&life, child, R), credited(&life, child, P)), ("5760.00".into(), "0.00".into()));
    assert_eq!(owed(&life.finished[&child]), (vec!["0.00".into()], "0.00".into()));
    life.check_money();
}

#[test]
fn a_month_in_which_a_contract_passes_is_credited_by_each_seller_for_its_own_time() {
    let (mut life, ids) = resold(30);
    let [above, child] = ids;
    days(&mut life, ids, (0, 10), 4);
    days(&mut life, ids, (10, 15), 2);
    days(&mut life, ids, (15, 20), 4);
    end_by_buyer(&mut life, above, START + 20 * DAY + 1);
    life.settle();
    drain(&mut life, R);
    give(&mut life, R, "100");
    days(&mut life, ids, (20, 22), 4);
    days(&mut life, ids, (22, 25), 1);
    days(&mut life, ids, (25, 30), 4);
    life.advance(START + 32 * DAY);
    life.settle();
    life.collect();
    // 240 GPU-hours of R's time and 216 of P's: five times 456 at 2.00 are 4,560.00, of which R owes 240 / 456.
    assert_eq!(credited(&life, child, P), "2160.00");
    let delivery = &life.finished[&child];
    let of_r = life.credited[&(child, R)].plus(delivery.earlier[0].leg.owed).unwrap();
    assert_eq!(of_r, usd("2400"));
    assert_eq!(delivery.present_leg().unwrap().owed, Money::ZERO);
    let told = life.events.iter().rev().find_map(|event| match event {
        Event::CreditOwed { contract, seller, amount } if *contract == child => Some((*seller, *amount)),
        _ => None,
    });
    assert_eq!(told, Some((R, delivery.earlier[0].leg.owed)), "nobody else owes");
    assert!(delivery.earlier[0].leg.owed > usd("1000"), "it stays owed: {}", delivery.earlier[0].leg.owed);
    life.check_money();
}

#[test]
fn a_month_that_closes_after_the_pass_is_credited_by_who_sold_in_it() {
    let (mut life, ids) = resold(60);
    let [above, child] = ids;
    days(&mut life, ids, (0, 27), 4);
    days(&mut life, ids, (27, 30), 0);
    // Before the last of its slots closes.
    end_by_buyer(&mut life, above, START + 30 * DAY + 1);
    days(&mut life, ids, (30, 60), 4);
    life.advance(START + 62 * DAY);
    life.settle();
    // Three days of four GPUs, a tenth of the month: five times 288 at 2.00.
    assert_eq!((credited(&life, child, R), credited(&life, child, P)), ("2880.00".into(), "0.00".into()));
    life.check_money();
}

#[test]
fn a_missed_draw_leaves_the_debt_with_who_missed_it() {
    let mut life = patient();
    life.funding = Funding::Monthly;
    let above = life.sell(Life::listing(), R, 8, (START, START + 90 * DAY), "3.00");
    life.funding = Funding::Full;
    let child = life.sell(Source::Contract(above), X, 4, (START, START + 90 * DAY), "2.00");
    [above, child].iter().for_each(|id| life.hand_over(*id));
    life.advance(START);
    let ids = [above, child];
    drain(&mut life, R);
    days(&mut life, ids, (0, 29), 4);
    days(&mut life, ids, (29, 30), 2);
    assert_eq!((life.contract(above).status, life.contract(child).seller), (ContractStatus::Terminated, P));
    days(&mut life, ids, (30, 60), 4);
    life.advance(START + 62 * DAY);
    // All of it is settled at once, so R has its earnings first: 48 of 2,880 GPU-hours, 98.3 %, twice their worth.
    life.settle();
    assert_eq!((credited(&life, child, R), credited(&life, child, P)), ("192.00".into(), "0.00".into()));
    life.check_money();
}

#[test]
fn two_passes_divide_a_month_between_three() {
    let mut life = patient();
    let window = (START, START + 30 * DAY);
    let first = life.sell(Life::listing(), R, 8, window, "3.00");
    let second = life.sell(Source::Contract(first), X, 8, window, "3.00");
    let third = life.sell(Source::Contract(second), Y, 8, window, "1.000001");
    [first, second, third].iter().for_each(|id| life.hand_over(*id));
    life.advance(START);
    let mut reports = |from: u32, to: u32, up: u32| {
        let mut at = from;
        while at < to {
            let next = (at + DAY / 2).min(to);
            life.advance(next);
            life.meter(P, third, (at, next), up).unwrap();
            at = next;
        }
        if to == START + 10 * DAY {
            end_by_buyer(&mut life, second, to + 1);
        }
        if to == START + 20 * DAY {
            end_by_buyer(&mut life, first, to + 1);
        }
    };
    // 5, 10 and 35 minutes are dark on eight GPUs: of X's time, of R's and of P's.
    reports(START, START + 5, 0);
    reports(START + 5, START + 10 * DAY, 8);
    reports(START + 10 * DAY, START + 10 * DAY + 5, 8);
    reports(START + 10 * DAY + 5, START + 10 * DAY + 15, 0);
    reports(START + 10 * DAY + 15, START + 20 * DAY, 8);
    reports(START + 20 * DAY, START + 20 * DAY + 5, 8);
    reports(START + 20 * DAY + 5, START + 20 * DAY + 40, 0);
    reports(START + 20 * DAY + 40, START + 30 * DAY, 8);
    life.advance(START + 32 * DAY);
    life.settle();
    // 400 of 345,600 GPU-minutes, more than 0.1 %: once floor(1,000,001 * 400 / 60) = 6,666,673 micro-USD. Up to X's end a
    // tenth of it, 666,667; up to R's three tenths, 2,000,001, so 1,333,334 are R's; P has the rest.
    let paid = [X, R, P].map(|seller| credited(&life, third, seller));
    assert_eq!(paid, ["0.666667", "1.333334", "4.666672"]);
    life.check_money();
}
