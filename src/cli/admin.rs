//! People who run the exchange.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::Failure;
use super::serve::DEFAULT_DATABASE;
use crate::app::Venue;
use crate::app::clock::SystemClock;
use crate::app::ids::OsIds;

/// Looks after people who run the exchange.
#[derive(Debug, Args)]
pub struct Admin {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Makes an admin, or an auditor, who sees everything and changes nothing. Stop the server first.
    Create(Create),
}

#[derive(Debug, Args)]
struct Create {
    /// The database: a file, `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "GPUBOURSE_DATABASE_URL", default_value = DEFAULT_DATABASE)]
    database_url: String,
    /// Their e-mail address.
    #[arg(long)]
    email: String,
    /// Make an auditor.
    #[arg(long)]
    auditor: bool,
}

impl Admin {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let AdminCommand::Create(create) = self.command;
        create.run().await
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let password = read_password()?;
        let venue = Venue::open(&self.database_url, Arc::new(SystemClock), Arc::new(OsIds), Vec::new()).await?;
        let made = match self.auditor {
            true => venue.accounts().create_auditor(&self.email, password, "cli").await,
            false => venue.accounts().create_admin(&self.email, password, "cli").await,
        };
        venue.close();
        let role = if self.auditor { "auditor" } else { "admin" };
        println!("{role} {} created", made?);
        Ok(())
    }
}

/// Reads the password from standard input, so that it stands neither in the shell's history nor in `ps`.
fn read_password() -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        eprint!("password (shown as you type): ");
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err(Failure::new("no password on standard input")) } else { Ok(password.to_owned()) }
}
