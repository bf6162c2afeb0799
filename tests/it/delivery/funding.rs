//! Contracts that are paid for by the month: what is held, drawn, missed and given back.

use gpubourse::exchange::entities::Purse;
use gpubourse::exchange::funding::Monthly;
use gpubourse::exchange::terms::ContractTerms;
use gpubourse::exchange::{AmendOrder, Command, Event, Exchange, PlaceAsk, PlaceBid, Terms};
use gpubourse::types::{
    ContractId, ContractStatus, Funding, ListingId, Money, OrganizationId, Price, Source, TimeInForce,
};

use super::cover::{declare, market, of_q};
use super::life::{self, DAY, Life, P, R, X, Y, at, minute};

/// The contracts begin here.
const START: u32 = 60;
const MONTH: u32 = 30 * DAY;
/// A draw is due so many minutes before its month.
const BEFORE: u32 = 72 * 60;
/// 8 GPUs for 30 days at 3.00.
const MONTH_COST: &str = "17280";

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn monthly() -> Life {
    by_the_month(Life::new())
}

/// Nothing defaults by itself, and bids pay by the month.
fn by_the_month(mut life: Life) -> Life {
    let never = 400 * DAY;
    let terms =
        ContractTerms { default_after_minutes: never, outage_default_minutes: never, ..ContractTerms::default() };
    life.done(Command::PublishTerms(terms));
    life.funding = Funding::Monthly;
    life
}

/// 8 GPUs for so many days at 3.00, bought by R and paid for by the month.
fn sold(days: u32) -> (Life, ContractId) {
    let mut life = monthly();
    let id = life.sell(Life::listing(), R, 8, (START, START + days * DAY), "3.00");
    life.hand_over(id);
    (life, id)
}

fn purse(life: &Life, id: OrganizationId) -> Purse {
    life.exchange.purses().find(|(who, _)| *who == id).map(|(_, purse)| *purse).unwrap_or_default()
}

/// Takes all that an organization is free to spend, but for so much.
fn leave(life: &mut Life, organization: OrganizationId, amount: &str) {
    let amount = purse(life, organization).available.minus(usd(amount)).unwrap();
    life.done(Command::Withdraw { organization, amount, reference: "wire".into() });
}

fn give(life: &mut Life, organization: OrganizationId, amount: &str) {
    life.done(Command::Deposit { organization, amount: usd(amount), reference: "wire".into() });
}

fn missing(life: &Life) -> usize {
    life.events.iter().filter(|event| matches!(event, Event::DrawMissing { .. })).count()
}

fn bid(gpus: u32, window: (u32, u32), price: &str, funding: Funding) -> PlaceBid {
    PlaceBid { funding, terms: Terms::default(), ..life::bid(R, gpus, window, Price::parse(price).unwrap()) }
}

fn ask(life: &mut Life, gpus: u32, price: &str) {
    life.done(Command::PlaceAsk(PlaceAsk {
        organization: P,
        source: Life::listing(),
        gpus,
        start: None,
        end: None,
        price: Price::parse(price).unwrap(),
        lot: None,
        min_minutes: None,
        lead_minutes: 0,
        terms: Terms::default(),
    }));
}

#[test]
fn a_bid_holds_a_month_and_a_deposit_and_gets_the_price_improvement_back() {
    let mut life = Life::new();
    ask(&mut life, 4, "3.00");
    let outcome = life.done(Command::PlaceBid(bid(8, (START, START + 90 * DAY), "4.00", Funding::Monthly)));
    // At 4.00: 8 x 720 x 4.00, twice; half of it traded at 3.00.
    let order = outcome.order.unwrap();
    let Purse { available, held, escrow, .. } = purse(&life, R);
    assert_eq!((held, escrow, order.held), (usd("23040"), usd("17280"), usd("23040")));
    assert_eq!(available, usd("959680"));
    ask(&mut life, 4, "3.50");
    // The rest of the bid was there first: it trades at its own limit.
    let Purse { available, held, escrow, .. } = purse(&life, R);
    assert_eq!((available, held, escrow), (usd("959680"), Money::ZERO, usd("40320")));
    let (first, second) = (life.contract(ContractId::new(1)), life.contract(ContractId::new(2)));
    assert_eq!([first, second].map(|row| row.funding()), [Funding::Monthly; 2]);
    assert_eq!(first.deposit(), Ok(usd("8640")));
    let next = first.monthly.unwrap().next.unwrap();
    assert_eq!(
        (next.at, next.until, next.amount),
        (minute(START + MONTH - BEFORE), minute(START + 2 * MONTH), usd("8640"))
    );
    life.check_money();
}

#[test]
fn each_later_month_is_drawn_three_days_before_it_begins() {
    let (mut life, id) = sold(75);
    let due = START + MONTH - BEFORE;
    life.advance(due - 1);
    assert_eq!((life.sum(id, "draw"), life.contract(id).months_funded()), (Money::ZERO, Some(1)));
    life.operate((due - 1, due), &[]);
    assert_eq!((life.sum(id, "draw"), life.contract(id).months_funded()), (usd(MONTH_COST), Some(2)));
    // A restored exchange has the same dates.
    let restored = Exchange::<gpubourse::exchange::IndexedBook>::restore(life.exchange.snapshot()).unwrap();
    assert_eq!(restored.next_due(), life.exchange.next_due());
    assert_eq!(restored.recomputed_digest(), life.exchange.recomputed_digest());
    life.check_money();
    // The last month has 15 days only.
    life.advance(START + 2 * MONTH - BEFORE);
    assert_eq!(life.sum(id, "draw"), usd("25920"));
    let Monthly { funded_until, next } = life.contract(id).monthly.unwrap();
    assert_eq!((funded_until, next), (minute(START + 75 * DAY), None));
    assert_eq!(missing(&life), 0);
    life.check_money();
}

#[test]
fn the_deposit_comes_back_with_the_last_slot() {
    let (mut life, id) = sold(60);
    life.advance(START);
    life.operate((START, START + 60 * DAY), &[(id, 8)]);
    life.settle();
    assert_eq!(life.contract(id).status, ContractStatus::Completed);
    assert_eq!(life.sum(id, "refund"), Money::ZERO, "the last day is not closed");
    life.check_money();
    life.advance(START + 62 * DAY);
    life.settle();
    let told = ["escrow", "draw", "payment", "fee", "refund"].map(|cause| life.sum(id, cause).to_string());
    // 8 x 1440 x 3.00 = 34,560.00 less 2.5 %, and the deposit.
    assert_eq!(told, ["34560.00", "17280.00", "33696.00", "864.00", "17280.00"]);
    life.check_money();
}

#[test]
fn a_draw_that_is_missing_is_tried_every_hour_and_made_when_there_is_money() {
    let (mut life, id) = sold(90);
    leave(&mut life, R, "17279.999999");
    let due = START + MONTH - BEFORE;
    life.advance(due + 119);
    assert_eq!((missing(&life), life.sum(id, "draw")), (2, Money::ZERO));
    give(&mut life, R, "0.000001");
    life.advance(due + 120);
    assert_eq!((missing(&life), life.sum(id, "draw")), (2, usd(MONTH_COST)));
    assert!(life.contract(id).status.is_live());
    life.check_money();
}

#[test]
fn a_draw_may_be_made_in_the_minute_its_month_begins() {
    let (mut life, id) = sold(90);
    leave(&mut life, R, "1");
    life.advance(START + MONTH - 1);
    assert_eq!(missing(&life), 72);
    give(&mut life, R, "20000");
    life.operate((START + MONTH - 1, START + MONTH), &[]);
    assert_eq!((life.contract(id).status.is_live(), life.contract(id).months_funded()), (true, Some(2)));
    life.check_money();
}

#[test]
fn a_missed_draw_ends_the_contract_and_the_deposit_goes_to_the_seller() {
    let (mut life, id) = sold(90);
    leave(&mut life, R, "17279");
    life.advance(START);
    life.operate((START, START + MONTH), &[(id, 8)]);
    let row = life.contract(id);
    assert_eq!((row.status, row.ended_at), (ContractStatus::Terminated, Some(minute(START + MONTH))));
    assert_eq!(row.monthly.unwrap().next, None);
    assert_eq!((life.sum(id, "forfeit"), purse(&life, R).available), (usd(MONTH_COST), usd("17279")));
    life.check_money();
    // What it did not pay for is free again, to the minute.
    assert!(life.try_sell(Life::listing(), X, 64, (START + MONTH + 1, START + 90 * DAY), 1_000_000).is_some());
    life.advance(START + MONTH + 2 * DAY);
    life.settle();
    assert!(life.exchange.contract(id).is_none(), "all of it is settled");
    let told = ["escrow", "draw", "payment", "fee", "refund", "gap"].map(|cause| life.sum(id, cause).to_string());
    assert_eq!(told, ["34560.00", "0.00", "16848.00", "432.00", "0.00", "0.00"]);
    life.check_money();
}

#[test]
fn a_missed_draw_ends_a_contract_where_its_month_begins_however_late_time_moves() {
    let (mut life, id) = sold(90);
    leave(&mut life, R, "1");
    life.advance(START);
    life.minute = START + 50 * DAY;
    life.run(Command::Advance { now: at(START + 50 * DAY) }).unwrap();
    let row = life.contract(id);
    assert_eq!((row.status, row.ended_at), (ContractStatus::Terminated, Some(minute(START + MONTH))));
    assert_eq!(life.sum(id, "forfeit"), usd(MONTH_COST));
    life.check_money();
}

#[test]
fn what_a_buyer_resold_passes_to_its_seller_and_the_gap_is_a_part_of_the_deposit() {
    let (mut life, id) = sold(90);
    // 6 of 8 GPUs resold from day 10 to day 70 at 2.00, paid in full.
    life.funding = Funding::Full;
    let child = life.sell(Source::Contract(id), X, 6, (START + 10 * DAY, START + 70 * DAY), "2.00");
    life.hand_over(child);
    leave(&mut life, R, "100");
    life.advance(START);
    life.operate((START, START + 10 * DAY), &[(id, 8)]);
    life.operate((START + 10 * DAY, START + MONTH), &[(id, 2), (child, 6)]);
    assert_eq!(life.contract(id).status, ContractStatus::Terminated);
    let row = life.contract(child);
    assert_eq!((row.seller, row.source, row.status), (P, Life::listing(), ContractStatus::Active));
    // 40 days are left of the child: 6 x 960 h x 1.00 less an hour.
    assert_eq!((life.sum(id, "gap"), life.sum(id, "forfeit")), (usd("5760"), usd("11520")));
    assert_eq!(purse(&life, R).available, usd("100"));
    life.check_money();
    // The 6 stay with the child; the rest of the listing is free.
    let free = START + MONTH + 1;
    assert!(life.try_sell(Life::listing(), Y, 59, (free, START + 70 * DAY), 1_000_000).is_none());
    assert!(life.try_sell(Life::listing(), Y, 58, (free, START + 70 * DAY), 1_000_000).is_some());
    life.operate((START + MONTH, START + 70 * DAY), &[(child, 6)]);
    life.advance(START + 72 * DAY);
    life.settle();
    let told = ["escrow", "payment", "fee", "refund"].map(|cause| life.sum(child, cause).to_string());
    assert_eq!(told, ["17280.00", "16848.00", "432.00", "0.00"]);
    life.check_money();
}

#[test]
fn a_gap_beyond_the_deposit_is_charged_to_what_the_buyer_has() {
    let (mut life, id) = sold(180);
    life.funding = Funding::Full;
    life.sell(Source::Contract(id), X, 8, (START + MONTH, START + 180 * DAY), "2.00");
    leave(&mut life, R, "5000");
    life.advance(START + MONTH);
    // 8 x 3,600 h x 1.00 = 28,800.00: the deposit of 17,280.00, and as much as there is.
    assert_eq!((life.sum(id, "gap"), life.sum(id, "forfeit")), (usd(MONTH_COST), Money::ZERO));
    assert_eq!((life.sum(id, "gap beyond escrow"), purse(&life, R).available), (usd("5000"), Money::ZERO));
    life.check_money();
}

/// P sells to R, R to X, X to Y, each for 90 days and by the month, at 3.00, 2.50 and 2.00.
fn chain() -> (Life, [ContractId; 3]) {
    let (mut life, first) = sold(90);
    let window = (START, START + 90 * DAY);
    let second = life.sell(Source::Contract(first), X, 6, window, "2.50");
    let third = life.sell(Source::Contract(second), Y, 4, window, "2.00");
    life.hand_over(second);
    life.hand_over(third);
    life.advance(START);
    (life, [first, second, third])
}

#[test]
fn a_draw_missed_in_the_middle_of_a_chain_closes_the_gap_between_its_neighbours() {
    let (mut life, [first, second, third]) = chain();
    // X has none for its second month, due at the same minute as R's and Y's.
    leave(&mut life, X, "10799");
    life.operate((START, START + MONTH), &[(first, 2), (second, 2), (third, 4)]);
    let [top, middle, last] = [first, second, third].map(|id| life.contract(id).clone());
    assert_eq!((top.status, top.months_funded()), (ContractStatus::Active, Some(2)));
    assert_eq!((middle.status, middle.ended_at), (ContractStatus::Terminated, Some(minute(START + MONTH))));
    assert_eq!((last.seller, last.source, last.depth), (R, Source::Contract(first), 1));
    assert_eq!((last.status, last.months_funded()), (ContractStatus::Active, Some(2)));
    // X's deposit: 6 x 720 x 2.50; of it 4 x 1,440 x 0.50 for what R now earns less.
    assert_eq!((life.sum(second, "gap"), life.sum(second, "forfeit")), (usd("2880"), usd("7920")));
    life.check_money();
    // R has 4 of its 8 GPUs to itself again, and may resell them.
    let free = (START + MONTH + 1, START + 90 * DAY);
    assert!(life.try_sell(Source::Contract(first), X, 5, free, 1_000_000).is_none());
    life.funding = Funding::Full;
    assert!(life.try_sell(Source::Contract(first), P, 4, free, 1_000_000).is_some());
    life.check_money();
}

#[test]
fn draws_missed_at_one_minute_end_a_whole_chain_from_the_top() {
    let (mut life, ids) = chain();
    [R, X, Y].into_iter().for_each(|who| leave(&mut life, who, "1"));
    life.operate((START, START + MONTH), &[(ids[0], 2), (ids[1], 2), (ids[2], 4)]);
    for id in ids {
        let row = life.contract(id);
        assert_eq!((row.status, row.seller), (ContractStatus::Terminated, P), "{id}: each passed before it ended");
    }
    // R's gap for X's contract; X's for Y's; Y resold nothing.
    let gaps = ids.map(|id| life.sum(id, "gap").to_string());
    assert_eq!(gaps, ["4320.00", "2880.00", "0.00"]);
    let kept = ids.map(|id| life.sum(id, "gap").plus(life.sum(id, "forfeit")).unwrap().to_string());
    assert_eq!(kept, ["17280.00", "10800.00", "5760.00"]);
    life.check_money();
    life.advance(START + MONTH + 2 * DAY);
    life.settle();
    assert!(ids.iter().all(|id| life.exchange.contract(*id).is_none()));
    assert!(life.exchange.purses().all(|(_, purse)| purse.escrow == Money::ZERO));
    life.check_money();
}

#[test]
fn one_purse_pays_the_draw_of_the_lower_number_first() {
    let mut life = monthly();
    let window = (START, START + 90 * DAY);
    let ids = [(); 2].map(|()| life.sell(Life::listing(), R, 8, window, "3.00"));
    leave(&mut life, R, "34559");
    ids.iter().for_each(|id| life.hand_over(*id));
    life.advance(START);
    life.operate((START, START + MONTH), &[(ids[0], 8), (ids[1], 8)]);
    let live = ids.map(|id| life.contract(id).status.is_live());
    assert_eq!(live, [true, false]);
    life.check_money();
}

#[test]
fn a_draw_missed_while_the_provider_delivers_less_gives_back_what_was_not_delivered() {
    let (mut life, id) = sold(90);
    leave(&mut life, R, "1");
    life.advance(START);
    life.operate((START, START + 29 * DAY), &[(id, 8)]);
    life.operate((START + 29 * DAY, START + MONTH - DAY / 2), &[(id, 3)]);
    assert_eq!(life.contract(id).status, ContractStatus::Degraded);
    life.operate((START + MONTH - DAY / 2, START + MONTH), &[(id, 3)]);
    assert_eq!(life.contract(id).status, ContractStatus::Terminated);
    life.advance(START + MONTH + 2 * DAY);
    life.settle();
    // Five GPUs were dark for a day: 360.00. Of 5,760 GPU-hours 97.9 % were delivered: the credit is five times that.
    let told = ["payment", "fee", "refund", "forfeit", "credit"].map(|cause| life.sum(id, cause).to_string());
    assert_eq!(told, ["16497.00", "423.00", "360.00", "17280.00", "1800.00"]);
    life.check_money();
}

#[test]
fn what_is_paid_in_full_is_never_drawn_for() {
    let mut life = Life::new();
    let id = life.sell(Life::listing(), R, 8, (START, START + 90 * DAY), "3.00");
    assert_eq!((life.contract(id).funding(), life.contract(id).monthly), (Funding::Full, None));
    leave(&mut life, R, "0.000001");
    life.hand_over(id);
    life.advance(START);
    life.operate((START, START + 40 * DAY), &[(id, 8)]);
    assert_eq!(
        (life.contract(id).status, life.sum(id, "draw"), missing(&life)),
        (ContractStatus::Active, Money::ZERO, 0)
    );
    assert_eq!(life.sum(id, "escrow"), usd("51840"));
    life.check_money();
}

#[test]
fn monthly_funding_is_refused_where_there_is_nothing_to_draw() {
    let place = |window, funding| Command::PlaceBid(bid(1, window, "3.00", funding));
    let (short, long) = ((START, START + MONTH), (START, START + MONTH + 1));
    let mut life = Life::without_terms();
    assert_eq!(life.run(place(long, Funding::Monthly)).unwrap_err(), "funding_not_allowed");
    life.done(Command::PublishTerms(ContractTerms::default()));
    assert_eq!(life.run(place(short, Funding::Monthly)).unwrap_err(), "funding_not_allowed");
    life.done(place(short, Funding::Full));
    let order = life.done(place(long, Funding::Monthly)).order.unwrap();
    assert_eq!(order.held, usd("4320"), "two months, though the second has one minute");
    let amend = AmendOrder { end: Some(minute(short.1)), ..AmendOrder::unchanged(R, order.id) };
    assert_eq!(life.run(Command::AmendOrder(amend)).unwrap_err(), "funding_not_allowed");
    let amend = AmendOrder { gpus: Some(2), ..AmendOrder::unchanged(R, order.id) };
    assert_eq!(life.done(Command::AmendOrder(amend)).order.unwrap().held, usd("8640"));
    life.check_money();
}

#[test]
fn a_contract_under_notice_is_drawn_for_no_further_than_the_notice_runs() {
    let (mut life, id) = sold(90);
    life.advance(START);
    life.operate((START, START + 26 * DAY), &[(id, 8)]);
    life.done(Command::GiveNotice { organization: R, contract: id, reason: "we move".into() });
    // Seven days from the next minute on: three days and a minute into the second month.
    let end = START + 33 * DAY + 1;
    let next = life.contract(id).monthly.unwrap().next.unwrap();
    assert_eq!((next.until, next.amount), (minute(end), usd("1728.40")));
    life.check_money();
    life.operate((START + 26 * DAY, end - 1), &[(id, 8)]);
    life.advance(end + 4);
    life.meter(P, id, (end - 1, end), 8).unwrap();
    life.advance(end + 2 * DAY);
    life.settle();
    // A tenth of what the 57 days less a minute are worth, out of the deposit, of which the rest comes back.
    let told = ["draw", "buyer's notice", "refund"].map(|cause| life.sum(id, cause).to_string());
    assert_eq!(told, ["1728.40", "3283.16", "13996.84"]);
    life.check_money();
}

#[test]
fn a_seller_that_defaults_gives_back_the_deposit_and_what_is_covered_is_paid_by_the_month() {
    let mut life = by_the_month(market());
    let id = life.sell(Life::listing(), R, 8, (START, START + 90 * DAY), "3.00");
    life.done(Command::PlaceAsk(PlaceAsk {
        organization: super::cover::Q,
        source: of_q(),
        gpus: 8,
        start: None,
        end: None,
        price: Price::parse("3.20").unwrap(),
        lot: None,
        min_minutes: None,
        lead_minutes: 0,
        terms: Terms::default(),
    }));
    life.done(declare(P, id));
    assert_eq!((life.sum(id, "refund"), life.contract(id).status), (usd("34560"), ContractStatus::Defaulted));
    let cover = life.contract(ContractId::new(2));
    assert_eq!((cover.funding(), cover.listing), (Funding::Monthly, ListingId::new(2)));
    assert_eq!(life.sum(ContractId::new(2), "escrow"), usd("36864"), "8 x 720 x 3.20, twice");
    life.check_money();
}

#[test]
fn what_is_left_of_a_default_may_be_too_short_for_the_month() {
    let mut life = by_the_month(market());
    let id = life.sell(Life::listing(), R, 8, (START, START + 31 * DAY), "3.00");
    life.hand_over(id);
    life.advance(START);
    life.operate((START, START + 2 * DAY), &[(id, 8)]);
    life.done(declare(P, id));
    let placed = life.events.iter().rev().find_map(|event| match event {
        Event::OrderPlaced { order } if order.time_in_force == TimeInForce::Ioc => Some(order.funding),
        _ => None,
    });
    assert_eq!(placed, Some(Funding::Full));
    life.check_money();
}
