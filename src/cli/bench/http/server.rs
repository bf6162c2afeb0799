//! The server, as a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::cli::Failure;

/// A running server; it ends with this value.
pub(in crate::cli::bench) struct Server {
    child: Child,
    pub(in crate::cli::bench) address: SocketAddr,
}

impl Server {
    /// Starts it on a database, with some switches.
    pub(in crate::cli::bench) fn start(url: &str, switches: &[&str]) -> Result<Self, Failure> {
        Self::spawn(Command::new(std::env::current_exe()?), switches, url)
    }

    /// As [`Server::start`]; it writes what a filter lets through to a log.
    pub(in crate::cli::bench) fn start_logging(
        url: &str,
        switches: &[&str],
        filter: &str,
        log: &Path,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--log", filter]).stderr(File::create(log)?);
        Self::spawn(command, switches, url)
    }

    fn spawn(mut command: Command, switches: &[&str], url: &str) -> Result<Self, Failure> {
        let mut child = command
            .args(["serve", "--bind", "127.0.0.1:0", "--no-rate-limits", "--database-url", url])
            .args(switches)
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let said = lines.and_then(|mut lines| lines.next()).transpose()?.unwrap_or_default();
        let address = said.split("http://").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        match address {
            Some(address) => Ok(Self { child, address }),
            None => Err(Failure::new(format!("the server did not say where it listens, but {said:?}"))),
        }
    }

    /// Has it answer what it was asked, give the right to write back, and end.
    pub(in crate::cli::bench) fn stop(mut self) -> Result<(), Failure> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        if !told.success() {
            return Err(Failure::new("the server cannot be told to stop"));
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
