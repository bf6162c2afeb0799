//! Negative controls: each rule is broken on purpose, and the auditor must say so by name.

use std::collections::BTreeSet;

use std::sync::Arc;

use gpubourse::exchange::book::Book;
use gpubourse::exchange::entities::{Contract, Order, Trade, Transfer};
use gpubourse::exchange::{Command, Envelope, Event, Exchange, NaiveBook, Outcome, Snapshot};
use gpubourse::types::{AccountKind, Money, OrderStatus, OrganizationId, Price, Side};

use super::auditor::{Auditor, Before, Rule, Violation};
use super::coverage::Coverage;
use super::generator::Generator;
use super::runner::{Stream, run_over, same_as_preview};
use super::sabotage::*;
use super::view::View;

const STREAMS: u64 = 30;
const COMMANDS: u32 = 300;

/// Returns the rules that streams over a faulty book are found to break. The reference has the same fault,
/// so that the two agree and only the auditor can tell.
fn broken_by<F: Fault>() -> BTreeSet<Rule> {
    let run = |seed| run_over::<Faulty<F>, Faulty<F>>(seed, COMMANDS, &mut Coverage::default());
    (0..STREAMS).filter_map(|seed| run(seed).err()).map(|found| found.violation.rule).collect()
}

#[test]
fn a_book_that_passes_orders_over_is_found() {
    assert!(broken_by::<SkipsTheBest>().contains(&Rule::PassedOver));
    assert!(broken_by::<ForgetsTheSequence>().contains(&Rule::PassedOver));
    assert!(broken_by::<StopsEarly>().contains(&Rule::LeftOver));
}

#[test]
fn a_book_that_lets_organizations_trade_with_themselves_is_found() {
    assert!(broken_by::<ForgetsTheOwner>().contains(&Rule::TradedWithItself));
}

#[test]
fn a_book_that_ignores_the_limit_is_found() {
    assert!(broken_by::<ForgetsTheLimit>().contains(&Rule::NotEligible));
}

#[test]
fn a_book_that_fills_wrong_sizes_is_found() {
    assert!(broken_by::<FillsTooMany>().contains(&Rule::WrongSize));
    assert_eq!(broken_by::<FillsTooFew>(), BTreeSet::from([Rule::WrongSize]));
}

#[test]
fn a_book_that_ignores_the_self_trade_mode_is_found() {
    let skipped = broken_by::<AlwaysSkipsOwn>();
    assert!(skipped.is_subset(&BTreeSet::from([Rule::PassedOver, Rule::LeftOver, Rule::WrongFok])), "{skipped:?}");
    assert!(!skipped.is_empty());
    assert!(broken_by::<AlwaysCancelsTheOldest>().contains(&Rule::WrongSelfTrade));
}

#[test]
fn a_book_that_ignores_fok_is_found() {
    assert!(broken_by::<FillsFokInPart>().contains(&Rule::WrongFok));
    assert_eq!(broken_by::<RefusesFok>(), BTreeSet::from([Rule::WrongFok]));
}

#[test]
fn two_books_that_differ_are_found() {
    let run = |seed| run_over::<Faulty<StopsEarly>, NaiveBook>(seed, COMMANDS, &mut Coverage::default());
    let found: BTreeSet<Rule> =
        (0..STREAMS).filter_map(|seed| run(seed).err()).map(|found| found.violation.rule).collect();
    assert_eq!(found, BTreeSet::from([Rule::Disagreement]));
}

/// A moment in a stream: everything the auditor judges a command by.
#[derive(Clone)]
struct Moment {
    auditor: Auditor,
    before: Before,
    snapshot: Snapshot,
    outcome: Outcome,
}

impl Moment {
    /// Returns the first moment for which the condition holds; the auditor finds nothing wrong with it.
    fn when(holds: impl Fn(&Snapshot, &Outcome) -> bool) -> Self {
        for seed in 0..STREAMS {
            let mut exchange = Exchange::<NaiveBook>::new();
            let mut generator = Generator::new(seed);
            let mut auditor = Auditor::default();
            for _ in 0..COMMANDS {
                let view = View::of(&exchange);
                let envelope = generator.next(&view);
                let before = auditor.before(&view, &envelope.command);
                let Ok(outcome) = exchange.execute(&envelope) else { continue };
                let moment = Self { auditor: auditor.clone(), before, snapshot: exchange.snapshot(), outcome };
                if holds(&moment.snapshot, &moment.outcome) {
                    assert_eq!(moment.clone().judge(), Ok(()));
                    return moment;
                }
                auditor.after(&moment.before, &View::of(&exchange), &moment.outcome).unwrap();
                generator.observe(&envelope, &moment.outcome);
            }
        }
        panic!("no such moment in {STREAMS} streams");
    }

    fn judge(mut self) -> Result<(), Violation> {
        let view = View::of_snapshot(&self.snapshot);
        self.auditor.after(&self.before, &view, &self.outcome)?;
        self.auditor.scan(&view)
    }

    /// Breaks something and returns the rule that is then found broken.
    fn with(&self, breaks: impl FnOnce(&mut Self)) -> Option<Rule> {
        let mut moment = self.clone();
        breaks(&mut moment);
        moment.judge().err().map(|violation| violation.rule)
    }

    fn change_trade(&self, change: impl Fn(&mut Trade, &mut Contract)) -> Option<Rule> {
        self.with(|moment| {
            for event in &mut moment.outcome.events {
                if let Event::Traded { trade, contract } = event {
                    change(Arc::make_mut(trade), Arc::make_mut(contract));
                }
            }
        })
    }
}

fn trades(outcome: &Outcome) -> bool {
    outcome.events.iter().any(|event| matches!(event, Event::Traded { .. }))
}

fn bid_of(snapshot: &mut Snapshot) -> Option<&mut Order> {
    snapshot.orders.iter_mut().find(|order| order.side == Side::Bid).map(Arc::make_mut)
}

fn contracts_of(snapshot: &mut Snapshot) -> impl Iterator<Item = &mut Contract> {
    snapshot.contracts.iter_mut().map(Arc::make_mut)
}

fn bid_and_ask_rest(snapshot: &Snapshot, _: &Outcome) -> bool {
    let rests = |side| snapshot.orders.iter().any(|order| order.side == side);
    rests(Side::Bid) && rests(Side::Ask) && !snapshot.contracts.is_empty()
}

#[test]
fn tampered_trades_are_found() {
    let moment = Moment::when(|_, outcome| trades(outcome));
    let dearer = |price: Price| Price::from_micros(price.micros() + 1_000);
    assert_eq!(moment.change_trade(|trade, _| trade.price = dearer(trade.price)), Some(Rule::WrongPrice));
    assert_eq!(moment.change_trade(|trade, _| trade.gpus += 1), Some(Rule::WrongSize));
    assert_eq!(moment.change_trade(|trade, _| trade.buyer = trade.seller), Some(Rule::WrongTerms));
    assert_eq!(moment.change_trade(|_, contract| contract.depth += 1), Some(Rule::WrongTerms));
    assert_eq!(moment.change_trade(|_, contract| contract.gpus += 1), Some(Rule::WrongTerms));
    assert_eq!(moment.change_trade(|_, contract| contract.fee_bps += 1), Some(Rule::WrongTerms));
    let unplaced = moment.with(|moment| {
        moment.outcome.events.retain(|event| !matches!(event, Event::OrderPlaced { .. } | Event::OrderAmended { .. }));
    });
    assert_eq!(unplaced, Some(Rule::TradeWithoutArrival));
}

#[test]
fn an_order_that_ends_with_something_left_is_found() {
    let moment = Moment::when(|snapshot, outcome| {
        let rests =
            |order: &Arc<Order>| gpubourse::exchange::Made::Order(order.id) != outcome.made && order.side == Side::Ask;
        trades(outcome) && snapshot.orders.iter().any(rests)
    });
    let ended = moment.with(|moment| {
        let arriving = moment.outcome.made;
        let rests = |order: &&Order| gpubourse::exchange::Made::Order(order.id) != arriving && order.side == Side::Ask;
        let order = moment.before.orders.iter().rev().find(rests).unwrap().id;
        let end = Event::OrderEnded { order, status: OrderStatus::Filled, reason: None };
        moment.outcome.events.insert(1, end);
    });
    assert_eq!(ended, Some(Rule::WrongEnd));
}

#[test]
fn oversold_capacity_is_found() {
    // One GPU more than is left of the listing.
    let sold = |snapshot: &Snapshot| snapshot.contracts.iter().any(|row| row.depth == 0 && row.gpus > 1);
    let moment =
        Moment::when(|snapshot, outcome| sold(snapshot) && trades(outcome) && bid_and_ask_rest(snapshot, outcome));
    let listing = moment.with(|moment| moment.snapshot.listings.iter_mut().for_each(|row| row.gpus = 1));
    assert_eq!(listing, Some(Rule::Oversold));
    let resold = Moment::when(|snapshot, _| snapshot.contracts.iter().any(|row| row.depth > 0));
    let contract = resold
        .with(|moment| contracts_of(&mut moment.snapshot).filter(|row| row.depth == 0).for_each(|row| row.gpus = 0));
    assert_eq!(contract, Some(Rule::Oversold));
    let shorter = moment.with(|moment| {
        moment.snapshot.listings.iter_mut().for_each(|row| row.window.end = row.window.start.plus(1));
    });
    assert_eq!(shorter, Some(Rule::Oversold));
}

#[test]
fn broken_chains_of_title_are_found() {
    let moment = Moment::when(|snapshot, _| snapshot.contracts.iter().any(|row| row.depth > 0));
    let resold = |moment: &mut Moment, change: fn(&mut Contract)| {
        contracts_of(&mut moment.snapshot).filter(|row| row.depth > 0).for_each(change);
    };
    let changes: [fn(&mut Contract); 3] =
        [|row| row.depth += 1, |row| row.seller = OrganizationId::EXCHANGE, |row| row.lot = row.gpus + 1];
    for change in changes {
        assert_eq!(moment.with(|moment| resold(moment, change)), Some(Rule::BrokenChain));
    }
}

#[test]
fn a_book_that_is_not_quiet_is_found() {
    // An ask that nothing keeps from trading.
    let free = |snapshot: &Snapshot, order: &Order| {
        let halted = snapshot.products.iter().any(|product| product.id == order.product && product.halted);
        order.side == Side::Ask
            && !halted
            && order.lead_minutes == 0
            && order.sold.is_zero()
            && order.window.minutes() > 200
    };
    let moment = Moment::when(|snapshot, _| {
        bid_and_ask_rest(snapshot, &empty()) && snapshot.orders.iter().any(|order| free(snapshot, order))
    });
    let loud = moment.with(|moment| {
        let asks = moment.snapshot.orders.iter().filter(|order| free(&moment.snapshot, order));
        let ask = asks.max_by_key(|order| order.window.minutes()).unwrap().clone();
        let mut bid = bid_of(&mut moment.snapshot).unwrap().clone();
        // A bid that takes one lot of the ask; nobody let it.
        bid.organization =
            OrganizationId::new(if ask.organization == bid.organization { 5 } else { bid.organization.number() });
        (bid.product, bid.price, bid.lot) = (ask.product, ask.price, ask.lot);
        bid.window = ask.window.from_minute(moment.snapshot.counters.now.first_open_minute());
        bid.gpus = bid.filled_gpus + ask.gpus;
        bid.requirements = Default::default();
        moment.snapshot.orders.push(Arc::new(bid));
        // Money is judged first; only the book's rule is wanted here.
        moment.outcome.replayed = true;
    });
    assert_eq!(loud, Some(Rule::NotQuiet));
}

fn empty() -> Outcome {
    Outcome { events: Vec::new(), made: gpubourse::exchange::Made::Nothing, replayed: false, order: None }
}

#[test]
fn orders_that_outlive_their_time_are_found() {
    let moment = Moment::when(bid_and_ask_rest);
    let late = moment.with(|moment| {
        moment.snapshot.counters.now = moment.snapshot.counters.now.plus_millis(400 * 60_000);
        // Only the state at the later time is to be judged, not the command.
        moment.outcome.replayed = true;
    });
    assert_eq!(late, Some(Rule::Stale));
}

#[test]
fn wrong_balances_holds_and_escrows_are_found() {
    let moment = Moment::when(|snapshot, outcome| trades(outcome) && bid_and_ask_rest(snapshot, outcome));
    let one = Money::from_micros(1);
    let more = moment.with(|moment| {
        let purse = &mut moment.snapshot.purses[1].1;
        purse.available = purse.available.plus(one).unwrap();
    });
    assert_eq!(more, Some(Rule::WrongBalance));
    let overdrawn = moment.with(|moment| moment.snapshot.purses[1].1.available = Money::from_micros(-1));
    assert_eq!(overdrawn, Some(Rule::Overdrawn));
    let gone = moment.with(|moment| moment.snapshot.purses.truncate(1));
    assert_eq!(gone, Some(Rule::Unbalanced));
    let held = moment.with(|moment| bid_of(&mut moment.snapshot).unwrap().held = one);
    assert_eq!(held, Some(Rule::WrongHold));
    let escrow = moment.with(|moment| Arc::make_mut(&mut moment.snapshot.contracts[0]).escrow = one);
    assert_eq!(escrow, Some(Rule::WrongEscrow));
    let unmoved = moment.with(|moment| {
        moment.outcome.events.retain(|event| !matches!(event, Event::Transferred { .. }));
    });
    assert_eq!(unmoved, Some(Rule::WrongBalance));
    let astray = moment.with(|moment| {
        let transfers = moment.outcome.events.iter_mut().filter_map(|event| match event {
            Event::Transferred { transfer } => Some(transfer),
            _ => None,
        });
        let to_escrow = |transfer: &&mut Transfer| transfer.credit.kind == AccountKind::Escrow;
        transfers.filter(to_escrow).for_each(|transfer| transfer.credit.organization = OrganizationId::EXCHANGE);
    });
    assert_eq!(astray, Some(Rule::WrongEscrow));
}

/// Returns a stream in the middle of its life, and a generator that knows it.
fn running<B: Book, R: Book>(commands: u32) -> (Stream<B, R>, Generator) {
    let mut stream = Stream::new(7, 10_000);
    let mut generator = Generator::new(7);
    for number in 0..commands {
        let envelope = generator.next(&View::of(&stream.exchange));
        if let Some(outcome) = stream.step(number, &envelope, &mut Coverage::default()).unwrap() {
            generator.observe(&envelope, &outcome);
        }
    }
    (stream, generator)
}

fn envelope(command: Command) -> Envelope {
    let at = super::generator::BEGINNING;
    Envelope { at, actor: "admin".to_owned(), request_id: "extra".to_owned(), idempotency_key: None, command }
}

fn deposit() -> Envelope {
    let (organization, amount) = (OrganizationId::new(1), Money::from_micros(1));
    envelope(Command::Deposit { organization, amount, reference: "unseen".to_owned() })
}

fn refused() -> Envelope {
    envelope(Command::SetRules { rules: 99 })
}

fn rule_of<T: std::fmt::Debug>(result: Result<T, Violation>) -> Rule {
    result.unwrap_err().rule
}

#[test]
fn a_refusal_that_changes_something_is_found() {
    let (mut stream, _) = running::<NaiveBook, NaiveBook>(60);
    assert_eq!(stream.step(60, &refused(), &mut Coverage::default()), Ok(None));
    // Behind the auditor's back, as if the next command had done it.
    stream.exchange.execute(&deposit()).unwrap();
    stream.reference.execute(&deposit()).unwrap();
    let found = stream.step(61, &refused(), &mut Coverage::default());
    assert_eq!(rule_of(found), Rule::RefusalChangedState);
}

#[test]
fn digests_that_differ_are_found() {
    let (mut stream, _) = running::<NaiveBook, NaiveBook>(60);
    stream.reference.execute(&deposit()).unwrap();
    let found = stream.step(61, &refused(), &mut Coverage::default());
    assert_eq!(rule_of(found), Rule::WrongDigest);

    let (mut stream, _) = running::<NaiveBook, NaiveBook>(60);
    stream.digest ^= 1;
    assert_eq!(rule_of(stream.finish()), Rule::WrongDigest);

    // A second run without one of the commands is another run.
    let (mut stream, _) = running::<NaiveBook, NaiveBook>(60);
    stream.sent.remove(4);
    assert_eq!(rule_of(stream.finish()), Rule::WrongDigest);
}

#[test]
fn a_restart_that_loses_something_is_found() {
    let (mut stream, mut generator) = running::<NaiveBook, NaiveBook>(100);
    let mut snapshot = stream.exchange.snapshot();
    snapshot.orders.pop().unwrap();
    stream.restarted = Some(Exchange::restore(snapshot).unwrap());
    let next = generator.next(&View::of(&stream.exchange));
    let found = rule_of(stream.step(101, &next, &mut Coverage::default()));
    assert!(matches!(found, Rule::WrongDigest | Rule::Disagreement), "{found:?}");
}

#[test]
fn a_preview_that_says_something_else_is_found() {
    let (mut stream, mut generator) = running::<NaiveBook, NaiveBook>(100);
    loop {
        let next = generator.next(&View::of(&stream.exchange));
        let preview = stream.exchange.preview(&next.command);
        let result = stream.exchange.execute(&next);
        let (Ok(mut preview), Ok(outcome)) = (preview, result.clone()) else { continue };
        generator.observe(&next, &outcome);
        if preview.fills.is_empty() || outcome.replayed {
            continue;
        }
        assert_eq!(same_as_preview(&Ok(preview.clone()), &result), Ok(()));
        preview.fills.pop();
        assert_eq!(rule_of(same_as_preview(&Ok(preview), &result)), Rule::WrongPreview);
        return;
    }
}
