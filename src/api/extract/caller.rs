//! Who is asking: `Authorization: Bearer` with an access token or an API key.

use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use std::future::Future;
use std::pin::Pin;

use super::headers::RequestId;
use crate::api::Api;
use crate::api::doc::{Describe, OperationDoc};
use crate::api::problem::Problem;
use crate::app::AppError;
use crate::app::facade::Caller;

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let bearer = bearer(request).map(str::to_owned);
        let request_id = RequestId::of(request).0.to_string();
        let address = request.peer_addr().map(|address| address.ip());
        let api = request.app_data::<Data<Api>>().cloned();
        Box::pin(async move {
            let api = api.ok_or_else(|| Problem::from(AppError::Internal("no Api in app data".to_owned())))?;
            let bearer = bearer.ok_or_else(|| Problem::unauthorized("A bearer token or API key is needed."))?;
            match api.app.authenticate(&bearer).await {
                Ok(principal) => {
                    api.gate.charge(&principal)?;
                    Ok(Self { principal, request_id })
                }
                Err(AppError::Unauthorized(detail)) => {
                    // Guessing at credentials is charged to the address, as asking without any is.
                    api.gate.charge_address(address)?;
                    Err(Problem::unauthorized(detail))
                }
                Err(error) => Err(error.into()),
            }
        })
    }
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
