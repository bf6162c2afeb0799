//! The exchange in memory with its place in the journal: executes commands and collects the batch.
//!
//! Invariant: `exchange` is what the store holds plus the rows in `journal`, or nothing at all.

use super::{Receipt, Submission};
use crate::app::{AppError, replay};
use crate::exchange::{Changes, Command, Envelope, Exchange, Failure, Preview, canonical_command};
use crate::store::{Batch, JournalRow, Recovered, StoreError, chain_hash};
use crate::types::{Money, OrganizationId, Timestamp};

/// What the journal records as the actor of time.
const CLOCK: &str = "system";

/// The state of the writer between two commits.
pub(crate) struct Core {
    exchange: Exchange,
    /// The last row handed out.
    sequence: i64,
    /// The hash of the last row committed.
    hash: [u8; 32],
    /// Times in the journal never go backwards.
    last_at: Timestamp,
    journal: Vec<JournalRow>,
}

/// Why a command was not executed.
pub(crate) enum Stop {
    /// The exchange refused; the refusal is in the journal.
    Refused(AppError),
    /// The state in memory can no longer be trusted.
    Broken(String),
}

impl Core {
    /// Rebuilds the state from the store and compares the digest.
    pub(crate) fn restore(recovered: Recovered) -> Result<Self, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt { table: "exchange_state", key: "1".to_owned(), what };
        let mut exchange = Exchange::restore(recovered.snapshot).map_err(|failure| corrupt(failure.to_string()))?;
        let digest = exchange.settle().map_err(|failure| corrupt(failure.to_string()))?.digest;
        if recovered.digest.is_some_and(|stored| stored != digest) {
            return Err(corrupt(format!(
                "the rebuilt state has digest {digest:032x}, stored is {:032x}; run `gpubourse verify`",
                recovered.digest.unwrap_or_default()
            )));
        }
        let last_at = recovered.last_at.max(exchange.counters().now);
        Ok(Self { exchange, sequence: recovered.sequence, hash: recovered.hash, last_at, journal: Vec::new() })
    }

    /// What an organization has free to spend, for those who check what they have measured.
    pub(crate) fn available(&self, organization: OrganizationId) -> Money {
        let purse = self.exchange.purses().find(|(id, _)| *id == organization);
        purse.map_or(Money::ZERO, |(_, purse)| purse.available)
    }

    /// The last row handed out.
    pub(crate) const fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Rows waiting for the commit.
    pub(crate) fn pending(&self) -> usize {
        self.journal.len()
    }

    /// Tells whether time has something to do.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.exchange.next_due().is_some_and(|at| at <= now)
    }

    /// Moves time where the rules ask for it: before the first command of a minute and when an order is due.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Result<(), Stop> {
        let before = self.exchange.counters().now;
        if now <= before || (now.minute() <= before.minute() && !self.is_due(now)) {
            return Ok(());
        }
        let submission = Submission {
            actor: CLOCK.to_owned(),
            request_id: "clock".to_owned(),
            idempotency_key: None,
            command: Command::Advance { now },
        };
        self.execute(submission, now).map(drop)
    }

    /// Executes a command and writes its journal row.
    pub(crate) fn execute(&mut self, submission: Submission, now: Timestamp) -> Result<Receipt, Stop> {
        let at = now.max(self.last_at);
        self.last_at = at;
        let Submission { actor, request_id, idempotency_key, command } = submission;
        let envelope = Envelope { at, actor, request_id, idempotency_key, command };
        let result = self.exchange.execute(&envelope);
        let outcome = replay::outcome(&result).map_err(|name| Stop::Broken(name.to_owned()))?;
        self.write_row(envelope, outcome)?;
        match result {
            Ok(outcome) => Ok(Receipt { sequence: self.sequence, at, outcome }),
            Err(Failure::Reject(reject)) => Err(Stop::Refused(AppError::Reject(reject))),
            Err(Failure::Invariant(name)) => Err(Stop::Broken(name.to_owned())),
        }
    }

    /// Executes a row of the journal that another process wrote; returns its command and, with the last row of a batch,
    /// what the batch changed.
    ///
    /// # Errors
    /// What this process comes to instead; its state is of no use then.
    pub(crate) fn repeat(&mut self, row: &JournalRow) -> Result<(Command, Option<Changes>), String> {
        let at_row = |what: &dyn std::fmt::Display| format!("at sequence {}: {what}", row.sequence);
        let envelope = replay::envelope(row).map_err(|error| at_row(&error))?;
        let result = self.exchange.execute(&envelope);
        let outcome = replay::outcome(&result).map_err(|name| at_row(&name))?;
        if outcome != row.outcome {
            return Err(at_row(&format_args!("{outcome:?}, recorded is {:?}", row.outcome)));
        }
        (self.sequence, self.hash, self.last_at) = (row.sequence, row.hash, row.at.max(self.last_at));
        let Some(digest) = row.digest else { return Ok((envelope.command, None)) };
        let changes = self.exchange.settle().map_err(|failure| at_row(&failure))?;
        if changes.digest != digest {
            return Err(at_row(&format_args!("digest {:032x}, recorded is {digest:032x}", changes.digest)));
        }
        Ok((envelope.command, Some(changes)))
    }

    /// Says what placing an order now would do.
    pub(crate) fn preview(&self, command: &Command) -> Result<Preview, AppError> {
        self.exchange.preview(command).map_err(|failure| match failure {
            Failure::Reject(reject) => AppError::Reject(reject),
            Failure::Invariant(name) => AppError::Internal(name.to_owned()),
        })
    }

    /// Closes the batch: chains its rows and settles what changed. Nothing if there are no rows.
    ///
    /// # Errors
    /// The name of the invariant that is broken.
    pub(crate) fn batch(&mut self) -> Result<Option<Batch>, String> {
        let mut journal = std::mem::take(&mut self.journal);
        let Some(last) = journal.last_mut() else { return Ok(None) };
        let changes = self.exchange.settle().map_err(|failure| failure.to_string())?;
        last.digest = Some(changes.digest);
        let mut hash = self.hash;
        for row in &mut journal {
            hash = chain_hash(&hash, row);
            row.hash = hash;
        }
        self.hash = hash;
        Ok(Some(Batch { journal, changes }))
    }

    fn write_row(&mut self, envelope: Envelope, outcome: &str) -> Result<(), Stop> {
        let command = canonical_command(&envelope.command).map_err(|error| Stop::Broken(error.to_string()))?;
        self.sequence = self.sequence.checked_add(1).ok_or(Stop::Broken("sequence".to_owned()))?;
        self.journal.push(JournalRow {
            sequence: self.sequence,
            at: envelope.at,
            actor: envelope.actor,
            request_id: envelope.request_id,
            idempotency_key: envelope.idempotency_key,
            command,
            outcome: outcome.to_owned(),
            digest: None,
            hash: [0; 32],
        });
        Ok(())
    }
}
