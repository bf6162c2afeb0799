//! A node that does not write: what it passes on to the one that does, and what it says when that fails.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use actix_web::test::TestRequest;
use gpubourse::api::forward::HOP;
use gpubourse::api::{Config, Echo, Limits, Rate};
use gpubourse::app::sequencer::Leading;
use serde_json::json;
use tokio::sync::watch;

use super::server::serve;
use super::world::{Answer, Market, World};

/// Nodes of one exchange: a market that writes, on a socket, and a node that knows where.
struct Pair {
    market: Market,
    node: World,
    server: actix_web::dev::ServerHandle,
    _leading: watch::Sender<Leading>,
}

impl Pair {
    async fn open() -> Self {
        let market = Market::open().await;
        let (address, server) = serve(&market.world);
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let (_leading, known) = watch::channel(Leading::There(address.to_string()));
        Self { market, node: World::led_by(known), server: handle, _leading }
    }
}

/// A node that is told another one is at an address.
fn node_of(address: impl ToString) -> (World, watch::Sender<Leading>) {
    let (leading, known) = watch::channel(Leading::There(address.to_string()));
    (World::led_by(known), leading)
}

/// Takes one connection, reads what comes, answers with a text and closes.
fn upstream(answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (give, take) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = vec![0; 64 * 1024];
        let mut read = 0;
        while !bytes[..read].ends_with(b"}") {
            read += stream.read(&mut bytes[read..]).unwrap();
        }
        give.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (address, take)
}

async fn order_at(node: &World) -> Answer {
    node.send(None, "POST", "/v1/orders", Some(json!({"side": "bid"}))).await
}

#[track_caller]
fn unavailable(answer: &Answer, applied: &str) {
    answer.refused(503, "unavailable");
    assert_eq!(answer.body["applied"], applied);
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn what_changes_something_is_done_by_the_writer_and_its_answer_comes_back_whole() {
    let Pair { market, node, server, .. } = Pair::open().await;
    let bid = super::world::with(market.bid(8, "2", 0..24), json!({"client_order_id": "a"}));
    let request = || {
        TestRequest::post()
            .uri("/v1/orders")
            .insert_header(("authorization", format!("Bearer {}", market.renter.token)))
            .insert_header(("content-type", "application/json"))
            .insert_header(("x-request-id", "mine-1"))
            .set_payload(bid.to_string())
    };
    let placed = node.call(request()).await;
    assert_eq!((placed.status, placed.header("x-request-id")), (201, Some("mine-1")), "{}", placed.text);
    let id = placed.body["id"].as_str().unwrap().to_owned();
    assert_eq!(placed.header("location"), Some(format!("/v1/orders/{id}").as_str()));
    assert_eq!(placed.header("cache-control"), Some("no-store"));
    assert_eq!(placed.headers.get_all("x-request-id").count(), 1);
    let there = market.world.get(&market.renter, &format!("/v1/orders/{id}")).await.expect(200);
    assert_eq!(there["id"], placed.body["id"]);
    let journal = market.world.get(&market.admin, "/v1/admin/journal?limit=5").await.expect(200);
    assert!(journal.to_string().contains("\"mine-1\""), "{journal}");
    let again = node.call(request()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    let cancelled = node.delete(&market.renter, &format!("/v1/orders/{id}")).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    // Reads are its own: here, those of an exchange without a market.
    node.get(&market.renter, &format!("/v1/orders/{id}")).await.refused(404, "not_found");
    server.stop(true).await;
}

#[actix_web::test]
async fn the_writer_decides_who_may_do_what() {
    let Pair { market, node, server, .. } = Pair::open().await;
    let anonymous = node.send(None, "POST", "/v1/orders", Some(json!({}))).await;
    anonymous.refused(401, "unauthorized");
    assert!(anonymous.header("www-authenticate").is_some());
    let halt = json!({"symbol": super::world::PRODUCT, "halted": true});
    node.post(&market.renter, "/v1/admin/halts", halt.clone()).await.refused(403, "role_required");
    node.post(&market.renter, "/v1/orders", json!({"side": "bid"})).await.refused(422, "invalid_field");
    node.post(&market.renter, "/v1/nothing", json!({})).await.refused(404, "not_found");
    node.post(&market.renter, "/v1/balances", json!({})).await.refused(405, "method_not_allowed");
    node.deposit(&market.admin, &market.renter, "1", "k").await.expect(201);
    let preview = node.post(&market.renter, "/v1/orders/preview", market.bid(8, "2", 0..24)).await;
    preview.expect(200);
    let clock = node.get(&market.admin, "/v1/admin/clock").await.expect(200);
    assert_eq!(clock["now"], market.world.get(&market.admin, "/v1/admin/clock").await.expect(200)["now"]);
    server.stop(true).await;
}

#[actix_web::test]
async fn a_request_is_passed_on_once_at_most() {
    let idle = TcpListener::bind("127.0.0.1:0").unwrap();
    idle.set_nonblocking(true).unwrap();
    let (node, _leading) = node_of(idle.local_addr().unwrap());
    let hop = node.api.app.accounts().sign_hop(None).unwrap();
    let passed = |hop: &str| {
        let request = TestRequest::post().uri("/v1/orders").insert_header((HOP, hop));
        request.insert_header(("content-type", "application/json")).set_payload("{}")
    };
    unavailable(&node.call(passed(&hop)).await, "not_applied");
    for forged in ["", "x", &hop[..hop.len() - 4]] {
        node.call(passed(forged)).await.refused(401, "invalid_hop");
        node.call(TestRequest::get().uri("/v1/products").insert_header((HOP, forged)))
            .await
            .refused(401, "invalid_hop");
    }
    let seen = idle.accept();
    assert!(matches!(&seen, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{seen:?}");
}

#[actix_web::test]
async fn while_nobody_writes_nothing_is_applied_and_reads_go_on() {
    let (node, leading) = node_of("");
    unavailable(&order_at(&node).await, "not_applied");
    leading.send(Leading::Nobody).unwrap();
    unavailable(&order_at(&node).await, "not_applied");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    leading.send(Leading::There(free.to_string())).unwrap();
    unavailable(&order_at(&node).await, "not_applied");
    leading.send(Leading::There("not an address".to_owned())).unwrap();
    order_at(&node).await.refused(500, "internal");
    node.public("/v1/products").await.expect(200);
    let ready = node.public("/health/ready").await.expect(200);
    assert_eq!((&ready["role"], &ready["takes_writes"]), (&json!("follower"), &json!(true)));
    leading.send(Leading::Nobody).unwrap();
    let ready = node.public("/health/ready").await.expect(200);
    assert_eq!((&ready["role"], &ready["takes_writes"]), (&json!("follower"), &json!(false)));
    let metrics = node.public("/metrics").await.text;
    assert!(metrics.contains("gpubourse_writes 0") && metrics.contains("gpubourse_writer_known 0"), "{metrics}");
}

#[actix_web::test]
async fn what_was_sent_and_not_answered_whole_is_not_known() {
    for answer in ["", "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"id\"", "nonsense\r\n\r\n"] {
        let (address, heard) = upstream(answer);
        let (node, _leading) = node_of(address);
        unavailable(&order_at(&node).await, "unknown");
        let heard = heard.recv().unwrap();
        assert!(heard.starts_with("POST /v1/orders HTTP/1.1\r\n") && heard.ends_with("{\"side\":\"bid\"}"), "{heard}");
    }
}

#[actix_web::test]
async fn a_writer_that_stands_still_is_not_waited_for_once_another_writes() {
    let still = TcpListener::bind("127.0.0.1:0").unwrap();
    let (node, leading) = node_of(still.local_addr().unwrap());
    let begun = Instant::now();
    let taken_over = async {
        tokio::task::spawn_blocking(move || still.accept().unwrap()).await.unwrap();
        leading.send(Leading::There("192.0.2.1:1".to_owned())).unwrap();
    };
    let (answer, ()) = tokio::join!(order_at(&node), taken_over);
    unavailable(&answer, "unknown");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[actix_web::test]
async fn a_body_too_large_for_any_route_goes_nowhere() {
    let idle = TcpListener::bind("127.0.0.1:0").unwrap();
    idle.set_nonblocking(true).unwrap();
    let (node, _leading) = node_of(idle.local_addr().unwrap());
    let body = vec![b' '; 1_100_000];
    node.call(TestRequest::post().uri("/v1/orders").set_payload(body)).await.refused(413, "body_too_large");
    assert!(idle.accept().is_err());
}

#[actix_web::test]
async fn the_writer_charges_whom_a_request_came_from() {
    let (one, burst) = (NonZeroU32::new(1).unwrap(), NonZeroU32::new(2).unwrap());
    let rate = Some(Rate { per_second: one, burst });
    let world = World::with(Limits { per_key: None, per_address: rate });
    let from = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let hop = world.api.app.accounts().sign_hop(Some(address)).unwrap();
        world.call(TestRequest::post().uri("/v1/orders").insert_header((HOP, hop)))
    };
    from("192.0.2.1").await.refused(401, "unauthorized");
    from("192.0.2.1").await.refused(401, "unauthorized");
    from("192.0.2.1").await.refused(429, "too_many_requests");
    from("192.0.2.2").await.refused(401, "unauthorized");
}

#[actix_web::test]
async fn a_node_for_nodes_answers_nobody_else() {
    let (instance, limits) = ("test".to_owned(), Limits::OFF);
    let world = World::of(Config { instance, limits, echo: Echo::On, workers: Some(1), serves_clients: false }, None);
    world.public("/v1/products").await.refused(421, "misdirected");
    order_at(&world).await.refused(421, "misdirected");
    world.public("/health/ready").await.expect(200);
    assert_eq!(world.public("/metrics").await.status, 200);
    let hop = world.api.app.accounts().sign_hop(None).unwrap();
    let passed = TestRequest::post().uri("/v1/orders").insert_header((HOP, hop));
    world.call(passed).await.refused(401, "unauthorized");
}
