//! How long prices stand, as it is served: from what sellers placed, amended and cancelled.

use gpubourse::app::Clock;
use gpubourse::app::sequencer::Submission;
use gpubourse::exchange::Command;
use serde_json::{Value, json};

use super::world::{Market, Who, with};

const PATH: &str = "/v1/markets/h100-sxm-80gb/stickiness";
const HOUR_MS: i64 = 60 * 60 * 1_000;

fn texts(row: &Value, fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| row[*field].as_str().unwrap_or("null").to_owned()).collect()
}

/// Lets hours pass, and has the exchange believe it.
async fn pass(market: &Market, hours: i64) {
    market.world.clock.advance_ms(hours * HOUR_MS);
    let command = Command::Advance { now: market.world.clock.now() };
    let (actor, request_id) = ("system".to_owned(), "time".to_owned());
    let submission = Submission { actor, request_id, idempotency_key: None, command };
    market.world.running.sequencer.submit(submission).await.unwrap();
}

/// Who was logged in: a token does not outlive the hours that pass here.
async fn again(market: &Market, name: &str, who: &Who) -> Who {
    Who { token: market.world.login(&format!("{name}@example.com")).await, ..who.clone() }
}

#[actix_web::test]
async fn prices_are_amended_or_replaced() {
    let market = Market::open().await;
    let world = &market.world;
    let sticky = async || world.public(PATH).await.expect(200);
    let none = sticky().await;
    assert_eq!(none["data"].as_array().unwrap().len(), 1, "{none}");
    assert_eq!(texts(&none["data"][0], &["region", "median_days", "median_standing_days"]), ["null"; 3]);
    let first = market.place(&market.provider, market.ask(8, "2")).await;
    let second = market.place(&market.provider, market.ask(8, "4")).await;
    let id = |order: &Value| format!("/v1/orders/{}", order["id"].as_str().unwrap());
    // After six hours the first is cut to $1.90 and the other cancelled; two hours later it is back at $3.
    pass(&market, 6).await;
    let provider = again(&market, "provider", &market.provider).await;
    world.patch(&provider, &id(&first), json!({"price": "1.9"})).await.expect(200);
    // The same price again changes nothing, and neither does less of it.
    world.patch(&provider, &id(&first), json!({"price": "1.90"})).await.expect(200);
    world.patch(&provider, &id(&first), json!({"gpus": 4})).await.expect(200);
    world.delete(&provider, &id(&second)).await.expect(200);
    pass(&market, 2).await;
    let provider = again(&market, "provider", &market.provider).await;
    market.place(&provider, market.ask(8, "3")).await;
    let found = sticky().await;
    let fields = ["region", "median_days", "median_change", "above_index", "resale_offered"];
    let rows: Vec<_> = found["data"].as_array().unwrap().iter().map(|row| texts(row, &fields)).collect();
    // 6 and 8 hours, -5 % and -25 %; the index of this thin day is $1.90 or $3, the lower of the asks' median by GPUs.
    assert_eq!(rows[0][..3], ["null", "0.2500", "-0.2500"], "{found}");
    assert_eq!((rows[1][0].as_str(), &rows[1][1..]), ("us-central1", &rows[0][1..]));
    let counts = |row: &Value| ["repricings", "cuts", "asks"].map(|name| row[name].as_u64().unwrap());
    assert_eq!(counts(&found["data"][0]), [2, 2, 2]);
    // Everything is taken off, and put up again a day later at another price: too late to be the same offer.
    world.delete(&provider, "/v1/orders").await.expect(200);
    pass(&market, 25).await;
    let provider = again(&market, "provider", &market.provider).await;
    let late = market.place(&provider, with(market.ask(8, "2.5"), json!({"start": world.at(24 * 60 * 3)}))).await;
    assert_eq!(counts(&sticky().await["data"][0]), [2, 2, 1]);
    // Taken off with all others, and put up again at once: that is a price of zero days that was raised.
    world.delete(&provider, "/v1/orders").await.expect(200);
    assert!(late["id"].is_string());
    market.place(&provider, with(market.ask(8, "2.75"), json!({"start": world.at(24 * 60 * 3)}))).await;
    let found = sticky().await;
    assert_eq!(counts(&found["data"][0]), [3, 2, 1]);
    assert_eq!(texts(&found["data"][0], &["median_days"]), ["0.2500"]);
    assert!(!found.to_string().contains(&market.provider.organization), "names nobody");
    // A server that is started again reads the same from the journal.
    let market = Market { world: market.world.restarted(), ..market };
    let again = market.world.public(PATH).await.expect(200);
    assert_eq!(again["data"], found["data"]);
    assert_eq!(again["truncated"], false);
    market.world.public("/v1/markets/none/stickiness").await.refused(404, "not_found");
}
