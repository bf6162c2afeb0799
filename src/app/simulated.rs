//! Whether what an exchange holds was made up: then everything that shows it has to say so.
//!
//! The word stands in the database, beside a row of the journal, and is there before anything that it speaks of. Nothing takes it
//! away again.

use super::sequencer::Side;
use super::{App, AppError, Submission};
use crate::exchange::Command;
use crate::store::{Store, set_meta};

/// How everything that shows a made-up exchange says so.
pub const SIMULATED: &str = "SIMULATED";
/// Where the database keeps the word.
const WORD: &str = "simulated";
/// How series name the exchange's own trades and orders.
const OWN: &str = "gpubourse";
const OWN_SIMULATED: &str = "gpubourse SIMULATED";

impl App {
    /// Tells whether what the exchange holds was made up.
    pub const fn is_simulated(&self) -> bool {
        self.simulated
    }

    /// Returns how series name the exchange's own trades and orders.
    pub const fn source(&self) -> &'static str {
        if self.simulated { OWN_SIMULATED } else { OWN }
    }

    /// Returns under which name a file is saved, which leaves the page that says it.
    pub fn file_name(&self, name: &str) -> String {
        if self.simulated { format!("{SIMULATED}-{name}") } else { name.to_owned() }
    }

    /// Says in the database and in its journal that what follows is made up; whoever opens the database from then on says so.
    ///
    /// # Errors
    /// As [`super::Sequencer::side`].
    pub async fn declare_simulated(&self, how: String) -> Result<(), AppError> {
        let (subject, verb) = ("exchange".to_owned(), WORD.to_owned());
        let command = Command::Note { subject, id: how.clone(), verb };
        let (actor, request_id) = ("system".to_owned(), SIMULATED.to_owned());
        let submission = Submission { actor, request_id, idempotency_key: None, command };
        let side = Side { submission: Some(submission), before: None };
        self.sequencer().side(side, move |db, _| Ok(set_meta(db, WORD, &how)?)).await
    }
}

/// Returns how what a database holds was made up, if it was.
///
/// # Errors
/// If the store fails.
pub fn declared(store: &Store) -> Result<Option<String>, AppError> {
    Ok(store.meta(WORD)?)
}
