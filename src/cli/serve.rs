//! Serving the API.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Failure;
use crate::api;
use crate::app::clock::{Clock, SystemClock};
use crate::app::ids::{Ids, OsIds};
use crate::app::sequencer::{Leading, Part};
use crate::app::{SIMULATED, Venue};
use crate::store::{Address, Tenure};
use crate::web;

/// The database when none is named.
pub(super) const DEFAULT_DATABASE: &str = "sqlite:gpubourse.db";
/// The address when none is named.
pub(super) const DEFAULT_BIND: &str = "127.0.0.1:8080";

/// Serves the API.
#[derive(Debug, Args)]
pub struct Serve {
    /// The database: a file, `sqlite:PATH` or `postgres://...`.
    #[arg(long, env = "GPUBOURSE_DATABASE_URL", default_value = DEFAULT_DATABASE)]
    database_url: String,
    /// What this server does among those of one PostgreSQL database. SQLite never leaves its machine and has one: all.
    #[arg(long, env = "GPUBOURSE_ROLE", value_enum, default_value_t)]
    role: Role,
    /// Where the other servers reach this one, as host:port; the address it listens on if not given.
    #[arg(long, env = "GPUBOURSE_ADVERTISE", value_parser = host_and_port)]
    advertise: Option<String>,
    /// How many milliseconds a server that writes may stand still before another takes over; the same for all.
    #[arg(long, env = "GPUBOURSE_LEASE_MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(500..=600_000))]
    lease_ms: u64,
    #[command(flatten)]
    listen: Listen,
}

/// What a server does among those of one database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Answers clients, and writes while no other server does.
    #[default]
    All,
    /// Writes while no other server does, and answers nobody but the other servers.
    Matcher,
    /// Answers clients and never writes: what changes something goes to the server that does.
    Api,
}

/// Where and how the server listens.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// The address to listen on.
    #[arg(long, env = "GPUBOURSE_BIND", default_value = DEFAULT_BIND)]
    bind: SocketAddr,
    /// Secrets of at least 32 characters that sign access tokens, newest first; made and kept in the database if none.
    #[arg(long, env = "GPUBOURSE_TOKEN_SECRETS", value_delimiter = ',', hide_env_values = true)]
    token_secrets: Vec<String>,
    /// Threads that serve requests; one per core if not given.
    #[arg(long)]
    workers: Option<usize>,
    /// Do not limit how many requests a key or an address may send.
    #[arg(long)]
    no_rate_limits: bool,
    /// Also answer POST /v1/echo with its own body: the yardstick of `bench http`.
    #[arg(long)]
    echo: bool,
    /// Answer nothing but the echo, without request ids, figures and access log: what those cost.
    #[arg(long, hide = true, conflicts_with = "echo")]
    bare_echo: bool,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if self.role != Role::All && matches!(Address::parse(&self.database_url)?, Address::Sqlite(_)) {
            let role = self.role.to_possible_value().map(|role| role.get_name().to_owned()).unwrap_or_default();
            let text =
                format!("--role {role} needs PostgreSQL: a SQLite database has one server, which does everything");
            return Err(Failure::new(text));
        }
        let part = if self.role == Role::Api { Part::Follower } else { Part::Candidate };
        // The address comes before the database: the lease names it.
        let listener = self.listen.bind()?;
        let holder = self.advertised(listener.local_addr()?);
        let tenure = Tenure { holder, ttl: Duration::from_millis(self.lease_ms) };
        let (clock, secrets) = (Arc::new(SystemClock), self.listen.token_secrets.clone());
        let venue = Venue::open_as((part, tenure.clone()), &self.database_url, clock, Arc::new(OsIds), secrets).await?;
        if part == Part::Candidate {
            // Whoever is alone writes at once: no client should have to hear that nobody does.
            venue.app().until_led(tenure.ttl).await;
        }
        self.listen.serve_on(listener, venue, self.role != Role::Matcher).await
    }

    fn advertised(&self, bound: SocketAddr) -> String {
        let advertised = self.advertise.clone().unwrap_or_else(|| bound.to_string());
        if self.advertise.is_none() && bound.ip().is_unspecified() {
            tracing::warn!(%bound, "no other machine reaches this server there; --advertise says where it does");
        }
        advertised
    }
}

impl Listen {
    /// Opens a database whose exchange lives by a clock.
    pub(super) async fn open_at(&self, database_url: &str, clock: Arc<dyn Clock>) -> Result<Venue, Failure> {
        let secrets = self.token_secrets.clone();
        Ok(Venue::open(database_url, clock, Arc::new(OsIds), secrets).await?)
    }

    const fn echo(&self) -> api::Echo {
        match (self.bare_echo, self.echo) {
            (true, _) => api::Echo::Bare,
            (false, true) => api::Echo::On,
            (false, false) => api::Echo::Off,
        }
    }

    fn bind(&self) -> Result<TcpListener, Failure> {
        TcpListener::bind(self.bind).map_err(|error| Failure::new(format!("cannot listen on {}: {error}", self.bind)))
    }

    /// Serves until SIGINT or SIGTERM, answers what was accepted, then closes the database.
    pub(super) async fn serve(&self, venue: Venue) -> Result<(), Failure> {
        self.serve_on(self.bind()?, venue, true).await
    }

    async fn serve_on(&self, listener: TcpListener, venue: Venue, serves_clients: bool) -> Result<(), Failure> {
        let config = api::Config {
            instance: instance_name()?,
            limits: if self.no_rate_limits { api::Limits::OFF } else { api::Limits::default() },
            echo: self.echo(),
            workers: self.workers,
            serves_clients,
        };
        let address = listener.local_addr()?;
        if venue.app().leading() == Leading::Here {
            venue.app().ensure_terms().await?;
        }
        let server = api::server(venue.app().clone(), &config, listener, web::pages())?;
        println!("serving on http://{address} (docs: http://{address}/docs); stop with Ctrl-C");
        if venue.app().is_simulated() {
            println!("{SIMULATED}: traders, orders and trades were made up");
        }
        let (handle, sequencer) = (server.handle(), venue.app().sequencer().clone());
        let settlement = tokio::spawn(venue.app().clone().settle_daily());
        let warming = tokio::spawn(venue.app().clone().warm());
        let ended = tokio::select! {
            done = server => done.map(|()| false)?,
            () = sequencer.closed() => true,
        };
        drop(sequencer);
        // They hold the way to the writer, which ends when nobody can ask any more.
        for task in [settlement, warming] {
            task.abort();
            drop(task.await);
        }
        if ended {
            handle.stop(true).await;
            return Err(Failure::new("this process may no longer write; start it again"));
        }
        venue.close();
        Ok(())
    }
}

/// Reads where a server is reached: a host or an address, and a port.
fn host_and_port(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':').filter(|(host, port)| {
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        !host.is_empty() && host.chars().all(is_host) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    parts.map(|_| text.to_owned()).ok_or_else(|| "must be host:port".to_owned())
}

/// Returns a word that tells this run's request ids from those of any other.
fn instance_name() -> Result<String, Failure> {
    let ids: &dyn Ids = &OsIds;
    let bytes: [u8; 4] = ids.random()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_reached_at_a_host_and_a_port() {
        for right in ["10.0.0.1:8080", "node-1.internal:80", "[2001:db8::1]:8080"] {
            assert_eq!(host_and_port(right), Ok(right.to_owned()));
        }
        for wrong in ["", "node-1", ":8080", "http://node-1:80", "node-1:0", "node-1:99999", "node 1:80"] {
            assert!(host_and_port(wrong).is_err(), "{wrong}");
        }
    }
}
