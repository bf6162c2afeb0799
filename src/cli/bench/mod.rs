//! Measuring the server as a client sees it.

mod client;
mod market;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Failure;
use super::report::Table;
use client::{Requests, Round, load};

/// Measures.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Durable orders a second over HTTP, beside a bare JSON echo of the same server in the same run.
    Http(Http),
}

/// A closed loop: each connection waits for its answer before it sends the next order. The server is a process
/// of its own; the echo runs behind the same middleware and key check.
#[derive(Debug, Args)]
struct Http {
    /// Connections, one measurement for each number.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    connections: Vec<usize>,
    /// Seconds of each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds of echo and orders in turn; the medians are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// An empty database to use; a temporary SQLite file if not given.
    #[arg(long)]
    database_url: Option<String>,
}

impl Bench {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let BenchCommand::Http(http) = self.command;
        http.run().await
    }
}

impl Http {
    async fn run(self) -> Result<(), Failure> {
        let folder = Scratch::new()?;
        let url = self.database_url.clone().unwrap_or_else(|| folder.database());
        println!("setting the market up in {url}");
        let market = Arc::new(market::open(&url).await?);
        let server = Server::start(&url)?;
        let mut table =
            Table::new(&["connections", "echo/s", "orders/s", "ratio", "spread", "p50 ms", "p99 ms", "refused"]);
        let counter = Arc::new(AtomicU64::new(0));
        for connections in &self.connections {
            let measured = self.measure(*connections, server.address, &market, &counter).await?;
            table.row(measured);
        }
        println!("durable orders a second, closed loop, medians of {} rounds of {} s", self.rounds, self.seconds);
        table.print();
        drop(server);
        Ok(())
    }

    async fn measure(
        &self,
        connections: usize,
        address: SocketAddr,
        market: &Arc<market::Market>,
        counter: &Arc<AtomicU64>,
    ) -> Result<Vec<String>, Failure> {
        let duration = Duration::from_secs(self.seconds);
        let (echoes, orders) = (Arc::clone(market), Arc::clone(market));
        let echo: Requests = Arc::new(move |number| echoes.echo(number));
        let order: Requests = Arc::new(move |number| orders.order(number));
        let mut rounds = Vec::new();
        for _ in 0..self.rounds.max(1) {
            let bare = load(address, connections, duration, Arc::clone(&echo), Arc::clone(counter)).await?;
            let durable = load(address, connections, duration, Arc::clone(&order), Arc::clone(counter)).await?;
            rounds.push((bare, durable));
        }
        let ratios: Vec<u64> = rounds.iter().map(|(bare, durable)| ratio(durable, bare)).collect();
        let (low, high) = (ratios.iter().min().copied(), ratios.iter().max().copied());
        let of = |value: &dyn Fn(&(Round, Round)) -> u64| median(rounds.iter().map(value).collect());
        let failed = rounds.iter().map(|(_, durable)| durable.failed).sum::<u64>();
        if let Some(body) = rounds.iter().find_map(|(_, durable)| durable.failure.clone()) {
            println!("an order was refused: {body}");
        }
        Ok(vec![
            connections.to_string(),
            of(&|(bare, _)| bare.per_second()).to_string(),
            of(&|(_, durable)| durable.per_second()).to_string(),
            hundredths(median(ratios)),
            format!("{}-{}", hundredths(low.unwrap_or_default()), hundredths(high.unwrap_or_default())),
            milliseconds(of(&|(_, durable)| durable.latency_us(500))),
            milliseconds(of(&|(_, durable)| durable.latency_us(990))),
            failed.to_string(),
        ])
    }
}

/// The server, as a process of its own; it ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(url: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--bind", "127.0.0.1:0", "--no-rate-limits", "--echo", "--database-url", url])
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let said = lines.and_then(|mut lines| lines.next()).transpose()?.unwrap_or_default();
        let address = said.split("http://").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        match address {
            Some(address) => Ok(Self { child, address }),
            None => Err(Failure::new(format!("the server did not say where it listens, but {said:?}"))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
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

/// Orders per echo, in hundredths.
fn ratio(durable: &Round, bare: &Round) -> u64 {
    durable.per_second().saturating_mul(100).checked_div(bare.per_second()).unwrap_or_default()
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

fn milliseconds(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000, micros % 1_000 / 10)
}
