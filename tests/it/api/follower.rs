//! A client of `GET /v1/stream` that reads event by event.

use std::pin::Pin;
use std::time::Duration;

use actix_web::App as Actix;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use futures_util::future::poll_fn;
use gpubourse::api::{self, edge::edge};
use serde_json::Value;

use super::world::{Who, World};

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event.
#[derive(Debug)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

/// The client; dropping it breaks the line.
pub struct Client {
    body: Pin<Box<BoxBody>>,
    text: String,
}

impl Client {
    pub async fn open(world: &World, who: Option<&Who>, topics: &str, last: Option<i64>) -> Self {
        let mut request = TestRequest::with_uri(&format!("/v1/stream?topics={topics}"));
        if let Some(who) = who {
            request = request.insert_header(("authorization", format!("Bearer {}", who.token)));
        }
        if let Some(last) = last {
            request = request.insert_header(("last-event-id", last.to_string()));
        }
        let service = init_service(Actix::new().wrap(from_fn(edge)).configure(api::configure(&world.api))).await;
        let response = call_service(&service, request.to_request()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        Self { body: Box::pin(response.into_body()), text: String::new() }
    }

    /// The next event; nothing at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(event) = parse(&event) {
                    return Some(event);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, poll_fn(|context| self.body.as_mut().poll_next(context)));
            let chunk = chunk.await.expect("nothing comes")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }
}

/// An event; comments and `retry` are none.
fn parse(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let name = field("event: ")?;
    Some(Event { name, id: field("id: "), data: serde_json::from_str(&field("data: ")?).unwrap() })
}
