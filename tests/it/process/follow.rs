//! Streams of several servers on one PostgreSQL database.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Request;
use super::market::{Market, PRODUCT};
use super::program::Server;
use crate::backend::Backend;

#[test]
fn every_node_tells_the_same_as_it_becomes_durable() {
    let Some(backend) = Backend::postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    Market::create_admin(folder.path(), &backend.url);
    let servers = ["all", "api", "api"].map(|role| Server::start_as(role, &backend.url));
    servers.iter().for_each(Server::wait_until_ready);
    let market = Market::set_up(&servers[0]);
    let start = servers[0].connect().call(&Request::get(format!("/v1/markets/{PRODUCT}/top"))).unwrap().ok();
    let start = start["as_of"].as_i64().unwrap();
    for server in &servers {
        let path = format!("/v1/markets/{PRODUCT}/top?min_sequence={start}");
        server.connect().call(&Request::get(path)).unwrap().ok();
    }
    let mut streams = servers.each_ref().map(|server| Followed::from(server, None));
    let first = streams.each_mut().map(Followed::next);
    assert!(first.iter().all(|event| event["seq"].as_i64() >= Some(start) && event["previous"].is_null()), "{first:?}");
    let mut client = servers[1].connect();
    for number in 0..20 {
        let bid = json!({
            "side": "bid", "product": PRODUCT, "gpus": 8, "price": format!("1.{number:02}"),
            "start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z", "client_order_id": number.to_string(),
        });
        client.call(&Request::post("/v1/orders", bid).bearer(&market.keys[1])).unwrap().ok();
    }
    let best = |event: &Value| event["books"][0]["best_bid"].clone();
    let told = streams.each_mut().map(|stream| {
        let mut told: Vec<Value> = Vec::new();
        while told.last().is_none_or(|event| best(event) != "1.19") {
            // An event without a book only says that time has passed.
            told.extend(Some(stream.next()).filter(|event| event.get("books").is_some()));
        }
        told
    });
    // Batches are those of the writer, so a row of one node means the same on all others.
    let rows = |told: &[Value]| told.iter().map(|event| (event["seq"].clone(), best(event))).collect::<Vec<_>>();
    let [writer, one, other] = &told;
    assert_eq!((rows(writer), rows(writer)), (rows(one), rows(other)));
    // Whoever loses its node goes on at another one.
    let seq = writer[writer.len() / 2 - 1]["seq"].as_i64().unwrap();
    let next = Followed::from(&servers[2], Some(seq)).next();
    assert_eq!((&next["previous"], &next["seq"]), (&json!(seq), &writer[writer.len() / 2]["seq"]));
}

/// A stream of the book of a node.
struct Followed(BufReader<TcpStream>);

impl Followed {
    fn from(server: &Server, last: Option<i64>) -> Self {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        write!(stream, "GET /v1/stream?topics=book:{PRODUCT} HTTP/1.1\r\nhost: localhost\r\n{last}\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    /// The data of the next event.
    fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}
