//! The main job in one command: real offers become a market, renters' bids trade, and the record shows how
//! prices moved.
//!
//! Running it again is harmless: every step is noted under a name in the transaction that makes it, and a
//! step that is noted is not made twice.

mod dice;
mod renters;
mod replay;
mod story;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use clap::Args;

use super::Failure;
use super::report::{ImportLine, print_imports, print_plan};
use super::serve::Listen;
use crate::app::ingest::{Ingest, TICK};
use crate::app::sequencer::Stepper;
use crate::app::simulated::declared;
use crate::app::{AppError, Clock, ManualClock, SIMULATED, SystemClock, Venue};
use crate::importers::plan::{Assumptions, plan};
use crate::importers::{self, Imported, Offer, Options, bundled};
use crate::market::Day;
use crate::store::Store;
use crate::types::{Price, Timestamp};

/// Under which name the database remembers that it is a demo, and how far.
const MARK: &str = "demo";
const DONE: &str = "done";
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
    /// Instead of posting the offers, walk the exchange's clock from May 2024 to now with seeded traders around the real price of
    /// each day, so that the pages have a history. Everything that comes from it says SIMULATED.
    #[arg(long)]
    replay: bool,
    /// End that history after so many days.
    #[arg(long, requires = "replay", value_parser = clap::value_parser!(u32).range(1..=3_660))]
    replay_days: Option<u32>,
    #[command(flatten)]
    listen: Listen,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        refuse_other_database(&self.database_url, self.replay)?;
        let was_played = self.was_played();
        if was_played {
            println!("this demo was played before; here is what the database holds");
        }
        let clock: Arc<dyn Clock> = match self.replay && !was_played {
            true => self.replay().await?,
            false => Arc::new(SystemClock),
        };
        // What only looks back on a history stands at its end; whoever is served lives now.
        let clock = if self.no_serve { clock } else { Arc::new(SystemClock) };
        let venue = self.listen.open_at(&self.database_url, clock).await?;
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

    fn was_played(&self) -> bool {
        let mark = Store::open_existing(&self.database_url).and_then(|store| store.meta(MARK));
        mark.is_ok_and(|mark| mark.as_deref() == Some(DONE))
    }

    /// Makes a history; returns the clock that stands at its end.
    async fn replay(&self) -> Result<Arc<ManualClock>, Failure> {
        let first = Timestamp::parse(replay::FIRST_DAY).map_err(|error| Failure::new(error.to_string()))?;
        let until = match self.replay_days {
            Some(days) => first.plus_millis(i64::from(days).saturating_mul(MS_PER_DAY).saturating_sub(1)),
            None => SystemClock.now(),
        };
        let clock = Arc::new(ManualClock::at(first));
        let venue = self.listen.open_at(&self.database_url, clock.clone()).await?;
        let begun = begin_history(&venue, Day::of(first), self.seed).await;
        venue.close();
        let plan = replay::Plan { first: Day::of(first), until, seed: self.seed };
        let stepper = Stepper::open(&Store::open(&self.database_url)?, clock.clone())?;
        let commands = replay::play(stepper, &clock, plan, begun?)?;
        progress_done();
        let venue = self.listen.open_at(&self.database_url, clock.clone()).await?;
        let marked = venue.set_word(MARK, DONE.to_owned()).await;
        venue.close();
        marked?;
        println!("\n{SIMULATED}: {commands} commands of seeded traders, {} to {}", plan.first, Day::of(until));
        Ok(clock)
    }

    async fn play(&self, venue: &Venue) -> Result<(), Failure> {
        if venue.store().meta(MARK)?.as_deref() != Some(DONE) {
            venue.set_word(MARK, "started".to_owned()).await?;
            self.bring_in(venue).await?;
            progress("renters bid");
            renters::play(venue, self.seed).await?;
            venue.set_word(MARK, DONE.to_owned()).await?;
            progress_done();
        }
        story::tell(venue).await
    }

    /// Imports the bundled data, posts its offers and says what was taken, refused and assumed.
    async fn bring_in(&self, venue: &Venue) -> Result<(), Failure> {
        let (offers, moved) = import(venue).await?;
        self.post(&venue.ingest("system"), &offers, venue.clock().now(), &moved).await
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

/// Declares what follows to be made up, imports the real prices and returns those that traders look at.
async fn begin_history(venue: &Venue, first: Day, seed: u64) -> Result<Vec<replay::Track>, Failure> {
    venue.app().declare_simulated(format!("seed {seed}")).await?;
    venue.set_word(MARK, "started".to_owned()).await?;
    import(venue).await?;
    Ok(replay::tracks(venue, first).await?)
}

/// Imports the prices of the bundled data and says what was taken; returns the offers, and how they were moved to today.
async fn import(venue: &Venue) -> Result<(Vec<Offer>, Vec<String>), Failure> {
    println!("real offers and prices, as bundled under data/ (sources and licences: data/README.md)");
    let (ingest, now) = (venue.ingest("system"), venue.clock().now());
    let (mut lines, mut offers, mut moved) = (Vec::new(), Vec::new(), Vec::new());
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
    Ok((offers, moved))
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

/// Refuses a database in which something happened that is not the demo, or not this kind of it.
fn refuse_other_database(url: &str, replays: bool) -> Result<(), Failure> {
    let Ok(store) = Store::open_existing(url) else { return Ok(()) };
    let mark = store.meta(MARK)?;
    let is_simulated = declared(&store)?.is_some();
    let is_empty = store.read(crate::store::read::journal::head)?.is_none();
    let other = |what: &str| Err(Failure::new(format!("{url} {what}; choose another with --database-url")));
    match mark.as_deref() {
        None if is_empty => Ok(()),
        Some(DONE) if is_simulated => Ok(()),
        _ if is_simulated => other("holds a history that was cut off"),
        Some(_) if replays => other("holds a demo without a history"),
        Some(_) => Ok(()),
        None => other("holds an exchange that is not a demo"),
    }
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

/// Returns so many per cent of a price, up to the tick.
fn scaled(price: Price, percent: i64, tick: Price) -> Result<Price, AppError> {
    let scaled = price.micros().saturating_mul(percent).div_euclid(100);
    Price::from_micros(scaled.max(1)).up_to_tick(tick).map_err(|error| AppError::Internal(error.to_string()))
}
