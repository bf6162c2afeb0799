//! Headers with a meaning: `X-Request-Id` and `Idempotency-Key`.

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use std::future::{Ready, ready};
use std::rc::Rc;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

use crate::api::csv::CSV;
use crate::api::doc::{Describe, OperationDoc};
use crate::api::problem::Problem;
use crate::types::limits::KEY_CHARS_MAX;

/// The header that names a request.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const REQUEST_ID_CHARS_MAX: usize = 64;

/// The name of the request: the caller's, if it is 1 to 64 visible ASCII characters, else the server's.
#[derive(Debug, Clone)]
pub struct RequestId(pub Rc<str>);

/// The caller's `Idempotency-Key`, if there is one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<String>);

/// The caller's `Idempotency-Key`, on requests that move money.
#[derive(Debug, Clone)]
pub struct RequiredIdempotencyKey(pub String);

/// Whether the caller would rather have a file for spreadsheets than JSON: `Accept: text/csv`.
#[derive(Debug, Clone, Copy)]
pub struct AcceptsCsv(pub bool);

impl FromRequest for AcceptsCsv {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        ready(Ok(Self(accepted.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == CSV))))
    }
}

impl Describe for AcceptsCsv {
    fn describe(_: &mut OperationDoc) {}
}

impl RequestId {
    /// Returns the caller's name for the request, if it has an acceptable one.
    pub fn of_caller(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(X_REQUEST_ID)?.to_str().ok()?;
        is_visible(text, REQUEST_ID_CHARS_MAX).then(|| Self(Rc::from(text)))
    }

    /// Returns the name the edge gave the request.
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self(Rc::from("none")))
    }
}

impl FromRequest for RequestId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(key_of(request.headers()).map(Self))
    }
}

impl FromRequest for RequiredIdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = key_of(request.headers());
        ready(key.and_then(|key| key.map(Self).ok_or_else(|| Problem::of("idempotency_key_required"))))
    }
}

impl Describe for RequestId {
    fn describe(_: &mut OperationDoc) {}
}

impl Describe for IdempotencyKey {
    fn describe(operation: &mut OperationDoc) {
        let prose = "A repeat with the same key within 24 hours does nothing and answers as the first request.";
        operation.takes(IDEMPOTENCY_KEY, ParameterIn::Header, false, prose, key_schema());
        operation.fails(&["invalid_field", "idempotency_key_reused"]);
    }
}

impl Describe for RequiredIdempotencyKey {
    fn describe(operation: &mut OperationDoc) {
        let prose = "Required: a repeat with the same key within 24 hours does nothing and answers as the first.";
        operation.takes(IDEMPOTENCY_KEY, ParameterIn::Header, true, prose, key_schema());
        operation.fails(&["invalid_field", "idempotency_key_required", "idempotency_key_reused"]);
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|text| is_visible(text, KEY_CHARS_MAX));
    let message = || format!("must be 1 to {KEY_CHARS_MAX} visible ASCII characters");
    key.map(|key| Some(key.to_owned())).ok_or_else(|| Problem::field(IDEMPOTENCY_KEY, message()))
}

fn is_visible(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn key_schema() -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]+$"));
    text.min_length(Some(1)).max_length(Some(KEY_CHARS_MAX)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn keys_are_visible_ascii_of_bounded_length() {
        let key = |value: &str| {
            key_of(TestRequest::post().insert_header((IDEMPOTENCY_KEY, value)).to_http_request().headers())
        };
        assert_eq!(key("deposit-1").unwrap(), Some("deposit-1".to_owned()));
        for wrong in ["", "a b", &"k".repeat(KEY_CHARS_MAX + 1)] {
            assert_eq!(key(wrong).unwrap_err().code(), "invalid_field", "{wrong}");
        }
        assert_eq!(key_of(TestRequest::post().to_http_request().headers()).unwrap(), None);
    }

    #[test]
    fn a_callers_request_id_is_taken_if_it_is_harmless() {
        let id = |value: &str| {
            let request = TestRequest::get().insert_header((X_REQUEST_ID, value)).to_http_request();
            RequestId::of_caller(request.headers()).map(|id| id.0.to_string())
        };
        assert_eq!(id("abc-1"), Some("abc-1".to_owned()));
        assert_eq!(id("with space"), None);
        assert_eq!(id(&"x".repeat(65)), None);
    }
}
