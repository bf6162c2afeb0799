//! A random stream as the sequencer meets it: a clock in the place of `Advance`, and what must come of it.
//!
//! The expectation is made by a pure exchange in memory that is told of time by the rule of the design: before
//! the first command of each new minute, and when something is due.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use gpubourse::app::clock::ManualClock;
use gpubourse::app::sequencer::{Running, Submission};
use gpubourse::app::{AppError, Receipt};
use gpubourse::exchange::entities::{Contract, Order, Pass, Trade, Transfer};
use gpubourse::exchange::fixes::IndexFix;
use gpubourse::exchange::ranks::Score;
use gpubourse::exchange::rights::Rights;
use gpubourse::exchange::terms::{BondRates, ContractTerms};
use gpubourse::exchange::{
    BidWindow, Command, Envelope, Exchange, Failure, Outcome, PlaceAsk, PlaceBid, Reject, Requirements, Snapshot, Terms,
};
use gpubourse::market::index::{
    DayTrade, Fixed, IndexFold, RULE_VERSION, RestingAsk, Slice, ToPublish, hash_of_nothing,
};
use gpubourse::market::{Day, GpuMinutes};
use gpubourse::types::{
    ContractId, ContractStatus, Country, FixOrigin, Funding, Interconnect, ListingId, Money, OrderId, OrderStatus,
    OrganizationId, OrganizationKind, Price, ProductId, Region, ResaleForm, Side, SiteId, SlaClass, Source, Symbol,
    Tenor, Tier, Timestamp,
};

use crate::streams::generator::{BEGINNING, Generator};
use crate::streams::rng::Rng;
use crate::streams::view::View;

/// Submissions under way at once; `join_all` polls so few in their order.
const TOGETHER_MAX: u32 = 24;

/// One request, the time at which it is made, and what must be answered.
pub struct Step {
    pub now: Timestamp,
    pub submission: Submission,
    pub answer: Result<Outcome, Reject>,
    /// Its place in the journal.
    pub sequence: i64,
}

/// A stream and what must come of it.
#[derive(Default)]
pub struct Course {
    pub steps: Vec<Step>,
    /// What the journal must record, the moves of time among it, with the outcome and the digest after it.
    pub rows: Vec<(Envelope, String, u128)>,
    pub exchange: Exchange,
    /// Every order there ever was, as it stands.
    pub orders: BTreeMap<OrderId, Arc<Order>>,
    /// Every contract there ever was, as it stands.
    pub contracts: BTreeMap<ContractId, Arc<Contract>>,
    /// Every transfer there ever was.
    pub transfers: Vec<Transfer>,
    /// Every trade there ever was.
    pub trades: Vec<Arc<Trade>>,
    /// Every contract with each seller and source it had, in the order in which it came to them.
    pub holdings: Vec<(ContractId, OrganizationId, Source)>,
    /// Every contract that passed to another seller.
    pub passes: Vec<Pass>,
    last_at: Timestamp,
}

/// What contracts made under no terms of delivery come to.
const BY_THE_CALENDAR: [ContractStatus; 6] = [
    ContractStatus::Scheduled,
    ContractStatus::Active,
    ContractStatus::Completed,
    ContractStatus::Terminated,
    ContractStatus::Defaulted,
    ContractStatus::Recalled,
];

impl Course {
    /// Returns the stream of a seed.
    pub fn of(seed: u64, commands: u32) -> Self {
        let mut course = Self::default();
        let mut generator = Generator::new(seed);
        let mut now = BEGINNING;
        for _ in 0..commands {
            let envelope = generator.next(&View::of(&course.exchange));
            if let Command::Advance { now: to } = envelope.command {
                now = to;
            } else if let Some(outcome) = course.step(now, submission(&envelope)) {
                generator.observe(&envelope, &outcome);
            }
        }
        course
    }

    /// Returns a stream that leaves every kind of row behind.
    pub fn rich(commands: u32) -> Self {
        let rich = (0..500).map(|seed| Self::of(seed, commands)).find(Self::is_rich);
        let mut course = rich.expect("no stream leaves every kind of row behind");
        let now = course.steps.last().unwrap().now.plus_millis(61_000);
        let delivered = course.delivery(now);
        let published = course.fixes();
        for command in delivered.into_iter().chain([
            published,
            Command::HaltProduct { product: ProductId::new(1), halted: true },
            Command::SuspendOrganization { organization: OrganizationId::new(6), suspended: true },
        ]) {
            let is_last = matches!(command, Command::HaltProduct { .. } | Command::SuspendOrganization { .. });
            let idempotency_key = is_last.then(|| format!("last-{}", command.kind()));
            let (actor, request_id) = ("user:admin".to_owned(), "last".to_owned());
            let shown = format!("{command:?}");
            let done = course.step(now, Submission { actor, request_id, idempotency_key, command });
            assert!(done.is_some(), "refused: {shown}");
        }
        course
    }

    /// Returns what makes a contract under terms of delivery and begins its delivery, between two that have just come.
    fn delivery(&self, now: Timestamp) -> Vec<Command> {
        let next = *self.exchange.counters();
        let (host, renter) = (OrganizationId::new(next.organization), OrganizationId::new(next.organization + 1));
        let heir = OrganizationId::new(next.organization + 2);
        let product = ProductId::new(next.product);
        // Long enough to be paid for by the month.
        let (start, end) = (now.minute().plus(120), now.minute().plus(60_000));
        let price = Price::from_micros(2_000_000);
        let register =
            |name: &str, organization_kind| Command::RegisterOrganization { name: name.into(), organization_kind };
        let ask = |price| {
            Command::PlaceAsk(PlaceAsk {
                organization: host,
                source: Source::Listing(ListingId::new(next.listing)),
                gpus: 8,
                start: None,
                end: None,
                price,
                lot: None,
                min_minutes: None,
                lead_minutes: 0,
                terms: Terms::default(),
            })
        };
        let whole = |organization, gpus, price| PlaceBid {
            organization,
            product,
            gpus,
            window: BidWindow::Fixed { start, end },
            price,
            lot: gpus,
            requirements: Requirements::default(),
            same_site: false,
            cover: None,
            funding: Funding::Full,
            terms: Terms::default(),
        };
        let bid = |organization, gpus, price| Command::PlaceBid(whole(organization, gpus, price));
        [
            Command::PublishTerms(ContractTerms {
                bonds: BondRates { verified: 500, ..BondRates::default() },
                ..ContractTerms::default()
            }),
            register("Host", OrganizationKind::Provider),
            register("Tenant", OrganizationKind::Renter),
            Command::RegisterAccessKey { organization: renter, key: "age1key".into() },
            Command::CreateProduct {
                symbol: Symbol::new("delivered").unwrap(),
                name: "Delivered".into(),
                tick: Price::from_micros(1_000),
                fee_bps: 100,
            },
            Command::CreateSite {
                organization: host,
                name: "Hall".into(),
                region: Region::new("us-east").unwrap(),
                country: Country::new("US").unwrap(),
                power_w: None,
                pue_milli: None,
            },
            Command::CreateListing {
                organization: host,
                site: SiteId::new(next.site),
                product,
                gpus: 24,
                start,
                end,
                gpus_per_node: 8,
                interconnect: Interconnect::Roce,
                sla_class: SlaClass::P99,
                resale_allowed: true,
                rights: Rights { royalty_bps: 500, resale: ResaleForm::Novation, ..Rights::default() },
            },
            Command::Deposit {
                organization: renter,
                amount: Money::from_micros(100_000_000_000),
                reference: "w".into(),
            },
            Command::Deposit { organization: host, amount: Money::from_micros(100_000_000_000), reference: "b".into() },
            Command::SetTier { organization: host, tier: Tier::Verified },
            Command::PublishScores { scores: vec![Score { organization: host, score_bps: 9_850 }] },
            ask(Price::from_micros(3_000_000)),
            ask(Price::from_micros(3_500_000)),
            // One that nobody trades.
            Command::CreateProduct {
                symbol: Symbol::new("not-traded").unwrap(),
                name: "Not traded".into(),
                tick: Price::from_micros(1_000),
                fee_bps: 100,
            },
            // Somebody takes half of a contract over.
            bid(renter, 8, Price::from_micros(3_000_000)),
            Command::PlaceAsk(PlaceAsk {
                organization: renter,
                source: Source::Contract(ContractId::new(next.contract)),
                gpus: 4,
                start: None,
                end: None,
                price: Price::from_micros(3_200_000),
                lot: None,
                min_minutes: None,
                lead_minutes: 0,
                terms: Terms::default(),
            }),
            register("Heir", OrganizationKind::Renter),
            Command::Deposit { organization: heir, amount: Money::from_micros(100_000_000_000), reference: "h".into() },
            bid(heir, 4, Price::from_micros(3_200_000)),
            // What waits begins with the last order before the notes.
            bid(heir, 1, Price::from_micros(1_000_000)),
        ]
        .into_iter()
        // The states of the last commands are in no table yet: here those of an ask with a bond shall be.
        .chain((0..60).map(|_| Command::Note { subject: "user".into(), id: "1".into(), verb: "waited".into() }))
        .chain([
            ask(price),
            Command::PlaceBid(PlaceBid { cover: Some(price), funding: Funding::Monthly, ..whole(renter, 8, price) }),
            Command::DeclareReady { organization: host, contract: ContractId::new(next.contract + 2) },
        ])
        .collect()
    }

    /// Returns what publishes the fixes of all days gone by, the last of them from the asks that rest where its trades are too
    /// few, and of a day before there was an exchange.
    fn fixes(&self) -> Command {
        let today = Day::of(self.exchange.counters().now);
        let region = self.exchange.sites().next().map(|site| site.region.clone());
        let narrow = Slice { region, tenor: Some(Tenor::Day), primary: Some(true) };
        let mut fixes = vec![fix(ProductId::new(1), &narrow, (Day::new(20_000), None))];
        let products = self.exchange.products().map(|product| (product.id, IndexFold::default()));
        let mut folds: BTreeMap<ProductId, IndexFold> = products.collect();
        for trade in &self.trades {
            let contract = &self.contracts[&trade.contract];
            let (_, _, source) = self.holdings.iter().find(|(id, ..)| *id == contract.id).unwrap();
            let site = self.exchange.sites().find(|site| site.id == contract.site).unwrap();
            let row = DayTrade {
                trade: trade.id,
                buyer: trade.buyer,
                seller: trade.seller,
                gpu_minutes: GpuMinutes::block(trade.window, trade.gpus).get(),
                price: trade.price,
                recalled: contract.status == ContractStatus::Recalled,
            };
            let (tenor, primary) = (Tenor::of(trade.window), matches!(source, Source::Listing(_)));
            let fold = folds.entry(trade.product).or_default();
            fold.add(Day::of(trade.created_at), row, &site.region, tenor, primary).unwrap();
        }
        for (product, fold) in &folds {
            let whole = Slice::default();
            let asks = self.resting(*product);
            for slice in fold.slices().filter(|slice| **slice != whole).chain([&whole]) {
                let asks = if *slice == whole { asks.as_slice() } else { &[] };
                let due = fold.to_publish(slice, &BTreeMap::new(), asks, today).unwrap();
                fixes.extend(due.into_iter().map(|due| fix(*product, slice, due)));
            }
        }
        fixes.sort_by_key(|fix| fix.day);
        Command::PublishFixes { as_of: i64::try_from(self.rows.len()).unwrap(), fixes }
    }

    /// Returns the asks out of listings that rest, the cheapest first.
    fn resting(&self, product: ProductId) -> Vec<RestingAsk> {
        let asks = self.exchange.orders().filter(|order| order.side == Side::Ask && order.product == product);
        let mut asks: Vec<&Order> = asks.filter(|ask| matches!(ask.source, Some(Source::Listing(_)))).collect();
        asks.sort_by_key(|ask| (ask.price, ask.sequence));
        let now = self.exchange.counters().now;
        let resting = |ask: &Order| {
            let gpus = ask.remaining_gpus(now);
            RestingAsk { order: ask.id, price: ask.price, gpus, primary: true }
        };
        asks.into_iter().map(resting).collect()
    }

    fn is_rich(&self) -> bool {
        let Command::PublishFixes { fixes, .. } = self.fixes() else { return false };
        let order = |status| self.orders.values().any(|order| order.status == status);
        let contract = |status| self.contracts.values().any(|contract| contract.status == status);
        let named = self.orders.values().filter(|order| order.client_order_id.is_some()).count();
        let passed =
            |to_listing| self.passes.iter().any(|pass| matches!(pass.source, Source::Listing(_)) == to_listing);
        let resold = self.contracts.values().any(|contract| matches!(contract.source, Source::Contract(_)));
        OrderStatus::ALL.iter().all(|status| order(*status))
            && BY_THE_CALENDAR.iter().all(|status| contract(*status))
            && self.orders.values().any(|order| order.minutes.is_some() && order.expires_at.is_some())
            && (fixes.len() > 1 && named > 4 && resold && passed(true) && passed(false))
            && self.rows.iter().any(|(_, outcome, _)| outcome == "replayed")
            && self.exchange.snapshot().keys.len() > 3
    }

    fn step(&mut self, now: Timestamp, submission: Submission) -> Option<Outcome> {
        let before = self.exchange.counters().now;
        let due = self.exchange.next_due().is_some_and(|at| at <= now);
        let mut events = Vec::new();
        if now > before && (now.minute() > before.minute() || due) {
            let (actor, request_id) = ("system".to_owned(), "clock".to_owned());
            let time = Submission { actor, request_id, idempotency_key: None, command: Command::Advance { now } };
            events = self.execute(now, time).unwrap().events;
        }
        let answer = self.execute(now, submission.clone());
        let sequence = i64::try_from(self.rows.len()).unwrap();
        self.steps.push(Step { now, submission, answer: answer.clone(), sequence });
        let outcome = answer.ok()?;
        events.extend(outcome.events);
        Some(Outcome { events, ..outcome })
    }

    fn execute(&mut self, now: Timestamp, submission: Submission) -> Result<Outcome, Reject> {
        self.last_at = self.last_at.max(now);
        let Submission { actor, request_id, idempotency_key, command } = submission;
        let envelope = Envelope { at: self.last_at, actor, request_id, idempotency_key, command };
        let (answer, word) = execute(&mut self.exchange, &envelope);
        let changes = self.exchange.settle().unwrap();
        self.transfers.extend(changes.transfers);
        self.trades.extend(changes.trades);
        self.holdings.extend(changes.contracted.iter().map(|row| (row.id, row.seller, row.source)));
        self.holdings.extend(changes.passed.iter().map(|row| (row.contract, row.seller, row.source)));
        self.passes.extend(changes.passed);
        self.rows.push((envelope, word, changes.digest));
        self.orders.extend(changes.orders);
        self.contracts.extend(changes.contracts);
        answer
    }

    /// Returns the state as the store must give it back.
    pub fn snapshot(&self) -> Snapshot {
        self.exchange.snapshot()
    }
}

fn fix(product: ProductId, slice: &Slice, (day, fixed): ToPublish) -> IndexFix {
    let Slice { region, tenor, primary } = slice.clone();
    let nothing = Fixed {
        day,
        price: Price::from_micros(0),
        thin: true,
        rule_version: RULE_VERSION,
        origin: FixOrigin::Carried,
        inputs: 0,
        between: None,
        dropped: vec![],
        hash: hash_of_nothing(RULE_VERSION, day),
        version: None,
    };
    let price = fixed.as_ref().map(|fixed| fixed.price);
    let Fixed { thin, rule_version, origin, between, dropped, hash, .. } = fixed.clone().unwrap_or(nothing);
    let inputs = fixed.map_or(0, |fixed| u32::try_from(fixed.inputs).unwrap());
    let dropped = dropped.iter().map(|trade| trade.number()).collect();
    let day = day.get();
    IndexFix { product, region, tenor, primary, day, price, thin, rule_version, origin, inputs, between, dropped, hash }
}

/// Executes a command; returns the answer and the word the journal has for it.
pub fn execute(exchange: &mut Exchange, envelope: &Envelope) -> (Result<Outcome, Reject>, String) {
    match exchange.execute(envelope) {
        Ok(outcome) if outcome.replayed => (Ok(outcome), "replayed".to_owned()),
        Ok(outcome) => (Ok(outcome), "ok".to_owned()),
        Err(Failure::Reject(reject)) => (Err(reject), reject.code().to_owned()),
        Err(failure) => panic!("{failure}: {envelope:#?}"),
    }
}

fn submission(envelope: &Envelope) -> Submission {
    let Envelope { actor, request_id, idempotency_key, command, .. } = envelope.clone();
    Submission { actor, request_id, idempotency_key, command }
}

/// Sends steps through a sequencer, up to `together` at once as long as the clock stands, and checks the answers.
pub async fn follow(steps: &[Step], running: &Running, clock: &ManualClock, rng: &mut Rng, together: u32) {
    let mut rest = steps;
    while let Some(first) = rest.first() {
        let most = usize::try_from(rng.between(1, together.min(TOGETHER_MAX))).unwrap();
        let count = rest.iter().take(most).take_while(|step| step.now == first.now).count();
        let (now, later) = rest.split_at(count);
        clock.set(first.now);
        let answers = join_all(now.iter().map(|step| running.sequencer.submit(step.submission.clone()))).await;
        for (step, answer) in now.iter().zip(answers) {
            check(step, answer);
        }
        rest = later;
    }
}

fn check(step: &Step, answer: Result<Receipt, AppError>) {
    match (&step.answer, answer) {
        (Ok(expected), Ok(receipt)) => {
            assert_eq!(receipt.outcome, *expected, "{:#?}", step.submission);
            assert_eq!(receipt.sequence, step.sequence, "{:#?}", step.submission);
        }
        (Err(expected), Err(AppError::Reject(reject))) => assert_eq!(reject, *expected, "{:#?}", step.submission),
        (expected, answer) => panic!("{answer:?} instead of {expected:?}: {:#?}", step.submission),
    }
}

/// Waits for work on this thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}
