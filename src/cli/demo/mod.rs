//! The main job in one command: real offers become a market, renters' bids trade, and the record shows how
//! prices moved.
//!
//! Running it again is harmless: every step is noted under a name in the transaction that makes it, and a
//! step that is noted is not made twice.

mod renters;
mod story;

use std::io::{IsTerminal, Write};

use clap::Args;

use super::Failure;
use super::report::{ImportLine, print_imports, print_plan};
use super::serve::Listen;
use crate::app::Venue;
use crate::app::ingest::{Ingest, TICK};
use crate::importers::plan::{Assumptions, plan};
use crate::importers::{self, Imported, Offer, Options, bundled};
use crate::store::Store;
use crate::types::Timestamp;

/// Under which name the database remembers that it is a demo, and how far.
const MARK: &str = "demo";
const MS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// Shows the exchange at work on real offers, then serves it.
#[derive(Debug, Args)]
pub struct Demo {
    /// The database: a file, `sqlite:PATH` or `postgres://...`. One that is not a demo is refused.
    #[arg(long, default_value = "sqlite:gpubourse-demo.db")]
    database_url: String,
    /// Stop after the report.
    #[arg(long)]
    no_serve: bool,
    /// GPUs of an offer that states no quantity.
    #[arg(long, default_value_t = 8)]
    assume_gpus: u32,
    /// Days of an offer that states no end.
    #[arg(long, default_value_t = 30)]
    assume_days: u32,
    /// Which renters: the same seed bids the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    listen: Listen,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        refuse_other_database(&self.database_url)?;
        let venue = self.listen.open(&self.database_url).await?;
        let played = self.play(&venue).await;
        if let Err(failure) = played {
            venue.close();
            return Err(failure);
        }
        if self.no_serve {
            venue.close();
            return Ok(());
        }
        println!();
        self.listen.serve(venue).await
    }

    async fn play(&self, venue: &Venue) -> Result<(), Failure> {
        if venue.store().meta(MARK)?.as_deref() == Some("done") {
            println!("this demo was played before; here is what the database holds");
        } else {
            venue.set_word(MARK, "started".to_owned()).await?;
            self.bring_in(venue).await?;
            progress("renters bid");
            renters::play(venue, self.seed).await?;
            venue.set_word(MARK, "done".to_owned()).await?;
            progress_done();
        }
        story::tell(venue).await
    }

    /// Imports the bundled data, posts its offers and says what was taken, refused and assumed.
    async fn bring_in(&self, venue: &Venue) -> Result<(), Failure> {
        println!("real offers and prices, as bundled under data/ (sources and licences: data/README.md)");
        let ingest = venue.ingest("system");
        let now = venue.clock().now();
        let mut lines = Vec::new();
        let mut offers = Vec::new();
        let mut moved = Vec::new();
        for file in bundled::ALL {
            progress(&format!("importing {}", file.name));
            let imported = importers::import(file.format, file.name, file.bytes, &Options::default());
            let imported = imported.map_err(|error| Failure::new(format!("{}: {error}", file.name)))?;
            let new = ingest.quotes(&imported.quotes).await?;
            lines.push(ImportLine::of(file.name, &imported, new));
            moved.extend(move_to(now, file.name, &imported, &mut offers));
        }
        progress_done();
        print_imports(&lines);
        for file in bundled::ALL {
            println!("  {}: {}", file.name, file.attribution);
        }
        self.post(&ingest, &offers, now, &moved).await
    }

    async fn post(&self, ingest: &Ingest, offers: &[Offer], now: Timestamp, moved: &[String]) -> Result<(), Failure> {
        let assumptions = Assumptions { gpus: Some(self.assume_gpus), days: Some(self.assume_days), now, tick: TICK };
        let plan = plan(offers, &assumptions);
        let done = ingest.plan(&plan, |listed, of| progress(&format!("posting offers {listed}/{of}"))).await?;
        progress_done();
        let mut more = vec![format!("--assume-gpus {}, --assume-days {}", self.assume_gpus, self.assume_days)];
        more.extend_from_slice(moved);
        print_plan(&plan, &done, &more);
        Ok(())
    }
}

/// Takes a file's offers as if they had been posted today: ends that are stated move by whole days from the day
/// of the file to today. Says so, if there were any.
fn move_to(now: Timestamp, name: &str, imported: &Imported, offers: &mut Vec<Offer>) -> Option<String> {
    let observed = imported.quotes.iter().map(|quote| quote.observed_at).max()?;
    let days = now.millis().saturating_sub(observed.millis()).div_euclid(MS_PER_DAY).max(0);
    let minutes = u32::try_from(days.saturating_mul(24 * 60)).unwrap_or_default();
    let stated = imported.offers.iter().filter(|offer| offer.end.is_some()).count();
    offers.extend(imported.offers.iter().cloned().map(|offer| Offer {
        start: offer.start.map(|start| start.plus(minutes)),
        end: offer.end.map(|end| end.plus(minutes)),
        ..offer
    }));
    let moved = stated > 0 && minutes > 0;
    moved.then(|| format!("{stated} offers of {name} are taken as if posted today: their ends move by {days} days"))
}

/// Refuses a database in which something happened that is not the demo.
fn refuse_other_database(url: &str) -> Result<(), Failure> {
    let Ok(store) = Store::open_existing(url) else { return Ok(()) };
    let is_demo = store.meta(MARK)?.is_some();
    let is_empty = store.read(crate::store::read::journal::head)?.is_none();
    if is_demo || is_empty {
        return Ok(());
    }
    Err(Failure::new(format!("{url} holds an exchange that is not a demo; choose another with --database-url")))
}

/// Shows what is being done, on one line that the next one replaces; only to a person.
fn progress(what: &str) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        // A terminal that went away does not mind.
        drop(write!(terminal, "\r\x1b[K{what} ..."));
    }
}

fn progress_done() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        drop(write!(terminal, "\r\x1b[K"));
    }
}
