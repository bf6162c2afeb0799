//! Commands as the journal keeps them: canonical JSON, `{"kind":...,"v":1,...}` with sorted keys and no fractions.
//!
//! Invariant: every text ever written here stays readable. A new version of a command gets a new `v` beside the
//! old ones; the golden rows of the tests are never edited.

use serde_json::Value;

use super::Command;

/// The version new rows are written in.
const VERSION: u64 = 1;

/// A text is not a command this program knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCommand {
    /// Not JSON, or not the fields of the command it names.
    #[error("not a command: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error("a command of version {0}, which this program does not know")]
    UnknownVersion(String),
}

/// Returns the one text that stands for a command in the journal.
///
/// # Errors
/// [`NotCommand::Malformed`] if the command cannot be written, which is a bug.
pub fn canonical_command(command: &Command) -> Result<String, NotCommand> {
    let Value::Object(mut fields) = serde_json::to_value(command).map_err(malformed)? else {
        return Err(NotCommand::Malformed("not an object".to_owned()));
    };
    fields.insert("v".to_owned(), Value::from(VERSION));
    // The JSON library keeps keys sorted, and no command has a fraction: both are held to by the tests.
    serde_json::to_string(&fields).map_err(malformed)
}

/// Returns the command a journal row stands for.
///
/// # Errors
/// [`NotCommand`]; a process that meets one must neither start nor follow.
pub fn parse_command(text: &str) -> Result<Command, NotCommand> {
    let mut value: Value = serde_json::from_str(text).map_err(malformed)?;
    let version = value.as_object_mut().and_then(|fields| fields.remove("v"));
    match version.as_ref().and_then(Value::as_u64) {
        Some(VERSION) => serde_json::from_value(value).map_err(malformed),
        _ => Err(NotCommand::UnknownVersion(version.map_or_else(|| "none".to_owned(), |version| version.to_string()))),
    }
}

fn malformed(error: serde_json::Error) -> NotCommand {
    NotCommand::Malformed(error.to_string())
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
