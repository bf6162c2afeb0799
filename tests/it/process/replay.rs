//! A history that seeded traders made: sound, the same for the same seed, and never silent about what it is.

use std::path::Path;
use std::sync::Arc;

use gpubourse::app::{OsIds, SystemClock, Venue};

use super::http::Request;
use super::kill::verify;
use super::program::{Server, run_fails, run_ok};

const H100: &str = "/v1/markets/h100-unspecified-80gb";
const HEADER: &str = "gpubourse-data";
/// The first day of every history, and the last of four weeks.
const FIRST: &str = "2024-05-17T00:00:00Z";
const LAST: &str = "2024-06-14T00:00:00Z";

fn replay(folder: &Path, url: &str, seed: &str, days: &str) -> String {
    let command = ["demo", "--replay", "--replay-days", days, "--seed", seed, "--no-serve", "--database-url", url];
    run_ok(folder, &command, "")
}

/// The journal's rows and head, as `verify` tells them.
fn head(folder: &Path, url: &str) -> String {
    let said = run_ok(folder, &["verify", "--database-url", url], "");
    said.lines().find(|line| line.contains("journal rows, head")).unwrap().to_owned()
}

/// Leaves a database as a replay does that ends before its time.
fn mark_started(url: &str) {
    actix_web::rt::System::new().block_on(async {
        let venue = Venue::open(url, Arc::new(SystemClock), Arc::new(OsIds), Vec::new()).await.unwrap();
        venue.set_word("demo", "started".to_owned()).await.unwrap();
        venue.close();
    });
}

#[test]
fn weeks_of_history_are_sound_and_say_simulated() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("replay.db").display());
    let told = replay(folder.path(), &url, "7", "28");
    assert!(told.contains("SIMULATED: everything but the imported prices was made up"), "{told}");
    verify(folder.path(), &url);
    let said = run_ok(folder.path(), &["verify", "--database-url", &url], "");
    assert!(said.contains("SIMULATED (seed 7)"), "{said}");
    // Again: it was made, and nothing is made twice.
    let first = head(folder.path(), &url);
    let again = replay(folder.path(), &url, "7", "28");
    assert!(again.contains("SIMULATED"), "{again}");

    // Whoever serves it later says so too, on every answer.
    let server = Server::start(&url);
    server.wait_until_ready();
    assert_eq!(server.readiness().unwrap()["simulated"], true);
    let mut client = server.connect();
    for path in ["/v1/products", &format!("{H100}/trades"), "/v1/none", "/", "/fall", "/v1/me"] {
        let answer = client.call(&Request::get(path)).unwrap();
        assert_eq!(answer.header(HEADER), Some("SIMULATED"), "{path}: {}", answer.status);
    }
    let mut get = |path: &str| client.call(&Request::get(format!("{H100}/{path}"))).unwrap().ok();
    let candles = get(&format!("candles?interval=1d&from={FIRST}&to={LAST}"));
    assert_eq!(candles["source"], "gpubourse SIMULATED");
    assert!(candles["data"].as_array().unwrap().len() >= 15, "most days have trades: {candles}");
    let drawdown = get("drawdown").to_string();
    assert!(drawdown.contains("gpubourse SIMULATED") && drawdown.contains("\"gcp\""), "{drawdown}");
    let index = get(&format!("index?from={FIRST}&to={LAST}"));
    let year = get("index");
    assert_eq!((year["data"].as_array().unwrap().len(), &year["truncated"]), (367, &true.into()), "the last year");
    let fixes = index["data"].as_array().unwrap();
    let sound = fixes.iter().filter(|fix| fix["thin"] == false).count();
    assert!(sound >= 5, "{sound} days of {} are not thin", fixes.len());
    // Around the real price, which was 7.74 to 7.82 then.
    let prices: Vec<f64> = fixes.iter().map(|fix| fix["price"].as_str().unwrap().parse().unwrap()).collect();
    assert!(prices.iter().all(|price| (6.5..9.5).contains(price)), "{prices:?}");
    drop(server);

    let other = format!("sqlite:{}", folder.path().join("again.db").display());
    replay(folder.path(), &other, "7", "28");
    assert_eq!(head(folder.path(), &other).split(" head ").nth(1), first.split(" head ").nth(1));
    let other = format!("sqlite:{}", folder.path().join("other.db").display());
    replay(folder.path(), &other, "8", "28");
    assert_ne!(head(folder.path(), &other).split(" head ").nth(1), first.split(" head ").nth(1));

    // One that was cut off is no history, and no demo either.
    mark_started(&other);
    for command in [&["demo", "--replay"][..], &["demo"]] {
        let message = run_fails(folder.path(), &[command, &["--no-serve", "--database-url", &other]].concat(), "");
        assert!(message.contains("holds a history that was cut off"), "{message}");
    }
}

#[test]
fn an_ordinary_demo_says_nothing_of_the_kind_and_gets_no_history() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("demo.db").display());
    let told = run_ok(folder.path(), &["demo", "--no-serve", "--database-url", &url], "");
    assert!(!told.contains("SIMULATED"), "{told}");
    assert!(!run_ok(folder.path(), &["verify", "--database-url", &url], "").contains("SIMULATED"));
    let message = run_fails(folder.path(), &["demo", "--replay", "--no-serve", "--database-url", &url], "");
    assert!(message.contains("holds a demo without a history"), "{message}");
    let server = Server::start(&url);
    server.wait_until_ready();
    assert_eq!(server.readiness().unwrap()["simulated"], false);
    let mut client = server.connect();
    for path in ["/v1/products", "/", "/v1/none"] {
        assert_eq!(client.call(&Request::get(path)).unwrap().header(HEADER), None, "{path}");
    }
}
