//! RFC 9457 problem documents: how everything that goes wrong is said.
//!
//! A [`Problem`] is made where something goes wrong and carries no request id; the edge middleware, which knows
//! the id, writes the document. Internal context goes to the log, never into the document.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

use super::codes::{self, Code};
use crate::app::AppError;
use crate::exchange::Reject;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

const RETRY_AFTER_S: u64 = 1;

/// What went wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    applied: Option<&'static str>,
    headers: Vec<(HeaderName, String)>,
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, in dotted form.
    #[schema(example = "requirements.regions")]
    pub field: String,
    /// What it must be.
    pub message: String,
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A URN that names the kind of problem.
    #[schema(example = "urn:gpubourse:problem:off_tick")]
    pub r#type: String,
    /// A short name for people.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// The machine-readable reason.
    #[schema(example = "off_tick")]
    pub code: &'static str,
    /// Names the request in the server's log and journal.
    pub request_id: String,
    /// The fields it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// With 503 of a write: `not_applied` (safe to repeat) or `unknown` (repeat with the same idempotency key).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<&'static str>,
}

const INTERNAL: &Code = &Code {
    code: "internal",
    status: 500,
    title: "Internal error",
    prose: "The exchange failed in a way it should not; the request id names the log entry.",
    field: None,
};

impl Problem {
    /// Returns the problem of a code; a code without a row is a bug and answered as one.
    pub fn of(code: &str) -> Self {
        let row = codes::find(code).unwrap_or_else(|| {
            tracing::error!(code, "a problem code without a row in the table");
            INTERNAL
        });
        let challenge = || (WWW_AUTHENTICATE, "Bearer realm=\"gpubourse\"".to_owned());
        let headers = if row.status == 401 { vec![challenge()] } else { Vec::new() };
        let errors = row.field.map(|field| FieldError { field: field.to_owned(), message: row.prose.to_owned() });
        Self { code: row, detail: None, errors: errors.into_iter().collect(), applied: None, headers }
    }

    /// Returns the problem of one field of wrong form.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of("invalid_field").about(field, message)
    }

    /// Returns the 405 of a path with the methods it has.
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::of("method_not_allowed").with_header(ALLOW, allow)
    }

    /// Returns the 429 of an exhausted limit.
    pub fn too_many(retry_after_s: u64) -> Self {
        Self::of("too_many_requests").with_header(RETRY_AFTER, retry_after_s.max(1).to_string())
    }

    /// Returns the 503 of a view that has not seen the sequence asked for.
    pub fn view_behind() -> Self {
        Self::of("view_behind").with_header(RETRY_AFTER, RETRY_AFTER_S.to_string())
    }

    /// Returns the problem with another sentence about this time.
    pub fn saying(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Returns the problem's machine-readable reason.
    pub fn code(&self) -> &'static str {
        self.code.code
    }

    /// Returns the problem's document under a request id.
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            r#type: format!("urn:gpubourse:problem:{}", self.code.code),
            title: self.code.title,
            status: self.code.status,
            detail: self.detail.clone().unwrap_or_else(|| self.code.prose.to_owned()),
            code: self.code.code,
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
            applied: self.applied,
        }
    }

    /// Returns the whole response.
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code()).json(self.document(request_id));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        self.add_headers(&mut response);
        response
    }

    /// Adds what a problem says in headers, such as when to try again.
    pub fn add_headers(&self, response: &mut HttpResponse) {
        for (name, value) in &self.headers {
            match HeaderValue::from_str(value) {
                Ok(value) => drop(response.headers_mut().insert(name.clone(), value)),
                Err(error) => tracing::error!(%name, %error, "a header of a problem cannot be written"),
            }
        }
    }

    fn about(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        self.detail = Some(format!("{}: {}", error.field, error.message));
        self.errors = vec![error];
        self
    }

    fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn unavailable(code: &str, applied: &'static str) -> Self {
        let mut problem = Self::of(code).with_header(RETRY_AFTER, RETRY_AFTER_S.to_string());
        problem.applied = Some(applied);
        problem
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Reject(reject) => Self::from(reject),
            AppError::Unauthorized(code) if codes::find(code).is_some() => Self::of(code),
            AppError::Unauthorized(detail) => Self::of("unauthorized").saying(detail),
            AppError::Forbidden(what) if codes::find(&what).is_some() => Self::of(&what),
            AppError::Forbidden(detail) => Self::of("role_required").saying(detail),
            AppError::NotFound => Self::of("not_found"),
            AppError::Invalid { code, field, message } => Self::of(code).about(field, message),
            AppError::Conflict(code) if codes::find(code).is_some() => Self::of(code),
            AppError::Conflict(detail) => Self::of("conflict").saying(detail),
            AppError::TooMany { retry_after_s } => Self::too_many(retry_after_s),
            AppError::NotApplied | AppError::Deposed => Self::unavailable("unavailable", "not_applied"),
            AppError::ClockJumped => Self::unavailable("clock", "not_applied"),
            AppError::Unknown | AppError::DiskFailed => Self::unavailable("unavailable", "unknown"),
            AppError::Outage(context) => {
                tracing::warn!(context, "outage");
                Self::unavailable("unavailable", "unknown")
            }
            AppError::Internal(context) => {
                tracing::error!(context, "internal error");
                Self::of("internal")
            }
        }
    }
}

impl From<Reject> for Problem {
    fn from(reject: Reject) -> Self {
        Self::of(reject.code())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.status, self.code.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns the bare status: the edge middleware, which knows the request id, writes the document.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_field() {
        let document = serde_json::to_value(Problem::from(Reject::OffTick).document("r1")).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "type": "urn:gpubourse:problem:off_tick",
                "title": "Price off tick",
                "status": 422,
                "detail": "The price is not a multiple of the product's tick.",
                "code": "off_tick",
                "request_id": "r1",
                "errors": [{"field": "price", "message": "The price is not a multiple of the product's tick."}],
            })
        );
    }

    #[test]
    fn unavailable_says_what_is_known() {
        for (error, applied) in [(AppError::NotApplied, "not_applied"), (AppError::Unknown, "unknown")] {
            let problem = Problem::from(error);
            let response = problem.respond("r1");
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers().get("retry-after").unwrap(), "1");
            assert_eq!(response.headers().get("content-type").unwrap(), PROBLEM_JSON);
            assert_eq!(problem.document("r1").applied, Some(applied));
        }
    }

    #[test]
    fn internal_context_stays_inside() {
        let document = Problem::from(AppError::Internal("password=hunter2".to_owned())).document("r1");
        assert!(!serde_json::to_string(&document).unwrap().contains("hunter2"));
    }
}
