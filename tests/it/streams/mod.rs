//! Random command streams over the exchange: two books, one auditor, and proof that the auditor sees.
//!
//! `GPUBOURSE_STREAM_COMMANDS` sets how many commands are run (1,000,000 where `CI` is set, else 30,000),
//! `GPUBOURSE_STREAM_SEED` runs the one stream with that seed: every failure prints it.

pub mod auditor;
mod books;
mod controls;
pub mod coverage;
mod extremes;
mod fold;
pub mod generator;
pub mod rng;
pub mod runner;
mod sabotage;
pub mod view;
pub mod widths;

use coverage::Coverage;
use runner::Found;

use crate::settings::{in_ci, setting};

const STREAM_COMMANDS: u32 = 500;
const THREADS: u32 = 2;
/// Below this many commands rare cases may fail to occur, and coverage is only printed.
const COVERAGE_COMMANDS_MIN: u64 = 20_000;

#[test]
fn two_books_agree_and_every_invariant_holds_over_random_streams() {
    if let Some(seed) = setting("GPUBOURSE_STREAM_SEED") {
        let mut coverage = Coverage::default();
        runner::run(seed, STREAM_COMMANDS, &mut coverage).unwrap_or_else(|found| panic!("{}", told(&found)));
        println!("{coverage}");
        return;
    }
    let commands = setting("GPUBOURSE_STREAM_COMMANDS").unwrap_or(if in_ci() { 1_000_000 } else { 30_000 });
    let streams = u32::try_from(commands.div_ceil(u64::from(STREAM_COMMANDS))).unwrap();
    let began = std::time::Instant::now();
    let coverage = run_all(streams).unwrap_or_else(|found| panic!("{}", told(&found)));
    println!("{coverage}\n  in {:.1?}", began.elapsed());
    if coverage.commands < COVERAGE_COMMANDS_MIN {
        return;
    }
    let traded = coverage.orders_traded * 100 / coverage.orders.max(1);
    assert!(traded >= 20, "only {traded} % of orders traded");
    // 1,000 times in a million commands; shorter runs scatter more and are held to half of their share.
    let share = if coverage.commands < 1_000_000 { 2_000 } else { 1_000 };
    let missing = coverage.missing((coverage.commands / share).max(1));
    assert!(missing.is_empty(), "too rare: {missing:?}");
}

fn run_all(streams: u32) -> Result<Coverage, Box<Found>> {
    let part = |first: u32| {
        let mut coverage = Coverage::default();
        for stream in (first..streams).step_by(usize::try_from(THREADS).unwrap()) {
            runner::run(seed_of(stream), STREAM_COMMANDS, &mut coverage)?;
        }
        Ok(coverage)
    };
    let parts: Vec<Result<Coverage, Box<Found>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || part(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Coverage::default();
    for part in parts {
        all.merge(part?);
    }
    Ok(all)
}

/// Streams are numbered, seeds are spread.
fn seed_of(stream: u32) -> u64 {
    rng::Rng::new(u64::from(stream)).next()
}

fn told(found: &Found) -> String {
    let Found { seed, number, envelope, violation } = found;
    format!("GPUBOURSE_STREAM_SEED={seed}, command {number}: {envelope:#?}\n{violation}")
}
