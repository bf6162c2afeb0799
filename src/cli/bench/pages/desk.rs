//! Executes the commands of a generated history on the real exchange and writes them to the real store: one thread does the one,
//! another the other, as in a server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::app::AppError;
use crate::app::sequencer::{BATCH_MAX, Core, Stop};
use crate::cli::Failure;
use crate::cli::bench::market::submission;
use crate::cli::bench::write::broken;
use crate::exchange::entities::Contract;
use crate::exchange::{Command, Event, Made, Outcome};
use crate::store::{Batch, Store, StoreError, Writer};
use crate::types::{Minute, Timestamp};

/// Batches that wait for the writer.
const WAITING: usize = 4;

/// The exchange, with a writer behind it.
pub(super) struct Desk {
    core: Core,
    now: Timestamp,
    batches: Option<SyncSender<Batch>>,
    writer: Option<JoinHandle<Result<Duration, StoreError>>>,
    /// Trades made.
    pub(super) trades: u64,
    /// Commands executed.
    pub(super) commands: u64,
    /// Contracts that were sold out of other contracts.
    pub(super) resales: u64,
    /// The last of them.
    pub(super) resold: Option<Arc<Contract>>,
    refused: BTreeMap<&'static str, u64>,
    waited: Duration,
    began: Instant,
}

impl Desk {
    /// Opens an empty database at the beginning of a history.
    pub(super) fn open(url: &str, now: Timestamp) -> Result<Self, Failure> {
        let mut writer = Store::open(url)?.writer()?;
        let recovered = writer.load()?;
        if recovered.sequence > 0 {
            return Err(Failure::new(format!("{url} is not empty")));
        }
        let core = Core::restore(recovered)?;
        let (batches, taken) = sync_channel(WAITING);
        let writer = std::thread::Builder::new().name("writer".to_owned()).spawn(move || write(writer, &taken))?;
        Ok(Self {
            core,
            now,
            batches: Some(batches),
            writer: Some(writer),
            trades: 0,
            commands: 0,
            resales: 0,
            resold: None,
            refused: BTreeMap::new(),
            waited: Duration::ZERO,
            began: Instant::now(),
        })
    }

    /// Moves the clock.
    pub(super) fn advance(&mut self, now: Timestamp) -> Result<(), Failure> {
        self.now = now;
        self.core.advance(now).map_err(broken)?;
        self.seal_full()
    }

    /// Returns the first minute that can still be bought.
    pub(super) fn minute(&self) -> Minute {
        self.now.first_open_minute()
    }

    /// Executes a command; nothing if it is refused, which is part of trading.
    pub(super) fn ask(&mut self, command: Command) -> Result<Option<Outcome>, Failure> {
        self.commands = self.commands.saturating_add(1);
        let answer = match self.core.execute(submission(command), self.now) {
            Ok(receipt) => Some(receipt.outcome),
            Err(Stop::Refused(AppError::Reject(reject))) => {
                let count = self.refused.entry(reject.code()).or_default();
                *count = count.saturating_add(1);
                None
            }
            Err(stop) => return Err(broken(stop)),
        };
        for event in answer.iter().flat_map(|outcome| &outcome.events) {
            if let Event::Traded { contract, .. } = event {
                self.trades = self.trades.saturating_add(1);
                if contract.depth > 0 {
                    self.resales = self.resales.saturating_add(1);
                    self.resold = Some(Arc::clone(contract));
                }
            }
        }
        self.seal_full()?;
        Ok(answer)
    }

    /// Executes a command that must not be refused; returns what it made.
    pub(super) fn must(&mut self, command: Command) -> Result<Made, Failure> {
        let kind = command.kind();
        let outcome = self.ask(command)?.ok_or_else(|| Failure::new(format!("{kind} was refused")))?;
        Ok(outcome.made)
    }

    /// Gives what was executed to the writer.
    pub(super) fn seal(&mut self) -> Result<(), Failure> {
        let Some(batch) = self.core.batch().map_err(Failure::new)? else { return Ok(()) };
        let began = Instant::now();
        let sent = self.batches.as_ref().is_some_and(|batches| batches.send(batch).is_ok());
        self.waited += began.elapsed();
        // A writer that is gone says why when it is waited for.
        if sent { Ok(()) } else { self.join().map(drop) }
    }

    fn seal_full(&mut self) -> Result<(), Failure> {
        if self.core.pending() < BATCH_MAX { Ok(()) } else { self.seal() }
    }

    /// Waits until everything is written, and says where the time went.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        self.seal()?;
        let written = self.join()?;
        let rate = |count: u64| {
            let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            count.saturating_mul(1_000_000).checked_div(micros).unwrap_or_default()
        };
        println!(
            "{} commands, {} trades ({} of them resales) in {:.0?}: {} commands/s, {} trades/s",
            self.commands,
            self.trades,
            self.resales,
            self.began.elapsed(),
            rate(self.commands),
            rate(self.trades)
        );
        println!("  executing waited {:.0?} for the writer, which wrote for {written:.0?}", self.waited);
        let refused: Vec<String> = self.refused.iter().map(|(code, count)| format!("{count} {code}")).collect();
        println!("  refused: {}", if refused.is_empty() { "none".to_owned() } else { refused.join(", ") });
        Ok(())
    }

    fn join(&mut self) -> Result<Duration, Failure> {
        self.batches = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(written)) => Ok(written?),
            Some(Err(_)) => Err(Failure::new("the writer panicked")),
            None => Err(Failure::new("the writer is gone")),
        }
    }
}

/// Commits batches as they come; returns how long that took.
fn write(mut writer: Writer, batches: &Receiver<Batch>) -> Result<Duration, StoreError> {
    let mut took = Duration::ZERO;
    while let Ok(batch) = batches.recv() {
        let began = Instant::now();
        writer.commit::<StoreError>(&batch, None)?;
        writer.between()?;
        took += began.elapsed();
    }
    let began = Instant::now();
    writer.finish()?;
    writer.idle()?;
    Ok(took + began.elapsed())
}
