//! How long pages and answers take on an exchange with a long history and many open orders, and whether those who read them
//! slow those who trade.

mod asked;
mod beside;
mod desk;
mod history;
mod known;
mod measure;
mod plan;
mod roll;
mod scene;
mod traders;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::Scratch;
use super::http::server::Server;
use crate::app::clock::{Clock, SystemClock};
use crate::cli::Failure;
use known::Known;
use plan::{Plan, Size};

/// Makes a history on the real exchange and store, starts a server on it, and asks it for every figure and page while
/// orders are placed.
#[derive(Debug, Args)]
pub(super) struct Pages {
    #[command(flatten)]
    size: Size,
    /// How often everything is asked for after the first time.
    #[arg(long, default_value_t = 100)]
    rounds: u64,
    /// Seconds of each measurement of those who write.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// A folder in which the history is kept, and found again the next time; a temporary one if not given.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Rounds of what is compared in turn.
const ROUNDS: u64 = 3;

impl Pages {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let scratch = if self.keep.is_none() { Some(Scratch::new()?) } else { None };
        let folder = self.keep.clone().or_else(|| Some(scratch.as_ref()?.path().to_owned()));
        let folder = folder.ok_or_else(|| Failure::new("no folder"))?;
        std::fs::create_dir_all(&folder)?;
        let (url, known) = self.history(&folder).await?;
        let began = Instant::now();
        let server = Server::start(&url, &["--token-secrets", asked::SECRET])?;
        println!("from the start to ready: {:.2?}", began.elapsed());
        println!("every answer once, then {} times, an order placed before each", self.rounds);
        let missed = measure::measure(&server, &known, self.rounds).await?;
        println!("{missed} of them take longer than 100 ms");
        beside::measure(&server, &known, ROUNDS, Duration::from_secs(self.seconds)).await?;
        server.stop()
    }

    /// Returns the history, made or found.
    async fn history(&self, folder: &Path) -> Result<(String, Known), Failure> {
        let (file, database) = (folder.join("pages.json"), folder.join("pages.db"));
        let url = format!("sqlite:{}", database.display());
        if let Some(known) = Known::read(&file, self.size)? {
            println!("found {url}");
            return Ok((url, known));
        }
        let began = Instant::now();
        let plan = Plan { size: self.size, until: SystemClock.now().minute().start() };
        let known = history::make(&url, &plan).await?;
        known.write(&file)?;
        let bytes = std::fs::metadata(&database).map_or(0, |file| file.len());
        println!("made in {:.0?}, {} MB", began.elapsed(), bytes / 1_000_000);
        Ok((url, known))
    }
}
