//! The commands: `demo`, `serve`, `import`, `verify`, `audit`, `admin`, `agent`, `simulate` and `bench`.

mod admin;
mod agent;
mod audit;
mod bench;
mod demo;
mod import;
mod report;
mod serve;
mod simulate;
mod verify;

use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::AppError;
use crate::store::StoreError;
use crate::telemetry::{self, LogFormat};

/// An exchange for GPU-hours.
#[derive(Debug, Parser)]
#[command(name = "gpubourse", version, about, max_term_width = 100)]
pub struct Cli {
    /// What is logged: error, warn, info, debug, trace, or a filter such as info,gpubourse=debug.
    #[arg(long, global = true, env = "GPUBOURSE_LOG", default_value = "warn")]
    log: String,
    /// How it is logged.
    #[arg(long, global = true, value_enum, default_value_t)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the exchange at work on real offers, then serves it.
    Demo(Box<demo::Demo>),
    /// Serves the API.
    Serve(Box<serve::Serve>),
    /// Reads offers and prices from files.
    Import(Box<import::Import>),
    /// Checks that the database is what its journal says.
    Verify(verify::Verify),
    /// Takes the story of a contract along and checks it.
    Audit(audit::Audit),
    /// Looks after people who run the exchange.
    Admin(admin::Admin),
    /// Reports how many GPUs of a contract are up, from the machine they are in.
    Agent(Box<agent::Agent>),
    /// Lets simulated traders and faults loose on the exchange, and audits everything.
    Simulate(simulate::Simulate),
    /// Measures.
    Bench(bench::Bench),
}

/// Why a command failed; shown to the person who typed it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        Self(match error {
            AppError::Internal(text) | AppError::Outage(text) => text,
            other => other.to_string(),
        })
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Runs what was typed.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = telemetry::start(&cli.log, cli.log_format).map_err(|error| Failure::new(error.to_string()));
    let done = done.and_then(|()| match cli.command {
        Command::Demo(demo) => block_on(demo.run()),
        Command::Serve(serve) => block_on(serve.run()),
        Command::Import(import) => block_on(import.run()),
        Command::Verify(verify) => verify.run(),
        Command::Audit(audit) => audit.run(),
        Command::Admin(admin) => block_on(admin.run()),
        Command::Agent(agent) => agent.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Bench(bench) => block_on(bench.run()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gpubourse: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    crate::api::block_on(work)
}
