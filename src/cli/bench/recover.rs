//! How long a server takes from its start to being ready with many open orders, and where the time goes.

use std::time::{Duration, Instant};

use clap::Args;

use super::Scratch;
use super::figure::{self, Figure, Goal};
use super::http::server::Server;
use super::market::{Place, Resting};
use crate::app::View;
use crate::app::sequencer::Core;
use crate::cli::Failure;
use crate::store::Store;

/// Writes a database with many open orders, and opens it again and again.
#[derive(Debug, Args)]
pub(super) struct Recover {
    /// Open orders.
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// How often it is opened; the median is shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    place: Place,
}

impl Recover {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let folder = Scratch::new()?;
        let url = self.place.url(&folder);
        self.place.open(&url, Resting::Both(self.orders)).await?;
        let (mut ready, mut inside) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            let began = Instant::now();
            let server = Server::start(&url, &[])?;
            ready.push(hundredths(began.elapsed()));
            server.stop()?;
            inside.push(hundredths(restore(&url, self.orders)?));
        }
        figure::print(&[
            Figure::new("from the start to ready, in seconds", Some(Goal::at_most(300, 100)), ready),
            Figure::new("of that, from the store to live books", None, inside),
        ]);
        Ok(())
    }
}

/// Does what a server does before it is ready; says what each part takes.
fn restore(url: &str, orders: u64) -> Result<Duration, Failure> {
    let began = Instant::now();
    let store = Store::open(url)?;
    let mut writer = store.writer()?;
    let opened = Instant::now();
    let recovered = writer.load()?;
    let loaded = Instant::now();
    let count = recovered.snapshot.orders.len();
    let view = View::of(recovered.snapshot.clone(), recovered.sequence);
    let viewed = Instant::now();
    let core = Core::restore(recovered)?;
    let restored = Instant::now();
    println!(
        "{count} open orders: opened in {:?}, read in {:?}, view in {:?}, exchange in {:?}",
        opened - began,
        loaded - opened,
        viewed - loaded,
        restored - viewed
    );
    drop((view, core));
    if u64::try_from(count).is_ok_and(|count| count == orders) {
        return Ok(restored - began);
    }
    Err(Failure::new(format!("{count} orders are open of {orders}")))
}

/// Hundredths of a second.
fn hundredths(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / 10).unwrap_or(u64::MAX)
}
