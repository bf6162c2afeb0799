//! Novation: whoever resells leaves, and its buyer takes its contract over.

use gpubourse::exchange::entities::Contract;
use gpubourse::exchange::rights::Rights;
use gpubourse::exchange::terms::{BondRates, ContractTerms};
use gpubourse::exchange::{Command, Event};
use gpubourse::types::{ContractId, ContractStatus, Fault, Funding, Money, OrganizationId, Price, ResaleForm, Source};

use super::life::{DAY, Life, P, R, X, Y, ask, bid, minute};

/// When the first contract ends.
const END: u32 = 60 + 10 * DAY;
/// What of it is resold.
const PART: (u32, u32) = (60 + DAY, 60 + 5 * DAY);

fn market() -> Life {
    Life::with_rights(Rights { resale: ResaleForm::Novation, royalty_bps: 1_000, ..Rights::default() })
}

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn available(life: &Life, who: OrganizationId) -> Money {
    life.exchange.purses().find(|(id, _)| *id == who).unwrap().1.available
}

/// R buys 8 GPUs for ten days at 2.00: 3,840.00. X takes over 4 of them for four days, 384 GPU-hours.
fn taken_over(price: &str) -> (Life, ContractId, ContractId) {
    let mut life = market();
    let first = life.sell(Life::listing(), R, 8, (60, END), "2.00");
    let second = life.sell(Source::Contract(first), X, 4, PART, price);
    life.check_money();
    (life, first, second)
}

fn end(life: &mut Life, contract: ContractId, status: ContractStatus, fault: Option<Fault>) {
    life.done(Command::EndContract { contract, status, fault, reason: "so it is".into() });
    life.check_money();
}

fn parties(row: &Contract) -> (OrganizationId, OrganizationId, Source) {
    (row.seller, row.buyer, row.source)
}

/// Delivers what every contract has kept, up to the end, and settles all of it.
fn deliver(life: &mut Life, first: ContractId, second: ContractId) {
    life.hand_over(first);
    life.hand_over(second);
    life.operate((60, PART.0), &[(first, 8)]);
    life.operate(PART, &[(first, 4), (second, 4)]);
    life.operate((PART.1, END), &[(first, 8)]);
    life.advance(END + 2 * DAY);
    life.settle();
    life.check_money();
    assert!([first, second].iter().all(|id| life.exchange.contract(*id).is_none()), "not everything is settled");
}

#[test]
fn a_gain_is_paid_at_the_trade_and_the_buyer_stands_against_the_first_seller() {
    let (mut life, first, second) = taken_over("3.00");
    let row = life.contract(second);
    assert_eq!(parties(row), (P, X, Life::listing()));
    assert_eq!((row.price, row.bought_at(), row.depth), (usd_price("2.00"), usd_price("3.00"), 1));
    // 384 * 3.00 from X, of which a tenth of 384 * 1.00 is the host's; 384 * 2.00 of R's escrow are X's now.
    assert_eq!((life.sum(second, "novation"), life.sum(second, "novation royalty")), (usd("1113.60"), usd("38.40")));
    assert_eq!((life.sum(second, "takeover"), row.escrow), (usd("768"), usd("768")));
    assert_eq!(life.contract(first).escrow, usd("3072"));
    assert_eq!(
        available(&life, R),
        usd("1000000").minus(usd("3840")).and_then(|rest| rest.plus(usd("1113.60"))).unwrap()
    );
    assert_eq!(available(&life, P), usd("1000038.40"));
    assert_eq!(available(&life, X), usd("1000000").minus(usd("1152")).unwrap());
    assert!(life.events.contains(&Event::ContractTakenOver { contract: second, from: first }));
    deliver(&mut life, first, second);
    assert_eq!(life.sums(second), "escrow 1152.00, payment 748.80, fee 19.20, refund 0.00, credit 0.00");
    // 1,536 GPU-hours were left to R; what came back are the 768.00 that X took over.
    assert_eq!(life.sums(first), "escrow 3840.00, payment 2995.20, fee 76.80, refund 768.00, credit 0.00");
    assert_eq!(available(&life, R), usd("997273.60"), "1,000,000 - 3,840 + 1,113.60");
}

fn usd_price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

#[test]
fn a_loss_is_paid_at_the_trade_too_and_what_is_not_delivered_comes_back_at_the_contracts_price() {
    let (mut life, first, second) = taken_over("1.50");
    assert_eq!((life.sum(second, "novation"), life.sum(second, "novation royalty")), (usd("576"), Money::ZERO));
    assert_eq!(life.contract(second).escrow, usd("768"));
    life.hand_over(first);
    life.hand_over(second);
    life.operate((60, PART.0), &[(first, 8)]);
    life.operate(PART, &[(first, 4), (second, 2)]);
    life.operate((PART.1, END), &[(first, 8)]);
    life.advance(END + 2 * DAY);
    life.settle();
    // Half of it was up. The host owes the rest, and the credit, to X alone.
    assert_eq!(life.sums(second), "escrow 576.00, payment 374.40, fee 9.60, refund 384.00, credit 768.00");
    assert_eq!(life.sum(first, "credit"), Money::ZERO);
    assert_eq!(available(&life, R), usd("996736"), "1,000,000 - 3,840 + 576: no more, no less");
    life.check_money();
}

#[test]
fn a_default_on_one_contract_is_none_on_the_other() {
    let (mut life, first, second) = taken_over("3.00");
    let cost = life.sum(second, "novation");
    life.done(Command::DeclareDefault { organization: P, contract: first, reason: "the hall is dark".into() });
    assert_eq!(life.contract(second).status, ContractStatus::Scheduled);
    assert_eq!(available(&life, R), usd("1000000").plus(usd("1113.60")).and_then(|sum| sum.minus(usd("768"))).unwrap());
    let left = available(&life, R);
    let declare = |organization| Command::DeclareDefault { organization, contract: second, reason: "dark".into() };
    assert_eq!(life.run(declare(R)).unwrap_err(), "not_found", "it has left");
    life.done(declare(P));
    // Nothing of it had begun, so it is settled as it ends.
    assert!(life.exchange.contract(second).is_none());
    assert_eq!((available(&life, R), life.sum(second, "novation")), (left, cost));
    assert_eq!(life.sum(second, "refund"), usd("768"));
    life.check_money();
    // Both windows are free again.
    let (mut other, first, second) = taken_over("3.00");
    assert!(other.try_sell(Life::listing(), Y, 60, (60, END), 1_000_000).is_none());
    end(&mut other, second, ContractStatus::Defaulted, Some(Fault::Seller));
    end(&mut other, first, ContractStatus::Defaulted, Some(Fault::Seller));
    assert!(other.try_sell(Life::listing(), Y, 64, (60, END), 1_000_000).is_some());
}

#[test]
fn who_left_gives_notice_for_the_rest_alone() {
    let mut life = market();
    let end = 60 + 20 * DAY;
    let first = life.sell(Life::listing(), R, 8, (60, end), "2.00");
    let second = life.sell(Source::Contract(first), X, 4, (60 + DAY, end), "1.00");
    life.hand_over(first);
    life.advance(60);
    life.done(Command::GiveNotice { organization: R, contract: first, reason: "we move".into() });
    let given = life.events.iter().find_map(|event| match event {
        Event::NoticeGiven { ends_at, .. } => Some(ends_at.get() - minute(0).get()),
        _ => None,
    });
    let ends_at = given.unwrap();
    life.operate((60, 60 + DAY), &[(first, 8)]);
    life.operate((60 + DAY, ends_at / 5 * 5), &[(first, 4)]);
    life.advance(ends_at + 5);
    assert_eq!(life.contract(first).status, ContractStatus::Terminated);
    assert_eq!(parties(life.contract(second)), (P, X, Life::listing()));
    // A tenth of what 4 GPUs were to cost to the end, and no gap: X pays P what R would have.
    let rest = 4 * i64::from(end - ends_at) * 2_000_000 / 60;
    assert_eq!((life.sum(first, "buyer's notice").micros(), life.sum(first, "gap")), (rest / 10, Money::ZERO));
    life.check_money();
}

#[test]
fn a_recall_puts_who_left_where_its_own_contract_would_have() {
    for price in ["3.00", "1.50"] {
        let (mut life, first, second) = taken_over(price);
        end(&mut life, second, ContractStatus::Recalled, None);
        // X has back what it paid but for the royalty's part, which was R's gain; R has what 384 hours cost it.
        assert_eq!(available(&life, X), usd("1000000"), "{price}");
        let royalty = life.sum(second, "novation royalty");
        let own = usd("1000000").minus(usd("3072")).and_then(|rest| rest.minus(royalty)).unwrap();
        assert_eq!(available(&life, R), own, "{price}");
        assert_eq!(life.contract(first).escrow, usd("3072"));
        // They are the host's to sell again, not R's.
        assert!(life.try_sell(Source::Contract(first), Y, 5, PART, 1_000_000).is_none());
        assert!(life.try_sell(Life::listing(), Y, 60, PART, 1_000_000).is_some());
    }
    // Who spent what it gained gives back what it has.
    let (mut life, _, second) = taken_over("3.00");
    let amount = available(&life, R).minus(usd("100")).unwrap();
    life.done(Command::Withdraw { organization: R, amount, reference: "home".into() });
    end(&mut life, second, ContractStatus::Recalled, None);
    assert_eq!((available(&life, R), life.sum(second, "novation back")), (Money::ZERO, usd("100")));
    // A recall of the first sale is about what its buyer has kept.
    let (mut life, first, second) = taken_over("1.50");
    end(&mut life, first, ContractStatus::Recalled, None);
    assert_eq!((life.contract(second).status, available(&life, R)), (ContractStatus::Scheduled, usd("999808")));
}

#[test]
fn three_in_a_row_each_left_with_its_own_gain_or_loss() {
    let (mut life, first, second) = taken_over("3.00");
    let third = life.sell(Source::Contract(second), Y, 2, (PART.0, PART.0 + DAY), "2.50");
    let row = life.contract(third);
    assert_eq!((parties(row), row.depth, row.price), ((P, Y, Life::listing()), 2, usd_price("2.00")));
    assert_eq!(row.taken_over().map(|taken| (taken.contract, taken.seller)), Some((second, X)));
    // 48 GPU-hours: sold for 120.00, bought for 144.00. Above the first price, but no gain.
    assert_eq!((life.sum(third, "novation"), life.sum(third, "novation royalty")), (usd("120"), Money::ZERO));
    assert_eq!((life.contract(second).escrow, row.escrow), (usd("672"), usd("96")));
    life.restart();
    // The middle one ends: neither what is above nor what is below cares.
    end(&mut life, second, ContractStatus::Terminated, Some(Fault::Buyer));
    assert_eq!([first, third].map(|id| life.contract(id).status), [ContractStatus::Scheduled; 2]);
    life.hand_over(first);
    life.hand_over(third);
    life.operate((60, PART.0), &[(first, 8)]);
    life.operate((PART.0, PART.0 + DAY), &[(first, 4), (third, 2)]);
    life.operate((PART.0 + DAY, PART.1), &[(first, 4)]);
    life.operate((PART.1, END), &[(first, 8)]);
    life.advance(END + 2 * DAY);
    life.settle();
    assert_eq!(life.sum(third, "payment").plus(life.sum(third, "fee")), Ok(usd("96")));
    assert_eq!(life.sum(first, "payment").plus(life.sum(first, "fee")), Ok(usd("3072")));
    life.check_money();
}

#[test]
fn what_is_taken_over_as_a_whole_runs_out_by_the_calendar() {
    let mut life = market();
    let first = life.sell(Life::listing(), R, 8, (60, END), "2.00");
    let second = life.sell(Source::Contract(first), X, 8, (60, END), "2.00");
    assert_eq!((life.contract(first).escrow, life.contract(second).escrow), (Money::ZERO, usd("3840")));
    assert_eq!(available(&life, R), usd("1000000"));
    life.hand_over(second);
    life.operate((60, END), &[(second, 8)]);
    life.advance(END + 2 * DAY);
    life.settle();
    assert!([first, second].iter().all(|id| life.exchange.contract(*id).is_none()));
    assert_eq!((life.sum(first, "payment"), life.sum(second, "payment")), (Money::ZERO, usd("3744")));
    life.check_money();
}

#[test]
fn neither_side_can_be_paid_by_the_month() {
    let mut life = market();
    let long = (60, 60 + 90 * DAY);
    life.funding = Funding::Monthly;
    let first = life.sell(Life::listing(), R, 8, long, "2.00");
    let offered = Command::PlaceAsk(ask(R, Source::Contract(first), 4, long, usd_price("1.00")));
    assert_eq!(life.run(offered).unwrap_err(), "novation_not_allowed");
    life.funding = Funding::Full;
    let second = life.sell(Life::listing(), R, 8, long, "2.00");
    life.done(Command::PlaceAsk(ask(R, Source::Contract(second), 4, long, usd_price("1.00"))));
    let mut monthly = bid(X, 4, long, usd_price("1.00"));
    monthly.funding = Funding::Monthly;
    let placed = life.done(Command::PlaceBid(monthly.clone())).order.unwrap();
    assert_eq!((placed.fills, placed.filled_gpus), (0, 0));
    let full = life.done(Command::PlaceBid(bid(X, 4, long, usd_price("1.00")))).order.unwrap();
    assert_eq!((full.fills, full.filled_gpus), (1, 4));
    // Where resellers stay, by the month is as good.
    let mut life = Life::new();
    let first = life.sell(Life::listing(), R, 8, long, "2.00");
    life.done(Command::PlaceAsk(ask(R, Source::Contract(first), 4, long, usd_price("1.00"))));
    assert_eq!(life.done(Command::PlaceBid(monthly)).order.unwrap().fills, 1);
}

#[test]
fn the_bond_goes_with_what_it_is_for_and_who_leaves_needs_none() {
    let mut life = market();
    let bonds = BondRates { unverified: 1_000, ..BondRates::default() };
    life.done(Command::PublishTerms(ContractTerms { bonds, ..ContractTerms::default() }));
    let bond = |life: &Life, who| life.exchange.purses().find(|(id, _)| *id == who).unwrap().1.bond;
    let first = life.sell(Life::listing(), R, 8, (60, END), "2.00");
    assert_eq!((life.contract(first).bond, bond(&life, P)), (usd("384"), usd("384")));
    let second = life.sell(Source::Contract(first), X, 4, PART, "3.00");
    assert_eq!((life.contract(first).bond, life.contract(second).bond), (usd("307.20"), usd("76.80")));
    assert_eq!((bond(&life, P), bond(&life, R)), (usd("384"), Money::ZERO));
    deliver(&mut life, first, second);
    assert_eq!(bond(&life, P), Money::ZERO);
}

#[test]
fn chains_are_no_deeper_for_it() {
    let rights = Rights { resale: ResaleForm::Novation, chain_max: Some(2), ..Rights::default() };
    let mut life = Life::with_rights(rights);
    let first = life.sell(Life::listing(), R, 8, (60, END), "2.00");
    let second = life.sell(Source::Contract(first), X, 8, (60, END), "2.00");
    let deeper = Command::PlaceAsk(ask(X, Source::Contract(second), 8, (60, END), usd_price("2.00")));
    assert_eq!(life.run(deeper).unwrap_err(), "chain_too_deep");
}
