//! What handlers answer with when nothing went wrong.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::csv::CSV;
use super::doc::{Describe, OperationDoc};
use super::problem::Problem;

/// The header that marks the repeat of an earlier request.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a handler returns.
pub type Reply<T> = Result<T, Problem>;

/// 200 with a body.
#[derive(Debug)]
pub struct Answer<T>(pub T);

/// 201 with the new thing and where it is; 200 if the request repeats an earlier one.
#[derive(Debug)]
pub struct Created<T> {
    /// The thing.
    pub body: T,
    /// Where it is.
    pub location: String,
    /// Whether it was there before.
    pub replayed: bool,
}

/// 200 with a document, or with a file for spreadsheets.
#[derive(Debug)]
pub enum Form<T> {
    /// JSON.
    Document(Box<T>),
    /// A file for spreadsheets: its name and its text.
    File(String, String),
}

/// 204.
#[derive(Debug)]
pub struct Nothing;

impl<T: Serialize> Responder for Answer<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self.0)
    }
}

impl<T: Serialize> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = if self.replayed { StatusCode::OK } else { StatusCode::CREATED };
        let mut response = HttpResponse::build(status);
        response.insert_header((LOCATION, self.location));
        if self.replayed {
            response.insert_header((IDEMPOTENT_REPLAYED, HeaderValue::from_static("true")));
        }
        response.json(self.body)
    }
}

impl<T: Serialize> Responder for Form<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Document(answer) => Answer(*answer).respond_to(request),
            Self::File(name, text) => {
                let api = request.app_data::<Data<Api>>();
                let name = api.map_or_else(|| name.clone(), |api| api.app.file_name(&name));
                HttpResponse::Ok()
                    .insert_header((CONTENT_TYPE, format!("{CSV}; charset=utf-8")))
                    .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
                    .body(text)
            }
        }
    }
}

impl Responder for Nothing {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

impl<T: Describe> Describe for Reply<T> {
    fn describe(operation: &mut OperationDoc) {
        T::describe(operation);
    }
}

impl<T: ToSchema> Describe for Answer<T> {
    fn describe(operation: &mut OperationDoc) {
        operation.answers::<T>(200, "What was asked for.", &[]);
    }
}

impl<T: ToSchema> Describe for Created<T> {
    fn describe(operation: &mut OperationDoc) {
        operation.answers::<T>(201, "What was created.", &[("Location", "Where it is.")]);
        let replayed = ("Idempotent-Replayed", "`true`: this repeats an earlier request; nothing was done.");
        operation.answers::<T>(200, "What an earlier request of the same key created.", &[replayed]);
    }
}

impl<T: ToSchema> Describe for Form<T> {
    fn describe(operation: &mut OperationDoc) {
        Answer::<T>::describe(operation);
        operation.answers_also(200, CSV);
    }
}

impl Describe for Nothing {
    fn describe(operation: &mut OperationDoc) {
        operation.answers_nothing(204, "Done.");
    }
}
