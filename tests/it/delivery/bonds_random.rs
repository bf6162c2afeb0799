//! Bonds under random commands: they are always those behind asks and contracts, and in the end nobody has any.

use gpubourse::exchange::terms::{BondRates, ContractTerms};
use gpubourse::exchange::{AmendOrder, Command, Exchange, Terms};
use gpubourse::types::{ContractStatus, Fault, Minute, Money, Price, Source, Tier};
use proptest::prelude::*;

use super::bonds::{purse, with_q};
use super::cover::{self, Q};
use super::life::{DAY, Life, P, R, X, Y, ask, bid, minute};

#[derive(Debug, Clone)]
enum Op {
    Ask { from: usize, gpus: u32, start: u32, minutes: u32, price: i64 },
    Bid { buyer: usize, gpus: u32, start: u32, minutes: u32, price: i64, rests: bool, cover: bool },
    Amend { which: usize, gpus: u32, price: Option<i64>, cut: u32 },
    Cancel { which: usize },
    Rates { unverified: u32, verified: u32 },
    Tier { who: usize, tier: usize },
    HandOver { which: usize },
    Report { which: usize, up: u32 },
    End { which: usize, how: usize },
    Advance { minutes: u32 },
    Settle,
}

fn op() -> impl Strategy<Value = Op> {
    let price = || 1i64..9_000_000;
    prop_oneof![
        6 => (0usize..4, 1u32..20, 0u32..300, 1u32..400, price()).prop_map(
            |(from, gpus, start, minutes, price)| Op::Ask { from, gpus, start, minutes, price }
        ),
        6 => (0usize..3, 1u32..20, 0u32..300, 1u32..200, price(), any::<bool>(), any::<bool>()).prop_map(
            |(buyer, gpus, start, minutes, price, rests, cover)|
            Op::Bid { buyer, gpus, start, minutes, price: price + 1_000_000, rests, cover }
        ),
        3 => (0usize..8, 1u32..20, proptest::option::of(price()), 0u32..60).prop_map(
            |(which, gpus, price, cut)| Op::Amend { which, gpus, price, cut }
        ),
        1 => (0usize..8).prop_map(|which| Op::Cancel { which }),
        1 => (0u32..10_001, 0u32..3_000).prop_map(|(unverified, verified)| Op::Rates { unverified, verified }),
        1 => (0usize..4, 0usize..3).prop_map(|(who, tier)| Op::Tier { who, tier }),
        2 => (0usize..8).prop_map(|which| Op::HandOver { which }),
        2 => (0usize..8, 0u32..20).prop_map(|(which, up)| Op::Report { which, up }),
        2 => (0usize..8, 0usize..4).prop_map(|(which, how)| Op::End { which, how }),
        3 => (1u32..200).prop_map(|minutes| Op::Advance { minutes }),
        1 => Just(Op::Settle),
    ]
}

/// Plays one step; much of it is refused.
fn play(life: &mut Life, op: &Op) {
    let order = |life: &Life, which: usize| {
        let orders: Vec<_> = life.exchange.orders().map(|row| (row.id, row.organization, row.window)).collect();
        orders.get(which % orders.len().max(1)).copied()
    };
    let contract = |life: &Life, which: usize| {
        let contracts: Vec<_> = life.exchange.contracts().map(|row| (row.id, row.buyer, row.window)).collect();
        contracts.get(which % contracts.len().max(1)).copied()
    };
    let command = match *op {
        Op::Ask { from, gpus, start, minutes, price } => {
            let start = life.minute + 1 + start;
            let listed = if from == 0 { (P, Life::listing()) } else { (Q, cover::of_q()) };
            let listed = (listed.0, listed.1, (start, start + minutes));
            let (seller, source, window) = match (from > 1).then(|| contract(life, from)).flatten() {
                Some((id, buyer, window)) => {
                    let zero = minute(0).get();
                    (buyer, Source::Contract(id), (window.start.get() - zero, window.end.get() - zero))
                }
                None => listed,
            };
            Command::PlaceAsk(ask(seller, source, gpus, window, Price::from_micros(price)))
        }
        Op::Bid { buyer, gpus, start, minutes, price, rests, cover } => {
            let start = life.minute + 1 + start;
            let window = (start, start + minutes);
            let mut wanted = bid([R, X, Y][buyer], gpus, window, Price::from_micros(price));
            wanted.cover = cover.then(|| Price::from_micros(price * 2));
            if rests {
                wanted.terms = Terms::default();
            }
            Command::PlaceBid(wanted)
        }
        Op::Amend { which, gpus, price, cut } => {
            let Some((id, organization, window)) = order(life, which) else { return };
            Command::AmendOrder(AmendOrder {
                gpus: Some(gpus),
                price: price.map(Price::from_micros),
                end: Some(window.end.minus(cut)),
                ..AmendOrder::unchanged(organization, id)
            })
        }
        Op::Cancel { which } => {
            let Some((id, organization, _)) = order(life, which) else { return };
            Command::CancelOrder { organization, order: id }
        }
        Op::Rates { unverified, verified } => Command::PublishTerms(ContractTerms {
            bonds: BondRates { unverified, verified, trusted: 0 },
            ..ContractTerms::default()
        }),
        Op::Tier { who, tier } => Command::SetTier { organization: [P, Q, R, X][who], tier: Tier::ALL[tier] },
        Op::HandOver { which } => {
            let Some((id, buyer, _)) = contract(life, which) else { return };
            let _may_be_late = life.run(Command::DeclareReady { organization: P, contract: id });
            let access = super::life::access(buyer);
            let _may_be_over = life.run(Command::DeliverAccess { organization: P, contract: id, access });
            Command::AcceptDelivery { organization: buyer, contract: id }
        }
        Op::Report { which, up } => {
            let Some((id, _, window)) = contract(life, which) else { return };
            let end = life.minute / 5 * 5;
            let start = (window.start.get() - minute(0).get()).div_ceil(5) * 5;
            if start < end {
                let _may_be_refused = life.meter(P, id, (start, end), up);
            }
            return;
        }
        Op::End { which, how } => {
            let Some((id, _, _)) = contract(life, which) else { return };
            let (status, fault) = [
                (ContractStatus::Terminated, Some(Fault::Buyer)),
                (ContractStatus::Terminated, Some(Fault::Seller)),
                (ContractStatus::Defaulted, Some(Fault::Seller)),
                (ContractStatus::Recalled, None),
            ][how];
            Command::EndContract { contract: id, status, fault, reason: "r".into() }
        }
        Op::Advance { minutes } => return life.advance(life.minute + minutes),
        Op::Settle => return life.settle(),
    };
    let _much_is_refused = life.run(command);
}

/// Every ask's bond is what its unsold minutes need, minute by minute.
fn check_asks(life: &Life) -> Result<(), TestCaseError> {
    for order in life.exchange.orders() {
        let Some(bond) = order.bond else { continue };
        let minutes = bond.from.get()..order.window.end.get();
        let unsold = minutes.map(|at| u64::from(order.gpus - order.sold.at(Minute::new(at))));
        let unsold: u64 = unsold.sum();
        prop_assert_eq!(bond.gpu_minutes, unsold);
        let exact = i128::from(bond.bps) * i128::from(order.price.micros()) * i128::from(unsold);
        prop_assert_eq!(i128::from(bond.amount.micros()), (exact + 599_999).div_euclid(600_000));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn bonds_are_those_behind_asks_and_contracts_whatever_happens(ops in prop::collection::vec(op(), 1..60)) {
        let mut life = with_q();
        // Refusals are looked at elsewhere; here they would take most of the time.
        life.is_checked = false;
        for op in &ops {
            play(&mut life, op);
            life.check_money();
            check_asks(&life)?;
        }
        let again: Exchange = Exchange::restore(life.exchange.snapshot()).unwrap();
        prop_assert_eq!(again.recomputed_digest().unwrap(), life.exchange.recomputed_digest().unwrap());
        // When all is over, nobody has any.
        life.advance(life.minute + 20 * DAY);
        life.settle();
        for organization in [P, Q, R, X, Y] {
            prop_assert_eq!(purse(&life, organization).1, Money::ZERO);
        }
    }
}
