//! A visit: who asks, under which request, and with which token forms are sent.
//!
//! Invariant: what changes something is taken only from a form of this host: its token must match the visitor's cookie,
//! and where the browser says which page it came from, that must be one of ours.

use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr};

use super::fields::{self, Fields};
use super::respond::{Fault, Reply, csv, html, see_other};
use super::session::{self, ACCESS, FORMS, REFRESH, RENEW, Renewals};
use super::shell::{self, Shell};
use crate::api::Api;
use crate::api::extract::RequestId;
use crate::api::extract::body::{BODY_DEADLINE, arrive};
use crate::api::extract::caller::address;
use crate::api::problem::Problem;
use crate::app::accounts::Tokens;
use crate::app::facade::Caller;
use crate::app::{App, AppError, Principal, Role};
use crate::market::Month;
use crate::types::{Kind, OrganizationKind, PublicId, Symbol, hex};

/// The field of a form that carries its token.
pub const TOKEN_FIELD: &str = "token";

const FORM_BYTES_MAX: usize = 64 * 1_024;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Hexadecimal digits of a secret behind forms.
const SECRET_CHARS: usize = 64;

/// A visit.
pub struct Visit {
    api: Data<Api>,
    request: HttpRequest,
    request_id: String,
    principal: Option<Principal>,
    renewed: Option<Tokens>,
    secret: String,
    new_secret: bool,
}

impl Visit {
    /// Finds out who asks; renews an expired session, or sends its browser to where that is done.
    ///
    /// # Errors
    /// The response to give instead of the page.
    pub async fn begin(request: &HttpRequest, method: &Method) -> Result<Self, Box<HttpResponse>> {
        let mut visit = Self::stranger(request)?;
        let Some(access) = request.cookie(ACCESS) else { return Ok(visit) };
        match visit.api.app.accounts().authenticate(access.value()) {
            Ok(principal) => visit.principal = Some(principal),
            Err(AppError::Unauthorized("expired_token")) if method == Method::GET => {
                let next = request.uri().path_and_query().map_or("/", |path| path.as_str());
                let mut query = String::new();
                shell::encode(next, &mut query);
                return Err(Box::new(see_other(&format!("{RENEW}?next={query}"))));
            }
            Err(AppError::Unauthorized("expired_token")) => visit.renew().await,
            Err(_) => {}
        }
        if let Some(principal) = &visit.principal
            && let Err(problem) = visit.api.gate.charge(principal)
        {
            return Err(Box::new(visit.answer(Err(problem.into()))));
        }
        Ok(visit)
    }

    /// Begins a visit of somebody unknown.
    ///
    /// # Errors
    /// The response to give instead of the page.
    pub fn stranger(request: &HttpRequest) -> Result<Self, Box<HttpResponse>> {
        let id = RequestId::of(request).0.to_string();
        let failed = |what: &str| Box::new(Problem::from(AppError::Internal(what.to_owned())).respond(&id));
        let api = request.app_data::<Data<Api>>().cloned().ok_or_else(|| failed("no Api in app data"))?;
        let known = request.cookie(FORMS).map(|cookie| cookie.value().to_owned());
        let known = known.filter(|secret| secret.len() == SECRET_CHARS);
        let new_secret = known.is_none();
        let secret = match known {
            Some(secret) => secret,
            None => api.app.accounts().nonce().map_err(|error| Box::new(Problem::from(error).respond(&id)))?,
        };
        let request = request.clone();
        Ok(Self { api, request, request_id: id, principal: None, renewed: None, secret, new_secret })
    }

    async fn renew(&mut self) {
        let Some(renewals) = self.request.app_data::<Data<Renewals>>().cloned() else { return };
        let Some(refresh) = self.request.cookie(REFRESH) else { return };
        // Whoever cannot be known is a stranger, and told so by the page.
        if let Ok(tokens) = renewals.renew(&self.api, refresh.value()).await {
            self.principal = self.api.app.accounts().authenticate(tokens.access_token.expose()).ok();
            self.renewed = Some(tokens);
        }
    }

    /// Returns the use cases.
    pub fn app(&self) -> &App {
        &self.api.app
    }

    /// Returns who asks, if known.
    pub const fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// Returns the name of the request.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Returns the path and the query that were asked for.
    pub fn path(&self) -> &str {
        self.request.uri().path_and_query().map_or("/", |path| path.as_str())
    }

    /// Returns what a cookie of the visitor holds.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.request.cookie(name).map(|cookie| cookie.value().to_owned())
    }

    /// Returns where the visit comes from.
    pub fn address(&self) -> IpAddr {
        address(&self.request).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// Returns the fields of the query string; one that is none has none.
    pub fn query(&self) -> Fields {
        Fields::read(self.request.query_string()).unwrap_or_default()
    }

    /// Returns the product that the path names.
    ///
    /// # Errors
    /// `not_found` for what cannot be a symbol.
    pub fn symbol(&self) -> Result<Symbol, Fault> {
        let text = self.request.match_info().get("symbol").unwrap_or_default();
        Symbol::new(text).ok_or_else(|| Problem::of("not_found").into())
    }

    /// Returns the id that the path names.
    ///
    /// # Errors
    /// `not_found` for what cannot be an id of the kind.
    pub fn id(&self, kind: Kind) -> Result<PublicId, Fault> {
        Ok(fields::id(self.request.match_info().get("id").unwrap_or_default(), &[kind])?)
    }

    /// Returns the month that the path names.
    ///
    /// # Errors
    /// `not_found` for what is no month.
    pub fn month(&self) -> Result<Month, Fault> {
        let text = self.request.match_info().get("month").unwrap_or_default();
        Month::parse(text).ok_or_else(|| Problem::of("not_found").into())
    }

    /// Returns the caller, as the use cases know it.
    ///
    /// # Errors
    /// [`Fault::Stranger`].
    pub fn caller(&self) -> Result<Caller, Fault> {
        let principal = self.principal.clone().ok_or(Fault::Stranger)?;
        Ok(Caller { principal, request_id: self.request_id.clone() })
    }

    /// Returns the caller if it acts for an organization.
    ///
    /// # Errors
    /// [`Fault::Stranger`]; `role_required`.
    pub fn member(&self) -> Result<Caller, Fault> {
        let caller = self.caller()?;
        if caller.principal.organization.is_some() { Ok(caller) } else { Err(Problem::of("role_required").into()) }
    }

    /// Returns the caller if it is a provider.
    ///
    /// # Errors
    /// [`Fault::Stranger`]; `role_required`.
    pub fn provider(&self) -> Result<Caller, Fault> {
        let caller = self.caller()?;
        let is_provider = caller.principal.role == Role::Member(OrganizationKind::Provider);
        if is_provider { Ok(caller) } else { Err(Problem::of("role_required").into()) }
    }

    /// Returns the caller if it may look at what belongs to others.
    ///
    /// # Errors
    /// [`Fault::Stranger`]; `role_required`.
    pub fn overseer(&self) -> Result<Caller, Fault> {
        let caller = self.caller()?;
        caller.overseer()?;
        Ok(caller)
    }

    /// Returns a name that tells this form from every other, so that sending it twice does nothing twice.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn once(&self) -> Result<String, Fault> {
        let nonce = self.app().accounts().nonce()?;
        Ok(format!("web-{}", nonce.get(..32).unwrap_or(&nonce)))
    }

    /// Returns the token that this visitor's forms carry.
    pub fn token(&self) -> String {
        hex(&Sha256::digest(format!("gpubourse form {}", self.secret).as_bytes()))
    }

    /// Reads the form that was sent, if it may be taken.
    ///
    /// # Errors
    /// `forged_form`; as the bodies of the API.
    pub async fn fields(&self, request: &HttpRequest, payload: Payload) -> Result<Fields, Fault> {
        let bytes = arrive(payload.into_inner(), FORM_BYTES_MAX, BODY_DEADLINE).await?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| Problem::of("malformed").saying("The form is not UTF-8."))?;
        let fields = Fields::read(text)?;
        if self.new_secret || fields.raw(TOKEN_FIELD) != self.token() || !is_ours(request) {
            return Err(Problem::of("forged_form").into());
        }
        Ok(fields)
    }

    /// Turns what a page answers into a response.
    pub fn answer(&self, shown: Result<Reply, Fault>) -> HttpResponse {
        let https = is_https(&self.request);
        let mut response = match shown {
            Ok(Reply::Page(text)) => html(StatusCode::OK, text),
            Ok(Reply::Refused(status, text)) => {
                html(StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), text)
            }
            Ok(Reply::Csv { name, text }) => csv(&self.app().file_name(&name), text),
            Ok(Reply::SeeOther(to)) => see_other(&to),
            Ok(Reply::SignedOut(to)) => {
                let mut response = see_other(&to);
                session::end(&mut response, https);
                return response;
            }
            Ok(Reply::SignedIn(tokens, to)) => {
                let mut response = see_other(&to);
                session::begin(&mut response, &tokens, https);
                // Forms of before the login are not forms of the session.
                if let Ok(secret) = self.app().accounts().nonce() {
                    session::remember_forms(&mut response, &secret, https);
                }
                return response;
            }
            Err(Fault::Stranger) => {
                let mut next = String::new();
                shell::encode(if self.request.method() == Method::GET { self.path() } else { "/" }, &mut next);
                see_other(&format!("/login?next={next}"))
            }
            Err(Fault::Problem(problem)) => self.say(&problem),
        };
        if let Some(tokens) = &self.renewed {
            session::begin(&mut response, tokens, https);
        }
        if self.new_secret {
            session::remember_forms(&mut response, &self.secret, https);
        }
        response
    }

    fn say(&self, problem: &Problem) -> HttpResponse {
        let document = problem.document(&self.request_id);
        let status = StatusCode::from_u16(document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let page = shell::ErrorPage { shell: Shell::of(self, document.title, ""), document };
        match askama::Template::render(&page) {
            Ok(text) => {
                let mut response = html(status, text);
                problem.add_headers(&mut response);
                response
            }
            Err(_) => problem.respond(&self.request_id),
        }
    }
}

/// Tells whether the visitor's connection is encrypted, as far as a proxy says.
pub fn is_https(request: &HttpRequest) -> bool {
    request.connection_info().scheme() == "https"
}

/// Tells whether a form comes from a page of this host, as far as the browser says.
fn is_ours(request: &HttpRequest) -> bool {
    let value = |name: &HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
    if let Some(site) = value(&SEC_FETCH_SITE)
        && site != "same-origin"
    {
        return false;
    }
    let Some(origin) = value(&header::ORIGIN) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host == Some(request.connection_info().host())
}
