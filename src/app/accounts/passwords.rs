//! Password hashing off the workers, and no more of it at once than there are cores.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::AppError;
use crate::auth::{AuthError, password};

/// How long a request waits for its turn.
const WAIT: Duration = Duration::from_secs(2);
const RETRY_AFTER_S: u64 = 2;

/// A bound on concurrent hashing. Invariant: a permit is held until its hash is done, even if the caller went away.
#[derive(Debug, Clone)]
pub struct PasswordPool {
    permits: Arc<Semaphore>,
    wait: Duration,
}

impl PasswordPool {
    /// Makes a pool that hashes so many passwords at once.
    pub fn new(at_once: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once.max(1))), wait: WAIT }
    }

    /// Makes a pool with one permit per core.
    pub fn per_core() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`AppError::TooMany`] if there is no turn in time; [`AppError::Internal`] if hashing fails.
    pub async fn hash(&self, password: String, salt: [u8; password::SALT_BYTES]) -> Result<String, AppError> {
        self.run(move || password::hash(&password, &salt)).await
    }

    /// Tells whether a password fits a hash; without a hash the work is the same and the answer no.
    ///
    /// # Errors
    /// As [`PasswordPool::hash`].
    pub async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, AppError> {
        self.run(move || {
            let fits = password::verify(&password, phc.as_deref().unwrap_or(password::DECOY_HASH))?;
            Ok(fits && phc.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AppError> {
        let permit = self.turn().await?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        let result = done.await.map_err(|error| AppError::Internal(format!("password hashing: {error}")))?;
        result.map_err(|error| AppError::Internal(error.to_string()))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, AppError> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = turn.map_err(|_| AppError::TooMany { retry_after_s: RETRY_AFTER_S })?;
        permit.map_err(|error| AppError::Internal(format!("password hashing: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn verifies_what_it_hashed_and_refuses_the_unknown() {
        let pool = PasswordPool::per_core();
        let phc = pool.hash("correct horse battery".to_owned(), [1; 16]).await.unwrap();
        assert!(pool.verify("correct horse battery".to_owned(), Some(phc.clone())).await.unwrap());
        assert!(!pool.verify("wrong horse battery".to_owned(), Some(phc)).await.unwrap());
        assert!(!pool.verify("correct horse battery".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_to_come_back() {
        let pool = PasswordPool { wait: Duration::from_millis(1), ..PasswordPool::new(1) };
        let held = pool.turn().await.unwrap();
        let refused = pool.verify("correct horse battery".to_owned(), None).await;
        assert!(matches!(refused, Err(AppError::TooMany { retry_after_s: 2 })));
        drop(held);
        assert!(!pool.verify("correct horse battery".to_owned(), None).await.unwrap());
    }
}
