//! What is bought in a buyer's name for what a seller defaults on.

use gpubourse::exchange::entities::Order;
use gpubourse::exchange::{Command, Event, Exchange, PlaceAsk, PlaceBid, Requirements, Terms};
use gpubourse::types::{
    ContractId, ContractStatus, Country, Fault, Funding, Interconnect, ListingId, Money, OrderId, OrderReason,
    OrderStatus, OrganizationId, OrganizationKind, Price, ProductId, Region, SiteId, SlaClass, Source, TimeInForce,
};

use super::life::{DAY, Life, P, R, X, Y, minute};

/// Another provider, with a hall of its own.
pub const Q: OrganizationId = OrganizationId::new(5);
const END: u32 = 60 + 10 * DAY;

/// A market with P's listing of 64 GPUs and Q's of 64, and bids that ask for cover up to 4.00.
pub fn market() -> Life {
    let mut life = Life::new();
    life.done(Command::RegisterOrganization { name: "Q".into(), organization_kind: OrganizationKind::Provider });
    life.done(Command::CreateSite {
        organization: Q,
        name: "Q's hall".into(),
        region: Region::new("us-west").unwrap(),
        country: Country::new("US").unwrap(),
        power_w: None,
        pue_milli: None,
    });
    life.done(Command::CreateListing {
        organization: Q,
        site: SiteId::new(2),
        product: ProductId::new(1),
        gpus: 64,
        start: minute(0),
        end: minute(200 * DAY),
        gpus_per_node: 8,
        interconnect: Interconnect::Roce,
        sla_class: SlaClass::P99,
        resale_allowed: true,
        rights: gpubourse::exchange::rights::Rights::default(),
    });
    life.cover = Some(4_000_000);
    life
}

/// 8 GPUs for ten days from minute 60 on at 3.00, sold by P to R, with a wish for cover.
pub fn sold(life: &mut Life) -> ContractId {
    life.sell(Life::listing(), R, 8, (60, END), "3.00")
}

pub fn ask(life: &mut Life, organization: OrganizationId, source: Source, gpus: u32, price: &str) -> OrderId {
    let outcome = life.done(Command::PlaceAsk(PlaceAsk {
        organization,
        source,
        gpus,
        start: None,
        end: Some(minute(END)),
        price: Price::parse(price).unwrap(),
        lot: None,
        min_minutes: None,
        lead_minutes: 0,
        terms: Terms::default(),
    }));
    outcome.order.unwrap().id
}

pub fn of_q() -> Source {
    Source::Listing(ListingId::new(2))
}

pub fn declare(organization: OrganizationId, contract: ContractId) -> Command {
    Command::DeclareDefault { organization, contract, reason: "the hall is dark".into() }
}

/// The bids placed for a contract that defaulted, as they arrived.
fn covers(events: &[Event], contract: ContractId) -> Vec<Order> {
    let numbers = events.iter().filter_map(|event| match event {
        Event::CoverPlaced { contract: of, order } if *of == contract => Some(*order),
        _ => None,
    });
    let arrived = |id: OrderId| {
        events.iter().find_map(|event| match event {
            Event::OrderPlaced { order } if order.id == id => Some(Order::clone(order)),
            _ => None,
        })
    };
    numbers.map(|id| arrived(id).expect("a bid that was placed")).collect()
}

/// What a bid bought: seller, GPUs, price in micros, and the contract.
fn bought(events: &[Event], bid: OrderId) -> Vec<(OrganizationId, u32, i64, ContractId)> {
    let made = events.iter().filter_map(|event| match event {
        Event::Traded { trade, contract } if trade.bid == bid => {
            Some((contract.seller, contract.gpus, contract.price.micros(), contract.id))
        }
        _ => None,
    });
    made.collect()
}

fn refusal(events: &[Event], contract: ContractId) -> Option<String> {
    events.iter().find_map(|event| match event {
        Event::CoverNotPlaced { contract: of, code } if *of == contract => Some(code.clone()),
        _ => None,
    })
}

fn available(life: &Life, organization: OrganizationId) -> Money {
    life.exchange.purses().find(|(who, _)| *who == organization).unwrap().1.available
}

/// The state rebuilt from the tables has the digest of the one that lived through it.
fn check(life: &Life) {
    life.check_money();
    let again: Exchange = Exchange::restore(life.exchange.snapshot()).unwrap();
    assert_eq!(again.recomputed_digest().unwrap(), life.exchange.recomputed_digest().unwrap());
}

#[test]
fn what_is_not_delivered_in_time_is_bought_from_somebody_else() {
    let mut life = market();
    let id = sold(&mut life);
    ask(&mut life, Q, of_q(), 64, "3.50");
    life.advance(119);
    assert!(life.contract(id).status.is_live());
    let from = life.events.len();
    life.advance(120);
    let events = life.events.split_off(from);
    assert_eq!(life.contract(id).status, ContractStatus::Defaulted);
    let [bid] = covers(&events, id).try_into().unwrap();
    assert_eq!((bid.organization, bid.gpus, bid.lot, bid.price.micros()), (R, 8, 8, 4_000_000));
    assert_eq!((bid.window.start, bid.window.end), (minute(121), minute(END)), "the minutes left");
    assert_eq!((bid.time_in_force, bid.cover), (TimeInForce::Ioc, Some(Price::from_micros(4_000_000))));
    let [(seller, gpus, price, cover)] = bought(&events, bid.id).try_into().unwrap();
    assert_eq!((seller, gpus, price), (Q, 8, 3_500_000));
    // First the refund, then what it pays for.
    let refunded =
        events.iter().position(|event| matches!(event, Event::ContractMoved { contract, .. } if *contract == id));
    let placed = events.iter().position(|event| matches!(event, Event::OrderPlaced { .. }));
    assert!(refunded.unwrap() < placed.unwrap());
    // Each GPU rounded up: 14,339 minutes at 3.50 are 836.441666... USD.
    let paid = 8 * 836_441_667;
    assert_eq!(life.contract(cover).escrow.micros(), paid);
    check(&life);
}

#[test]
fn without_the_wish_nothing_is_bought() {
    let mut life = market();
    life.cover = None;
    let id = sold(&mut life);
    ask(&mut life, Q, of_q(), 64, "3.50");
    let outcome = life.done(declare(P, id));
    assert!(outcome.events.iter().all(|event| !matches!(event, Event::OrderPlaced { .. })));
    assert!(covers(&outcome.events, id).is_empty() && refusal(&outcome.events, id).is_none());
}

#[test]
fn the_defaulter_is_passed_over_though_it_is_the_cheapest() {
    let mut life = market();
    let id = sold(&mut life);
    // Y holds GPUs of P's, too, and asks less than Q.
    life.cover = None;
    let of_y = life.sell(Life::listing(), Y, 8, (60, END), "1.00");
    ask(&mut life, P, Life::listing(), 16, "1.00");
    ask(&mut life, Y, Source::Contract(of_y), 8, "1.10");
    ask(&mut life, Q, of_q(), 64, "3.99");
    let outcome = life.done(declare(P, id));
    let [bid] = covers(&outcome.events, id).try_into().unwrap();
    let [(seller, gpus, price, _)] = bought(&outcome.events, bid.id).try_into().unwrap();
    assert_eq!((seller, gpus, price), (Q, 8, 3_990_000));
    check(&life);
}

#[test]
fn part_is_bought_where_there_is_no_more_within_the_limit() {
    let mut life = market();
    let id = life.sell(Life::listing(), R, 8, (60, END), "3.00");
    let whole = life.done(Command::PlaceBid(two_lots())).order.unwrap();
    assert_eq!(whole.filled_gpus, 0);
    ask(&mut life, P, Life::listing(), 16, "3.00");
    let made = life.events.iter().rev().find_map(|event| match event {
        Event::Traded { contract, .. } => Some(contract.id),
        _ => None,
    });
    let made = made.unwrap();
    assert_eq!(life.contract(made).gpus, 16);
    ask(&mut life, Q, of_q(), 8, "4.00");
    ask(&mut life, Q, of_q(), 8, "4.01");
    let outcome = life.done(declare(P, made));
    let [bid] = covers(&outcome.events, made).try_into().unwrap();
    assert_eq!((bid.gpus, bid.lot), (16, 8));
    let [(seller, gpus, price, _)] = bought(&outcome.events, bid.id).try_into().unwrap();
    assert_eq!((seller, gpus, price), (Q, 8, 4_000_000));
    let ended =
        Event::OrderEnded { order: bid.id, status: OrderStatus::Cancelled, reason: Some(OrderReason::IocRemainder) };
    assert!(outcome.events.contains(&ended));
    assert!(life.contract(id).status.is_live(), "another contract of the same buyer");
    check(&life);
}

/// A resting bid for 16 GPUs in lots of 8.
pub fn two_lots() -> PlaceBid {
    PlaceBid {
        organization: X,
        product: ProductId::new(1),
        gpus: 16,
        window: gpubourse::exchange::BidWindow::Fixed { start: minute(60), end: minute(END) },
        price: Price::from_micros(3_000_000),
        lot: 8,
        requirements: Requirements::default(),
        same_site: false,
        terms: Terms::default(),
        cover: Some(Price::from_micros(4_000_000)),
        funding: Funding::Full,
    }
}

#[test]
fn what_the_old_bid_required_is_required_again() {
    let mut life = market();
    let requirements = Requirements { min_sla_class: SlaClass::P999, ..Requirements::default() };
    life.done(Command::PlaceBid(PlaceBid { requirements: requirements.clone(), ..two_lots() }));
    ask(&mut life, P, Life::listing(), 16, "3.00");
    ask(&mut life, Q, of_q(), 64, "1.00");
    let id = ContractId::new(1);
    let outcome = life.done(declare(P, id));
    let [bid] = covers(&outcome.events, id).try_into().unwrap();
    assert_eq!(bid.requirements, requirements);
    assert!(bought(&outcome.events, bid.id).is_empty(), "Q promises less");
    check(&life);
}

#[test]
fn a_buyer_that_cannot_pay_the_difference_gets_its_refund_alone() {
    let mut life = market();
    let id = sold(&mut life);
    ask(&mut life, Q, of_q(), 64, "3.50");
    let amount = available(&life, R);
    life.done(Command::Withdraw { organization: R, amount, reference: "wire".into() });
    let outcome = life.done(declare(P, id));
    assert_eq!(refusal(&outcome.events, id).as_deref(), Some("insufficient_funds"));
    assert!(covers(&outcome.events, id).is_empty());
    assert_eq!(life.contract(id).status, ContractStatus::Defaulted);
    assert_eq!(available(&life, R).micros(), 8 * 10 * 24 * 3_000_000);
    check(&life);
}

#[test]
fn a_halted_product_and_a_suspended_buyer_are_not_covered() {
    for (command, code) in [
        (Command::HaltProduct { product: ProductId::new(1), halted: true }, "market_halted"),
        (Command::SuspendOrganization { organization: R, suspended: true }, "organization_suspended"),
    ] {
        let mut life = market();
        let id = sold(&mut life);
        ask(&mut life, Q, of_q(), 64, "3.50");
        life.done(command);
        let outcome = life.done(declare(P, id));
        assert_eq!(refusal(&outcome.events, id).as_deref(), Some(code));
        assert_eq!(life.contract(id).status, ContractStatus::Defaulted);
        check(&life);
    }
}

#[test]
fn everything_below_a_default_is_covered_and_what_covers_it_again() {
    let mut life = market();
    let id = sold(&mut life);
    let child = life.sell(Source::Contract(id), X, 8, (60, END), "3.20");
    ask(&mut life, Q, of_q(), 16, "3.50");
    let outcome = life.done(declare(P, id));
    let [first] = covers(&outcome.events, id).try_into().unwrap();
    let [second] = covers(&outcome.events, child).try_into().unwrap();
    assert!(first.id < second.id);
    let [(_, _, _, by_r)] = bought(&outcome.events, first.id).try_into().unwrap();
    let [(seller, gpus, _, by_x)] = bought(&outcome.events, second.id).try_into().unwrap();
    assert_eq!((seller, gpus), (Q, 8));
    // The second default finds nobody left to buy from.
    let outcome = life.done(declare(Q, by_x));
    let [third] = covers(&outcome.events, by_x).try_into().unwrap();
    assert!(bought(&outcome.events, third.id).is_empty());
    assert!(life.contract(by_r).status.is_live());
    check(&life);
}

#[test]
fn an_admin_who_ends_a_contract_for_the_seller_has_it_covered_and_for_the_buyer_not() {
    for (fault, bids) in [(Fault::Seller, 1), (Fault::Buyer, 0)] {
        let mut life = market();
        let id = sold(&mut life);
        ask(&mut life, Q, of_q(), 64, "3.50");
        let (status, reason) = (ContractStatus::Defaulted, "as told".into());
        let outcome = life.done(Command::EndContract { contract: id, status, fault: Some(fault), reason });
        assert_eq!(covers(&outcome.events, id).len(), bids);
        check(&life);
    }
}

#[test]
fn under_no_terms_the_wish_is_kept_with_the_order_alone() {
    let mut life = Life::without_terms();
    life.cover = Some(4_000_000);
    let id = sold(&mut life);
    assert!(life.exchange.delivery(id).is_none());
    life.cover = Some(0);
    assert!(life.try_sell(Life::listing(), R, 8, (60, END), 3_000_000).is_none(), "no limit at all");
    assert_eq!(life.rows.iter().filter(|(_, word)| *word == "invalid_price").count(), 1);
}
