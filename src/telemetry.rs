//! Logs: one line per event on standard error, text for people or JSON for machines.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Starts the log. A second call changes nothing.
///
/// # Errors
/// If the filter is not one, such as `info,gpubourse=debug`.
pub fn start(filter: &str, format: LogFormat) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Whoever came first has set the log up; that is what the second caller wants too.
    match format {
        LogFormat::Text => drop(log.try_init()),
        LogFormat::Json => drop(log.json().try_init()),
    }
    Ok(())
}
