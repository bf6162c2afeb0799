//! Random lives of chains of contracts against a model that looks at every minute by itself: at one for all those in
//! which nothing differs.

mod credits;
mod worth;

use std::collections::{BTreeMap, BTreeSet};

use gpubourse::exchange::rights::Rights;
use gpubourse::exchange::terms::ContractTerms;
use gpubourse::exchange::{Command, Event};
use gpubourse::types::{ContractId, ContractStatus, Fault, Funding, Money, OrganizationId, ResaleForm, Source};
use proptest::prelude::*;

use super::life::{DAY, FEE_BPS, Life, P, R, X, Y, ZERO};

/// Windows begin in here, or when time has come further.
const MINUTES: u32 = 600;
/// No life jumps further.
const MINUTES_MAX: u32 = 190 * DAY;

/// What was said of minutes, the last word last: from, to, what.
struct Said<T>(Vec<(u32, u32, T)>);

impl<T: Copy> Said<T> {
    fn say(&mut self, window: (u32, u32), what: T) {
        self.0.push((window.0, window.1, what));
    }

    fn at(&self, minute: u32) -> Option<T> {
        let last = self.0.iter().rev().find(|(from, to, _)| (*from..*to).contains(&minute));
        last.map(|(_, _, what)| *what)
    }

    fn edges(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(from, to, _)| [*from, *to])
    }
}

/// A contract as the model knows it: what it is, and what was said of its minutes.
struct Leg {
    gpus: u32,
    price: i64,
    window: (u32, u32),
    monthly: bool,
    accepted: Option<u32>,
    parent: Said<Option<ContractId>>,
    /// Who sells it, from which minute on.
    sellers: Vec<(u32, OrganizationId)>,
    /// GPUs that others took over.
    gone: Vec<((u32, u32), u32)>,
    provider: Said<u32>,
    renter: Said<u32>,
}

struct Model {
    life: Life,
    legs: BTreeMap<ContractId, Leg>,
}

#[derive(Debug, Clone)]
enum Op {
    Sell {
        from: usize,
        buyer: usize,
        gpus: u32,
        start: u32,
        minutes: u32,
        price: i64,
    },
    SellMonthly {
        from: usize,
        buyer: usize,
        gpus: u32,
        start: u32,
        days: u32,
        price: i64,
    },
    /// Leaves an organization so many dollars.
    Leave {
        who: usize,
        usd: i64,
    },
    Give {
        who: usize,
        usd: i64,
    },
    HandOver {
        which: usize,
    },
    Report {
        which: usize,
        renter: bool,
        back: u32,
        slots: u32,
        up: u32,
    },
    End {
        which: usize,
        status: usize,
    },
    Notice {
        which: usize,
        seller: bool,
    },
    Advance {
        minutes: u32,
    },
    AdvanceDays {
        days: u32,
        minutes: u32,
    },
    Settle,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0usize..4, 0usize..3, 1u32..9, 0u32..MINUTES / 2, 30u32..300, 1i64..9_000_000).prop_map(
            |(from, buyer, gpus, start, minutes, price)| Op::Sell { from, buyer, gpus, start, minutes, price }
        ),
        4 => (0usize..8).prop_map(|which| Op::HandOver { which }),
        8 => (0usize..8, any::<bool>(), 1u32..40, 1u32..40, 0u32..9).prop_map(
            |(which, renter, back, slots, up)| Op::Report { which, renter, back, slots, up }
        ),
        1 => (0usize..8, 0usize..4).prop_map(|(which, status)| Op::End { which, status }),
        1 => (0usize..8, any::<bool>()).prop_map(|(which, seller)| Op::Notice { which, seller }),
        4 => (1u32..90).prop_map(|minutes| Op::Advance { minutes }),
        1 => Just(Op::Settle),
    ]
}

/// As [`op`], in lives of months: contracts are paid for by the month, and money comes and goes.
fn op_of_months() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => op(),
        5 => (0usize..4, 0usize..3, 1u32..9, 0u32..MINUTES / 2, 30u32..100, 1i64..9_000_000).prop_map(
            |(from, buyer, gpus, start, days, price)| Op::SellMonthly { from, buyer, gpus, start, days, price }
        ),
        3 => (0usize..3, 0i64..8_000).prop_map(|(who, usd)| Op::Leave { who, usd }),
        1 => (0usize..3, 0i64..40_000).prop_map(|(who, usd)| Op::Give { who, usd }),
        3 => (5u32..40, 0u32..90).prop_map(|(days, minutes)| Op::AdvanceDays { days, minutes }),
    ]
}

/// As [`op_of_months`], where what was promised for long is not delivered, sellers have nothing to pay for it with, and
/// contracts pass while they owe.
fn op_of_debts() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => op_of_months(),
        5 => (0usize..4, 0usize..3, 1u32..9, 0u32..60, 35u32..90, 1i64..9_000_000).prop_map(
            |(from, buyer, gpus, start, days, price)| Op::Sell { from, buyer, gpus, start, minutes: days * DAY, price }
        ),
        4 => (0usize..3).prop_map(|who| Op::Leave { who, usd: 0 }),
        4 => (10u32..35, 0u32..90).prop_map(|(days, minutes)| Op::AdvanceDays { days, minutes }),
        5 => Just(Op::Settle),
        3 => (0usize..8, 0usize..2).prop_map(|(which, how)| Op::End { which, status: how * 2 }),
    ]
}

/// As [`op`], with many resales, and recalls of them.
fn op_of_positions() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => op(),
        4 => (0usize..6, 0usize..3, 1u32..5, 0u32..40, 200u32..600, 1i64..9_000_000).prop_map(
            |(from, buyer, gpus, start, minutes, price)| Op::Sell { from, buyer, gpus, start, minutes, price }
        ),
        4 => (0usize..8).prop_map(|which| Op::HandOver { which }),
        4 => (0usize..8, 10u32..40, 10u32..40, 1u32..9).prop_map(
            |(which, back, slots, up)| Op::Report { which, renter: false, back, slots, up }
        ),
        1 => (0usize..8).prop_map(|which| Op::End { which, status: 3 }),
    ]
}

impl Model {
    fn new() -> Self {
        Self::on(ResaleForm::Sublease)
    }

    /// Begins with capacity whose resales make their seller stay, or leave.
    fn on(resale: ResaleForm) -> Self {
        let royalty_bps = if resale == ResaleForm::Novation { 1_000 } else { 0 };
        let mut life = Life::with_rights(Rights { resale, royalty_bps, ..Rights::default() });
        // The model has no defaults.
        let never = 400 * DAY;
        let terms = ContractTerms {
            default_after_minutes: never,
            outage_default_minutes: never,
            notice_minutes: 45,
            ..ContractTerms::default()
        };
        life.done(Command::PublishTerms(terms));
        Self { life, legs: BTreeMap::new() }
    }

    /// Begins with a resale over months of which nothing was delivered in the first, and whose seller had nothing left.
    fn in_want() -> Self {
        let mut model = Self::new();
        let minutes = 90 * DAY;
        model.play(&Op::Sell { from: 0, buyer: 0, gpus: 8, start: 10, minutes, price: 3_000_000 });
        model.play(&Op::Sell { from: 1, buyer: 1, gpus: 8, start: 10, minutes, price: 2_000_001 });
        model.play(&Op::Leave { who: 0, usd: 0 });
        model.play(&Op::AdvanceDays { days: 32, minutes: 0 });
        model.play(&Op::Settle);
        model
    }

    fn pick(&self, which: usize) -> Option<ContractId> {
        self.legs.keys().nth(which % self.legs.len().max(1)).copied()
    }

    fn play(&mut self, op: &Op) {
        match *op {
            Op::Sell { from, buyer, gpus, start, minutes, price } => {
                self.life.funding = Funding::Full;
                self.sell(from, buyer, gpus, (start, minutes), price)
            }
            Op::SellMonthly { from, buyer, gpus, start, days, price } => {
                self.life.funding = Funding::Monthly;
                self.sell(from, buyer, gpus, (start, days * DAY + start), price)
            }
            Op::Leave { who, usd } => self.leave([R, X, Y][who], Money::from_micros(usd * 1_000_000)),
            Op::Give { who, usd } => {
                let (organization, amount) = ([R, X, Y][who], Money::from_micros(usd * 1_000_000 + 1));
                self.life.done(Command::Deposit { organization, amount, reference: "wire".into() });
            }
            Op::HandOver { which } => self.hand_over(which),
            Op::Report { which, renter, back, slots, up } => {
                // The last slots, or some of them.
                let end = self.life.minute / 5 * 5;
                let start = end.saturating_sub(5 * back);
                self.report(which, renter, (start, (start + 5 * slots).min(end)), up);
            }
            Op::End { which, status } => self.end(which, status),
            Op::Notice { which, seller } => self.give_notice(which, seller),
            Op::Advance { minutes } => self.advance(self.life.minute + minutes),
            Op::AdvanceDays { days, minutes } => {
                let to = self.life.minute + days * DAY + minutes;
                if to < MINUTES_MAX {
                    self.advance(to);
                }
            }
            Op::Settle => self.life.settle(),
        }
        self.life.check_money();
    }

    fn leave(&mut self, organization: OrganizationId, rest: Money) {
        let purse = self.life.exchange.purses().find(|(who, _)| *who == organization).unwrap().1;
        let amount = purse.available.minus(rest).unwrap();
        if amount > Money::ZERO {
            self.life.done(Command::Withdraw { organization, amount, reference: "wire".into() });
        }
    }

    fn sell(&mut self, from: usize, buyer: usize, gpus: u32, (start, minutes): (u32, u32), price: i64) {
        let start = start.max(self.life.minute + 1);
        // Out of the listing, or out of some contract, inside its window.
        let parent = (from > 0).then(|| self.pick(from)).flatten();
        let (source, window) = match parent {
            None => (Life::listing(), (start, start + minutes)),
            Some(id) => {
                let outer = self.legs[&id].window;
                let start = start.clamp(outer.0, outer.1);
                (Source::Contract(id), (start, (start + minutes).min(outer.1)))
            }
        };
        let buyer = [R, X, Y][buyer];
        let Some(id) = self.life.try_sell(source, buyer, gpus, window, price) else { return };
        let contract = self.life.contract(id);
        let seller = contract.seller;
        // What is taken over has the price of what it is a part of, and nothing above it.
        let (parent, price) = match (parent, contract.taken_over()) {
            (Some(from), Some(_)) => {
                let from = self.legs.get_mut(&from).unwrap();
                from.gone.push((window, gpus));
                (None, from.price)
            }
            (parent, _) => (parent, price),
        };
        let leg = Leg {
            gpus,
            price,
            window,
            monthly: self.life.funding == Funding::Monthly,
            accepted: None,
            parent: Said(vec![(0, u32::MAX, parent)]),
            sellers: vec![(0, seller)],
            gone: Vec::new(),
            provider: Said(Vec::new()),
            renter: Said(Vec::new()),
        };
        self.legs.insert(id, leg);
    }

    fn hand_over(&mut self, which: usize) {
        let Some(id) = self.pick(which) else { return };
        let Some(contract) = self.life.exchange.contract(id) else { return };
        let buyer = contract.buyer;
        let ready = Command::DeclareReady { organization: P, contract: id };
        let deliver = Command::DeliverAccess { organization: P, contract: id, access: super::life::access(buyer) };
        let _may_be_late = self.life.run(ready);
        let _may_be_over = self.life.run(deliver);
        if self.life.run(Command::AcceptDelivery { organization: buyer, contract: id }).is_ok() {
            self.legs.get_mut(&id).unwrap().accepted = Some(self.life.minute + 1);
        }
    }

    fn report(&mut self, which: usize, renter: bool, window: (u32, u32), up: u32) {
        let Some(id) = self.pick(which) else { return };
        let Some(contract) = self.life.exchange.contract(id) else { return };
        let by = if renter { contract.buyer } else { P };
        let covered = contract.covered();
        let (first, last) = (covered.start.get() - ZERO, covered.end.get() - ZERO);
        let window = (window.0.max(first / 5 * 5), window.1.min(last.div_ceil(5) * 5));
        if window.0 >= window.1 {
            return;
        }
        if self.life.meter(by, id, window, up).is_ok() {
            let leg = self.legs.get_mut(&id).unwrap();
            let said = if renter { &mut leg.renter } else { &mut leg.provider };
            said.say(window, up);
        }
    }

    fn end(&mut self, which: usize, status: usize) {
        let Some(id) = self.pick(which) else { return };
        let (status, fault) = [
            (ContractStatus::Terminated, Some(Fault::Buyer)),
            (ContractStatus::Terminated, Some(Fault::Seller)),
            (ContractStatus::Defaulted, Some(Fault::Buyer)),
            (ContractStatus::Recalled, None),
        ][status];
        let reason = "r".to_owned();
        let from = self.life.minute + 1;
        let Ok(outcome) = self.life.run(Command::EndContract { contract: id, status, fault, reason }) else { return };
        for event in &outcome.events {
            match event {
                Event::ContractMoved { contract, .. } => {
                    let leg = self.legs.get_mut(contract).unwrap();
                    leg.window.1 = from.max(leg.window.0).min(leg.window.1);
                }
                Event::ContractPassed { contract, source, seller } => {
                    // From the minute on in which the contract above ends.
                    let above = self.legs[&id].window;
                    let since = from.max(above.0).min(above.1);
                    let parent = match source {
                        Source::Contract(parent) => Some(*parent),
                        Source::Listing(_) => None,
                    };
                    let leg = self.legs.get_mut(contract).unwrap();
                    leg.parent.say((since, u32::MAX), parent);
                    leg.sellers.push((since, *seller));
                }
                _ => {}
            }
        }
    }

    fn give_notice(&mut self, which: usize, seller: bool) {
        let Some(id) = self.pick(which) else { return };
        let Some(contract) = self.life.exchange.contract(id) else { return };
        let organization = if seller { contract.seller } else { contract.buyer };
        let _may_be_too_late =
            self.life.run(Command::GiveNotice { organization, contract: id, reason: "r".to_owned() });
    }

    /// Lets time pass; notices run out and draws are missed on the way, each in its own minute.
    fn advance(&mut self, to: u32) {
        let known = self.life.events.len();
        self.life.advance(to);
        let mut from = 0;
        for event in &self.life.events[known..] {
            match event {
                Event::Advanced { now } => from = now.minute().get() - ZERO,
                Event::ContractMoved { contract, status: ContractStatus::Terminated } => {
                    let leg = self.legs.get_mut(contract).unwrap();
                    leg.window.1 = from.max(leg.window.0).min(leg.window.1);
                }
                Event::ContractPassed { contract, source, seller } => {
                    let parent = match source {
                        Source::Contract(parent) => Some(*parent),
                        Source::Listing(_) => None,
                    };
                    let leg = self.legs.get_mut(contract).unwrap();
                    leg.parent.say((from, u32::MAX), parent);
                    leg.sellers.push((from, *seller));
                }
                _ => {}
            }
        }
    }

    /// GPU-minutes delivered for a contract between two minutes, minute by minute down its chain.
    fn delivered(&self, id: ContractId, (since, until): (u32, u32)) -> u64 {
        let (from, to) = self.legs[&id].window;
        let (from, to) = (from.max(since), to.min(until));
        let inside = self.edges().filter(|edge| (from..to).contains(edge));
        let edges: BTreeSet<u32> = inside.chain([from, to.max(from)]).collect();
        let pieces = edges.iter().zip(edges.iter().skip(1));
        pieces.map(|(piece, end)| u64::from(end - piece) * u64::from(self.up(id, *piece))).sum()
    }

    /// What is due to each of a contract's sellers, and the fee in it: each for its own minutes.
    fn dues(&self, id: ContractId) -> Vec<(OrganizationId, i128, i128)> {
        let leg = &self.legs[&id];
        let ends = leg.sellers.iter().skip(1).map(|(since, _)| *since).chain([u32::MAX]);
        let due = |((since, seller), until): (&(u32, OrganizationId), u32)| {
            let due = i128::from(leg.price) * i128::from(self.delivered(id, (*since, until))) / 60;
            (*seller, due, due * i128::from(FEE_BPS) / 10_000)
        };
        leg.sellers.iter().zip(ends).map(due).collect()
    }

    /// Minutes before which something may differ from after.
    fn edges(&self) -> impl Iterator<Item = u32> + '_ {
        self.legs.values().flat_map(|leg| {
            let own = [leg.window.0, leg.window.1].into_iter().chain(leg.accepted);
            let gone = leg.gone.iter().flat_map(|((from, to), _)| [*from, *to]);
            own.chain(leg.parent.edges()).chain(leg.provider.edges()).chain(leg.renter.edges()).chain(gone)
        })
    }

    fn up(&self, id: ContractId, minute: u32) -> u32 {
        let leg = &self.legs[&id];
        let children: Vec<ContractId> = self
            .legs
            .iter()
            .filter(|(_, child)| {
                child.parent.at(minute) == Some(Some(id)) && (child.window.0..child.window.1).contains(&minute)
            })
            .map(|(child, _)| *child)
            .collect();
        let gone = leg.gone.iter().filter(|((from, to), _)| (*from..*to).contains(&minute));
        let gone: u32 = gone.map(|(_, gpus)| gpus).sum();
        let kept = leg.gpus - gone - children.iter().map(|child| self.legs[child].gpus).sum::<u32>();
        let said = leg.provider.at(minute).unwrap_or(0).min(kept);
        let said = leg.renter.at(minute).map_or(said, |renter| said.min(renter));
        let own = if leg.accepted.is_some_and(|from| from <= minute) { said } else { 0 };
        own + children.iter().map(|child| self.up(*child, minute)).sum::<u32>()
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        // Every slot of every day is closed, every dispute over.
        self.advance(MINUTES_MAX + 40 * DAY);
        self.life.settle();
        self.life.check_money();
        self.life.collect();
        for id in self.legs.keys() {
            self.check_credits(*id)?;
            prop_assert!(self.life.exchange.contract(*id).is_none(), "{} is not settled", id);
            let dues = self.dues(*id);
            let (due, fee) = dues.iter().fold((0, 0), |(due, fee), leg| (due + leg.1, fee + leg.2));
            for (seller, ..) in &dues {
                let own = dues.iter().filter(|leg| leg.0 == *seller).map(|leg| leg.1 - leg.2).sum::<i128>();
                let paid = self.life.paid.get(&(*id, *seller)).map_or(0, |paid| i128::from(paid.micros()));
                prop_assert_eq!(paid, own, "paid to {} of {}", seller, id);
            }
            let sum = |cause| i128::from(self.life.sum(*id, cause).micros());
            prop_assert_eq!(sum("payment") + sum("fee"), due, "due of {}", id);
            prop_assert_eq!(sum("fee"), fee, "fee of {}", id);
            prop_assert_eq!(
                sum("refund"),
                sum("escrow") + sum("draw") + sum("takeover")
                    - due
                    - sum("gap")
                    - sum("buyer's notice")
                    - sum("forfeit")
                    - sum("novation")
                    - sum("novation royalty"),
                "refund of {}",
                id
            );
        }
        let escrow = self.life.exchange.purses().map(|(_, purse)| purse.escrow).max().unwrap();
        prop_assert_eq!(escrow, Money::ZERO);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_is_paid_is_what_every_minute_adds_up_to(ops in prop::collection::vec(op(), 1..80)) {
        let mut model = Model::new();
        ops.iter().for_each(|op| model.play(op));
        model.check()?;
    }

    #[test]
    fn so_it_is_by_the_month(ops in prop::collection::vec(op_of_months(), 1..80)) {
        let mut model = Model::new();
        ops.iter().for_each(|op| model.play(op));
        model.check()?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn so_it_is_where_sellers_owe_when_contracts_pass(ops in prop::collection::vec(op_of_debts(), 1..80)) {
        let mut model = Model::in_want();
        ops.iter().for_each(|op| model.play(op));
        model.life.restart();
        model.check()?;
    }

    #[test]
    fn so_it_is_where_sellers_leave(ops in prop::collection::vec(op_of_positions(), 1..80)) {
        let mut model = Model::on(ResaleForm::Novation);
        ops.iter().for_each(|op| model.play(op));
        model.life.restart();
        model.check()?;
    }

    #[test]
    fn so_it_is_by_the_month_where_sellers_leave(ops in prop::collection::vec(op_of_months(), 1..80)) {
        let mut model = Model::on(ResaleForm::Novation);
        ops.iter().for_each(|op| model.play(op));
        model.check()?;
    }
}
