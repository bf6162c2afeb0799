//! A visitor with a jar of cookies, who sends forms as they stand in pages.

use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_web::http::header::SET_COOKIE;
use actix_web::test::TestRequest;

use crate::api::world::{Answer, PASSWORD, World};

pub struct Visitor<'a> {
    world: &'a World,
    jar: RefCell<BTreeMap<String, String>>,
}

impl<'a> Visitor<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, jar: RefCell::default() }
    }

    /// A visitor who has logged in by the form.
    pub async fn logged_in(world: &'a World, name: &str) -> Self {
        let visitor = Self::new(world);
        let email = format!("{name}@example.com");
        let answer = visitor.send("/login", "/login", &[("email", &email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        visitor
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.borrow().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(TestRequest::get().uri(path)).await
    }

    /// Sends a form with the token that the page it stands on carries.
    pub async fn send(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token(page).await;
        let mut all = vec![("token", token.as_str())];
        all.extend_from_slice(fields);
        self.post(action, &all, &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")]).await
    }

    /// The token on a page.
    pub async fn token(&self, page: &str) -> String {
        let text = self.get(page).await.text;
        let (_, rest) =
            text.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("no form on {page}: {text}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends exactly these fields under these headers.
    pub async fn post(&self, action: &str, fields: &[(&str, &str)], headers: &[(&'static str, &str)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let mut request = TestRequest::post().uri(action).insert_header(("host", "localhost:8080"));
        request = request.insert_header(("content-type", "application/x-www-form-urlencoded"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        self.call(request.set_payload(body.join("&"))).await
    }

    async fn call(&self, request: TestRequest) -> Answer {
        let cookies: Vec<String> = self.jar.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.insert_header(("cookie", cookies.join("; "))) };
        let request = request.insert_header(("accept", "text/html,*/*;q=0.8"));
        let answer = self.world.call(request).await;
        for set in answer.headers.get_all(SET_COOKIE) {
            let text = set.to_str().unwrap();
            assert!(text.contains("HttpOnly") && text.contains("SameSite=Strict") && text.contains("Path=/"), "{text}");
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.jar.borrow_mut().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
        answer
    }
}

fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
