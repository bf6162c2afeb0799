//! The month: played once in memory, written to any database.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use gpubourse::exchange::delivery::Standing;
use gpubourse::exchange::rights::{HostFee, Owner, Rights};
use gpubourse::exchange::terms::{BondRates, ContractTerms};
use gpubourse::exchange::{Changes, Command, Envelope, Event, Exchange, MeterReport, MeterRun, canonical_command};
use gpubourse::store::{Batch, JournalRow, Store, StoreError, Writer, chain_hash};
use gpubourse::types::{ContractId, ContractStatus, Fault, Funding, ListingId, Money, ResaleForm, Slot, Source};

use crate::backend::Backend;
use crate::delivery::life::{DAY, Life, P, R, X, Y, ZERO, minute};
use crate::streams::rng::Rng;

/// Days on which contracts are sold; the first is 2025-02-19.
const DAYS: u32 = 42;
const SALES_A_DAY: u32 = 22;
/// Days until everything is settled.
const AFTER: u32 = 20;
const BATCH_ROWS: usize = 400;

/// Returns the month, played.
pub fn played() -> &'static Life {
    static LIFE: OnceLock<Life> = OnceLock::new();
    LIFE.get_or_init(|| {
        let owner = Owner { organization: Y, host_fee: HostFee::ShareBps(8_000) };
        let mut life = Life::with_rights(Rights { owner: Some(owner), royalty_bps: 500, ..Rights::default() });
        let bonds = BondRates { unverified: 1_000, ..BondRates::default() };
        life.done(Command::PublishTerms(ContractTerms { notice_minutes: 60, bonds, ..ContractTerms::default() }));
        life.is_checked = false;
        list_positions(&mut life);
        let mut rng = Rng::new(4);
        for number in 0..DAYS {
            if number == 1 {
                by_the_month(&mut life);
            }
            day(&mut life, &mut rng);
        }
        life.advance((DAYS + AFTER) * DAY);
        life.settle();
        life.check_money();
        life
    })
}

/// Lists capacity whose resellers leave.
fn list_positions(life: &mut Life) {
    let listed = life.rows.iter().find_map(|(envelope, _)| match &envelope.command {
        listing @ Command::CreateListing { .. } => Some(listing.clone()),
        _ => None,
    });
    let mut listing = listed.unwrap();
    if let Command::CreateListing { rights, .. } = &mut listing {
        rights.resale = ResaleForm::Novation;
    }
    life.done(listing);
}

/// Sells for longer than a month: R draws its second month, X cannot, so what it resold to R passes to P.
fn by_the_month(life: &mut Life) {
    let window = (life.minute + 60, life.minute + 60 + 33 * DAY);
    life.funding = Funding::Monthly;
    let drawn = life.try_sell(Life::listing(), R, 1, window, 700_001).unwrap();
    // A month of it is more than X ever has beside what it buys this with.
    let amount = Money::parse("2880000").unwrap();
    life.done(Command::Deposit { organization: X, amount, reference: "a loan".to_owned() });
    let missed = life.try_sell(Life::listing(), X, 2, (window.0, window.0 + 60 * DAY), 1_000_000_000).unwrap();
    life.funding = Funding::Full;
    let passed = life.try_sell(Source::Contract(missed), R, 1, window, 900_001).unwrap();
    for contract in [drawn, missed, passed] {
        life.hand_over(contract);
    }
}

/// What a database holds after the month.
pub struct Written {
    pub store: Store,
    pub digest: u128,
    /// What became of each delivery.
    pub deliveries: BTreeMap<ContractId, Arc<Standing>>,
}

/// Returns a SQLite database that holds the month, for tests that only read.
pub fn on_sqlite() -> &'static (Backend, Written) {
    static WRITTEN: OnceLock<(Backend, Written)> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let backend = Backend::sqlite();
        let written = write(&backend, played());
        (backend, written)
    })
}

/// Writes the month to a database, in batches, as the sequencer would.
pub fn write(backend: &Backend, life: &Life) -> Written {
    let store = backend.open();
    let mut scribe = Scribe::of(&store);
    let mut written = Written { store, digest: 0, deliveries: BTreeMap::new() };
    for rows in life.rows.chunks(BATCH_ROWS) {
        let (changes, _) = scribe.commit(rows);
        written.digest = changes.digest;
        let standings = changes.deliveries.into_iter();
        written.deliveries.extend(standings.map(|(id, standing)| (id, Arc::new(standing))));
    }
    scribe.writer.finish().unwrap();
    written
}

/// An exchange that goes on from what a database holds, and writes to it.
pub struct Scribe {
    pub exchange: Exchange,
    pub writer: Writer,
    sequence: i64,
    hash: [u8; 32],
}

impl Scribe {
    pub fn of(store: &Store) -> Self {
        let mut writer = store.writer().unwrap();
        let recovered = writer.load().unwrap();
        let (sequence, hash) = (recovered.sequence, recovered.hash);
        Self { exchange: Exchange::restore(recovered.snapshot).unwrap(), writer, sequence, hash }
    }

    /// Executes commands that came to what is said of each, and commits them as one batch; returns what that changed and
    /// what happened.
    pub fn commit(&mut self, rows: &[(Envelope, &'static str)]) -> (Changes, Vec<Event>) {
        let (mut batch, mut events) = (Batch::default(), Vec::new());
        for (envelope, outcome) in rows {
            let done = self.exchange.execute(envelope);
            assert_eq!(done.is_ok(), *outcome == "ok");
            events.extend(done.into_iter().flat_map(|done| done.events));
            self.sequence += 1;
            batch.journal.push(JournalRow {
                sequence: self.sequence,
                at: envelope.at,
                actor: envelope.actor.clone(),
                request_id: envelope.request_id.clone(),
                idempotency_key: envelope.idempotency_key.clone(),
                command: canonical_command(&envelope.command).unwrap(),
                outcome: (*outcome).to_owned(),
                digest: None,
                hash: [0; 32],
            });
        }
        batch.changes = self.exchange.settle().unwrap();
        batch.journal.last_mut().unwrap().digest = Some(batch.changes.digest);
        for row in &mut batch.journal {
            self.hash = chain_hash(&self.hash, row);
            row.hash = self.hash;
        }
        self.writer.commit::<StoreError>(&batch, None).unwrap();
        (batch.changes, events)
    }
}

/// Sells, hands over, operates, ends some early, and settles.
fn day(life: &mut Life, rng: &mut Rng) {
    for _ in 0..SALES_A_DAY {
        sale(life, rng);
    }
    let from = life.minute;
    for half in 1..=2 {
        life.advance(from + half * DAY / 2);
        operate(life, rng);
    }
    life.settle();
}

fn sale(life: &mut Life, rng: &mut Rng) {
    let start = life.minute + rng.between(10, DAY);
    let window = (start, start + rng.between(30, 14 * 60));
    let price = i64::from(rng.between(200_000, 5_000_000));
    let gpus = rng.between(1, 8);
    let buyer = rng.pick(&[R, R, X, Y]);
    let listing = if rng.chance(20) { Source::Listing(ListingId::new(2)) } else { Life::listing() };
    let Some(first) = life.try_sell(listing, buyer, gpus, window, price) else { return };
    let mut made = vec![first];
    if buyer == R && rng.chance(70) {
        // Some of it, at another price; sometimes what was resold is resold again.
        let part = (window.0 + rng.below((window.1 - window.0) / 3), window.1);
        let (to, then) = (rng.pick(&[X, Y]), i64::from(rng.between(200_000, 5_000_000)));
        let second = life.try_sell(Source::Contract(first), to, rng.between(1, gpus), part, then);
        made.extend(second);
        if let Some(second) = second.filter(|_| rng.chance(40)) {
            let last = if to == X { Y } else { X };
            made.extend(life.try_sell(
                Source::Contract(second),
                last,
                1,
                part,
                i64::from(rng.between(200_000, 900_000)),
            ));
        }
    }
    for contract in made {
        // What is not handed over is late, then a default.
        match rng.below(20) {
            0 => {}
            1 => life.deliver(contract),
            _ => life.hand_over(contract),
        }
    }
}

/// Reports on all that were in use in the last half day, and ends a few.
fn operate(life: &mut Life, rng: &mut Rng) {
    let now = ZERO + life.minute;
    let snapshot = life.exchange.snapshot();
    let (mut reports, mut others) = (Vec::new(), Vec::new());
    for row in snapshot.contracts.iter().chain(&snapshot.unsettled) {
        let covered = row.covered();
        let (from, to) = (covered.start.get().max(now - DAY / 2), covered.end.get().min(now));
        if from >= to {
            continue;
        }
        let (first, end) = (Slot::of(minute(from - ZERO)), minute(to - ZERO).get() / 5);
        let slots = end.saturating_sub(first.number());
        // A day in the dark would end what is to last for longer than a month.
        let up = if row.window.minutes() < 30 * DAY && rng.chance(12) { rng.below(row.gpus) } else { row.gpus };
        if slots > 0 {
            let report = |up| MeterReport { contract: row.id, runs: vec![MeterRun(first.number(), slots, up)] };
            reports.push(report(up));
            if up > 0 && rng.chance(6) {
                others.push((row.buyer, report(up - 1)));
            }
        }
    }
    if !reports.is_empty() {
        let _none_may_be_handed_over = life.run(Command::Meter { organization: P, reports });
    }
    for (organization, report) in others {
        let _may_be_refused = life.run(Command::Meter { organization, reports: vec![report] });
    }
    // What is paid for by the month, and what is resold of it, ends as its draws do.
    for row in snapshot.contracts.iter().filter(|row| row.window.minutes() < 30 * DAY) {
        if rng.chance(10) {
            end(life, rng, row.id);
        }
    }
}

fn end(life: &mut Life, rng: &mut Rng, contract: ContractId) {
    let Some(row) = life.exchange.contract(contract).filter(|_| rng.chance(50)) else {
        return end_at_once(life, rng, contract);
    };
    let organization = rng.pick(&[row.seller, row.buyer]);
    let _may_be_too_late = life.run(Command::GiveNotice { organization, contract, reason: "planned".to_owned() });
}

fn end_at_once(life: &mut Life, rng: &mut Rng, contract: ContractId) {
    let reason = "planned".to_owned();
    let (status, fault) = match rng.below(6) {
        0 => (ContractStatus::Terminated, Some(Fault::Seller)),
        1 => (ContractStatus::Recalled, None),
        2 => (ContractStatus::Defaulted, Some(Fault::Seller)),
        _ => (ContractStatus::Terminated, Some(Fault::Buyer)),
    };
    let _may_have_ended = life.run(Command::EndContract { contract, status, fault, reason });
}
