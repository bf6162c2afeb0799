//! What is known of a generated history: kept beside its database, so that it can be asked for again.

use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plan::Size;
use crate::cli::Failure;

/// An organization.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Member {
    /// Its number.
    pub(super) number: i64,
    /// Its outward id.
    pub(super) id: Uuid,
}

/// A history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Known {
    /// What was asked for.
    pub(super) size: Size,
    /// The products, the one that is traded most first.
    pub(super) symbols: Vec<String>,
    /// The provider that sells most.
    pub(super) provider: Member,
    /// The reseller that deals most.
    pub(super) reseller: Member,
    /// The renter that bids most; the others have the numbers after it.
    pub(super) renter: Member,
    /// How many renters there are.
    pub(super) renters: u32,
    /// A listing of that provider, of the first product.
    pub(super) listing: Uuid,
    /// A contract that was sold out of another.
    pub(super) contract: Uuid,
}

impl Known {
    /// Reads what was kept, if it is of such a history.
    ///
    /// # Errors
    /// If it is of another.
    pub(super) fn read(file: &Path, size: Size) -> Result<Option<Self>, Failure> {
        let Ok(text) = std::fs::read(file) else { return Ok(None) };
        let known: Self = serde_json::from_slice(&text).map_err(|error| Failure::new(error.to_string()))?;
        if known.size == size {
            return Ok(Some(known));
        }
        Err(Failure::new(format!("{} is of another history: {:?}", file.display(), known.size)))
    }

    /// Keeps it.
    pub(super) fn write(&self, file: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| Failure::new(error.to_string()))?;
        Ok(std::fs::write(file, text)?)
    }
}
