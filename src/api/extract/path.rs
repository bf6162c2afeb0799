//! Parts of paths. What does not have the form of an id or a symbol names nothing: 404.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use std::future::{Ready, ready};
use utoipa::PartialSchema;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{ObjectBuilder, schema::Type};
use uuid::Uuid;

use crate::api::doc::{Describe, OperationDoc};
use crate::api::problem::Problem;
use crate::api::wire::Id;
use crate::market::Month;
use crate::types::{PublicId, Symbol};

const MONTH: &str = r"^[0-9]{4}-(0[1-9]|1[0-2])$";

/// The `{id}` of a path: a number of the exchange. Whether it is of the right kind, and the caller's to see, is the
/// use case's to say, after it has looked at the caller's role.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub PublicId);

/// The `{id}` of a path, where it is a UUID of its own.
#[derive(Debug, Clone, Copy)]
pub struct PathUuid(pub Uuid);

/// The `{symbol}` of a path.
#[derive(Debug, Clone)]
pub struct PathSymbol(pub Symbol);

/// The `{month}` of a path, `YYYY-MM`.
#[derive(Debug, Clone, Copy)]
pub struct PathMonth(pub Month);

impl FromRequest for PathMonth {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let month = request.match_info().get("month").and_then(Month::parse);
        ready(month.map(Self).ok_or_else(|| Problem::of("not_found")))
    }
}

impl Describe for PathMonth {
    fn describe(operation: &mut OperationDoc) {
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(MONTH)).examples(["2026-12"]);
        operation.takes("month", ParameterIn::Path, true, "Which month, in UTC.", schema.into());
        operation.fails(&["not_found"]);
    }
}

impl FromRequest for PathId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(uuid(request).and_then(PublicId::from_uuid).map(Self).ok_or_else(|| Problem::of("not_found")))
    }
}

impl FromRequest for PathUuid {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(uuid(request).map(Self).ok_or_else(|| Problem::of("not_found")))
    }
}

impl FromRequest for PathSymbol {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let symbol = request.match_info().get("symbol").and_then(Symbol::new);
        ready(symbol.map(Self).ok_or_else(|| Problem::of("not_found")))
    }
}

impl Describe for PathId {
    fn describe(operation: &mut OperationDoc) {
        operation.takes("id", ParameterIn::Path, true, "Which.", Id::schema());
        operation.fails(&["not_found"]);
    }
}

impl Describe for PathUuid {
    fn describe(operation: &mut OperationDoc) {
        PathId::describe(operation);
    }
}

impl Describe for PathSymbol {
    fn describe(operation: &mut OperationDoc) {
        let schema = ObjectBuilder::new().schema_type(Type::String).examples(["h100-sxm-80gb"]);
        operation.takes("symbol", ParameterIn::Path, true, "Which product.", schema.into());
        operation.fails(&["not_found"]);
    }
}

fn uuid(request: &HttpRequest) -> Option<Uuid> {
    request.match_info().get("id").and_then(|text| Uuid::try_parse(text).ok())
}
