//! Who is asking: `Authorization: Bearer` with an access token or an API key.

use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use std::future::{Ready, ready};
use std::net::IpAddr;

use super::headers::RequestId;
use crate::api::Api;
use crate::api::doc::{Describe, OperationDoc};
use crate::api::forward::Origin;
use crate::api::problem::Problem;
use crate::app::AppError;
use crate::app::facade::Caller;

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}

fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let no_api = || AppError::Internal("no Api in app data".to_owned());
    let api = request.app_data::<Data<Api>>().ok_or_else(no_api)?;
    let Some(bearer) = bearer(request) else {
        // The edge has charged requests without the header; one with another scheme is charged here.
        if request.headers().contains_key(AUTHORIZATION) {
            api.gate.charge_address(address(request))?;
        }
        return Err(Problem::of("unauthorized"));
    };
    match api.app.accounts().authenticate(bearer) {
        Ok(principal) => {
            api.gate.charge(&principal)?;
            Ok(Caller { principal, request_id: RequestId::of(request).0.to_string() })
        }
        Err(error) => {
            // Guessing at credentials is charged to the address, as asking without any is.
            api.gate.charge_address(address(request))?;
            Err(error.into())
        }
    }
}

/// Returns where a request comes from, whoever has passed it on.
pub fn address(request: &HttpRequest) -> Option<IpAddr> {
    Origin::of(request).address
}

impl Describe for Caller {
    fn describe(operation: &mut OperationDoc) {
        operation.secure();
    }
}

/// Returns the credentials of a request, if it carries any in the right form.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_bearer_credentials_count() {
        let token = |value: &str| {
            let request = TestRequest::get().insert_header((AUTHORIZATION, value)).to_http_request();
            bearer(&request).map(str::to_owned)
        };
        assert_eq!(token("Bearer gpb_x"), Some("gpb_x".to_owned()));
        assert_eq!(token("bearer  gpb_x"), Some("gpb_x".to_owned()));
        assert_eq!(token("Basic gpb_x"), None);
        assert_eq!(token("Bearer "), None);
    }
}
