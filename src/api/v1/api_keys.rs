//! `/v1/api-keys`.

use actix_web::web::Data;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

use crate::api::Api;
use crate::api::answer::{Answer, Created, Nothing, Reply};
use crate::api::extract::body::json_body;
use crate::api::extract::{Body, PathUuid, Query};
use crate::api::page::{self, Page};
use crate::api::problem::Problem;
use crate::api::wire::{Id, Instant, Whole};
use crate::app::Scope;
use crate::app::accounts::NewKey;
use crate::app::facade::{ApiKey, Caller};

/// What an API key may do.
#[derive(Debug, Clone, Copy)]
pub struct ScopeWord(Scope);

/// An API key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyBody {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it may do: some of `read`, `trade`, `list`, `admin`.
    pub scopes: Vec<ScopeWord>,
    /// When it ends; never, if absent.
    pub expires_at: Option<Instant>,
}

json_body!(NewKeyBody, {"name": "trading bot", "scopes": ["read", "trade"], "expires_at": "2027-12-31T00:00:00Z"});

/// An API key; the key itself is shown once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyRow {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<&'static str>,
    /// Its last four characters.
    pub last_four: String,
    /// When it was made.
    pub created_at: Instant,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub struct CreatedKeyAnswer {
    /// The key in clear: this is the only time anybody sees it.
    #[schema(example = "gpb_...")]
    pub key: String,
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<&'static str>,
    /// When it ends.
    pub expires_at: Option<Instant>,
}

/// A page of keys.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct KeysQuery {
    /// Rows, 1 to 200; 50 if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<Whole>,
    /// The `next_cursor` of the page before.
    #[param(format = "uuid")]
    pub cursor: Option<String>,
}

/// Makes an API key for the caller.
pub async fn create(api: Data<Api>, caller: Caller, Body(body): Body<NewKeyBody>) -> Reply<Created<CreatedKeyAnswer>> {
    let new = NewKey {
        name: body.name,
        scopes: body.scopes.into_iter().map(|scope| scope.0).collect(),
        expires_at: body.expires_at.map(|time| time.0),
    };
    let made = api.app.accounts().create_key(&caller.principal, new, &caller.request_id).await?;
    let row = show(made.key);
    let key = made.secret.expose().to_owned();
    let location = format!("/v1/api-keys/{}", row.id.0);
    let KeyRow { id, name, scopes, expires_at, .. } = row;
    Ok(Created { body: CreatedKeyAnswer { key, id, name, scopes, expires_at }, location, replayed: false })
}

/// Lists the caller's API keys, newest first.
pub async fn list(api: Data<Api>, caller: Caller, Query(query): Query<KeysQuery>) -> Reply<Answer<Page<KeyRow>>> {
    let wrong = || Problem::field("cursor", "must be a next_cursor of this list");
    let before = query.cursor.map(|text| Uuid::try_parse(&text).map_err(|_| wrong())).transpose()?;
    // Keys are numbered by their UUIDs, so the cursor is the last one shown. One more than fits is asked for.
    let limit = page::slice(query.limit, None)?.limit;
    let mut rows = api.app.accounts().list_keys(&caller.principal, before, limit.saturating_add(1)).await?;
    let fits = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > fits;
    rows.truncate(fits);
    let next_cursor = rows.last().filter(|_| more).map(|key| key.id.to_string());
    Ok(Answer(Page { data: rows.into_iter().map(show).collect(), next_cursor, as_of: None }))
}

/// Revokes one of the caller's API keys.
pub async fn revoke(api: Data<Api>, caller: Caller, id: PathUuid) -> Reply<Nothing> {
    api.app.accounts().revoke_key(&caller.principal, id.0, &caller.request_id).await?;
    Ok(Nothing)
}

fn show(key: ApiKey) -> KeyRow {
    KeyRow {
        id: Id(key.id),
        name: key.name,
        scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
        last_four: key.last_four,
        created_at: Instant(key.created_at),
        expires_at: key.expires_at.map(Instant),
        revoked_at: key.revoked_at.map(Instant),
    }
}

impl<'de> Deserialize<'de> for ScopeWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Scope::parse(&text).map(Self).ok_or_else(|| D::Error::custom("must be read, trade, list or admin"))
    }
}

impl PartialSchema for ScopeWord {
    fn schema() -> RefOr<Schema> {
        let words = Scope::ALL.iter().map(|scope| scope.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

impl ToSchema for ScopeWord {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("Scope")
    }
}
