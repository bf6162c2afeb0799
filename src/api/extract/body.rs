//! JSON bodies: 400 if it is not JSON, 422 with the dotted field if it is not what the route takes, 413, 415, 408.

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use utoipa::ToSchema;

use crate::api::doc::{Describe, OperationDoc};
use crate::api::problem::Problem;

/// Bytes of a body, unless its type says otherwise.
pub const BODY_BYTES_MAX: usize = 256 * 1_024;
/// How long a body may take to arrive.
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A type that comes as the JSON body of a request.
pub trait JsonBody: ToSchema + Sized + 'static {
    /// Its most bytes.
    const BYTES_MAX: usize = BODY_BYTES_MAX;

    /// Reads it.
    ///
    /// # Errors
    /// `malformed` or `invalid_field`.
    fn read(bytes: &[u8]) -> Result<Self, Problem>;

    /// Returns an example for the documentation.
    fn example() -> Value;
}

/// Makes a type with `Deserialize` and `ToSchema` a [`JsonBody`] with an example.
macro_rules! json_body {
    ($name:ty, $($example:tt)+) => {
        impl $crate::api::extract::JsonBody for $name {
            fn read(bytes: &[u8]) -> Result<Self, $crate::api::problem::Problem> {
                $crate::api::extract::strict(bytes)
            }

            fn example() -> serde_json::Value {
                serde_json::json!($($example)+)
            }
        }
    };
}

pub(crate) use json_body;

/// The JSON body of a request.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: JsonBody> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (json, announced) = (is_json(request), announced(request));
        let payload = payload.take();
        Box::pin(async move {
            if !json {
                return Err(Problem::of("unsupported_media_type"));
            }
            if announced.is_some_and(|bytes| bytes > T::BYTES_MAX) {
                return Err(too_large(T::BYTES_MAX));
            }
            T::read(&arrive(payload, T::BYTES_MAX, BODY_DEADLINE).await?).map(Self)
        })
    }
}

impl<T: JsonBody> Describe for Body<T> {
    fn describe(operation: &mut OperationDoc) {
        operation.takes_body::<T>(T::example());
    }
}

/// Reads a JSON text as a type, naming the field that does not fit.
///
/// # Errors
/// `malformed` or `invalid_field`.
pub fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(of_path)?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Reads a JSON value as a type, naming the field that does not fit.
///
/// # Errors
/// `invalid_field`.
pub fn strict_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(of_path)
}

fn of_path(error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    if !error.inner().is_data() {
        return malformed(error.inner());
    }
    let message = without_position(&error.inner().to_string());
    let path = error.path().to_string();
    let parent = if path == "." { String::new() } else { path };
    // serde names a missing or repeated field only in the message; the path is that of its parent.
    let named = ["missing field `", "duplicate field `"].iter().find_map(|start| message.strip_prefix(start));
    let field = match named.and_then(|rest| rest.split('`').next()) {
        Some(name) if parent.is_empty() => name.to_owned(),
        Some(name) => format!("{parent}.{name}"),
        None => parent,
    };
    Problem::field(field, message)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::of("malformed").saying(error.to_string())
}

fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(front, _)| front).to_owned()
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let utf8 = |part: &str| {
        let charset = part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        charset.is_none_or(|(_, charset)| charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
    };
    media.eq_ignore_ascii_case("application/json") && parts.all(utf8)
}

/// How many bytes the request says it has; what it really has is counted.
fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::of("body_too_large").saying(format!("the body exceeds {bytes_max} bytes"))
}

/// Reads a body to its end.
///
/// # Errors
/// `body_too_large`, `body_timeout`, or `malformed` if it breaks off.
pub(crate) async fn arrive(payload: Payload, bytes_max: usize, deadline: Duration) -> Result<Bytes, Problem> {
    let arrived = tokio::time::timeout(deadline, collect(payload, bytes_max)).await;
    arrived.map_err(|_| Problem::of("body_timeout"))?
}

async fn collect(mut payload: Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::of("malformed").saying(error.to_string()))?;
        if bytes.len().saturating_add(chunk.len()) > bytes_max {
            return Err(too_large(bytes_max));
        }
        if bytes.is_empty() && bytes.capacity() == 0 {
            bytes = BytesMut::from(chunk);
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        gpus: u32,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        price: crate::api::wire::UsdPerHour,
        regions: Option<Vec<String>>,
    }

    #[test]
    fn a_bad_field_is_named_in_dotted_form() {
        for (text, field, message) in [
            (r#"{"gpus": "8"}"#, "gpus", "invalid type: string \"8\", expected u32"),
            (r#"{"gpus": -1}"#, "gpus", "invalid value: integer `-1`, expected u32"),
            (r#"{"gpus": 1.5}"#, "gpus", "invalid type: floating point `1.5`, expected u32"),
            (r#"{}"#, "gpus", "missing field `gpus`"),
            (r#"{"gpus": 1, "inner": {}}"#, "inner.price", "missing field `price`"),
            (r#"{"gpus": 1, "inner": {"price": "1e3"}}"#, "inner.price", "must be a decimal string"),
            (r#"{"gpus": 1, "inner": {"price": "1", "regions": ["a", 1]}}"#, "inner.regions[1]", "invalid type"),
            (r#"{"gpus": 1, "gpu": 1}"#, "gpu", "unknown field `gpu`"),
            (r#"{"gpus": 1, "gpus": 2}"#, "gpus", "duplicate field `gpus`"),
            (r#"[]"#, "", "invalid length 0"),
        ] {
            let document = strict::<Outer>(text.as_bytes()).unwrap_err().document("r");
            assert_eq!((document.status, document.code), (422, "invalid_field"), "{text}");
            assert_eq!(document.errors[0].field, field, "{text}");
            assert!(document.errors[0].message.starts_with(message), "{text}: {}", document.errors[0].message);
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in ["", "{", "{\"gpus\": 1} x", "\u{1}", "{\"gpus\": 01}"] {
            assert_eq!(strict::<Outer>(text.as_bytes()).unwrap_err().code(), "malformed", "{text}");
        }
    }

    #[actix_web::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let part = futures_util::stream::iter([Ok(Bytes::from_static(b"{"))]);
        let payload: Payload = Payload::Stream { payload: part.chain(futures_util::stream::pending()).boxed_local() };
        let problem = arrive(payload, 10, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(problem.document("r").status, 408);
    }

    #[test]
    fn the_content_type_must_be_json() {
        let json = |value: &str| {
            let request = actix_web::test::TestRequest::post().insert_header((CONTENT_TYPE, value)).to_http_request();
            is_json(&request)
        };
        assert!(json("application/json") && json("Application/JSON; charset=UTF-8"));
        assert!(!json("text/plain") && !json("application/json; charset=latin1") && !json(""));
    }
}
