//! What pages answer with, under the headers that keep browsers strict.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use askama::Template;

use crate::api::problem::Problem;
use crate::app::AppError;
use crate::app::accounts::Tokens;

/// What a page may load: what this server serves, and nothing written into the page itself.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An answer.
#[derive(Debug)]
pub enum Reply {
    /// A page.
    Page(String),
    /// A page that says why a form was not taken.
    Refused(u16, String),
    /// A file for a spreadsheet.
    Csv {
        /// Under which name it is saved.
        name: String,
        /// Its text.
        text: String,
    },
    /// Look there.
    SeeOther(String),
    /// A session begins; look there.
    SignedIn(Tokens, String),
    /// A session ended; look there.
    SignedOut(String),
}

/// Why there is none.
#[derive(Debug)]
pub enum Fault {
    /// Whoever asks must say who they are first.
    Stranger,
    /// Something went wrong, in the words of the API.
    Problem(Problem),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        AppError::Internal(format!("a page: {error}")).into()
    }
}

impl Reply {
    /// Renders a page.
    ///
    /// # Errors
    /// If the template fails: a bug.
    pub fn page(page: &impl Template) -> Result<Self, Fault> {
        Ok(Self::Page(page.render()?))
    }

    /// Renders a page with the form again, if something was wrong with it.
    ///
    /// # Errors
    /// If the template fails: a bug.
    pub fn form(page: &impl Template, status: Option<u16>) -> Result<Self, Fault> {
        let text = page.render()?;
        Ok(match status {
            None => Self::Page(text),
            Some(status) => Self::Refused(status, text),
        })
    }
}

/// Returns a page as a response.
pub fn html(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "text/html; charset=utf-8"));
    strict(response.body(text))
}

/// Returns a redirect that a browser follows with GET.
pub fn see_other(to: &str) -> HttpResponse {
    let mut response = strict(HttpResponse::new(StatusCode::SEE_OTHER));
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// Returns a file as a response.
pub fn csv(name: &str, text: String) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"));
    response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    strict(response.body(text))
}

fn strict(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    for (name, value) in [
        (HeaderName::from_static("content-security-policy"), CSP),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        // Browsers say where a form comes from only with a policy that lets them.
        (HeaderName::from_static("referrer-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
