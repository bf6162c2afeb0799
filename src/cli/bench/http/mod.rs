//! Durable orders a second over HTTP, as a client sees them, and what else is measured beside the same server's echo.

mod batches;
mod book;
mod edge;
mod long;
mod orders;
pub(super) mod request;
pub(super) mod server;
mod wrk;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Scratch;
use super::client::{Load, Requests, Round, Until};
use super::figure::{self, Figure};
use super::market::{Place, Resting};
use super::stream::Cast;
use crate::cli::Failure;
use crate::store::Address;
use request::order;
use server::Server;

/// A closed loop: each connection waits for its answer before it sends the next order. The server is a process
/// of its own; the echo runs behind the same middleware and key check.
#[derive(Debug, Args)]
pub(super) struct Http {
    /// What is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [What::Orders])]
    figures: Vec<What>,
    /// Connections; of orders one measurement for each number, of all else one with the first.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    connections: Vec<usize>,
    /// Seconds of each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds of what is compared in turn; the medians are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Resting asks before the first order.
    #[arg(long, default_value_t = 100_000)]
    resting: u64,
    /// Orders of the long run.
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    #[command(flatten)]
    place: Place,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Orders, one in each request, beside the echo.
    Orders,
    /// The last tenth of a long run of orders beside the first.
    Long,
    /// Orders in batches of 100 beside what the database takes of the same rows.
    Batches,
    /// The echo with request ids, figures and access log beside the echo without.
    Edge,
    /// The book of a window with 1,000 prices, read while orders run at half load, beside the echo.
    Book,
}

/// What all measurements of a run share.
struct Run {
    url: String,
    folder: PathBuf,
    cast: Arc<Cast>,
    numbers: Arc<AtomicU64>,
    connections: Vec<usize>,
    duration: Duration,
    rounds: usize,
    orders: u64,
}

impl Http {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let folder = Scratch::new()?;
        let url = self.place.url(&folder);
        let run = Run {
            cast: Arc::new(self.place.open(&url, Resting::Asks(self.resting)).await?),
            url,
            folder: folder.path().to_owned(),
            numbers: Arc::default(),
            connections: self.connections,
            duration: Duration::from_secs(self.seconds),
            rounds: self.rounds.max(1),
            orders: self.orders,
        };
        println!("closed loop, medians of {} rounds of {} s", run.rounds, self.seconds);
        let mut figures = vec![wrk::compare(&run).await?];
        for what in self.figures {
            figures.extend(match what {
                What::Orders => orders::measure(&run).await?,
                What::Long => long::measure(&run).await?,
                What::Batches => batches::measure(&run).await?,
                What::Edge => edge::measure(&run).await?,
                What::Book => book::measure(&run).await?,
            });
        }
        let is_void = figures.first().is_some_and(Figure::is_missed);
        figure::print(&figures);
        if is_void {
            println!("void: the client is slower than it may be, so all ratios to its echo flatter the server");
        }
        Ok(())
    }
}

impl Run {
    /// Starts the server, as it is measured.
    fn serve(&self) -> Result<Server, Failure> {
        Server::start(&self.url, &["--echo"])
    }

    /// Connections of all but the orders.
    fn connections(&self) -> usize {
        self.connections.first().copied().unwrap_or(1)
    }

    fn is_sqlite(&self) -> bool {
        matches!(Address::parse(&self.url), Ok(Address::Sqlite(_)))
    }

    /// Returns a load of the next orders, each sent somewhere.
    fn load(&self, server: &Server, connections: usize, path: &'static str) -> Load {
        let cast = Arc::clone(&self.cast);
        self.load_of(server, connections, Arc::new(move |number| order(&cast, path, number)))
    }

    fn load_of(&self, server: &Server, connections: usize, requests: Requests) -> Load {
        Load {
            address: server.address,
            connections,
            until: Until::Elapsed(self.duration),
            requests,
            numbers: Arc::clone(&self.numbers),
            pace: None,
            wanted: None,
        }
    }

    async fn echo(&self, server: &Server, connections: usize) -> io::Result<Round> {
        self.load(server, connections, request::ECHO).run().await
    }
}

/// Says why a request of a round failed, if one did.
fn complain(what: &str, round: &Round) {
    if let Some(body) = &round.failure {
        println!("{} of the {what} failed: {body}", round.failed);
    }
}
