//! The server on a socket: it stops without dropping what it has accepted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use gpubourse::api::{self, Config, Echo, Limits};

use super::world::World;

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        let count = stream.read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if count == 0 || text.ends_with('}') {
            return text.into_owned();
        }
    }
}

/// A server of the world on a port of its own.
pub fn serve(world: &World) -> (SocketAddr, actix_web::dev::Server) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = Config {
        instance: "socket".to_owned(),
        limits: Limits::OFF,
        echo: Echo::On,
        workers: Some(1),
        serves_clients: true,
    };
    (address, api::server(world.api.app.clone(), &config, listener, gpubourse::web::pages()).unwrap())
}

#[actix_web::test]
async fn the_answer_to_head_has_no_body() {
    let world = World::new();
    let (address, server) = serve(&world);
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let answers = tokio::task::spawn_blocking(move || {
        ["/v1/products", "/v1/orders"].map(|path| {
            let mut stream = connect(address);
            write!(stream, "HEAD {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        })
    });
    let answers = answers.await.unwrap();
    for (text, status) in answers.iter().zip(["200", "401"]) {
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")) && text.ends_with("\r\n\r\n"), "{text}");
        assert!(!text.contains("content-length: 0\r"), "the length is that of the body left out: {text}");
    }
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

#[actix_web::test]
async fn a_body_that_stops_arriving_is_a_problem_after_its_deadline() {
    let world = World::new();
    let (address, server) = serve(&world);
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let text = tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        let head = "POST /v1/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n";
        write!(stream, "{head}\r\n{{").unwrap();
        answer(stream)
    });
    let text = text.await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 408") && head.contains("application/problem+json"), "{head}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(408), Some("body_timeout")));
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

#[actix_web::test]
async fn a_body_announced_as_too_large_is_not_waited_for() {
    let world = World::new();
    let (address, server) = serve(&world);
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let text = tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        let head = "POST /v1/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        write!(stream, "{head}content-length: 99999999999\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        answer(stream)
    });
    let text = text.await.unwrap();
    assert!(text.starts_with("HTTP/1.1 413") && text.contains("body_too_large"), "{text}");
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

#[actix_web::test]
async fn a_stopping_server_answers_what_it_has_accepted() {
    let world = World::new();
    let member = world.member("renter", "renter").await;
    let (address, server) = serve(&world);
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let client = tokio::task::spawn_blocking(move || {
        let mut stream = connect(address);
        let body = "{\"echoed\": true}";
        let head = format!(
            "POST /v1/echo HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            member.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Another request is answered after the first one's head was sent: by then it has been accepted.
        let mut other = connect(address);
        other.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert!(answer(other).starts_with("HTTP/1.1 200"));
        (stream, body)
    });
    let (mut stream, body) = client.await.unwrap();
    let stopping = actix_web::rt::spawn(handle.stop(true));
    let text = tokio::task::spawn_blocking(move || {
        while TcpStream::connect(address).is_ok_and(|mut probe| {
            let sent = probe.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n");
            probe.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            sent.is_ok() && probe.read(&mut [0; 1]).is_ok_and(|count| count > 0)
        }) {}
        stream.write_all(body.as_bytes()).unwrap();
        answer(stream)
    });
    let text = text.await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("{\"echoed\":true}"), "{text}");
    stopping.await.unwrap();
    running.await.unwrap().unwrap();
}
