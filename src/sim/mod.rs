//! The simulator: seeded traders, time, faults and an auditor against the writer of the exchange.
//!
//! A run drives [`crate::app::sequencer`]'s turns without their thread: traders and clients send commands, the network
//! loses, repeats and reorders them, the disk fails, the process dies between two of its steps and begins anew with
//! what is durable. An auditor that knows the rules by itself compares what was told with what is durable.
//!
//! In half of the runs there are terms of delivery: hosts hand over and report, buyers accept, contracts are settled as they
//! run and all of them in the end. The auditor looks at every minute of every contract by itself and pays, in its own
//! books, what one settlement of all of them leaves due.
//!
//! Invariant: the same seed gives the same run, byte by byte; its digest is the proof.
//! Invariant: the auditor (module `audit`) imports nothing but [`crate::types`].

mod audit;
mod clients;
mod disk;
mod facts;
mod fold;
mod hosts;
mod report;
mod rng;
mod run;
mod sabotage;
mod setup;
mod traders;

use std::fmt;

pub use audit::{Rule, Tally, Violation};
pub use report::{Reached, Report};
pub use sabotage::Sabotage;

use crate::store::Store;
use run::Run;

/// What a run is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Commands in the journal before it ends, at least.
    pub commands: u32,
    /// A fault that the auditor must find: for tests alone.
    pub sabotage: Option<Sabotage>,
}

/// Where a run went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Of which run.
    pub seed: u64,
    /// In which step.
    pub step: u32,
    /// What.
    pub violation: Violation,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, step {}: {}", self.seed, self.step, self.violation)
    }
}

/// Runs one seed, in memory or also on a database that is empty.
///
/// # Errors
/// The first thing the auditor finds.
pub fn run(seed: u64, plan: Plan, store: Option<Store>) -> Result<Report, Box<Found>> {
    // The faults are wanted: what the writer says of them is for nobody.
    let quiet = tracing::subscriber::NoSubscriber::default();
    tracing::subscriber::with_default(quiet, || {
        let found = |step, violation| Box::new(Found { seed, step, violation });
        let mut run = Run::new(seed, plan, store).map_err(|violation| found(0, violation))?;
        run.run().map_err(|violation| found(run.step, violation))
    })
}

/// Runs `count` seeds from `first` on, on several threads; their reports are added in order.
///
/// # Errors
/// What was found in the first seed in which something was found.
pub fn run_all(first: u64, count: u64, plan: Plan, threads: u64) -> Result<Report, Box<Found>> {
    let threads = threads.max(1);
    let share = |number: u64| -> Vec<(u64, Result<Report, Box<Found>>)> {
        let mut done = Vec::new();
        let mut place = number;
        while place < count {
            let result = run(first.wrapping_add(place), plan, None);
            let stop = result.is_err();
            done.push((place, result));
            if stop {
                break;
            }
            place = place.saturating_add(threads);
        }
        done
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let shares: Vec<_> = (0..threads).map(|number| scope.spawn(move || share(number))).collect();
        let joined = shares.into_iter().map(|share| match share.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    all.sort_by_key(|(place, _)| *place);
    let mut sum = Report::default();
    for (_, result) in all {
        sum = sum.plus(&result?);
    }
    Ok(sum)
}
