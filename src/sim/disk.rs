//! A disk that fails: an in-memory [`Durable`] with faults, beside a real store if there is one.
//!
//! Invariant: a batch is on it wholly or not at all, whatever the writer was told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::audit::Facts;
use super::facts;
use super::fold::Fold;
use super::sabotage::Sabotage;
use crate::app::AppError;
use crate::app::sequencer::{Before, Durable, Moment};
use crate::store::{Batch, Recovered, SideWrite, Store, StoreError, Writer, chain_hash};

/// What becomes of the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is written, and the writer is told so.
    Written,
    /// Nothing is written, and the writer is told of an error.
    Failed,
    /// As failed, and the disk cannot be read for a while either.
    Lost,
    /// It is written, but the writer is told of an error.
    Unknown,
    /// As unknown, and the disk cannot be read for a while either.
    UnknownAndGone,
    /// The process dies before anything is written.
    CrashBefore,
    /// The process dies after the commit, before it can answer.
    CrashAfter,
    /// Nothing is written, and the writer is told that it was: a disk that lies, in a sabotage alone.
    Lied,
}

/// The disk.
pub(super) struct Disk {
    pub(super) fold: Fold,
    fate: Fate,
    /// Reads that fail before one succeeds.
    deaf: u32,
    /// Whether the process has died: nothing it does reaches the disk any more.
    pub(super) dead: bool,
    /// The fate that met a commit since the last look.
    met: Option<Fate>,
    facts: Vec<Facts>,
    /// What should not happen to a disk, whatever its faults.
    pub(super) problem: Option<String>,
    real: Option<Real>,
    sabotage: Option<Sabotage>,
}

/// A real store beside the memory, and its writer while the process lives.
struct Real {
    store: Store,
    writer: Option<Writer>,
}

/// The writer's end of the disk.
#[derive(Clone)]
pub(super) struct Handle(Arc<Mutex<Disk>>);

impl Handle {
    pub(super) fn new(store: Option<Store>, sabotage: Option<Sabotage>) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            fold: Fold::default(),
            fate: Fate::Written,
            deaf: 0,
            dead: false,
            met: None,
            facts: Vec::new(),
            problem: None,
            real: store.map(|store| Real { store, writer: None }),
            sabotage,
        })))
    }

    /// Returns the disk itself.
    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// Decides what becomes of the next commit.
    pub(super) const fn decide(&mut self, fate: Fate, deaf: u32) {
        (self.fate, self.deaf) = (fate, deaf);
    }

    /// Returns the fate that met a commit since the last look.
    pub(super) const fn met(&mut self) -> Option<Fate> {
        self.fate = Fate::Written;
        self.met.take()
    }

    /// Returns what was committed since the last look.
    pub(super) fn facts(&mut self) -> Vec<Facts> {
        std::mem::take(&mut self.facts)
    }

    /// A new process begins where the old one died.
    pub(super) fn revive(&mut self) {
        self.dead = false;
        self.deaf = 0;
        if let Some(real) = &mut self.real {
            real.writer = None;
        }
    }

    fn write(&mut self, batch: &Batch) -> Result<(), AppError> {
        let done = self.try_write(batch);
        done.inspect_err(|error| self.problem = Some(error.to_string()))
    }

    fn try_write(&mut self, batch: &Batch) -> Result<(), AppError> {
        if let Some(real) = &mut self.real {
            real.writer()?.commit::<AppError>(batch, None)?;
        }
        let mut hash = self.fold.hash;
        for row in &batch.journal {
            hash = chain_hash(&hash, row);
            if row.hash != hash {
                return Err(AppError::Internal(format!("row {} does not follow the one before it", row.sequence)));
            }
        }
        self.facts.push(facts::of(batch).map_err(AppError::Internal)?);
        self.fold.add(batch);
        Ok(())
    }
}

impl Real {
    fn writer(&mut self) -> Result<&mut Writer, StoreError> {
        if self.writer.is_none() {
            self.writer = Some(self.store.writer()?);
        }
        self.writer.as_mut().ok_or_else(|| StoreError::Connection("there is no writer".to_owned()))
    }

    /// Reads the store and compares it with the memory.
    fn same(&mut self, memory: &Recovered) -> Result<(), StoreError> {
        let stored = self.writer()?.load()?;
        if stored == *memory {
            return Ok(());
        }
        let what = format!("the store has {stored:#?}, committed was {memory:#?}");
        Err(StoreError::Corrupt { table: "exchange_state", key: "1".to_owned(), what })
    }
}

fn gone() -> StoreError {
    StoreError::Connection("the disk is gone".to_owned())
}

impl Durable for Handle {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        let mut disk = self.disk();
        if let Some(left) = disk.deaf.checked_sub(1) {
            disk.deaf = left;
            return Err(gone());
        }
        if disk.dead {
            return Err(gone());
        }
        let recovered = disk.fold.recovered();
        if let Some(real) = &mut disk.real {
            let same = real.same(&recovered);
            if let Err(error) = same {
                disk.problem = Some(error.to_string());
                return Err(error);
            }
        }
        Ok(match disk.sabotage {
            Some(sabotage) => sabotage.spoil(recovered),
            None => recovered,
        })
    }

    fn commit(&mut self, batch: &Batch, _side: Option<SideWrite<'_, AppError>>) -> Result<(), AppError> {
        let mut disk = self.disk();
        if disk.dead {
            return Err(gone().into());
        }
        let fate = std::mem::replace(&mut disk.fate, Fate::Written);
        if fate != Fate::Written {
            disk.met = Some(fate);
        }
        let error = || Err(gone().into());
        match fate {
            Fate::Written => {
                disk.deaf = 0;
                disk.write(batch)
            }
            Fate::Failed | Fate::Lost => error(),
            Fate::Unknown | Fate::UnknownAndGone => {
                disk.write(batch)?;
                error()
            }
            Fate::CrashBefore => {
                disk.dead = true;
                error()
            }
            Fate::CrashAfter => {
                disk.write(batch)?;
                disk.dead = true;
                Ok(())
            }
            Fate::Lied => {
                disk.dead = true;
                Ok(())
            }
        }
    }

    fn side(&mut self, _side: SideWrite<'_, AppError>) -> Result<(), AppError> {
        // The simulation has no users, keys or quotes.
        Err(AppError::NotApplied)
    }

    fn check(&mut self, _before: Before) -> Result<(), AppError> {
        Err(AppError::NotApplied)
    }

    fn upkeep(&mut self, moment: Moment) -> Result<(), StoreError> {
        let mut disk = self.disk();
        if disk.dead {
            return Err(gone());
        }
        let Some(writer) = disk.real.as_mut().and_then(|real| real.writer.as_mut()) else { return Ok(()) };
        match moment {
            Moment::Now => writer.keep(),
            Moment::Between => writer.between(),
            Moment::Idle => writer.idle(),
            Moment::End => writer.finish(),
        }
    }
}
