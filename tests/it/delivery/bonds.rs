//! Collateral behind asks and contracts: where it lies, what is paid from it, and when it is free again.

use gpubourse::exchange::terms::{BondRates, ContractTerms};
use gpubourse::exchange::{AmendOrder, Command, PlaceBid, Terms};
use gpubourse::types::{ContractId, ContractStatus, Fault, Money, OrderId, OrganizationId, Price, Source, Tier};

use super::cover::{self, Q};
use super::life::{self, DAY, Life, P, R, X};

const RATES: BondRates = BondRates { unverified: 2_000, verified: 500, trusted: 0 };
const END: u32 = 60 + 10 * DAY;

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn publish(life: &mut Life, bonds: BondRates) {
    life.done(Command::PublishTerms(ContractTerms { bonds, ..ContractTerms::default() }));
}

fn bonded() -> Life {
    let mut life = Life::new();
    publish(&mut life, RATES);
    life
}

fn ask(seller: OrganizationId, source: Source, gpus: u32, window: (u32, u32), price: &str) -> Command {
    Command::PlaceAsk(life::ask(seller, source, gpus, window, Price::parse(price).unwrap()))
}

fn bid(buyer: OrganizationId, gpus: u32, window: (u32, u32), price: &str) -> PlaceBid {
    life::bid(buyer, gpus, window, Price::parse(price).unwrap())
}

/// Available and bonds.
pub fn purse(life: &Life, organization: OrganizationId) -> (Money, Money) {
    let purse = life.exchange.purses().find(|(who, _)| *who == organization).unwrap().1;
    (purse.available, purse.bond)
}

fn bond_of(life: &Life, order: OrderId) -> Money {
    life.exchange.orders().find(|row| row.id == order).map_or(Money::ZERO, |row| row.bonded())
}

fn last_contract(life: &Life) -> ContractId {
    life.exchange.contracts().map(|row| row.id).max().unwrap()
}

#[test]
fn an_ask_sets_aside_a_share_of_its_residual_by_the_tier_of_its_organization() {
    for (tier, bond) in [(Tier::Unverified, "384"), (Tier::Verified, "96"), (Tier::Trusted, "0")] {
        let mut life = bonded();
        life.done(Command::SetTier { organization: P, tier });
        // 8 GPUs for 120 hours at 2.00 are 1,920.
        let placed = life.done(ask(P, Life::listing(), 8, (60, 60 + 5 * DAY), "2.00")).order.unwrap();
        assert_eq!(placed.bonded(), usd(bond), "{tier}");
        assert_eq!(purse(&life, P), (usd("1000000").minus(usd(bond)).unwrap(), usd(bond)));
        life.done(Command::CancelOrder { organization: P, order: placed.id });
        assert_eq!(purse(&life, P), (usd("1000000"), Money::ZERO));
        life.check_money();
    }
}

#[test]
fn without_rates_nothing_is_set_aside() {
    let mut life = Life::new();
    let placed = life.done(ask(P, Life::listing(), 64, (60, END), "8.00")).order.unwrap();
    assert_eq!((placed.bond, purse(&life, P)), (None, (usd("1000000"), Money::ZERO)));
}

#[test]
fn an_ask_whose_bond_cannot_be_paid_is_refused() {
    let mut life = bonded();
    // 20 % of 5,000.00 is all it has.
    life.done(Command::Withdraw { organization: P, amount: usd("999000"), reference: "home".into() });
    assert_eq!(life.run(ask(P, Life::listing(), 50, (60, 60 + 6_000), "1.000001")), Err("insufficient_funds"));
    let placed = life.done(ask(P, Life::listing(), 50, (60, 60 + 6_000), "1.00")).order.unwrap();
    assert_eq!(purse(&life, P), (Money::ZERO, usd("1000")));
    // Nor can it be raised, in price or in size, but it can be lowered.
    let amend = |price: Option<&str>, gpus| {
        let price = price.map(|price| Price::parse(price).unwrap());
        Command::AmendOrder(AmendOrder { gpus, price, ..AmendOrder::unchanged(P, placed.id) })
    };
    assert_eq!(life.run(amend(Some("1.000001"), None)), Err("insufficient_funds"));
    assert_eq!(life.run(amend(None, Some(51))), Err("insufficient_funds"));
    life.done(amend(Some("0.50"), None));
    assert_eq!(purse(&life, P), (usd("500"), usd("500")));
    life.done(amend(None, Some(25)));
    assert_eq!(purse(&life, P), (usd("750"), usd("250")));
    life.check_money();
}

#[test]
fn a_fill_takes_its_share_along_and_the_contract_keeps_it_until_it_is_settled() {
    let mut life = bonded();
    let placed = life.done(ask(P, Life::listing(), 8, (60, END), "2.00")).order.unwrap();
    assert_eq!(bond_of(&life, placed.id), usd("768"), "20 % of 8 GPUs for 240 hours at 2.00");
    life.done(Command::PlaceBid(bid(X, 3, (60, 60 + DAY), "2.00")));
    let id = last_contract(&life);
    assert_eq!((life.contract(id).bond, bond_of(&life, placed.id)), (usd("28.80"), usd("739.20")));
    assert_eq!(purse(&life, P).1, usd("768"), "no money moved");
    life.hand_over(id);
    life.operate((60, 60 + DAY), &[(id, 3)]);
    life.advance(60 + DAY);
    assert_eq!(life.contract(id).status, ContractStatus::Completed);
    assert_eq!(life.contract(id).bond, usd("28.80"), "some slots are open");
    life.advance(60 + 2 * DAY);
    life.settle();
    assert!(life.exchange.contract(id).is_none());
    assert_eq!(life.sum(id, "bond back"), usd("28.80"));
    life.check_money();
}

#[test]
fn minutes_that_pass_unsold_are_set_free_at_the_next_touch() {
    let mut life = bonded();
    let placed = life.done(ask(P, Life::listing(), 8, (1, 1 + 6_000), "3.00")).order.unwrap();
    // 0.08 a minute.
    assert_eq!(bond_of(&life, placed.id), usd("480"));
    life.done(Command::PlaceBid(bid(X, 8, (1_001, 1_101), "3.00")));
    assert_eq!(bond_of(&life, placed.id), usd("472"));
    life.advance(2_000);
    assert_eq!(bond_of(&life, placed.id), usd("472"), "time alone moves nothing");
    life.done(Command::PlaceBid(bid(X, 8, (3_001, 3_101), "3.00")));
    // 2,000 minutes went by, 100 of them sold.
    assert_eq!(bond_of(&life, placed.id), usd("312"));
    life.advance(2_500);
    life.done(Command::AmendOrder(AmendOrder { gpus: Some(8), ..AmendOrder::unchanged(P, placed.id) }));
    assert_eq!(bond_of(&life, placed.id), usd("272"));
    life.advance(6_001);
    assert_eq!(bond_of(&life, placed.id), Money::ZERO);
    life.check_money();
}

#[test]
fn the_rate_in_force_when_an_ask_is_placed_or_amended_is_its_own() {
    let mut life = bonded();
    let placed = life.done(ask(P, Life::listing(), 8, (60, 60 + 6_000), "1.00")).order.unwrap();
    assert_eq!(bond_of(&life, placed.id), usd("160"));
    life.done(Command::SetTier { organization: P, tier: Tier::Verified });
    publish(&mut life, BondRates { verified: 1_000, ..RATES });
    life.done(Command::PlaceBid(bid(X, 4, (60, 60 + 6_000), "1.00")));
    assert_eq!(bond_of(&life, placed.id), usd("80"));
    life.done(Command::AmendOrder(AmendOrder { gpus: Some(8), ..AmendOrder::unchanged(P, placed.id) }));
    assert_eq!(bond_of(&life, placed.id), usd("40"));
    assert_eq!(
        life.run(Command::SetTier { organization: OrganizationId::new(9), tier: Tier::Trusted }),
        Err("not_found")
    );
    life.check_money();
}

#[test]
fn a_resting_bid_that_pays_more_than_the_ask_leaves_the_bond_at_the_asks_price() {
    let mut life = bonded();
    let mut resting = bid(X, 4, (60, 60 + 6_000), "2.00");
    resting.terms = Terms::default();
    life.done(Command::PlaceBid(resting));
    let placed = life.done(ask(P, Life::listing(), 8, (60, 60 + 6_000), "1.00")).order.unwrap();
    let id = last_contract(&life);
    assert_eq!((life.contract(id).price, life.contract(id).bond), (Price::parse("2.00").unwrap(), usd("80")));
    assert_eq!(placed.bonded(), usd("80"));
    life.check_money();
}

#[test]
fn credits_are_paid_from_the_bond_first() {
    let mut life = bonded();
    life.done(ask(P, Life::listing(), 8, (60, 60 + 6_000), "3.00"));
    life.done(Command::PlaceBid(bid(X, 8, (60, 60 + 6_000), "3.00")));
    let id = last_contract(&life);
    assert_eq!(life.contract(id).bond, usd("480"));
    let all = purse(&life, P).0;
    life.done(Command::Withdraw { organization: P, amount: all, reference: "home".into() });
    life.hand_over(id);
    // 6 of 8 GPUs all the time: 600.00 undelivered, five times that is more than the month's 2,400.00.
    life.operate((60, 60 + 6_000), &[(id, 6)]);
    life.advance(60 + 6_000 + 2 * DAY);
    life.settle();
    assert_eq!(life.sum(id, "credit"), usd("2235"), "the bond's 480.00 and the earnings of 1,755.00");
    assert_eq!(life.sum(id, "payment"), usd("1755"));
    assert_eq!(life.sum(id, "bond back"), Money::ZERO);
    assert_eq!(purse(&life, P), (Money::ZERO, Money::ZERO));
    life.check_money();
}

/// A market in which Q, too, has a listing, and money.
pub fn with_q() -> Life {
    let mut life = cover::market();
    life.done(Command::Deposit { organization: Q, amount: usd("100000"), reference: "wire".into() });
    publish(&mut life, RATES);
    life
}

/// P sold 8 GPUs at 3.00 to R, in lots of one, with a wish for cover up to 4.00; Q offers some at 3.50.
fn to_be_covered(offered: u32) -> (Life, ContractId) {
    let mut life = with_q();
    life.done(ask(P, Life::listing(), 8, (60, END), "3.00"));
    let mut wanted = bid(R, 8, (60, END), "3.00");
    wanted.cover = Some(Price::parse("4.00").unwrap());
    life.done(Command::PlaceBid(wanted));
    let id = last_contract(&life);
    cover::ask(&mut life, Q, cover::of_q(), offered, "3.50");
    (life, id)
}

/// Leaves an organization with so much to spend.
fn keep(life: &mut Life, organization: OrganizationId, amount: Money) {
    let amount = purse(life, organization).0.minus(amount).unwrap();
    life.done(Command::Withdraw { organization, amount, reference: "home".into() });
}

#[test]
fn a_cover_bid_holds_the_bond_before_the_buyers_money() {
    let (mut life, id) = to_be_covered(8);
    assert_eq!(life.contract(id).bond, usd("1152"), "20 % of 5,760.00");
    // Held at 4.00 are 7,680.00: the refund, the bond, and 768.00 of R's.
    keep(&mut life, R, usd("767.999999"));
    life.done(cover::declare(P, id));
    assert_eq!((purse(&life, R).0, life.contract(id).bond), (usd("6527.999999"), usd("1152")), "refused");
    let (mut life, id) = to_be_covered(8);
    keep(&mut life, R, usd("768"));
    life.done(cover::declare(P, id));
    // Spent at 3.50 are 6,720.00, which is 960.00 more than came back.
    assert_eq!((life.sum(id, "bond lent"), life.sum(id, "bond refilled")), (usd("1152"), usd("192")));
    assert_eq!((purse(&life, R).0, life.contract(id).bond), (usd("768"), usd("192")));
    life.advance(60 + 2 * DAY);
    life.settle();
    assert_eq!(life.sum(id, "bond back"), usd("192"));
    life.check_money();
}

#[test]
fn what_is_covered_in_part_takes_its_part_of_the_refund() {
    let (mut life, id) = to_be_covered(2);
    life.done(cover::declare(P, id));
    // 1,680.00 for 2 of 8 GPUs, of which 1,440.00 had come back.
    assert_eq!((life.sum(id, "bond lent"), life.sum(id, "bond refilled")), (usd("1152"), usd("912")));
    assert_eq!(life.contract(id).bond, usd("912"));
    life.check_money();
}

#[test]
fn a_cover_at_a_better_price_leaves_the_bond_alone() {
    let (mut life, id) = to_be_covered(8);
    cover::ask(&mut life, Q, cover::of_q(), 8, "2.00");
    life.done(cover::declare(P, id));
    assert_eq!((life.sum(id, "bond lent"), life.sum(id, "bond refilled")), (usd("1152"), usd("1152")));
    assert_eq!(life.contract(id).bond, usd("1152"));
    life.check_money();
}

#[test]
fn a_passed_contract_has_its_bond_from_the_seller_above() {
    let mut life = bonded();
    life.done(ask(P, Life::listing(), 8, (60, END), "3.00"));
    life.done(Command::PlaceBid(bid(R, 8, (60, END), "3.00")));
    let above = last_contract(&life);
    life.done(ask(R, Source::Contract(above), 4, (60, 60 + 5 * DAY), "4.00"));
    life.done(Command::PlaceBid(bid(X, 4, (60, 60 + 5 * DAY), "4.00")));
    let child = last_contract(&life);
    assert_eq!((life.contract(above).bond, life.contract(child).bond), (usd("1152"), usd("384")));
    life.done(Command::EndContract {
        contract: above,
        status: ContractStatus::Terminated,
        fault: Some(Fault::Buyer),
        reason: "r".into(),
    });
    // A quarter of the GPU-minutes above; R has its own back.
    assert_eq!(life.contract(child).bond, usd("288"));
    assert_eq!((purse(&life, P).1, purse(&life, R).1), (usd("288"), Money::ZERO));
    assert_eq!(life.sum(child, "bond back"), usd("384"));
    assert_eq!(life.sum(above, "bond back"), usd("864"), "its delivery had not begun");
    life.check_money();
}
