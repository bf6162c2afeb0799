//! Runs one stream over two books at once and judges every step.

use gpubourse::exchange::book::Book;
use gpubourse::exchange::entities::{Counters, Order};
use gpubourse::exchange::{Command, Envelope, Event, Exchange, Failure, NaiveBook, Outcome, Preview};
use gpubourse::types::{OrderId, Price, Side, Timestamp};

use super::auditor::{Auditor, Before, Rule, Violation, check};
use super::coverage::{Coverage, Facts};
use super::fold::Fold;
use super::generator::Generator;
use super::rng::Rng;
use super::view::View;
use super::widths::Widths;

/// Full scans come every so many commands, and last.
const SCAN_EVERY: u32 = 25;

/// Where a stream went wrong.
#[derive(Debug)]
pub struct Found {
    pub seed: u64,
    pub number: u32,
    pub envelope: Option<Envelope>,
    pub violation: Violation,
}

/// An exchange under test, its reference, and from some point on one restarted from a snapshot.
pub struct Stream<B: Book, R: Book> {
    pub exchange: Exchange<B>,
    pub reference: Exchange<R>,
    pub restarted: Option<Exchange<B>>,
    restart_at: u32,
    auditor: Auditor,
    pub digest: u128,
    pub sent: Vec<Envelope>,
}

/// Runs a stream over the book in use, in several widths, and the reference.
pub fn run(seed: u64, length: u32, coverage: &mut Coverage) -> Result<u128, Box<Found>> {
    run_over::<Widths, NaiveBook>(seed, length, coverage)
}

/// Runs a stream over two books.
pub fn run_over<B: Book, R: Book>(seed: u64, length: u32, coverage: &mut Coverage) -> Result<u128, Box<Found>> {
    let mut stream = Stream::<B, R>::new(seed, length);
    let mut generator = Generator::new(seed);
    for number in 0..length {
        let envelope = generator.next(&View::of(&stream.exchange));
        let found = |violation| Box::new(Found { seed, number, envelope: Some(envelope.clone()), violation });
        let outcome = stream.step(number, &envelope, coverage).map_err(found)?;
        if let Some(outcome) = outcome {
            generator.observe(&envelope, &outcome);
        }
    }
    coverage.end_stream();
    coverage.commands += u64::from(length);
    stream.finish().map_err(|violation| Box::new(Found { seed, number: length, envelope: None, violation }))
}

impl<B: Book, R: Book> Stream<B, R> {
    pub fn new(seed: u64, length: u32) -> Self {
        Self {
            exchange: Exchange::new(),
            reference: Exchange::new(),
            restarted: None,
            restart_at: Rng::new(!seed).below(length),
            auditor: Auditor::default(),
            digest: 0,
            sent: Vec::new(),
        }
    }

    /// Executes a command everywhere; returns the outcome if it was accepted.
    pub fn step(
        &mut self,
        number: u32,
        envelope: &Envelope,
        coverage: &mut Coverage,
    ) -> Result<Option<Outcome>, Violation> {
        if number == self.restart_at {
            self.restart()?;
        }
        let view = View::of(&self.exchange);
        let facts = Facts::of(&view, &envelope.command);
        let before = self.auditor.before(&view, &envelope.command);
        let counters = view.counters;
        let preview = self.preview(number, &envelope.command);
        let result = self.exchange.execute(envelope);
        self.sent.push(envelope.clone());
        self.agree(envelope, &result)?;
        let outcome = self.judge(&before, &counters, &result)?;
        if let Some(preview) = preview {
            same_as_preview(&preview, &result)?;
        }
        match (&outcome, &result) {
            (Some(outcome), _) => coverage.accepted(&facts, &envelope.command, outcome),
            (None, Err(Failure::Reject(reject))) => coverage.rejected(*reject),
            _ => {}
        }
        if number % SCAN_EVERY == SCAN_EVERY - 1 {
            self.scan()?;
        }
        Ok(outcome)
    }

    /// The other books give the same outcome and the same digest.
    fn agree(&mut self, envelope: &Envelope, result: &Result<Outcome, Failure>) -> Result<(), Violation> {
        let digest = digest(&mut self.exchange)?;
        let other = self.reference.execute(envelope);
        check(*result == other, Rule::Disagreement, || format!("{result:#?}\nreference: {other:#?}"))?;
        check(digest == self::digest(&mut self.reference)?, Rule::WrongDigest, || "of the two books".to_owned())?;
        if let Some(restarted) = &mut self.restarted {
            let other = restarted.execute(envelope);
            check(*result == other, Rule::Disagreement, || format!("{result:#?}\nrestarted: {other:#?}"))?;
            check(digest == self::digest(restarted)?, Rule::WrongDigest, || "after a restart".to_owned())?;
        }
        let changed = digest != self.digest;
        self.digest = digest;
        let may_change = result.as_ref().is_ok_and(|outcome| !outcome.replayed);
        check(may_change || !changed, Rule::RefusalChangedState, || "the digest differs".to_owned())
    }

    fn judge(
        &mut self,
        before: &Before,
        counters: &Counters,
        result: &Result<Outcome, Failure>,
    ) -> Result<Option<Outcome>, Violation> {
        let view = View::of(&self.exchange);
        let same = || view.counters == *counters;
        match result {
            Ok(outcome) => {
                check(!outcome.replayed || same(), Rule::RefusalChangedState, || "a number was used".to_owned())?;
                self.auditor.after(before, &view, outcome)?;
                Ok(Some(outcome.clone()))
            }
            Err(Failure::Reject(_)) => {
                check(same(), Rule::RefusalChangedState, || "a number was used".to_owned())?;
                Ok(None)
            }
            Err(Failure::Invariant(name)) => {
                check(false, Rule::BrokenInvariant, || (*name).to_owned())?;
                Ok(None)
            }
        }
    }

    fn scan(&mut self) -> Result<(), Violation> {
        self.auditor.scan(&View::of(&self.exchange))?;
        let anew = self.exchange.recomputed_digest().map_err(broken)?;
        check(anew == self.digest, Rule::WrongDigest, || "computed anew".to_owned())
    }

    fn restart(&mut self) -> Result<(), Violation> {
        let mut restarted = Exchange::restore(self.exchange.snapshot()).map_err(broken)?;
        let same = digest(&mut restarted)? == digest(&mut self.exchange)?;
        check(same, Rule::WrongDigest, || "of a restored snapshot".to_owned())?;
        self.restarted = Some(restarted);
        Ok(())
    }

    /// Every third order is previewed before it is placed.
    fn preview(&self, number: u32, command: &Command) -> Option<Result<Preview, Failure>> {
        let places = matches!(command, Command::PlaceAsk(_) | Command::PlaceBid(_));
        (places && number.is_multiple_of(3)).then(|| self.exchange.preview(command))
    }

    /// Scans a last time, then runs the same commands again, as one batch and in batches of random length: one
    /// stream, one digest, and the changes of the batches add up to the state.
    pub fn finish(mut self) -> Result<u128, Violation> {
        self.scan()?;
        let length = u32::try_from(self.sent.len()).unwrap();
        for batch in [length.max(1), 40] {
            self.again(batch)?;
        }
        Ok(self.digest)
    }

    fn again(&self, batch_max: u32) -> Result<(), Violation> {
        let mut exchange = Exchange::<B>::new();
        let mut fold = Fold::default();
        let mut rng = Rng::new(u64::from(batch_max));
        let mut left = batch_max;
        for envelope in &self.sent {
            match exchange.execute(envelope) {
                Ok(outcome) => fold.expect(&outcome.events),
                Err(Failure::Reject(_)) => {}
                Err(failure) => return Err(broken(failure)),
            }
            left -= 1;
            if left == 0 {
                fold.take(exchange.settle().map_err(broken)?)?;
                left = rng.between(1, batch_max);
            }
        }
        fold.take(exchange.settle().map_err(broken)?)?;
        check(fold.digest == self.digest, Rule::WrongDigest, || format!("of a run in batches of up to {batch_max}"))?;
        fold.compare(&self.exchange.snapshot())
    }
}

fn digest<B: Book>(exchange: &mut Exchange<B>) -> Result<u128, Violation> {
    exchange.settle().map(|changes| changes.digest).map_err(broken)
}

fn broken(failure: Failure) -> Violation {
    Violation { rule: Rule::BrokenInvariant, detail: failure.to_string() }
}

/// A preview is what placing the order then did.
pub fn same_as_preview(preview: &Result<Preview, Failure>, result: &Result<Outcome, Failure>) -> Result<(), Violation> {
    let text = || format!("previewed {preview:#?}\nplaced {result:#?}");
    match (preview, result) {
        (_, Ok(outcome)) if outcome.replayed => Ok(()),
        (Err(one), Err(other)) => check(one == other, Rule::WrongPreview, text),
        (Ok(preview), Ok(outcome)) => {
            let order = outcome.order.as_deref().map(comparable);
            let average = outcome.order.as_deref().and_then(Order::average_price);
            let same = fills(outcome) == preview.fills
                && order.as_ref() == Some(&comparable(&preview.order))
                && average == preview.average_price
                && held(outcome) == preview.hold.micros();
            check(same, Rule::WrongPreview, text)
        }
        _ => check(false, Rule::WrongPreview, text),
    }
}

/// The times of a request are not known when it is previewed.
fn comparable(order: &Order) -> Order {
    let at = Timestamp::default();
    Order { created_at: at, ended_at: order.ended_at.map(|_| at), fingerprint: None, ..order.clone() }
}

fn fills(outcome: &Outcome) -> Vec<(OrderId, u32, Price)> {
    let fill = |event: &Event| match event {
        Event::Traded { trade, .. } if trade.aggressor == Side::Bid => Some((trade.ask, trade.gpus, trade.price)),
        Event::Traded { trade, .. } => Some((trade.bid, trade.gpus, trade.price)),
        _ => None,
    };
    outcome.events.iter().filter_map(fill).collect()
}

/// Returns what was held for the order before it traded.
fn held(outcome: &Outcome) -> i64 {
    let placed = outcome.events.iter().find_map(|event| match event {
        Event::OrderPlaced { order } => Some(order.held.micros()),
        _ => None,
    });
    placed.unwrap_or(0)
}
