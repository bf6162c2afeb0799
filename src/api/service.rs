//! What is not a resource: documentation, health and metrics.

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse, Responder, web::Data};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{ObjectBuilder, schema::Type};

use super::Api;
use super::answer::{Answer, Reply};
use super::doc::{Describe, OperationDoc};
use super::metrics::Standing;
use super::problem::Problem;
use crate::app::AppError;
use crate::app::sequencer::Leading;

/// Whether the server can serve.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
}

/// Whether the server can serve, and what it is among the nodes of its exchange.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// `writer`, or `follower` for one that answers reads and passes on what changes something.
    #[schema(example = "writer")]
    pub role: &'static str,
    /// The last journal row that reads reflect.
    #[schema(example = 42)]
    pub as_of: i64,
    /// False while no node writes, or none is known: then what changes something is answered with 503.
    pub takes_writes: bool,
    /// Whether what the exchange holds was made up (`demo --replay`): then every answer has `Gpubourse-Data: SIMULATED`.
    pub simulated: bool,
}

/// A text of some media type.
#[derive(Debug)]
pub struct Text<const JSON: bool>(pub String);

/// A page of the documentation.
#[derive(Debug)]
pub struct DocsPage(HttpResponse);

/// The part of a path after `/docs/`.
#[derive(Debug)]
pub struct Tail(String);

/// Says that the process runs.
pub async fn live() -> Reply<Answer<Health>> {
    Ok(Answer(Health { status: "ok" }))
}

/// Says that this server takes requests: the store answers, and its writer believes the clock. A follower is ready as
/// long as it follows, also while nobody writes: it still answers reads, and `takes_writes` says the rest.
pub async fn ready(api: Data<Api>) -> Reply<Answer<Readiness>> {
    if api.app.sequencer().is_closed() {
        return Err(AppError::NotApplied.into());
    }
    if api.app.sequencer().jump().ms().is_some() {
        return Err(AppError::ClockJumped.into());
    }
    api.app.audit_head().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        Problem::from(AppError::NotApplied)
    })?;
    let leading = api.app.leading();
    let role = if leading == Leading::Here { "writer" } else { "follower" };
    let (as_of, takes_writes) = (api.app.live().as_of(), leading != Leading::Nobody);
    let simulated = api.app.is_simulated();
    Ok(Answer(Readiness { status: "ok", role, as_of, takes_writes, simulated }))
}

/// Shows the figures of this server as Prometheus text.
pub async fn metrics(api: Data<Api>) -> Reply<Text<false>> {
    let (sequencer, leading) = (api.app.sequencer(), api.app.leading());
    let text = api.metrics.text(Standing {
        waiting: sequencer.waiting(),
        as_of: api.app.live().as_of(),
        clock_jump_ms: sequencer.jump().ms().unwrap_or_default(),
        writes: leading == Leading::Here,
        writer_known: leading != Leading::Nobody,
        streams: api.streams.count(),
    });
    text.map(Text).map_err(|error| AppError::Internal(error.to_string()).into())
}

/// Shows the OpenAPI document.
pub async fn openapi(api: Data<Api>) -> Reply<Text<true>> {
    Ok(Text(api.openapi.to_string()))
}

/// Leads to the documentation.
pub async fn docs_root() -> Reply<DocsPage> {
    Ok(DocsPage(HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()))
}

/// Shows the documentation; everything it needs is in the program.
pub async fn docs(tail: Tail) -> Reply<DocsPage> {
    let config = utoipa_swagger_ui::Config::new(["/openapi.json"]);
    let config = config.try_it_out_enabled(true).deep_linking(true).validator_url("none");
    let file = utoipa_swagger_ui::serve(&tail.0, Arc::new(config));
    match file.map_err(|error| Problem::from(AppError::Internal(error.to_string())))? {
        None => Err(Problem::of("not_found")),
        Some(file) => Ok(DocsPage(
            HttpResponse::Ok().insert_header((CONTENT_TYPE, file.content_type)).body(file.bytes.into_owned()),
        )),
    }
}

impl<const JSON: bool> Responder for Text<JSON> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header((CONTENT_TYPE, media_type(JSON))).body(self.0)
    }
}

impl<const JSON: bool> Describe for Text<JSON> {
    fn describe(operation: &mut OperationDoc) {
        operation.answers_text(200, "The text.", media_type(JSON));
    }
}

impl Responder for DocsPage {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0
    }
}

impl Describe for DocsPage {
    fn describe(operation: &mut OperationDoc) {
        operation.answers_text(200, "The page.", "text/html");
    }
}

impl actix_web::FromRequest for Tail {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self(request.match_info().get("tail").unwrap_or_default().to_owned())))
    }
}

impl Describe for Tail {
    fn describe(operation: &mut OperationDoc) {
        let text = ObjectBuilder::new().schema_type(Type::String);
        operation.takes("tail", ParameterIn::Path, true, "Which file.", text.into());
        operation.fails(&["not_found"]);
    }
}

const fn media_type(json: bool) -> &'static str {
    if json { "application/json" } else { "text/plain; version=0.0.4; charset=utf-8" }
}
