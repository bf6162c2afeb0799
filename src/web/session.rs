//! Sessions of the pages: those of the API, kept in cookies that scripts cannot read.
//!
//! The access token works for a quarter of an hour. When a page is asked for with one that has expired, the browser is
//! sent to `/session/renew`, which the node that writes answers; a form renews on its way. A refresh token works
//! once, and browsers ask for several pages at a time, so whoever brings one a second time within moments is given
//! what it was exchanged for.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use std::collections::VecDeque;
use tokio::sync::Mutex;

use super::respond::see_other;
use super::visit::{Visit, is_https};
use crate::api::Api;
use crate::app::AppError;
use crate::app::accounts::{REFRESH_TOKEN_MS, Tokens};
use crate::types::Timestamp;

/// Where a session is renewed.
pub const RENEW: &str = "/session/renew";
/// The cookie with the access token.
pub const ACCESS: &str = "gpubourse_access";
/// The cookie with the refresh token.
pub const REFRESH: &str = "gpubourse_refresh";
/// The cookie behind the tokens of forms.
pub const FORMS: &str = "gpubourse_forms";

const COOKIE_S: i64 = REFRESH_TOKEN_MS / 1_000;
/// How long an exchanged refresh token still leads to what it was exchanged for.
const TWICE_MS: i64 = 10_000;
const KEPT_MAX: usize = 1_024;

/// What refresh tokens were exchanged for just now.
#[derive(Debug, Default)]
pub struct Renewals(Mutex<VecDeque<(Timestamp, String, Tokens)>>);

impl Renewals {
    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// As [`crate::app::Accounts::refresh`].
    pub async fn renew(&self, api: &Api, refresh_token: &str) -> Result<Tokens, AppError> {
        let mut recent = self.0.lock().await;
        let now = api.app.accounts().now();
        recent.retain(|(at, _, _)| at.plus_millis(TWICE_MS) > now);
        if let Some((_, _, tokens)) = recent.iter().find(|(_, old, _)| old == refresh_token) {
            return Ok(tokens.clone());
        }
        let tokens = api.app.accounts().refresh(refresh_token).await?;
        if recent.len() >= KEPT_MAX {
            recent.pop_front();
        }
        recent.push_back((now, refresh_token.to_owned(), tokens.clone()));
        Ok(tokens)
    }
}

/// Renews the session and leads back to where it was needed.
pub async fn renew(request: HttpRequest, api: Data<Api>, renewals: Data<Renewals>) -> HttpResponse {
    let next = super::fields::Fields::read(request.query_string()).unwrap_or_default();
    let next = local(next.text("next"));
    let token = request.cookie(REFRESH).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    match renewals.renew(&api, &token).await {
        Ok(tokens) => {
            let mut response = see_other(&next);
            begin(&mut response, &tokens, is_https(&request));
            response
        }
        Err(AppError::Unauthorized(_)) => {
            let mut response = see_other(&next);
            end(&mut response, is_https(&request));
            response
        }
        // The session may well be good: whoever asks again will know.
        Err(error) => match Visit::stranger(&request) {
            Ok(visit) => visit.answer(Err(error.into())),
            Err(response) => *response,
        },
    }
}

/// Sets the cookies of a session.
pub fn begin(response: &mut HttpResponse, tokens: &Tokens, https: bool) {
    set(response, ACCESS, tokens.access_token.expose(), COOKIE_S, https);
    set(response, REFRESH, tokens.refresh_token.expose(), COOKIE_S, https);
}

/// Removes the cookies of a session, and that of its forms.
pub fn end(response: &mut HttpResponse, https: bool) {
    for name in [ACCESS, REFRESH, FORMS] {
        set(response, name, "", 0, https);
    }
}

/// Sets the cookie behind the tokens of forms.
pub fn remember_forms(response: &mut HttpResponse, secret: &str, https: bool) {
    set(response, FORMS, secret, COOKIE_S, https);
}

/// Returns a path of this site to go on at; anything else leads home.
pub fn local(next: &str) -> String {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_local = plain && next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/session/");
    if is_local { next.to_owned() } else { "/".to_owned() }
}

fn set(response: &mut HttpResponse, name: &str, value: &str, age_s: i64, https: bool) {
    let cookie = Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(https)
        .max_age(Duration::seconds(age_s))
        .finish();
    if let Err(error) = response.add_cookie(&cookie) {
        tracing::error!(%error, name, "a cookie cannot be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_gone_back_to() {
        for path in ["/", "/provider?day=1", "/markets/h100-sxm-80gb"] {
            assert_eq!(local(path), path);
        }
        for path in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a b", "/\r\nx", "/session/renew"]
        {
            assert_eq!(local(path), "/", "{path}");
        }
    }
}
