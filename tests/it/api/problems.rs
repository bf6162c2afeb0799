//! What goes wrong before a use case is asked: paths, methods, bodies, headers, limits.

use std::num::NonZeroU32;

use actix_web::test::TestRequest;
use gpubourse::api::{Limits, Rate};
use serde_json::json;

use super::world::{Market, World};

#[actix_web::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new();
    world.public("/v1/nothing").await.refused(404, "not_found");
    world.public("/nothing").await.refused(404, "not_found");
    let put = world.send(None, "PUT", "/v1/orders", None).await;
    put.refused(405, "method_not_allowed");
    assert_eq!(put.header("allow"), Some("POST, GET, HEAD, DELETE"));
    world.send(None, "DELETE", "/v1/products", None).await.refused(405, "method_not_allowed");
}

#[actix_web::test]
async fn head_is_get_and_options_says_what_there_is() {
    let market = Market::open().await;
    let document = super::document::document(&market.world).await;
    for (method, path, operation) in super::document::operations(&document) {
        let path = path.replace("{id}", &market.listing).replace("{symbol}", "h100-sxm-80gb").replace("{tail}", "");
        let who = operation.get("security").map(|_| &market.provider);
        let options = market.world.send(who, "OPTIONS", &path, None).await;
        options.refused(405, "method_not_allowed");
        let allow = options.header("allow").unwrap();
        assert!(allow.split(", ").any(|allowed| allowed == method), "{path}: {allow}");
        if method == "GET" {
            let [get, head] =
                [market.world.send(who, "GET", &path, None).await, market.world.send(who, "HEAD", &path, None).await];
            assert_eq!(head.status, get.status, "{path}");
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        } else if !allow.contains("GET") {
            market.world.send(who, "HEAD", &path, None).await.refused(405, "method_not_allowed");
        }
    }
    let invented = market.world.send(None, "BREW", "/v1/products", None).await;
    invented.refused(405, "method_not_allowed");
    let metrics = market.world.public("/metrics").await.text;
    assert!(metrics.contains("method=\"other\"") && !metrics.contains("BREW"), "anybody can invent methods");
}

#[actix_web::test]
async fn bodies_are_read_strictly() {
    let market = Market::open().await;
    let send = async |content_type: &str, payload: &str| {
        let request = TestRequest::post()
            .uri("/v1/orders")
            .insert_header(("authorization", format!("Bearer {}", market.renter.token)))
            .insert_header(("content-type", content_type))
            .set_payload(payload.to_owned());
        market.world.call(request).await
    };
    send("application/json", "{").await.refused(400, "malformed");
    send("application/json", "").await.refused(400, "malformed");
    send("text/plain", "{}").await.refused(415, "unsupported_media_type");
    send("application/json", &format!("{{\"side\": \"{}\"}}", "x".repeat(256 * 1_024)))
        .await
        .refused(413, "body_too_large");
    for (payload, field) in [
        (json!({"side": "bid"}), "product"),
        (json!({"side": "bid", "product": "p", "gpus": "8"}), "gpus"),
        (json!({"side": "bid", "product": "p", "gpus": 8, "price": 2}), "price"),
        (json!({"side": "bid", "product": "p", "gpus": 8, "price": "2", "start": "2027-01-01T00:00:30Z"}), "start"),
        (
            json!({"side": "bid", "product": "p", "gpus": 8, "price": "2", "requirements": {"regions": [1]}}),
            "requirements.regions[0]",
        ),
        (json!({"side": "bid", "product": "p", "gpus": 8, "price": "2", "color": "red"}), "color"),
        (json!({"side": "bid", "product": "p", "gpus": 4_294_967_296_u64, "price": "2"}), "gpus"),
    ] {
        let answer = send("application/json", &payload.to_string()).await;
        answer.refused(422, "invalid_field");
        assert_eq!(answer.body["errors"][0]["field"], field, "{payload}");
    }
}

#[actix_web::test]
async fn ids_that_name_nothing_are_not_found() {
    let market = Market::open().await;
    let order = market.place(&market.renter, market.bid(1, "1", 0..1)).await;
    let id = uuid::Uuid::parse_str(order["id"].as_str().unwrap()).unwrap();
    let forged = uuid::Uuid::from_u128(id.as_u128() + (1 << 80));
    let absent = uuid::Uuid::from_u128(id.as_u128() + 1_000);
    for path in ["nonsense", &forged.to_string(), &absent.to_string(), &market.site, &uuid::Uuid::nil().to_string()] {
        for method in ["GET", "DELETE"] {
            let answer = market.world.send(Some(&market.renter), method, &format!("/v1/orders/{path}"), None).await;
            answer.refused(404, "not_found");
        }
    }
    market.world.get(&market.renter, &format!("/v1/orders/{id}")).await.expect(200);
}

#[actix_web::test]
async fn a_request_keeps_its_name() {
    let world = World::new();
    let named = world.call(TestRequest::get().uri("/v1/nothing").insert_header(("x-request-id", "mine-1"))).await;
    assert_eq!((named.header("x-request-id"), named.body["request_id"].as_str()), (Some("mine-1"), Some("mine-1")));
    let odd = world.call(TestRequest::get().uri("/health/live").insert_header(("x-request-id", "two words"))).await;
    assert!(odd.header("x-request-id").unwrap().starts_with("test-"));
}

#[actix_web::test]
async fn wrong_credentials_are_unauthorized() {
    let world = World::new();
    for header in ["", "Basic x", "Bearer", "Bearer x", "Bearer gpb_x", "Bearer a.b.c"] {
        let request = TestRequest::get().uri("/v1/balances").insert_header(("authorization", header));
        let answer = world.call(request).await;
        assert_eq!(answer.status, 401, "{header}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"), "{header}");
        answer.refused(401, if header.starts_with("Bearer ") { "invalid_token" } else { "unauthorized" });
    }
}

#[actix_web::test]
async fn limits_answer_429_and_probes_are_exempt() {
    let rate = Rate { per_second: NonZeroU32::new(1).unwrap(), burst: NonZeroU32::new(3).unwrap() };
    let world = World::with(Limits { per_key: Some(rate), per_address: Some(rate) });
    for _ in 0..3 {
        world.public("/v1/products").await.expect(200);
    }
    let limited = world.public("/v1/products").await;
    limited.refused(429, "too_many_requests");
    assert!(limited.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    let guess = TestRequest::get().uri("/v1/balances").insert_header(("authorization", "Bearer gpb_guess"));
    world.call(guess).await.refused(429, "too_many_requests");
    for _ in 0..10 {
        assert_eq!(world.public("/health/live").await.status, 200);
    }
}

#[actix_web::test]
async fn a_key_has_a_limit_of_its_own() {
    let rate = Rate { per_second: NonZeroU32::new(1).unwrap(), burst: NonZeroU32::new(3).unwrap() };
    let world = World::with(Limits { per_key: Some(rate), per_address: None });
    let (one, two) = (world.member("one", "renter").await, world.member("two", "renter").await);
    for _ in 0..3 {
        world.get(&one, "/v1/balances").await.expect(200);
    }
    world.get(&one, "/v1/balances").await.refused(429, "too_many_requests");
    world.get(&two, "/v1/balances").await.expect(200);
}

#[actix_web::test]
async fn the_services_answer() {
    let world = World::new();
    world.public("/v1/products").await.expect(200);
    assert_eq!(world.public("/health/live").await.expect(200), json!({"status": "ok"}));
    let ready = json!({"status": "ok", "role": "writer", "as_of": 0, "takes_writes": true, "simulated": false});
    assert_eq!(world.public("/health/ready").await.expect(200), ready);
    let metrics = world.public("/metrics").await;
    assert!(
        metrics.text.contains("gpubourse_http_requests_total{method=\"GET\",route=\"/v1/products\",status=\"200\"} 1")
    );
    assert!(metrics.text.contains("gpubourse_queue_waiting 0") && metrics.text.contains("gpubourse_as_of "));
    let docs = world.public("/docs").await;
    assert_eq!((docs.status, docs.header("location")), (308, Some("/docs/")));
    let page = world.public("/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        let answer = world.public(&format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(!page.text.contains("https://") && !page.text.contains("//cdn"), "the page needs a network");
    }
    world.public("/docs/nothing.js").await.refused(404, "not_found");
}

#[actix_web::test]
async fn echo_checks_the_key_and_answers_with_the_body() {
    let world = World::new();
    let member = world.member("renter", "renter").await;
    world.send(None, "POST", "/v1/echo", Some(json!({"a": 1}))).await.refused(401, "unauthorized");
    assert_eq!(world.post(&member, "/v1/echo", json!({"a": [1, null]})).await.expect(200), json!({"a": [1, null]}));
}
