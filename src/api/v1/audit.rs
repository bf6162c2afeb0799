//! `/v1/audit/head`.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::answer::{Answer, Reply};

/// The head of the journal's hash chain: keep it, and `gpubourse verify --anchor SEQ:HASH` finds a rewritten chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditHead {
    /// The last sequence.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

/// Shows the head of the journal's hash chain.
pub async fn head(api: Data<Api>) -> Reply<Answer<AuditHead>> {
    let (sequence, hash) = api.app.audit_head().await?;
    Ok(Answer(AuditHead { sequence, hash }))
}
