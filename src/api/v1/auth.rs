//! `/v1/auth` and `/v1/me`.

use actix_web::HttpRequest;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use utoipa::ToSchema;

use super::admin::{self, Organization};
use crate::api::Api;
use crate::api::answer::{Answer, Created, Nothing, Reply};
use crate::api::doc::{Describe, OperationDoc};
use crate::api::extract::body::json_body;
use crate::api::extract::caller::address;
use crate::api::extract::{Body, RequestId};
use crate::api::problem::Problem;
use crate::api::wire::{Id, Instant};
use crate::app::accounts::{Registration, Tokens};
use crate::app::facade::Caller;
use crate::types::{OrganizationId, OrganizationKind};

/// An organization and its first user, to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationBody {
    /// The organization.
    pub organization: NewOrganizationBody,
    /// The address of its first user.
    #[schema(example = "ops@example.com")]
    pub email: String,
    /// The password of its first user.
    #[schema(min_length = 12, max_length = 256)]
    pub password: String,
}

/// An organization to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganizationBody {
    /// Its name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is in the market for.
    pub kind: OrganizationKind,
}

json_body!(RegistrationBody, {
    "organization": {"name": "Prairie Compute", "kind": "provider"},
    "email": "ops@example.com",
    "password": "correct horse battery staple",
});

/// A person's credentials.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// The user's address.
    pub email: String,
    /// The user's password.
    pub password: String,
}

json_body!(LoginBody, {"email": "ops@example.com", "password": "correct horse battery staple"});

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    /// As handed out with the last pair.
    pub refresh_token: String,
}

json_body!(RefreshBody, {"refresh_token": "gpr_abcdefghijklmnopqrstuvwxyz0123456789"});

/// What a person gets for a password or a refresh token.
#[derive(Serialize, ToSchema)]
pub struct TokensAnswer {
    /// A JWT, for `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// What the next pair is had for, once.
    pub refresh_token: String,
}

/// Who somebody is.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeAnswer {
    /// The user.
    pub user_id: Id,
    /// Its address.
    pub email: String,
    /// `provider`, `reseller`, `renter`, `admin` or `auditor`.
    #[schema(example = "renter")]
    pub role: &'static str,
    /// Whom it acts for; admins and auditors act for nobody.
    pub organization: Option<Organization>,
    /// What these credentials may do.
    pub scopes: Vec<&'static str>,
    /// The API key used, if one was.
    pub api_key_id: Option<Id>,
    /// When the user registered.
    pub created_at: Instant,
}

/// A new organization and its first user.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredAnswer {
    /// The user.
    pub user_id: Id,
    /// The organization.
    pub organization: Organization,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Address(pub IpAddr);

/// Makes an organization and its first user.
pub async fn register(
    api: Data<Api>,
    from: Address,
    request_id: RequestId,
    Body(body): Body<RegistrationBody>,
) -> Reply<Created<RegisteredAnswer>> {
    let registration = Registration {
        organization_name: body.organization.name,
        organization_kind: body.organization.kind,
        email: body.email,
        password: body.password,
    };
    let made = api.app.register(registration, from.0, &request_id.0).await?;
    let organization = organization(&api, made.organization)?;
    let body = RegisteredAnswer { user_id: Id(made.user), organization };
    Ok(Created { body, location: "/v1/me".to_owned(), replayed: false })
}

/// Gives tokens for a password.
pub async fn login(api: Data<Api>, from: Address, Body(body): Body<LoginBody>) -> Reply<Answer<TokensAnswer>> {
    let tokens = api.app.accounts().login(&body.email, body.password, from.0).await?;
    Ok(Answer(show(&tokens)))
}

/// Gives the next tokens for a refresh token; a token used twice ends its session.
pub async fn refresh(api: Data<Api>, Body(body): Body<RefreshBody>) -> Reply<Answer<TokensAnswer>> {
    Ok(Answer(show(&api.app.accounts().refresh(&body.refresh_token).await?)))
}

/// Ends the session of a refresh token.
pub async fn logout(api: Data<Api>, Body(body): Body<RefreshBody>) -> Reply<Nothing> {
    api.app.accounts().logout(&body.refresh_token).await?;
    Ok(Nothing)
}

/// Says who the caller is.
pub async fn me(api: Data<Api>, caller: Caller) -> Reply<Answer<MeAnswer>> {
    let me = api.app.accounts().me(&caller.principal).await?;
    let organization = me.organization.map(|id| organization(&api, id)).transpose()?;
    Ok(Answer(MeAnswer {
        user_id: Id(me.user),
        email: me.email,
        role: me.role.as_str(),
        organization,
        scopes: me.scopes.iter().map(|scope| scope.as_str()).collect(),
        api_key_id: me.key.map(Id),
        created_at: Instant(me.created_at),
    }))
}

fn organization(api: &Api, id: OrganizationId) -> Result<Organization, Problem> {
    let row = api.app.live().read(|view| view.organizations.get(&id).cloned());
    row.map(admin::show).ok_or_else(Problem::view_behind)
}

fn show(tokens: &Tokens) -> TokensAnswer {
    TokensAnswer {
        access_token: tokens.access_token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: tokens.expires_in_s,
        refresh_token: tokens.refresh_token.expose().to_owned(),
    }
}

impl actix_web::FromRequest for Address {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self(address(request).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))))
    }
}

impl Describe for Address {
    fn describe(operation: &mut OperationDoc) {
        operation.fails(&["too_many_requests"]);
    }
}
