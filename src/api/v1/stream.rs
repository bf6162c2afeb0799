//! `GET /v1/stream`: server-sent events, a snapshot and then what changed.

use actix_web::body::BoxBody;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::rt::{spawn, task::JoinHandle};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, dev::Payload};
use serde::Deserialize;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{ObjectBuilder, schema::Type};

use super::outbox::{Outbox, Outgoing};
use super::stream_events::{self, StreamEvent};
use crate::api::Api;
use crate::api::answer::Reply;
use crate::api::doc::{Describe, OperationDoc};
use crate::api::extract::caller::{address, bearer};
use crate::api::extract::{Query, RequestId};
use crate::api::problem::Problem;
use crate::api::streams::{Holder, Seat};
use crate::app::facade::Caller;
use crate::app::stream::{Following, Told, Topics};
use crate::app::{App, Scope};
use crate::types::limits::STREAM_TOPICS_MAX;
use crate::types::{OrganizationId, ProductId, Symbol};

/// The media type of a stream.
pub const EVENT_STREAM: &str = "text/event-stream";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies not to hold events back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How long a client hears nothing at most.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When browsers come back by themselves.
const RETRY: &str = "retry: 2000\n\n";
const COMMENT: &str = ":\n\n";

/// What to follow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StreamQuery {
    /// Up to 64, separated by commas: `trades:{symbol}` and `book:{symbol}` for everybody; `orders`, `contracts` and `balances`, those of the
    /// caller's organization.
    #[param(example = "trades:h100-sxm-80gb,book:h100-sxm-80gb")]
    pub topics: String,
}

/// Who follows, from where, and how far it was told.
#[derive(Debug)]
pub struct Listener {
    caller: Option<Caller>,
    /// The credentials: they are asked again as long as the stream lasts.
    bearer: Option<String>,
    address: Option<IpAddr>,
    last: Option<i64>,
    request_id: String,
    wants_body: bool,
}

/// 200 with events, or with the head alone.
pub struct Events(Option<Outgoing<Line>>);

/// What lives as long as the connection.
struct Line {
    teller: JoinHandle<()>,
    _seat: Seat,
}

/// Tells one client what happens.
struct Teller {
    app: App,
    following: Following,
    topics: Topics,
    bearer: Option<String>,
    request_id: String,
    outbox: Outbox,
    stopping: watch::Receiver<bool>,
    /// What was told up to this journal row before the client came is told at its pace.
    since: i64,
    beat: Interval,
}

/// Follows the market.
pub async fn stream(api: Data<Api>, listener: Listener, Query(query): Query<StreamQuery>) -> Reply<Events> {
    let topics = topics(&api.app, listener.caller.as_ref(), &query.topics)?;
    let seat =
        api.streams.sit(Holder::of(listener.caller.as_ref().map(|caller| &caller.principal), listener.address))?;
    if !listener.wants_body {
        return Ok(Events(None));
    }
    let following = api.app.follow(topics.clone(), listener.last).await;
    let outbox = Outbox::default();
    let mut beat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let teller = Teller {
        app: api.app.clone(),
        following,
        topics,
        bearer: listener.bearer,
        request_id: listener.request_id,
        outbox: outbox.clone(),
        stopping: api.streams.stopping(),
        since: api.app.live().as_of(),
        beat,
    };
    let teller = spawn(teller.run());
    Ok(Events(Some(outbox.outgoing(Line { teller, _seat: seat }))))
}

impl Teller {
    async fn run(mut self) {
        match self.tell().await {
            Ok(()) => self.outbox.end(),
            Err(problem) => self.outbox.end_with(stream_events::error(&problem, &self.request_id)),
        }
    }

    /// Tells until the server stops, or nothing more can be told.
    async fn tell(&mut self) -> Result<(), Problem> {
        self.send(RETRY.to_owned())?;
        loop {
            tokio::select! {
                biased;
                () = async { drop(self.stopping.wait_for(|stopping| *stopping).await) } => return Ok(()),
                _ = self.beat.tick() => {
                    self.authorize()?;
                    match self.following.pass() {
                        Some(passed) => self.say(&passed).await?,
                        None => self.send(COMMENT.to_owned())?,
                    }
                }
                next = self.following.next() => for told in next? {
                    self.authorize()?;
                    if told.previous.is_some() && told.sequence <= self.since {
                        self.wait().await?;
                    }
                    self.say(&told).await?;
                    // The connection is served by this thread too.
                    yield_now().await;
                },
            }
        }
    }

    /// Asks again whether the client may be told: credentials expire and are revoked while a stream lasts.
    fn authorize(&self) -> Result<(), Problem> {
        let Some(bearer) = &self.bearer else { return Ok(()) };
        let principal = self.app.accounts().authenticate(bearer)?;
        if self.topics.are_private() {
            let caller = Caller { principal, request_id: self.request_id.clone() };
            let own = Some(caller.member(Scope::Read)?);
            if [self.topics.orders, self.topics.contracts, self.topics.balances]
                .iter()
                .any(|of| of.is_some() && *of != own)
            {
                return Err(Problem::of("role_required"));
            }
        }
        Ok(())
    }

    /// Waits until the client has read what it was told. What it missed may be more than may wait for it.
    async fn wait(&mut self) -> Result<(), Problem> {
        let stopped = self.stopping.wait_for(|stopping| *stopping);
        tokio::select! {
            // Whoever stops is seen to where the stream goes on.
            _ = stopped => Ok(()),
            () = self.outbox.emptied() => Ok(()),
            () = sleep(HEARTBEAT) => Err(Problem::of("slow_consumer")),
        }
    }

    async fn say(&self, told: &Told) -> Result<(), Problem> {
        let event = stream_events::text(&self.app, &self.topics, told).await?;
        self.send(event)
    }

    fn send(&self, event: String) -> Result<(), Problem> {
        self.outbox.push(event).map_err(|_| Problem::of("slow_consumer"))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.teller.abort();
    }
}

impl FromRequest for Listener {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // Credentials that are none are refused, though without any there is something to hear.
        let caller = match request.headers().contains_key(AUTHORIZATION) {
            true => Caller::from_request(request, payload).into_inner().map(Some),
            false => Ok(None),
        };
        ready(caller.and_then(|caller| {
            Ok(Self {
                caller,
                bearer: bearer(request).map(str::to_owned),
                address: address(request),
                last: last_event_id(request)?,
                request_id: RequestId::of(request).0.to_string(),
                wants_body: request.method() != Method::HEAD,
            })
        }))
    }
}

impl Describe for Listener {
    fn describe(operation: &mut OperationDoc) {
        let prose =
            "The `seq` of the last event that was read: the stream goes on after it, or begins with another snapshot.";
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,18}$"));
        operation.takes("Last-Event-ID", ParameterIn::Header, false, prose, text.into());
        operation.fails(&["invalid_field", "unauthorized", "invalid_token", "expired_token", "too_many_requests"]);
        operation.fails(&["role_required", "scope_required"]);
    }
}

impl Responder for Events {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, EVENT_STREAM));
        response.insert_header((CACHE_CONTROL, "no-store"));
        response.insert_header((X_ACCEL_BUFFERING, "no"));
        match self.0 {
            Some(outgoing) => response.streaming(outgoing),
            None => response.finish(),
        }
    }
}

impl Describe for Events {
    fn describe(operation: &mut OperationDoc) {
        let prose = "Server-sent events, the data of each a `StreamEvent`. First `snapshot`, then a `delta` for each batch \
            of the journal that changed something, once it is durable; its `previous` is the `seq` of the event before. \
            Another `snapshot` comes where the stream could not go on. A comment comes where there is nothing else for 15 \
            seconds. `error` is the last event of a stream that is closed; its data is a `Problem`, such as \
            `slow_consumer` for a client that is 1 MiB behind, or `expired_token`.";
        operation.answers_text(200, prose, EVENT_STREAM);
        operation.mentions::<StreamEvent>();
        operation.fails(&["slow_consumer"]);
    }
}

fn last_event_id(request: &HttpRequest) -> Result<Option<i64>, Problem> {
    let Some(value) = request.headers().get(LAST_EVENT_ID) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| Problem::field("Last-Event-ID", "must be the id of an event of this stream"))
}

fn topics(app: &App, caller: Option<&Caller>, text: &str) -> Result<Topics, Problem> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if names.len() > STREAM_TOPICS_MAX {
        return Err(Problem::field("topics", format!("must be at most {STREAM_TOPICS_MAX}")));
    }
    let own = || -> Result<OrganizationId, Problem> {
        Ok(caller.ok_or_else(|| Problem::of("unauthorized"))?.member(Scope::Read)?)
    };
    let mut topics = Topics::default();
    for name in names {
        match name.split_once(':') {
            Some(("trades", symbol)) => topics.trades.extend([product(app, symbol)?]),
            Some(("book", symbol)) => topics.books.extend([product(app, symbol)?]),
            None if name == "orders" => topics.orders = Some(own()?),
            None if name == "contracts" => topics.contracts = Some(own()?),
            None if name == "balances" => topics.balances = Some(own()?),
            _ => return Err(Problem::field("topics", format!("{name:?} is no topic"))),
        }
    }
    Ok(topics)
}

fn product(app: &App, symbol: &str) -> Result<(ProductId, Symbol), Problem> {
    let found = Symbol::new(symbol).and_then(|symbol| Some((app.product(&symbol).ok()?.id, symbol)));
    found.ok_or_else(|| Problem::field("topics", format!("there is no product {symbol:?}")))
}
