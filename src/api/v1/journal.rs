//! `/v1/admin/journal`.

use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::products::PageQuery;
use crate::api::Api;
use crate::api::answer::{Answer, Reply};
use crate::api::extract::Query;
use crate::api::page::{self, Page};
use crate::api::problem::Problem;
use crate::api::wire::Instant;
use crate::app::AppError;
use crate::app::facade::Caller;
use crate::app::reads;
use crate::types::hex;

/// One executed or refused command.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalRow {
    /// Its place.
    pub sequence: i64,
    /// When it was sequenced.
    pub at: Instant,
    /// Who asked: `user:<uuid>`, `key:<uuid>` or `system`.
    pub actor: String,
    /// Under which request.
    pub request_id: String,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// What was asked.
    #[schema(value_type = Object)]
    pub command: Value,
    /// What came of it: `ok`, `replayed` or the code of the refusal.
    pub outcome: String,
    /// The hash of the chain up to here.
    pub hash: String,
}

/// Lists the journal, newest first.
pub async fn list(api: Data<Api>, caller: Caller, Query(query): Query<PageQuery>) -> Reply<Answer<Page<JournalRow>>> {
    let slice = page::slice(query.limit, query.cursor.as_deref())?;
    let rows = api.app.journal(&caller, slice).await?;
    Ok(Answer(Page::of(rows, show).transpose()?))
}

fn show(row: reads::JournalRow) -> Result<JournalRow, Problem> {
    let command = serde_json::from_str(&row.command)
        .map_err(|error| AppError::Internal(format!("journal {}: {error}", row.sequence)))?;
    Ok(JournalRow {
        sequence: row.sequence,
        at: Instant(row.at),
        actor: row.actor,
        request_id: row.request_id,
        idempotency_key: row.idempotency_key,
        command,
        outcome: row.outcome,
        hash: hex(&row.hash),
    })
}
