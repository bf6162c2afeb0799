//! Where batches become durable: the store, or what a simulation puts in its place.

use super::Before;
use crate::app::AppError;
use crate::store::{Batch, Recovered, SideWrite, Store, StoreError, Writer};

/// When upkeep is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Every so often, whatever is done.
    Now,
    /// Between two batches, after the callers of the first were answered.
    Between,
    /// Nothing was written for a while.
    Idle,
    /// Nothing more will be written.
    End,
}

/// What the sequencer writes to and rebuilds its state from.
///
/// After an error of [`Durable::commit`] it may not be known whether the batch is there; [`Durable::load`] tells.
pub trait Durable {
    /// Reads back the state as of the last batch.
    ///
    /// # Errors
    /// What the store said; the caller tries again.
    fn load(&mut self) -> Result<Recovered, StoreError>;

    /// Writes a batch and what comes with it, wholly or not at all.
    ///
    /// # Errors
    /// What the store or the side write said.
    fn commit(&mut self, batch: &Batch, side: Option<SideWrite<'_, AppError>>) -> Result<(), AppError>;

    /// Writes what is outside the exchange, wholly or not at all.
    ///
    /// # Errors
    /// What the store or the side write said.
    fn side(&mut self, side: SideWrite<'_, AppError>) -> Result<(), AppError>;

    /// Asks whether a side write may come.
    ///
    /// # Errors
    /// What the check or the store said.
    fn check(&mut self, before: Before) -> Result<(), AppError>;

    /// Does work whose failure loses nothing.
    ///
    /// # Errors
    /// What the store said; [`StoreError::Fenced`] if another process writes by now.
    fn upkeep(&mut self, moment: Moment) -> Result<(), StoreError>;
}

/// The writer of a store, made anew when its connection is gone.
pub(super) struct StoreDurable {
    store: Store,
    /// Nothing while the connection has to be made anew.
    writer: Option<Writer>,
}

impl StoreDurable {
    /// Takes the right to write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process has it.
    pub(super) fn open(store: Store) -> Result<Self, StoreError> {
        let writer = store.writer()?;
        Ok(Self::of(store, writer))
    }

    /// Returns a store whose right to write was taken.
    pub(super) const fn of(store: Store, writer: Writer) -> Self {
        Self { store, writer: Some(writer) }
    }

    fn writer(&mut self) -> Result<&mut Writer, AppError> {
        self.writer.as_mut().ok_or(AppError::NotApplied)
    }
}

impl Durable for StoreDurable {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.store.writer().map_err(|error| match error {
                // Where a lease says who writes, another process has it now.
                StoreError::Busy(_) if self.store.is_shared() => StoreError::Fenced,
                other => other,
            })?,
        };
        // One that fails is dropped, and with it its connection.
        let recovered = writer.load()?;
        self.writer = Some(writer);
        Ok(recovered)
    }

    fn commit(&mut self, batch: &Batch, side: Option<SideWrite<'_, AppError>>) -> Result<(), AppError> {
        self.writer()?.commit(batch, side)
    }

    fn side(&mut self, side: SideWrite<'_, AppError>) -> Result<(), AppError> {
        self.writer()?.side(side)
    }

    fn check(&mut self, before: Before) -> Result<(), AppError> {
        before(self.writer()?.db())
    }

    fn upkeep(&mut self, moment: Moment) -> Result<(), StoreError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        match moment {
            Moment::Now => writer.keep(),
            Moment::Between => writer.between(),
            Moment::Idle => writer.idle(),
            Moment::End => writer.finish(),
        }
    }
}
