//! Fixes of the index as they are published: versions that stay, and what `verify` makes of them.

use gpubourse::app::sequencer::Submission;
use gpubourse::app::verify::verify;
use gpubourse::exchange::Command;
use gpubourse::types::{ContractId, ContractStatus, OrderId, OrganizationId, Price, PublicId};
use serde_json::{Value, json};

use super::world::Market;

const INDEX: &str = "/v1/markets/h100-sxm-80gb/index";

/// Buys a GPU for an hour five times; returns the contracts.
async fn five_trades(market: &Market) -> Vec<ContractId> {
    let mut contracts = Vec::new();
    for (buyer, hour) in
        [(&market.renter, 30), (&market.other, 31), (&market.reseller, 32), (&market.renter, 33), (&market.other, 34)]
    {
        let bid = market.place(buyer, market.bid(1, "3", hour..hour + 1)).await;
        contracts.push(ContractId::new(number(bid["fills"][0]["contract_id"].as_str().unwrap())));
    }
    contracts
}

fn number(id: &str) -> i64 {
    PublicId::from_uuid(id.parse().unwrap()).unwrap().number
}

/// Moves the clock to the first minute of the next day.
fn next_day(market: &Market) {
    market.world.clock.set(market.world.first_minute().start());
}

async fn recall(market: &Market, contract: ContractId) {
    let status = ContractStatus::Recalled;
    let command = Command::EndContract { contract, status, fault: None, reason: "a slip of the finger".into() };
    run(market, command).await;
}

async fn run(market: &Market, command: Command) {
    let (actor, request_id) = ("system".to_owned(), "test".to_owned());
    let submission = Submission { actor, request_id, idempotency_key: None, command };
    market.world.running.sequencer.submit(submission).await.unwrap();
}

async fn versions(market: &Market, query: &str) -> Vec<Value> {
    let found = market.world.public(&format!("{INDEX}/versions{query}")).await.expect(200);
    found["data"].as_array().unwrap().clone()
}

fn is_sound(market: &Market) {
    let verdict = verify(&market.world.store, None).unwrap();
    assert!(verdict.is_clean(), "{verdict:?}");
}

#[actix_web::test]
async fn a_recall_makes_a_new_version_and_the_old_one_stays() {
    let market = Market::open().await;
    let (world, app) = (&market.world, &market.world.api.app);
    market.place(&market.provider, market.ask(16, "3")).await;
    let contracts = five_trades(&market).await;
    assert_eq!(app.publish_fixes().await.unwrap(), 0, "the day is not over");
    assert_eq!(world.public(INDEX).await.expect(200)["data"][0]["version"], Value::Null);
    next_day(&market);
    run(&market, Command::Note { subject: "user".into(), id: "1".into(), verb: "waited".into() }).await;
    // The whole product, its one region, one tenor and one market: each alone, in pairs, and all three.
    assert_eq!(app.publish_fixes().await.unwrap(), 8);
    assert_eq!(app.publish_fixes().await.unwrap(), 0, "nothing has changed");
    let index = world.public(INDEX).await.expect(200)["data"].clone();
    assert_eq!((index[0]["version"].as_u64(), index[0]["from"].as_str()), (Some(1), Some("trades")));
    let first = versions(&market, "").await;
    assert_eq!(first.len(), 1);
    assert_eq!((&first[0]["inputs_hash"], first[0]["inputs"].as_u64()), (&index[0]["inputs_hash"], Some(5)));
    assert_eq!((first[0]["first_input"].as_i64(), first[0]["last_input"].as_i64()), (Some(1), Some(5)));
    is_sound(&market);

    recall(&market, contracts[4]).await;
    assert_eq!(app.publish_fixes().await.unwrap(), 8, "four trades are too few");
    let both = versions(&market, "").await;
    assert_eq!(both[0], json!({"current": false}).as_object().map(|change| merged(&first[0], change)).unwrap());
    assert_eq!((both[1]["version"].as_u64(), both[1]["current"].as_bool()), (Some(2), Some(true)));
    assert_eq!(
        (both[1]["price"].clone(), both[1]["inputs"].as_u64()),
        (Value::Null, Some(0)),
        "there is no earlier fix"
    );
    assert_eq!(versions(&market, "?market=primary&tenor=hour").await.len(), 2);
    assert_eq!(versions(&market, "?market=resale").await, Vec::<Value>::new());
    let today = world.at(24 * 60);
    assert_eq!(versions(&market, &format!("?from={today}")).await, Vec::<Value>::new());
    world.public(&format!("{INDEX}/versions?tenor=year")).await.refused(422, "invalid_field");
    world.public("/v1/markets/none/index/versions").await.refused(404, "not_found");
    assert_eq!(app.publish_fixes().await.unwrap(), 0);
    is_sound(&market);
}

fn merged(row: &Value, change: &serde_json::Map<String, Value>) -> Value {
    let mut row = row.as_object().unwrap().clone();
    row.extend(change.clone());
    Value::Object(row)
}

#[actix_web::test]
async fn a_thin_day_gone_by_keeps_the_asks_it_was_published_with() {
    let market = Market::open().await;
    let (world, app) = (&market.world, &market.world.api.app);
    let cheap = market.place(&market.provider, market.ask(16, "3")).await["id"].as_str().unwrap().to_owned();
    market.place(&market.provider, market.ask(4, "5")).await;
    next_day(&market);
    run(&market, Command::Note { subject: "user".into(), id: "1".into(), verb: "waited".into() }).await;
    assert_eq!(app.publish_fixes().await.unwrap(), 1);
    let fix = async || world.public(INDEX).await.expect(200)["data"][0].clone();
    let published = fix().await;
    assert_eq!((published["price"].as_str(), published["from"].as_str()), (Some("3.00"), Some("asks")));
    assert_eq!(published["version"].as_u64(), Some(1));
    let (organization, order) = (number(&market.provider.organization), number(&cheap));
    let (organization, order) = (OrganizationId::new(organization), OrderId::new(order));
    run(&market, Command::CancelOrder { organization, order }).await;
    assert_eq!(fix().await, published, "what rested then does not change");
    next_day(&market);
    run(&market, Command::Note { subject: "user".into(), id: "1".into(), verb: "waited".into() }).await;
    assert_eq!(app.publish_fixes().await.unwrap(), 1);
    let second = world.public(INDEX).await.expect(200)["data"][1].clone();
    assert_eq!((second["price"].as_str(), second["inputs"].as_u64()), (Some("5.00"), Some(1)));
    is_sound(&market);
}

#[actix_web::test]
async fn a_fix_that_is_not_what_its_inputs_come_to_is_found() {
    let market = Market::open().await;
    let app = &market.world.api.app;
    market.place(&market.provider, market.ask(16, "3")).await;
    five_trades(&market).await;
    next_day(&market);
    run(&market, Command::Note { subject: "user".into(), id: "1".into(), verb: "waited".into() }).await;
    let (as_of, right) = app.fixes_due().await.unwrap();
    for wrong in 0..4 {
        let mut fix = right[0].clone();
        match wrong {
            0 => fix.price = Some(Price::from_micros(2_900_000)),
            1 => fix.inputs = 4,
            2 => fix.hash = "00".repeat(32),
            _ => fix.between = Some((1, 4)),
        }
        run(&market, Command::PublishFixes { as_of, fixes: vec![fix] }).await;
        let verdict = verify(&market.world.store, None).unwrap();
        assert_eq!(verdict.mismatches.len(), wrong + 1, "{verdict:?}");
        let found = &verdict.mismatches[wrong];
        assert_eq!((found.table, found.key.as_str()), ("index_fixes", (wrong + 1).to_string().as_str()), "{found:?}");
    }
    run(&market, Command::PublishFixes { as_of, fixes: right }).await;
    assert_eq!(verify(&market.world.store, None).unwrap().mismatches.len(), 4, "the right ones are none");
}
