//! Simulations: seeded traders and faults under the eyes of the auditor.
//!
//! `GPUBOURSE_SIM_SEED` runs the one seed, `GPUBOURSE_SIM_SEEDS` sets how many are run (10,000 where `CI` is set, else
//! 300): every failure prints its seed.

use gpubourse::sim::{Plan, Report, Rule, Sabotage, run, run_all};

use crate::backend::for_each_backend;
use crate::settings::{in_ci, setting};

const COMMANDS: u32 = 200;
const PLAN: Plan = Plan { commands: COMMANDS, sabotage: None };
const THREADS: u64 = 2;

#[test]
fn the_auditor_finds_nothing_in_any_seed() {
    if let Some(seed) = setting("GPUBOURSE_SIM_SEED") {
        println!("{}", run(seed, PLAN, None).unwrap_or_else(|found| panic!("{found}")));
        return;
    }
    let seeds = setting("GPUBOURSE_SIM_SEEDS");
    let seeds = seeds.unwrap_or(if in_ci() { 10_000 } else { 300 });
    let began = std::time::Instant::now();
    let report = run_all(1, seeds, PLAN, THREADS).unwrap_or_else(|found| panic!("{found}"));
    println!("{report}\n{:?} in {:.1?}", report.reached, began.elapsed());
    assert_eq!(report.seeds, seeds);
    assert!(report.commands_min >= u64::from(COMMANDS), "a seed had only {} commands", report.commands_min);
    assert_eq!(report.reached.crash, seeds, "a seed had no crash");
    enough(&report);
}

fn enough(report: &Report) {
    let reached = &report.reached;
    for (what, count) in [
        ("resale", reached.resale),
        ("halt", reached.halt),
        ("expiry", reached.expiry),
        ("lost reply", reached.lost_reply),
        ("unknown commit", reached.unknown_commit),
        ("repeat", reached.repeat),
        ("settlement", reached.settlement),
    ] {
        assert!(count * 10 > report.seeds, "only {count} of {} seeds reached a {what}", report.seeds);
    }
}

#[test]
fn one_seed_gives_one_run() {
    for seed in [1, 7, u64::MAX] {
        let (one, other) = (run(seed, PLAN, None).unwrap(), run(seed, PLAN, None).unwrap());
        assert_eq!(one, other, "seed {seed}");
        assert_eq!(one.to_string(), other.to_string());
    }
    assert_ne!(run(1, PLAN, None).unwrap().digest, run(2, PLAN, None).unwrap().digest);
    assert_eq!(run_all(1, 4, PLAN, 1), run_all(1, 4, PLAN, 3), "however many threads");
}

#[test]
fn a_real_store_gives_the_same_run_as_memory() {
    for seed in 1..=20 {
        let memory = run(seed, PLAN, None).unwrap();
        for_each_backend(|backend| {
            let stored = run(seed, PLAN, Some(backend.open())).unwrap_or_else(|found| panic!("{found}"));
            assert_eq!(stored, memory, "seed {seed}");
            let verdict = gpubourse::app::verify::verify(&backend.open(), None).unwrap();
            assert!(verdict.is_clean(), "seed {seed}: {:?}", verdict.mismatches);
        });
    }
}

/// Runs seeds with a fault until the auditor finds it by one of the rules that say what is wrong; others may be broken
/// first.
fn first_find(sabotage: Sabotage, due: &[Rule]) {
    let plan = Plan { sabotage: Some(sabotage), ..PLAN };
    let found: Vec<_> = (1..=50).filter_map(|seed| run(seed, plan, None).err()).collect();
    let told = found.iter().find(|found| due.contains(&found.violation.rule));
    let rules: Vec<Rule> = found.iter().map(|found| found.violation.rule).collect();
    println!("{sabotage:?}, found in {} of 50 seeds: {}", found.len(), told.unwrap_or_else(|| panic!("{rules:?}")));
}

#[test]
fn every_sabotage_is_found() {
    for sabotage in Sabotage::ALL {
        let due: &[Rule] = match sabotage {
            Sabotage::LoseAcknowledged => &[Rule::LostAcknowledged],
            Sabotage::ForgetHold => &[Rule::WrongBalance, Rule::WronglyAccepted, Rule::Overdrawn],
            Sabotage::SellTwice => &[Rule::Oversold],
            Sabotage::PassOver => &[Rule::PassedOver, Rule::LeftOver],
            Sabotage::ForgetRequests => &[Rule::AppliedTwice],
            Sabotage::ForgetPayments | Sabotage::ForgetOutages => &[Rule::PaidForNothing],
        };
        first_find(*sabotage, due);
    }
}
