//! Passing on: a node that does not write sends what changes something to the one that does.
//!
//! Invariant: a request is passed on at most once. It then carries a token that only nodes of this exchange can sign,
//! and a node that is handed it and does not write says so instead of passing it on again.
//! Invariant: "not applied" is said only of a request of which nothing was sent. What becomes of one that was sent and
//! not answered is not known.

use std::future::pending;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::http::{Method, Uri};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use awc::error::{ConnectError, SendRequestError};
use awc::{Client, Connector};

use super::Api;
use super::extract::RequestId;
use super::extract::body::{BODY_DEADLINE, arrive};
use super::extract::headers::X_REQUEST_ID;
use super::problem::Problem;
use super::v1::order_bodies::BATCH_BYTES_MAX;
use crate::app::AppError;
use crate::app::sequencer::Leading;

/// The header by which a node knows that another has passed a request on, and for whom.
pub const HOP: HeaderName = HeaderName::from_static("x-gpubourse-hop");
/// The header that says which host a request was made to.
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// How long the node that writes may take to accept a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(15);
/// How long its answer is waited for after another node has taken over: it may be on its way.
const LATE_ANSWER_WAIT: Duration = Duration::from_millis(500);
/// Less than a server keeps a connection that asks for nothing, so that none is closed while a request is sent.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Requests of one worker that are on their way at once.
const CONNECTIONS_MAX: usize = 1_024;
/// More than the longest answer to a request that changes something.
const ANSWER_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// Reads that only the node that writes can answer: whether it believes its clock is nowhere but in its memory, and a
/// session is renewed by a write.
const READS_OF_THE_WRITER: &[&str] = &["/v1/admin/clock", "/session/renew"];
/// The benchmark's yardstick changes nothing.
const ECHO: &str = "/v1/echo";
/// Headers about one connection, not about the request or the answer (RFC 9110, 7.6.1), and those that are made anew.
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-gpubourse-hop",
    "x-request-id",
];

/// Where a request comes from, as far as it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The address of whoever made it.
    pub address: Option<IpAddr>,
    /// Whether another node has passed it on.
    pub hopped: bool,
}

/// Where a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// On this node.
    Here,
    /// On the node at an address.
    There(String),
    /// Nowhere: no node writes, or none that can be told.
    Nowhere,
}

/// The way to the node that writes: one of each worker, which keeps its connections.
#[derive(Clone)]
pub struct Passage(Client);

impl Origin {
    /// Finds out where a request comes from: what a node that has passed it on says, else its connection.
    ///
    /// # Errors
    /// `invalid_hop` if no node of this exchange has said that.
    pub fn find(api: &Api, request: &ServiceRequest) -> Result<Self, Problem> {
        let Some(token) = request.headers().get(HOP) else {
            return Ok(Self { address: peer(request.request()), hopped: false });
        };
        let believed = token.to_str().ok().and_then(|token| api.app.accounts().verify_hop(token).ok());
        match believed {
            Some(address) => Ok(Self { address, hopped: true }),
            None => {
                // Guessing at tokens is charged as guessing at credentials is.
                api.gate.charge_address(peer(request.request()))?;
                Err(Problem::of("invalid_hop"))
            }
        }
    }

    /// Returns where a request comes from that has passed the edge.
    pub fn of(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<Self>().copied();
        known.unwrap_or_else(|| Self { address: peer(request), hopped: false })
    }
}

impl Destination {
    /// Decides where a request is answered.
    ///
    /// # Errors
    /// `misdirected` if this node answers other nodes alone.
    pub fn of(api: &Api, request: &ServiceRequest, hopped: bool) -> Result<Self, Problem> {
        if !api.serves_clients && !hopped && !is_service(request.path()) {
            return Err(Problem::of("misdirected"));
        }
        if !needs_the_writer(request.method(), request.path()) {
            return Ok(Self::Here);
        }
        match api.app.leading() {
            Leading::Here => Ok(Self::Here),
            // A command line at work on the database has no address.
            Leading::There(address) if !hopped && !address.is_empty() => Ok(Self::There(address)),
            Leading::There(_) | Leading::Nobody => Ok(Self::Nowhere),
        }
    }
}

impl Passage {
    /// Makes the way of a worker.
    pub fn new() -> Self {
        let connector = Connector::new().timeout(CONNECT_WAIT).conn_keep_alive(IDLE_MAX).limit(CONNECTIONS_MAX);
        let client = Client::builder().connector(connector).timeout(ANSWER_WAIT);
        Self(client.disable_redirects().no_default_headers().finish())
    }

    /// Passes a request on to the node at an address and returns what that answered.
    pub async fn pass(
        &self,
        api: &Api,
        mut request: ServiceRequest,
        to: &str,
        id: &RequestId,
    ) -> ServiceResponse<BoxBody> {
        let body = arrive(request.take_payload(), BATCH_BYTES_MAX, BODY_DEADLINE).await;
        let answer = match body {
            // Whoever takes over from a node that stands still knows what it has done; that node may never say it.
            Ok(body) => tokio::select! {
                answer = self.exchange(api, request.request(), body, to, id) => answer,
                () = replaced(api, to) => Err(AppError::Unknown.into()),
            },
            Err(problem) => Err(problem),
        };
        if request.path().starts_with("/v1/api-keys")
            && answer.as_ref().is_ok_and(|answer| answer.status().is_success())
        {
            // Whoever makes or revokes a key here finds it so here at once.
            if let Err(error) = api.app.accounts().reload_keys().await {
                tracing::warn!(%error, "the API keys could not be read again; the next note tries");
            }
        }
        let answer = answer.unwrap_or_else(|problem| problem.respond(&id.0));
        request.into_response(answer)
    }

    async fn exchange(
        &self,
        api: &Api,
        request: &HttpRequest,
        body: actix_web::web::Bytes,
        to: &str,
        id: &RequestId,
    ) -> Result<HttpResponse, Problem> {
        let hop = api.app.accounts().sign_hop(Origin::of(request).address)?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri = Uri::builder().scheme("http").authority(to).path_and_query(path).build();
        let uri = uri.map_err(|error| AppError::Internal(format!("a node is said to be at {to}: {error}")))?;
        let mut passed = self.0.request(request.method().clone(), uri);
        copy(request.headers(), passed.headers_mut());
        let passed = passed.insert_header((X_REQUEST_ID, &*id.0)).insert_header((HOP, hop));
        // Forms are taken from the host's own pages alone; the host is the one its visitor knows, not this next one.
        let passed = passed.insert_header((X_FORWARDED_HOST, request.connection_info().host().to_owned()));
        let mut answer = passed.send_body(body).await.map_err(|error| unanswered(&error, to))?;
        let bytes = answer.body().limit(ANSWER_BYTES_MAX).await.map_err(|error| {
            tracing::warn!(%error, to, "half an answer came from the node that writes");
            Problem::from(AppError::Unknown)
        })?;
        if !is_whole(answer.headers(), bytes.len()) {
            tracing::warn!(to, "half an answer came from the node that writes");
            return Err(AppError::Unknown.into());
        }
        let mut response = HttpResponse::new(answer.status()).set_body(BoxBody::new(bytes));
        copy(answer.headers(), response.headers_mut());
        Ok(response)
    }
}

impl Default for Passage {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers that nobody writes. The body is read first: what is left of it would cost its sender the connection, when
/// everybody needs theirs to try again.
pub async fn refuse(mut request: ServiceRequest, id: &RequestId) -> ServiceResponse<BoxBody> {
    let read = arrive(request.take_payload(), BATCH_BYTES_MAX, BODY_DEADLINE).await;
    let problem = read.err().unwrap_or_else(nobody_writes);
    request.into_response(problem.respond(&id.0))
}

/// Tells whether only the node that writes can answer.
fn needs_the_writer(method: &Method, path: &str) -> bool {
    match *method {
        // What the route table has besides reads. No other method does anything.
        Method::POST | Method::PATCH | Method::DELETE => path != ECHO,
        Method::GET | Method::HEAD => READS_OF_THE_WRITER.contains(&path),
        _ => false,
    }
}

/// Tells whether a path is for those who look after servers.
pub fn is_service(path: &str) -> bool {
    path.starts_with("/health/") || path == "/metrics"
}

/// Waits until another node writes than the one at an address, and a moment longer.
async fn replaced(api: &Api, address: &str) {
    if api.app.replaced(address).await.is_err() {
        return pending().await;
    }
    tokio::time::sleep(LATE_ANSWER_WAIT).await;
}

fn nobody_writes() -> Problem {
    Problem::from(AppError::NotApplied).saying("No server writes at the moment; another takes over within seconds.")
}

/// Says what is known of a request that was not answered.
fn unanswered(error: &SendRequestError, to: &str) -> Problem {
    tracing::warn!(%error, to, "the node that writes did not answer");
    let is_unsent = match error {
        SendRequestError::Url(_) | SendRequestError::Http(_) => true,
        // A connection that ends instead of an answer is an error of the same kind.
        SendRequestError::Connect(error) => matches!(
            error,
            ConnectError::Io(_) | ConnectError::Timeout | ConnectError::Resolver(_) | ConnectError::NoRecords
        ),
        _ => false,
    };
    if is_unsent { nobody_writes() } else { AppError::Unknown.into() }
}

/// Tells whether a body is as long as announced: the client takes the end of the connection for that of a body.
fn is_whole(headers: &HeaderMap, length: usize) -> bool {
    let announced = headers.get(header::CONTENT_LENGTH).map(|value| value.to_str().ok()?.parse::<usize>().ok());
    announced.map_or(length == 0, |announced| announced == Some(length))
}

/// Copies what is not about the connection.
fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    let named = from.get_all(header::CONNECTION).filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.flat_map(|names| names.split(',')).map(str::trim).collect();
    for (name, value) in from {
        let is_named = named.iter().any(|named| name.as_str().eq_ignore_ascii_case(named));
        if !is_named && !OF_THE_CONNECTION.contains(&name.as_str()) {
            to.append(name.clone(), value.clone());
        }
    }
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_needs_the_writer() {
        for (method, path, needs) in [
            (Method::POST, "/v1/orders", true),
            (Method::POST, "/v1/orders/preview", true),
            (Method::DELETE, "/v1/orders/x", true),
            (Method::PATCH, "/v1/listings/x", true),
            (Method::GET, "/v1/admin/clock", true),
            (Method::POST, "/login", true),
            (Method::GET, "/session/renew", true),
            (Method::GET, "/renter", false),
            (Method::GET, "/v1/orders", false),
            (Method::HEAD, "/v1/orders", false),
            (Method::POST, "/v1/echo", false),
            (Method::OPTIONS, "/v1/orders", false),
        ] {
            assert_eq!(needs_the_writer(&method, path), needs, "{method} {path}");
        }
    }

    #[test]
    fn headers_of_the_connection_stay_behind() {
        let mut from = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Mine"),
            ("x-mine", "1"),
            ("transfer-encoding", "chunked"),
            ("host", "a"),
            ("x-gpubourse-hop", "forged"),
            ("idempotency-key", "k"),
            ("authorization", "Bearer t"),
        ] {
            from.append(HeaderName::from_static(name), header::HeaderValue::from_static(value));
        }
        let mut to = HeaderMap::new();
        copy(&from, &mut to);
        let mut names: Vec<&str> = to.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "idempotency-key"]);
    }

    #[test]
    fn only_what_was_never_sent_is_said_to_be_not_applied() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        for (error, applied) in [
            (SendRequestError::Connect(ConnectError::Io(refused())), "not_applied"),
            (SendRequestError::Connect(ConnectError::Timeout), "not_applied"),
            (SendRequestError::Connect(ConnectError::Disconnected), "unknown"),
            (SendRequestError::Send(refused()), "unknown"),
            (SendRequestError::Timeout, "unknown"),
        ] {
            assert_eq!(unanswered(&error, "a:1").document("r").applied, Some(applied), "{error}");
        }
    }
}
