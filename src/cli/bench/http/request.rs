//! The bytes of requests.

use serde_json::{Value, json};

use crate::cli::bench::stream::Cast;

pub(super) const ECHO: &str = "/v1/echo";
pub(super) const ORDERS: &str = "/v1/orders";
pub(super) const BATCHES: &str = "/v1/orders/batch";

/// Returns a request with the order of a number.
pub(super) fn order(cast: &Cast, path: &str, number: u64) -> Vec<u8> {
    cast.draft(number).map(|draft| post(path, draft.key(), &draft.body())).unwrap_or_default()
}

/// Returns a request with the orders of the batch of a number.
pub(super) fn batch(cast: &Cast, number: u64, count: u64) -> Vec<u8> {
    let drafts = cast.batch(number, count);
    let Some(first) = drafts.first() else { return Vec::new() };
    let orders: Vec<Value> = drafts.iter().map(|draft| draft.body()).collect();
    post(BATCHES, first.key(), &json!({ "orders": orders }))
}

pub(in crate::cli::bench) fn post(path: &str, key: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(super) fn get(path: &str, key: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
}
