//! Sessions: cookies that scripts cannot read, renewed on the way, ended by logging out.

use gpubourse::app::sequencer::Leading;
use tokio::sync::watch;

use super::visitor::Visitor;
use crate::api::server::serve;
use crate::api::world::{PASSWORD, World};

const ACCESS: &str = "gpubourse_access";
const REFRESH: &str = "gpubourse_refresh";
const QUARTER_HOUR_MS: i64 = 15 * 60 * 1_000;

async fn world() -> World {
    let world = World::new();
    world.member("renter", "renter").await;
    world
}

#[actix_web::test]
async fn a_wrong_password_is_said_and_begins_nothing() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let answer =
        visitor.send("/login", "/login", &[("email", "renter@example.com"), ("password", "wrong wrong wrong")]).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.text.contains("The e-mail address or the password is wrong") && !answer.text.contains("wrong wrong")
    );
    assert!(visitor.cookie(ACCESS).is_none());
}

#[actix_web::test]
async fn an_expired_session_is_renewed_on_the_way() {
    let world = world().await;
    let visitor = Visitor::logged_in(&world, "renter").await;
    let (access, refresh) = (visitor.cookie(ACCESS).unwrap(), visitor.cookie(REFRESH).unwrap());
    world.clock.advance_ms(QUARTER_HOUR_MS + 1_000);
    let answer = visitor.get("/renter?gpus=4&product=x").await;
    assert_eq!(answer.status, 303);
    let renewal = answer.header("location").unwrap().to_owned();
    assert_eq!(renewal, "/session/renew?next=/renter%3Fgpus%3D4%26product%3Dx");
    // A second tab asks at the same time, with the same cookies.
    let tab = Visitor::new(&world);
    tab.set_cookie(ACCESS, &access);
    tab.set_cookie(REFRESH, &refresh);
    for visitor in [&visitor, &tab] {
        let answer = visitor.get(&renewal).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/renter?gpus=4&product=x")));
        assert_ne!(visitor.cookie(ACCESS).unwrap(), access);
        assert_eq!(visitor.get("/renter").await.status, 200);
    }
    assert_eq!(visitor.cookie(REFRESH), tab.cookie(REFRESH), "one exchange served both");
    // Later the old token is a stolen one: it ends the session.
    world.clock.advance_ms(QUARTER_HOUR_MS + 1_000);
    let thief = Visitor::new(&world);
    thief.set_cookie(ACCESS, &access);
    thief.set_cookie(REFRESH, &refresh);
    assert_eq!(thief.get(&renewal).await.status, 303);
    assert_eq!((thief.cookie(ACCESS), thief.cookie(REFRESH)), (None, None));
    visitor.get(&renewal).await;
    assert!(visitor.cookie(ACCESS).is_none(), "nobody can tell who the thief is");
}

#[actix_web::test]
async fn a_form_that_took_long_to_fill_in_is_still_taken() {
    let world = world().await;
    let visitor = Visitor::logged_in(&world, "renter").await;
    let token = visitor.token("/bids/new").await;
    let refresh = visitor.cookie(REFRESH).unwrap();
    world.clock.advance_ms(QUARTER_HOUR_MS + 1_000);
    let answer = visitor.post("/bids/new", &[("token", &token), ("product", "none")], &[]).await;
    assert_eq!(answer.status, 422, "taken, and judged: {}", answer.text);
    assert_ne!(visitor.cookie(REFRESH).unwrap(), refresh);
}

#[actix_web::test]
async fn logging_out_ends_the_session_everywhere() {
    let world = world().await;
    let visitor = Visitor::logged_in(&world, "renter").await;
    let (access, refresh) = (visitor.cookie(ACCESS).unwrap(), visitor.cookie(REFRESH).unwrap());
    let answer = visitor.send("/renter", "/logout", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert_eq!((visitor.cookie(ACCESS), visitor.cookie(REFRESH)), (None, None));
    world.clock.advance_ms(QUARTER_HOUR_MS + 1_000);
    let copy = Visitor::new(&world);
    copy.set_cookie(ACCESS, &access);
    copy.set_cookie(REFRESH, &refresh);
    copy.get("/session/renew?next=/renter").await;
    assert!(copy.cookie(ACCESS).is_none(), "the refresh token went with it");
}

#[actix_web::test]
async fn cookies_are_secure_behind_an_encrypting_proxy() {
    let world = world().await;
    for (headers, secure) in [(vec![], false), (vec![("x-forwarded-proto", "https")], true)] {
        let visitor = Visitor::new(&world);
        let token = visitor.token("/login").await;
        let fields = [("token", token.as_str()), ("email", "renter@example.com"), ("password", PASSWORD)];
        let answer = visitor.post("/login", &fields, &headers).await;
        let cookies: Vec<&str> = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap()).collect();
        assert_eq!(cookies.len(), 3, "{cookies:?}");
        assert!(cookies.iter().all(|cookie| cookie.contains("Secure") == secure), "{cookies:?}");
    }
}

#[actix_web::test]
async fn forms_sent_to_a_node_that_does_not_write_are_taken_by_the_one_that_does() {
    let writer = world().await;
    let (address, server) = serve(&writer);
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let (_leading, known) = watch::channel(Leading::There(address.to_string()));
    let node = World::led_by(known);
    let visitor = Visitor::new(&node);
    let token = visitor.token("/login").await;
    let fields = [("token", token.as_str()), ("email", "renter@example.com"), ("password", PASSWORD)];
    let foreign = visitor.post("/login", &fields, &[("origin", "https://evil.example")]).await;
    assert_eq!(foreign.status, 403, "{}", foreign.text);
    let answer = visitor.post("/login", &fields, &[("origin", "http://localhost:8080")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/renter")), "{}", answer.text);
    let refresh = visitor.cookie(REFRESH).unwrap();
    assert_eq!(visitor.get("/renter").await.status, 200, "the node reads the session by itself");
    // Renewing is a write, though a browser asks for it with GET.
    let answer = visitor.get("/session/renew?next=/renter").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/renter")));
    assert_ne!(visitor.cookie(REFRESH).unwrap(), refresh);
    handle.stop(true).await;
}
