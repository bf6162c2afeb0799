//! What is read when a server starts, so that nobody who asks has to wait for it.

use crate::app::{App, AppError};
use crate::types::Symbol;

/// Days of the oversupply that every page about the market shows.
const HORIZON_DAYS: u32 = 30;

impl App {
    /// Reads the tape, what was published, ended asks and the newest rows of the journal, and makes what the market's page
    /// shows of each product. Whoever asks meanwhile waits for what it asks for. Ends early if the store fails: whoever asks
    /// then reads the rest.
    pub async fn warm(self) {
        match self.read_ahead().await {
            Ok(()) => tracing::info!("everything that figures are made of is read"),
            Err(error) => tracing::warn!(%error, "not everything that figures are made of could be read"),
        }
    }

    async fn read_ahead(&self) -> Result<(), AppError> {
        drop(self.tapes().await?);
        drop(self.published().await?);
        drop(self.past().await?);
        drop(self.spells().await?);
        self.overview().await?;
        let symbols: Vec<Symbol> = self.all_products().into_iter().map(|product| product.symbol).collect();
        for symbol in symbols {
            self.oversupply(&symbol, None, HORIZON_DAYS).await?;
        }
        Ok(())
    }
}
