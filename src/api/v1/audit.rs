//! `/v1/audit/head`.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::types::hex;

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
    // Before the first command the head is what the first row is chained to.
    let (sequence, hash) = api.app.audit_head().await?.map_or((0, [0; 32]), |row| (row.sequence, row.hash));
    Ok(Answer(AuditHead { sequence, hash: hex(&hash) }))
}
