//! Simulated traders and faults, under the eyes of the auditor.

use std::num::NonZeroU64;

use clap::Args;

use super::Failure;
use crate::sim::{Plan, run, run_all};
use crate::store::Store;

/// Lets simulated traders trade while commits fail, processes die and replies are lost, and audits everything.
#[derive(Debug, Args)]
pub struct Simulate {
    /// The first seed; the same seed gives the same run, byte by byte.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds to run, from the first on.
    #[arg(long, default_value_t = NonZeroU64::MIN)]
    seeds: NonZeroU64,
    /// Commands of each run.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    commands: u32,
    /// An empty database to run on as well, for one seed: a file, `sqlite:PATH` or `postgres://...`.
    #[arg(long, conflicts_with = "seeds")]
    database_url: Option<String>,
}

impl Simulate {
    pub(super) fn run(self) -> Result<(), Failure> {
        let plan = Plan { commands: self.commands, sabotage: None };
        let done = match &self.database_url {
            Some(url) => run(self.seed, plan, Some(empty(url)?)),
            None => {
                let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
                let threads = u64::try_from(threads).unwrap_or(1);
                run_all(self.seed, self.seeds.get(), plan, threads)
            }
        };
        let report = done.map_err(|found| Failure::new(found.to_string()))?;
        println!("{report}");
        Ok(())
    }
}

/// Opens a database in which nothing has happened yet.
fn empty(url: &str) -> Result<Store, Failure> {
    let store = Store::open(url)?;
    match store.writer()?.load()?.sequence {
        0 => Ok(store),
        _ => Err(Failure::new("a simulation needs an empty database")),
    }
}
