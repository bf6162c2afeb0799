//! The OpenAPI document, built from the signatures of the handlers.
//!
//! What an operation takes and answers is said by the types of its handler: every extractor and every answer
//! describes itself ([`Describe`]). Nothing is written a second time, so the document cannot drift from the code.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Paths, Ref,
    RefOr, Required, Response, ResponseBuilder, Schema, schema::Type,
};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::codes;
use super::problem::{FieldError, PROBLEM_JSON, ProblemDocument};
use super::routes::Route;
use super::v1::orders::StatusFilter;
use super::v1::words::{FormatWord, HorizonWord, IntervalWord, MarketWord, PerWord, StripWord, TenorWord};
use super::wire::{DeliveryTime, Id, Instant, Milli, Usd, UsdPerHour};
use crate::types::{
    ContractStatus, Interconnect, OrderReason, OrderStatus, OrganizationKind, SelfTrade, Side, SlaClass, TimeInForce,
};

/// The areas, in the order in which somebody new needs them.
const TAGS: &[(&str, &str)] = &[
    ("accounts", "Register, log in, make API keys for programs."),
    ("wallet", "What an organization owns, and how it moved. Bids need money; admins book deposits."),
    ("catalogue", "Products, and what providers list: sites and the capacity there."),
    ("trading", "Asks out of listings and contracts, bids for a window."),
    ("contracts", "What trades made, with the chain of title."),
    ("delivery", "From the handshake to settlement: access, heartbeats, disputes, terms."),
    (
        "market data",
        "Public: books, depth, trades, candles, index, drawdown, supply, forward curve, oversupply, imported prices.",
    ),
    ("admin", "For those who run the exchange and those who audit it."),
    ("audit", "Public: the head of the journal's hash chain."),
    ("service", "Health, figures and this document."),
];

const ABOUT: &str = "An exchange for GPU-hours: capacity listed, bids matched, contracts recorded.

Register at `/v1/auth/register`, log in at `/v1/auth/login`, and send what you get as `Authorization: Bearer ...`; \
programs use an API key of `/v1/api-keys` in its place. Money and prices are decimal strings in USD (prices per \
GPU-hour), times are RFC 3339 in UTC, delivery times whole minutes. Lists are read on with `cursor`. What goes wrong is \
answered as `application/problem+json`; its `code` is for programs. An order is repeated safely under its \
`client_order_id`, other requests under an `Idempotency-Key`. Where what the exchange holds was made up, every answer has \
the header `Gpubourse-Data: SIMULATED`, and series of its own trades and orders name `gpubourse SIMULATED` as their source.";

const SECURITY: &str = "bearer";
const JSON: &str = "application/json";

/// What takes part in an operation and can say how.
pub trait Describe {
    /// Adds itself to the operation.
    fn describe(operation: &mut OperationDoc);
}

/// The document of one operation, as its handler's types describe it.
#[derive(Default, Clone)]
pub struct OperationDoc {
    parameters: Vec<Parameter>,
    body: Option<(String, Value)>,
    responses: BTreeMap<u16, Response>,
    codes: BTreeSet<&'static str>,
    schemas: BTreeMap<String, RefOr<Schema>>,
    secured: bool,
}

impl OperationDoc {
    /// Says that the operation can fail with these codes.
    pub fn fails(&mut self, codes: &[&'static str]) {
        self.codes.extend(codes);
    }

    /// Says that the operation needs credentials.
    pub fn secure(&mut self) {
        self.secured = true;
        self.fails(&["unauthorized", "invalid_token", "expired_token", "too_many_requests"]);
    }

    /// Says that the operation takes a parameter.
    pub fn takes(&mut self, name: &str, place: ParameterIn, required: bool, prose: &str, schema: RefOr<Schema>) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(if required { Required::True } else { Required::False })
            .description(Some(prose))
            .schema(Some(schema));
        self.parameters.push(parameter.build());
    }

    /// Says that the operation takes a query.
    pub fn takes_query<T: IntoParams>(&mut self) {
        self.parameters.extend(T::into_params(|| Some(ParameterIn::Query)));
        self.fails(&["invalid_field"]);
    }

    /// Says that the operation takes a JSON body.
    pub fn takes_body<T: ToSchema>(&mut self, example: Value) {
        self.keep::<T>();
        self.body = Some((T::name().into_owned(), example));
        self.fails(&["malformed", "invalid_field", "body_too_large", "unsupported_media_type", "body_timeout"]);
    }

    /// Says that the operation answers with a JSON body.
    pub fn answers<T: ToSchema>(&mut self, status: u16, prose: &str, headers: &[(&str, &str)]) {
        self.keep::<T>();
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).build();
        let mut response = ResponseBuilder::new().description(prose).content(JSON, content);
        for (name, prose) in headers {
            let text = ObjectBuilder::new().schema_type(Type::String).build();
            response =
                response.header(*name, HeaderBuilder::new().schema(Some(text)).description(Some(*prose)).build());
        }
        self.responses.insert(status, response.build());
    }

    /// Says that the operation answers with text of a media type.
    pub fn answers_text(&mut self, status: u16, prose: &str, media_type: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let content = ContentBuilder::new().schema(Some(text)).build();
        self.responses.insert(status, ResponseBuilder::new().description(prose).content(media_type, content).build());
    }

    /// Says that the operation may answer with text of another media type instead.
    pub fn answers_also(&mut self, status: u16, media_type: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let content = ContentBuilder::new().schema(Some(text)).build();
        if let Some(response) = self.responses.get_mut(&status) {
            response.content.insert(media_type.to_owned(), content.into());
        }
    }

    /// Says that the operation answers without a body.
    pub fn answers_nothing(&mut self, status: u16, prose: &str) {
        self.responses.insert(status, ResponseBuilder::new().description(prose).build());
    }

    /// Says that what the operation answers is described by a schema.
    pub fn mentions<T: ToSchema>(&mut self) {
        self.keep::<T>();
    }

    fn keep<T: ToSchema>(&mut self) {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        schemas.push((T::name().into_owned(), T::schema()));
        self.schemas.extend(schemas);
    }

    fn operation(self, route: &Route) -> Operation {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(route.id))
            .tag(route.tag)
            .summary(Some(route.summary))
            .parameters(Some(self.parameters));
        if let Some((name, example)) = self.body {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).example(Some(example));
            let body = RequestBodyBuilder::new().content(JSON, content.build()).required(Some(Required::True));
            operation = operation.request_body(Some(body.build()));
        }
        if self.secured {
            operation = operation.security(SecurityRequirement::new::<_, [String; 0], String>(SECURITY, []));
        }
        for (status, response) in self.responses {
            operation = operation.response(status.to_string(), response);
        }
        for (status, codes) in by_status(&self.codes) {
            operation = operation.response(status.to_string(), problem_response(&codes));
        }
        operation.build()
    }
}

/// Returns the document of all routes.
pub fn openapi(routes: &[Route]) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = shared_schemas();
    for route in routes {
        let doc = route.doc.clone();
        schemas.extend(doc.schemas.clone());
        // The router's pattern for the rest of a path is no part of an OpenAPI template.
        let template = route.path.replace(":.*}", "}");
        paths.add_path_operation(template, vec![route.http_method()], doc.operation(route));
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token of /v1/auth/login, or an API key (`gpb_...`)."))
        .build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(SECURITY, SecurityScheme::Http(bearer))
        .build();
    let info =
        InfoBuilder::new().title("gpubourse").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build();
    let tags = TAGS.iter().map(|(name, prose)| TagBuilder::new().name(*name).description(Some(*prose)).build());
    OpenApiBuilder::new().info(info).tags(Some(tags)).paths(paths).components(Some(components)).build()
}

fn by_status(codes: &BTreeSet<&'static str>) -> BTreeMap<u16, Vec<&'static codes::Code>> {
    let mut statuses: BTreeMap<u16, Vec<&'static codes::Code>> = BTreeMap::new();
    for row in codes.iter().filter_map(|code| codes::find(code)) {
        statuses.entry(row.status).or_default().push(row);
    }
    statuses
}

fn problem_response(codes: &[&'static codes::Code]) -> Response {
    let prose: Vec<String> = codes.iter().map(|row| format!("`{}`: {}", row.code, row.prose)).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    ResponseBuilder::new().description(prose.join("\n\n")).content(PROBLEM_JSON, content).build()
}

fn shared_schemas() -> BTreeMap<String, RefOr<Schema>> {
    let mut schemas = BTreeMap::new();
    macro_rules! keep {
        ($($name:ty),+) => {$( schemas.insert(<$name>::name().into_owned(), <$name>::schema()); )+};
    }
    keep!(ProblemDocument, FieldError, Usd, UsdPerHour, Instant, DeliveryTime, Id, Milli);
    keep!(ContractStatus, Interconnect, OrderReason, OrderStatus, OrganizationKind, SelfTrade, Side, SlaClass);
    keep!(TimeInForce, StatusFilter, IntervalWord, FormatWord, MarketWord, TenorWord, StripWord, PerWord, HorizonWord);
    schemas
}
