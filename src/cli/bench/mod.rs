//! Measuring the server as a client sees it, and the write path alone.

mod ceiling;
mod client;
mod figure;
mod http;
mod market;
mod pages;
mod recover;
mod settle;
mod stream;
mod write;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Failure;

/// Measures.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Durable orders a second over HTTP, beside a bare JSON echo of the same server in the same run.
    Http(http::Http),
    /// What the writer thread does for each batch, without HTTP.
    Write(write::Write),
    /// From the start of a server to ready, with many open orders in its database.
    Recover(recover::Recover),
    /// Every figure and page with a long history and many open orders, and orders beside who reads them.
    Pages(pages::Pages),
    /// A day of many delivered contracts: their heartbeats, their settlement, and orders beside it.
    Settle(settle::Settle),
}

impl Bench {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self.command {
            BenchCommand::Http(http) => http.run().await,
            BenchCommand::Write(write) => write.run().await,
            BenchCommand::Recover(recover) => recover.run().await,
            BenchCommand::Pages(pages) => pages.run().await,
            BenchCommand::Settle(settle) => settle.run(),
        }
    }
}

/// A folder that goes away with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("gpubourse-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn database(&self) -> String {
        format!("sqlite:{}", self.0.join("bench.db").display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "the scratch folder stays");
        }
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Returns the value below which so many per mille of ascending ones lie; 0 of none.
fn at(ascending: &[u64], per_mille: usize) -> u64 {
    let rank = ascending.len().saturating_mul(per_mille) / 1_000;
    ascending.get(rank.min(ascending.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

fn milliseconds(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000, micros % 1_000 / 10)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
