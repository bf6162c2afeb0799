//! Randomness: the only place that asks the operating system for it (ids, salts, tokens).

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::AppError;
use crate::types::Timestamp;

/// Where random bytes come from.
pub trait Ids: Send + Sync {
    /// Fills a buffer with bytes nobody can guess.
    ///
    /// # Errors
    /// [`AppError::Internal`] if the operating system has none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), AppError>;
}

impl dyn Ids {
    /// Returns so many random bytes.
    ///
    /// # Errors
    /// As [`Ids::fill`].
    pub fn random<const N: usize>(&self) -> Result<[u8; N], AppError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Returns a new UUIDv7.
    ///
    /// # Errors
    /// As [`Ids::fill`].
    pub fn uuid(&self, now: Timestamp) -> Result<Uuid, AppError> {
        let random = self.random()?;
        let millis = u64::try_from(now.millis()).unwrap_or_default();
        Ok(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

/// The randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsIds;

impl Ids for OsIds {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), AppError> {
        getrandom::fill(bytes).map_err(|error| AppError::Internal(format!("no randomness: {error}")))
    }
}

/// The same bytes in the same order for the same seed: for tests and simulations, never for people.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededIds {
    /// Makes a source that depends on the seed alone.
    pub const fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Ids for SeededIds {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), AppError> {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(drawn.to_be_bytes());
            for (byte, random) in chunk.iter_mut().zip(block.finalize()) {
                *byte = random;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_123_456);

    #[test]
    fn ids_carry_their_time_and_differ() {
        let sources: [&dyn Ids; 2] = [&OsIds, &SeededIds::new(1)];
        for ids in sources {
            let (first, second) = (ids.uuid(NOW).unwrap(), ids.uuid(NOW).unwrap());
            assert_ne!(first, second);
            assert_eq!(first.get_version_num(), 7);
            assert_eq!(first.as_u128() >> 80, 1_795_000_123_456);
        }
    }

    #[test]
    fn a_seed_gives_the_same_bytes_again() {
        let draw = |seed: u64| -> [u8; 70] {
            let ids = SeededIds::new(seed);
            let ids: &dyn Ids = &ids;
            ids.random().unwrap()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
