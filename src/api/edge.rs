//! The outermost layer: names the request, finds out where it comes from, limits strangers, passes on what another
//! node must answer, writes problem documents, counts and logs.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web::Data};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Api;
use super::extract::RequestId;
use super::extract::headers::X_REQUEST_ID;
use super::forward::{self, Destination, Origin, Passage, is_service};
use super::metrics::Stopwatch;
use super::problem::Problem;
use crate::app::{AppError, SIMULATED};

const NOSNIFF: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
const NO_STORE: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
/// Says on every answer that what the exchange holds was made up.
const EXCHANGE_DATA: HeaderName = HeaderName::from_static("gpubourse-data");
const UNMATCHED: &str = "unmatched";
const UNKNOWN_METHOD: &str = "other";

/// Hands out names for requests that come without one.
#[derive(Debug)]
pub struct RequestIds {
    instance: String,
    next: AtomicU64,
}

impl RequestIds {
    /// Makes names that begin with the name of this process.
    pub fn new(instance: impl Into<String>) -> Self {
        Self { instance: instance.into(), next: AtomicU64::new(1) }
    }

    fn make(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        RequestId(Rc::from(format!("{}-{number}", self.instance)))
    }
}

/// The middleware.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(api) = request.app_data::<Data<Api>>().cloned() else {
        return Err(Problem::from(AppError::Internal("no Api in app data".to_owned())).into());
    };
    let stopwatch = Stopwatch::start();
    let id = RequestId::of_caller(request.headers()).unwrap_or_else(|| api.request_ids.make());
    request.extensions_mut().insert(id.clone());
    let signed = request.headers().contains_key(AUTHORIZATION);
    let response = match admit(&api, &request, signed) {
        Ok(Destination::Here) => next.call(request).await?.map_into_boxed_body(),
        Ok(Destination::There(address)) => passage(&request)?.pass(&api, request, &address, &id).await,
        Ok(Destination::Nowhere) => forward::refuse(request, &id).await,
        Err(problem) => request.into_response(problem.respond(&id.0)),
    };
    let mut response = with_document(response, &id);
    finish(&api, &mut response, &id, signed);
    observe(&api, &response, &id, stopwatch.seconds());
    Ok(response)
}

/// Finds out where a request comes from and where it is answered.
fn admit(api: &Api, request: &ServiceRequest, signed: bool) -> Result<Destination, Problem> {
    let origin = Origin::find(api, request)?;
    request.extensions_mut().insert(origin);
    // Probes and scrapes come often, from few addresses, and cost nothing.
    if !signed && !is_service(request.path()) {
        api.gate.charge_address(origin.address)?;
    }
    Destination::of(api, request, origin.hopped)
}

fn passage(request: &ServiceRequest) -> Result<Passage, Problem> {
    let no_passage = || AppError::Internal("no Passage in app data".to_owned());
    Ok(request.app_data::<Passage>().cloned().ok_or_else(no_passage)?)
}

fn with_document(response: ServiceResponse<BoxBody>, id: &RequestId) -> ServiceResponse<BoxBody> {
    let problem = match response.response().error() {
        None => return response,
        Some(error) => error.as_error::<Problem>().cloned().unwrap_or_else(|| foreign(error)),
    };
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, problem.respond(&id.0))
}

/// Says an error of the framework itself in our words.
fn foreign(error: &Error) -> Problem {
    match error.as_response_error().status_code().as_u16() {
        404 => Problem::of("not_found"),
        408 => Problem::of("body_timeout"),
        413 => Problem::of("body_too_large"),
        400..=499 => Problem::of("malformed").saying(error.to_string()),
        _ => AppError::Internal(error.to_string()).into(),
    }
}

fn finish(api: &Api, response: &mut ServiceResponse<BoxBody>, id: &RequestId, signed: bool) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(NOSNIFF.0, NOSNIFF.1);
    if api.app.is_simulated() {
        headers.insert(EXCHANGE_DATA, HeaderValue::from_static(SIMULATED));
    }
    if signed {
        headers.insert(NO_STORE.0, NO_STORE.1);
    }
}

/// Anybody can invent methods; the figures have a place for each of ours and one for the rest.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PATCH | Method::DELETE => method.as_str(),
        _ => UNKNOWN_METHOD,
    }
}

fn observe(api: &Api, response: &ServiceResponse<BoxBody>, id: &RequestId, seconds: f64) {
    let request = response.request();
    let (method, status) = (known(request.method()), response.status().as_u16());
    let matched = request.match_pattern();
    let route = matched.as_deref().unwrap_or(UNMATCHED);
    api.metrics.count(method, route, status, seconds);
    let from = Origin::of(request).address;
    tracing::debug!(method, route, status, seconds, request_id = &*id.0, from = ?from, "answered");
}
