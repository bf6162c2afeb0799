//! Durable orders a second over HTTP, as a client sees them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clap::Args;

use super::client::{Requests, Round, load};
use super::stream::Cast;
use super::{Scratch, hundredths, market, median, milliseconds};
use crate::cli::Failure;
use crate::cli::report::Table;

/// A closed loop: each connection waits for its answer before it sends the next order. The server is a process
/// of its own; the echo runs behind the same middleware and key check.
#[derive(Debug, Args)]
pub(super) struct Http {
    /// Connections, one measurement for each number.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    connections: Vec<usize>,
    /// Seconds of each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds of echo and orders in turn; the medians are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Resting asks before the first order.
    #[arg(long, default_value_t = 100_000)]
    resting: u64,
    /// An empty database to use; a temporary SQLite file if not given.
    #[arg(long)]
    database_url: Option<String>,
}

impl Http {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let folder = Scratch::new()?;
        let url = self.database_url.clone().unwrap_or_else(|| folder.database());
        println!("setting the market up in {url}");
        let cast = Arc::new(market::open(&url, self.resting).await?);
        let server = Server::start(&url)?;
        let mut table =
            Table::new(&["connections", "echo/s", "orders/s", "ratio", "spread", "p50 ms", "p99 ms", "refused"]);
        let counter = Arc::new(AtomicU64::new(0));
        for connections in &self.connections {
            let measured = self.measure(*connections, server.address, &cast, &counter).await?;
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
        cast: &Arc<Cast>,
        counter: &Arc<AtomicU64>,
    ) -> Result<Vec<String>, Failure> {
        let duration = Duration::from_secs(self.seconds);
        let (echoes, orders) = (Arc::clone(cast), Arc::clone(cast));
        let echo: Requests = Arc::new(move |number| request(&echoes, "/v1/echo", number));
        let order: Requests = Arc::new(move |number| request(&orders, "/v1/orders", number));
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

/// Returns the bytes of a request with the order of a number.
fn request(cast: &Cast, path: &str, number: u64) -> Vec<u8> {
    let Some(draft) = cast.draft(number) else { return Vec::new() };
    let body = draft.body().to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        draft.key(),
        body.len()
    )
    .into_bytes()
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

/// Orders per echo, in hundredths.
fn ratio(durable: &Round, bare: &Round) -> u64 {
    durable.per_second().saturating_mul(100).checked_div(bare.per_second()).unwrap_or_default()
}
