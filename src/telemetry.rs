//! Logs: one line per event on standard error, text for people or JSON for machines.

use std::io::{self, IsTerminal};

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
    // Colours are for whoever looks on, not for a file, which would have to be read around them (https://no-color.org).
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr);
    // Whoever came first has set the log up; that is what the second caller wants too.
    match format {
        LogFormat::Text => drop(log.try_init()),
        LogFormat::Json => drop(log.json().try_init()),
    }
    Ok(())
}
