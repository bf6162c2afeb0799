//! Serving the API.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use clap::Args;

use super::Failure;
use crate::api;
use crate::app::Venue;
use crate::app::clock::SystemClock;
use crate::app::ids::{Ids, OsIds};

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
    #[command(flatten)]
    listen: Listen,
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
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let venue = self.listen.open(&self.database_url).await?;
        self.listen.serve(venue).await
    }
}

impl Listen {
    pub(super) async fn open(&self, database_url: &str) -> Result<Venue, Failure> {
        let secrets = self.token_secrets.clone();
        Ok(Venue::open(database_url, Arc::new(SystemClock), Arc::new(OsIds), secrets).await?)
    }

    /// Serves until SIGINT or SIGTERM, answers what was accepted, then closes the database.
    pub(super) async fn serve(&self, venue: Venue) -> Result<(), Failure> {
        let config = api::Config {
            instance: instance_name()?,
            limits: if self.no_rate_limits { api::Limits::OFF } else { api::Limits::default() },
            echo: self.echo,
            workers: self.workers,
        };
        let listener = TcpListener::bind(self.bind)
            .map_err(|error| Failure::new(format!("cannot listen on {}: {error}", self.bind)))?;
        let address = listener.local_addr()?;
        let server = api::server(venue.app().clone(), &config, listener)?;
        println!("serving on http://{address} (docs: http://{address}/docs); stop with Ctrl-C");
        let (handle, sequencer) = (server.handle(), venue.app().sequencer().clone());
        let ended = tokio::select! {
            done = server => done.map(|()| false)?,
            () = sequencer.closed() => true,
        };
        drop(sequencer);
        if ended {
            handle.stop(true).await;
            return Err(Failure::new("this process may no longer write; start it again"));
        }
        venue.close();
        Ok(())
    }
}

/// Returns a word that tells this run's request ids from those of any other.
fn instance_name() -> Result<String, Failure> {
    let ids: &dyn Ids = &OsIds;
    let bytes: [u8; 4] = ids.random()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
