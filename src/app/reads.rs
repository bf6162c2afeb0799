//! How use cases read the durable truth: off the workers, pages newest first.

use super::{App, AppError};
pub use crate::store::JournalRow;
pub use crate::store::quotes::{Quote, QuoteFilter};
pub use crate::store::read::orders::OrderFilter;
pub use crate::store::read::{Listed, Page as Slice};
use crate::store::{Reader, StoreError};

impl App {
    /// Reads records from the store where it may block.
    ///
    /// # Errors
    /// [`AppError::Internal`] if the store fails.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, AppError> {
        let store = self.store().clone();
        let done = tokio::task::spawn_blocking(move || read(&mut store.reader()?)).await;
        Ok(done.map_err(|error| AppError::Internal(format!("read: {error}")))??)
    }
}
