//! The JSON API: one route table, one error table, extractors, and one file for each resource.
//!
//! Invariants: handlers decide nothing (use cases in [`crate::app`] do); nothing blocks a worker; whatever goes
//! wrong is answered as a problem document under the request's id.

pub mod answer;
pub mod codes;
pub mod csv;
pub mod doc;
pub mod edge;
pub mod extract;
pub mod forward;
pub mod limits;
pub mod metrics;
pub mod page;
pub mod problem;
pub mod routes;
pub mod service;
pub mod streams;
pub mod v1;
pub mod wire;

use actix_web::dev::Server;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App as Actix, HttpServer, web};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

pub use limits::{Limits, Rate};

use crate::app::{App, AppError};
use edge::RequestIds;
use forward::Passage;
use limits::Gate;
use metrics::Metrics;
use problem::Problem;
use streams::Streams;
use wire::Whole;

const HEAD_DEADLINE: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const SHUTDOWN_S: u64 = 30;

/// How the API is served.
#[derive(Debug, Clone)]
pub struct Config {
    /// Names this process in request ids.
    pub instance: String,
    /// Rate limits.
    pub limits: Limits,
    /// Whether `POST /v1/echo` is there.
    pub echo: Echo,
    /// Worker threads; one for each core if absent.
    pub workers: Option<usize>,
    /// Whether clients are answered, and not only what other nodes pass on.
    pub serves_clients: bool,
}

/// Whether there is an echo: a benchmark aid, see [`v1::echo`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Echo {
    /// There is none.
    #[default]
    Off,
    /// Behind the same middleware as everything else.
    On,
    /// Nothing else is there, not even the middleware: what an echo costs without it.
    Bare,
}

/// What all workers share.
pub struct Api {
    /// The use cases.
    pub app: App,
    /// The rate limiters.
    pub gate: Gate,
    /// The figures.
    pub metrics: Metrics,
    /// Names for requests.
    pub request_ids: RequestIds,
    /// Who follows.
    pub streams: Arc<Streams>,
    /// The OpenAPI document.
    pub openapi: String,
    /// Whether clients are answered, and not only what other nodes pass on.
    pub serves_clients: bool,
    echo: Echo,
}

impl Api {
    /// Puts the parts together.
    ///
    /// # Errors
    /// If the figures or the document cannot be made: a bug.
    pub fn new(app: App, config: &Config) -> Result<Self, AppError> {
        let internal = |error: &dyn std::fmt::Display| AppError::Internal(error.to_string());
        let document = doc::openapi(&routes::routes(config.echo != Echo::Off));
        Ok(Self {
            app,
            gate: Gate::new(config.limits),
            metrics: Metrics::new().map_err(|error| internal(&error))?,
            request_ids: RequestIds::new(config.instance.clone()),
            streams: Arc::default(),
            openapi: document.to_json().map_err(|error| internal(&error))?,
            serves_clients: config.serves_clients,
            echo: config.echo,
        })
    }

    /// Waits until the view reflects the sequence a read asks for.
    ///
    /// # Errors
    /// `view_behind` if that takes too long.
    pub async fn fresh(&self, min_sequence: Option<Whole>) -> Result<(), Problem> {
        match min_sequence {
            Some(Whole(sequence)) if !self.app.live().reaches(sequence).await => Err(Problem::view_behind()),
            _ => Ok(()),
        }
    }
}

/// Registers every route of the API.
pub fn configure(api: &web::Data<Api>) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let api = api.clone();
    move |config| {
        let table = if api.echo == Echo::Bare { vec![routes::echo()] } else { routes::routes(api.echo == Echo::On) };
        config.app_data(api);
        config.app_data(Passage::new());
        routes::configure(config, &table);
    }
}

/// Serves the API, and pages beside it, on a listener. On SIGINT or SIGTERM, or when the handle is stopped, it takes no
/// new connections and answers what it has accepted.
///
/// # Errors
/// If the listener cannot be used.
pub fn server(
    app: App,
    config: &Config,
    listener: TcpListener,
    pages: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let api = web::Data::new(Api::new(app, config).map_err(std::io::Error::other)?);
    let shared = api.clone();
    let has_edge = config.echo != Echo::Bare;
    let service = move || {
        let edge = Condition::new(has_edge, from_fn(edge::edge));
        let pages = has_edge.then(|| pages.clone());
        Actix::new()
            .wrap(edge)
            .configure(configure(&shared))
            .configure(|config| pages.into_iter().for_each(|f| f(config)))
    };
    let (told, streams) = (told_to_stop()?, Arc::clone(&api.streams));
    let stop = async move {
        told.await;
        streams.stop();
    };
    let mut server = HttpServer::new(service)
        .client_request_timeout(HEAD_DEADLINE)
        .keep_alive(KEEP_ALIVE)
        .shutdown_signal(stop)
        .shutdown_timeout(SHUTDOWN_S);
    if let Some(workers) = config.workers {
        server = server.workers(workers);
    }
    Ok(server.listen(listener)?.run())
}

/// Waits for SIGINT or SIGTERM. Left to itself the framework drops what it has accepted on SIGINT, after the writer
/// may have done it: whoever stops a server with Ctrl-C means the same as whoever sends SIGTERM.
#[cfg(unix)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// Runs a future on the kind of runtime the server needs.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(work)
}
