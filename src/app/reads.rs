//! How use cases read the durable truth: off the workers, pages newest first.

use super::{App, AppError};
pub use crate::store::JournalRow;
pub use crate::store::quotes::{Quote, QuoteFilter};
pub use crate::store::read::orders::OrderFilter;
pub use crate::store::read::{Listed, Page as Slice};
use crate::store::{Db, StoreError};

impl App {
    /// Reads from the store where it may block.
    ///
    /// # Errors
    /// [`AppError::Internal`] if the store fails.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, AppError> {
        let store = self.store().clone();
        let done = tokio::task::spawn_blocking(move || store.read(read)).await;
        Ok(done.map_err(|error| AppError::Internal(format!("read: {error}")))??)
    }
}
