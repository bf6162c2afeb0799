//! What is sold or resting out of each listing and each contract, minute by minute.
//!
//! It follows from the asks and contracts, is kept by difference and takes no part in the digest.
//! Invariant: a source without an entry has nothing sold or resting. Minutes gone may still show lapsed asks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Failure;
use crate::types::{Source, Steps, Window};

/// GPUs sold or resting, by source.
#[derive(Debug, Default)]
pub(super) struct Capacity(BTreeMap<Source, Steps>);

impl Capacity {
    /// Returns the most that is used of a source in any minute of a window.
    pub(super) fn most_used(&self, source: Source, window: Window) -> u32 {
        self.0.get(&source).map_or(0, |used| used.max_over(window))
    }

    /// Returns the most that would be used in any minute of a window with `before` given back and `after` taken;
    /// nothing if that is beyond what can be counted.
    pub(super) fn most_used_after(
        &self,
        source: Source,
        before: &Steps,
        after: &Steps,
        window: Window,
    ) -> Result<Option<u32>, Failure> {
        let mut used = self.0.get(&source).cloned().unwrap_or_default();
        used.subtract_steps(before).map_err(|_| Failure::Invariant("reservation_missing"))?;
        Ok(used.add_steps(after).ok().map(|()| used.max_over(window)))
    }

    /// Takes GPUs out of a source.
    pub(super) fn reserve(&mut self, source: Source, gpus: &Steps) -> Result<(), Failure> {
        if gpus.is_zero() {
            return Ok(());
        }
        self.0.entry(source).or_default().add_steps(gpus).map_err(|_| Failure::Invariant("capacity_range"))
    }

    /// Gives GPUs back to a source.
    pub(super) fn unreserve(&mut self, source: Source, gpus: &Steps) -> Result<(), Failure> {
        if gpus.is_zero() {
            return Ok(());
        }
        let Entry::Occupied(mut entry) = self.0.entry(source) else {
            return Err(Failure::Invariant("capacity_missing"));
        };
        entry.get_mut().subtract_steps(gpus).map_err(|_| Failure::Invariant("capacity_missing"))?;
        if entry.get().is_zero() {
            entry.remove();
        }
        Ok(())
    }

    /// Forgets a source that has ended.
    pub(super) fn forget(&mut self, source: Source) {
        self.0.remove(&source);
    }
}
