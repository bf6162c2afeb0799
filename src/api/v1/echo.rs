//! `POST /v1/echo`: a benchmark aid, off unless configured.
//!
//! It passes the same middleware, key check and body reader as an order and then does nothing, so a load test can
//! say what share of its time the exchange itself takes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::answer::{Answer, Reply};
use crate::api::extract::Body;
use crate::api::extract::body::json_body;
use crate::app::facade::Caller;

/// Any JSON object.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct Echo(pub Value);

json_body!(Echo, {"anything": true});

/// Answers with the body.
pub async fn echo(_: Caller, Body(body): Body<Echo>) -> Reply<Answer<Echo>> {
    Ok(Answer(body))
}
