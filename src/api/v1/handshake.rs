//! `/v1/contracts/{id}/ready`, `/deliver`, `/accept`, `/object`, `/evidence`, `/terminate` and `/default`, and what admins
//! decide: disputes and recalls.

use actix_web::web::Data;
use serde::Deserialize;
use utoipa::ToSchema;

use super::deliveries::{DeliveryAnswer, show};
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, IdempotencyKey, PathId};
use crate::api::wire::DeliveryTime;
use crate::app::deliveries::DeliveryStep;
use crate::app::facade::Caller;
use crate::exchange::Access;
use crate::types::Window;

/// Where the GPUs are and how to enter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessBody {
    /// A name or address.
    #[schema(min_length = 1, max_length = 200)]
    pub host: String,
    /// A TCP port.
    pub port: u16,
    /// The host's public key, so that the renter knows whom it talks to.
    #[schema(min_length = 1, max_length = 8192)]
    pub host_key: String,
    /// The user to enter as.
    #[schema(min_length = 1, max_length = 200)]
    pub user: String,
    /// The secret, sealed on the provider's side to `recipient`; never send it in the clear.
    #[schema(min_length = 1, max_length = 8192)]
    pub sealed_secret: String,
    /// The public key it is sealed to: the one the buyer has registered, as the delivery shows it.
    pub recipient: String,
}

json_body!(AccessBody, {
    "host": "gpu-17.example.net",
    "port": 22,
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeKeyForTheDocumentation0000000000000000",
    "user": "renter",
    "sealed_secret": "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24=\n-----END AGE ENCRYPTED FILE-----\n",
    "recipient": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
});

/// A reason, for people.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

json_body!(ReasonBody, {"reason": "the host key differs"});

/// What a provider brings forward for slots in dispute.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceBody {
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// What, for people: a reference or a link.
    #[schema(min_length = 1, max_length = 200)]
    pub evidence: String,
}

json_body!(EvidenceBody, {
    "start": "2027-01-01T00:00:00Z",
    "end": "2027-01-01T00:30:00Z",
    "evidence": "switch port counters, ticket 4711",
});

/// How a dispute is decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// From.
    pub start: DeliveryTime,
    /// To.
    pub end: DeliveryTime,
    /// GPUs that count as up: from the buyer's report to the provider's.
    pub gpus_up: u32,
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

json_body!(DecisionBody, {
    "start": "2027-01-01T00:00:00Z",
    "end": "2027-01-01T00:30:00Z",
    "gpus_up": 8,
    "reason": "the counters show traffic",
});

async fn step(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    step: DeliveryStep,
) -> Reply<Answer<DeliveryAnswer>> {
    let standing = api.app.step_delivery(&caller, key.0, id.0, step).await?;
    Ok(Answer(show(&api.app, standing)?))
}

/// Says that the GPUs stand by.
pub async fn ready(api: Data<Api>, caller: Caller, id: PathId, key: IdempotencyKey) -> Reply<Answer<DeliveryAnswer>> {
    step(api, caller, id, key, DeliveryStep::Ready).await
}

/// Hands access over.
pub async fn deliver(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<AccessBody>,
) -> Reply<Answer<DeliveryAnswer>> {
    let AccessBody { host, port, host_key, user, sealed_secret, recipient } = body;
    let access = Access { host, port, host_key, user, sealed_secret, recipient };
    step(api, caller, id, key, DeliveryStep::Deliver(access)).await
}

/// Accepts what was handed over.
pub async fn accept(api: Data<Api>, caller: Caller, id: PathId, key: IdempotencyKey) -> Reply<Answer<DeliveryAnswer>> {
    step(api, caller, id, key, DeliveryStep::Accept).await
}

/// Sends back what was handed over.
pub async fn object(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<ReasonBody>,
) -> Reply<Answer<DeliveryAnswer>> {
    step(api, caller, id, key, DeliveryStep::Object { reason: body.reason }).await
}

/// Brings something forward for slots in dispute.
pub async fn evidence(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<EvidenceBody>,
) -> Reply<Answer<DeliveryAnswer>> {
    let EvidenceBody { start, end, evidence } = body;
    step(api, caller, id, key, DeliveryStep::Evidence { start: start.0, end: end.0, evidence }).await
}

/// Ends a contract by notice.
pub async fn terminate(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<ReasonBody>,
) -> Reply<Answer<DeliveryAnswer>> {
    step(api, caller, id, key, DeliveryStep::Terminate { reason: body.reason }).await
}

/// Proposes to recall a contract.
pub async fn propose_recall(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<ReasonBody>,
) -> Reply<Answer<DeliveryAnswer>> {
    let standing = api.app.recall(&caller, key.0, id.0, Some(body.reason)).await?;
    Ok(Answer(show(&api.app, standing)?))
}

/// Confirms what another admin has proposed.
pub async fn confirm_recall(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
) -> Reply<Answer<DeliveryAnswer>> {
    let standing = api.app.recall(&caller, key.0, id.0, None).await?;
    Ok(Answer(show(&api.app, standing)?))
}

/// Says that the seller will not deliver.
pub async fn default(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<ReasonBody>,
) -> Reply<Answer<DeliveryAnswer>> {
    step(api, caller, id, key, DeliveryStep::Default { reason: body.reason }).await
}

/// Decides how many GPUs were up in slots in dispute.
pub async fn decide(
    api: Data<Api>,
    caller: Caller,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body<DecisionBody>,
) -> Reply<Answer<DeliveryAnswer>> {
    let window = Window::new(body.start.0, body.end.0);
    let standing = api.app.decide_dispute(&caller, key.0, id.0, (window, body.gpus_up, body.reason)).await?;
    Ok(Answer(show(&api.app, standing)?))
}
