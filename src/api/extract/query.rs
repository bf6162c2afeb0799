//! Query strings, read as strictly as bodies.

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::future::{Ready, ready};
use utoipa::IntoParams;

use super::body::strict_value;
use crate::api::doc::{Describe, OperationDoc};
use crate::api::problem::Problem;

/// The query of a request. Every field must be a type that reads from text.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

impl<T: IntoParams> Describe for Query<T> {
    fn describe(operation: &mut OperationDoc) {
        operation.takes_query::<T>();
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|error| Problem::field("query", error.to_string()))?;
    let mut fields = Map::new();
    for (name, value) in pairs.into_inner() {
        // PostgreSQL refuses NUL in a text, and no other control character means anything in a query.
        if value.chars().any(char::is_control) {
            return Err(Problem::field(name, "must not contain control characters"));
        }
        if fields.insert(name.clone(), Value::String(value)).is_some() {
            return Err(Problem::field(name, "is given twice"));
        }
    }
    strict_value(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::{DeliveryTime, Whole};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Window {
        start: Option<DeliveryTime>,
        limit: Option<Whole>,
    }

    #[test]
    fn queries_are_strict() {
        let window: Window = read("start=2026-12-01T00%3A00%3A00Z&limit=7").unwrap();
        assert_eq!(
            (window.start.unwrap().0.to_rfc3339().as_str(), window.limit.unwrap().0),
            ("2026-12-01T00:00:00Z", 7)
        );
        for (query, field) in [
            ("start=x", "start"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("nope=1", "nope"),
            ("start=%00", "start"),
        ] {
            let document = read::<Window>(query).unwrap_err().document("r");
            assert_eq!((document.code, document.errors[0].field.as_str()), ("invalid_field", field), "{query}");
        }
    }
}
