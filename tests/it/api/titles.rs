//! Refusals that need a history: resale, fills, time, many keys.

use serde_json::{Value, json};

use super::world::{Market, PRODUCT, Who, with};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

async fn resell(market: &Market, seller: &Who, contract: &str, buyer: &Who) -> String {
    market.place(seller, resale(contract)).await;
    let bid = market.place(buyer, market.bid(8, "2", 0..24)).await;
    assert_eq!(bid["status"], "filled", "{bid}");
    bid["fills"][0]["contract_id"].as_str().unwrap().to_owned()
}

fn resale(contract: &str) -> Value {
    json!({"side": "ask", "contract_id": contract, "gpus": 8, "price": "2"})
}

fn contract_of(fill: &Value) -> String {
    fill["contract_id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_chain_of_title_is_at_most_eight_deep() {
    let market = Market::open().await;
    let mut contract = contract_of(&market.sell_to(&market.reseller, 8).await);
    let mut seller = &market.reseller;
    for turn in 1..8 {
        let buyer = if turn % 2 == 1 { &market.renter } else { &market.other };
        contract = resell(&market, seller, &contract, buyer).await;
        seller = buyer;
    }
    let last = market.world.get(seller, &format!("/v1/contracts/{contract}")).await.expect(200);
    assert_eq!(last["depth"], 7);
    let refused = market.world.post(seller, "/v1/orders", resale(&contract)).await;
    refused.refused(422, "chain_too_deep");
    assert_eq!(refused.body["errors"][0]["field"], "contract_id");
}

#[actix_web::test]
async fn what_a_listing_keeps_from_resale_is_not_resold() {
    let market = Market::open().await;
    let world = &market.world;
    let body = json!({
        "site_id": market.site, "product": PRODUCT, "gpus": 8, "start": world.at(0), "end": world.at(24 * 60),
        "gpus_per_node": 8, "interconnect": "infiniband", "resale_allowed": false,
    });
    let listing = world.post(&market.provider, "/v1/listings", body).await.expect(201);
    market.place(&market.provider, with(market.ask(8, "2"), json!({"listing_id": listing["id"]}))).await;
    let bid = market.place(&market.reseller, market.bid(8, "2", 0..24)).await;
    let refused = world.post(&market.reseller, "/v1/orders", resale(&contract_of(&bid["fills"][0]))).await;
    refused.refused(422, "resale_not_allowed");
    assert_eq!(refused.body["errors"][0]["field"], "contract_id");
}

#[actix_web::test]
async fn a_contract_that_has_ended_is_not_resold() {
    let market = Market::open().await;
    let world = &market.world;
    let contract = contract_of(&market.sell_to(&market.reseller, 8).await);
    let [reseller, renter] =
        [world.key(&market.reseller, &["read", "trade"]).await, world.key(&market.renter, &["read", "trade"]).await];
    world.post(&renter, "/v1/orders", resale(&contract)).await.refused(404, "not_found");
    world.clock.advance_ms(3 * DAY_MS);
    world.delete(&reseller, "/v1/orders").await.expect(200);
    assert_eq!(world.get(&reseller, &format!("/v1/contracts/{contract}")).await.expect(200)["status"], "completed");
    let refused = world.post(&reseller, "/v1/orders", resale(&contract)).await;
    refused.refused(422, "source_not_live");
    assert_eq!(refused.body["errors"][0]["field"], "contract_id");
    // To whoever never held it, it is not there at all.
    world.post(&renter, "/v1/orders", resale(&contract)).await.refused(404, "not_found");
}

#[actix_web::test]
async fn a_refused_amendment_leaves_the_order_as_it_was() {
    let market = Market::open().await;
    let world = &market.world;
    market.place(&market.provider, market.ask(4, "2")).await;
    let bid = market.place(&market.renter, market.bid(8, "2", 0..24)).await;
    assert_eq!(bid["status"], "partially_filled");
    let path = format!("/v1/orders/{}", bid["id"].as_str().unwrap());
    let before = world.get(&market.renter, &path).await.expect(200);
    for (changes, code, field) in [
        (json!({"start": world.at(60)}), "window_fixed", "start"),
        (json!({"end": world.at(25 * 60)}), "window_fixed", "start"),
        (json!({"lot": 3}), "invalid_lot", "lot"),
        (json!({"lot": 0}), "invalid_lot", "lot"),
        (json!({"gpus": 0}), "invalid_gpus", "gpus"),
        (json!({"gpus": 3}), "below_sold", "gpus"),
        (json!({"price": "2.0001"}), "off_tick", "price"),
    ] {
        let refused = world.patch(&market.renter, &path, changes.clone()).await;
        assert_eq!(refused.code(), code, "{changes}: {}", refused.text);
        refused.refused(422, code);
        assert_eq!(refused.body["errors"][0]["field"], field, "{changes}");
    }
    let after = world.get(&market.renter, &path).await.expect(200);
    assert_eq!(with(after, json!({"as_of": null})), with(before, json!({"as_of": null})));
}

#[actix_web::test]
async fn a_user_has_a_hundred_keys_and_no_more() {
    let market = Market::open().await;
    let world = &market.world;
    for _ in 0..100 {
        world.key(&market.renter, &["read"]).await;
    }
    let another = || json!({"name": "one too many", "scopes": ["read"]});
    world.post(&market.renter, "/v1/api-keys", another()).await.refused(409, "too_many_api_keys");
    let keys = world.get(&market.renter, "/v1/api-keys?limit=1").await.expect(200);
    let path = format!("/v1/api-keys/{}", keys["data"][0]["id"].as_str().unwrap());
    assert_eq!(world.delete(&market.renter, &path).await.status, 204);
    world.post(&market.renter, "/v1/api-keys", another()).await.expect(201);
}
