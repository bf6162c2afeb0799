//! What whoever sold a contract once sees of it over HTTP: its own leg, and nothing that came later.

use serde_json::{Value, json};

use super::deliveries::{KEY, access, act, put_under_terms, report, settle, terms, to};
use super::novation::{contract_of, market as novation, taken_over};
use super::world::{Market, Who, with};
use crate::web::visitor::Visitor;

const DAY: u32 = 24 * 60;

async fn shown(market: &Market, who: &Who, contract: &str) -> Value {
    market.world.get(who, &format!("/v1/contracts/{contract}")).await.expect(200)
}

async fn listed(market: &Market, who: &Who, contract: &str) -> Value {
    let listed = market.world.get(who, "/v1/contracts").await.expect(200);
    let rows = listed["data"].as_array().unwrap();
    rows.iter().find(|row| row["id"] == json!(contract)).unwrap_or_else(|| panic!("{listed}")).clone()
}

/// Nobody else sees a contract, its chain or its delivery.
async fn is_closed_to_strangers(market: &Market, contract: &str) {
    let token = market.world.login("reseller@example.com").await;
    let person = Who { token, organization: market.reseller.organization.clone() };
    let trader = market.world.key(&person, &["trade"]).await;
    for path in ["", "/chain"] {
        let path = format!("/v1/contracts/{contract}{path}");
        market.world.public(&path).await.refused(401, "unauthorized");
        market.world.get(&trader, &path).await.refused(403, "scope_required");
        market.world.get(&market.other, &path).await.refused(404, "not_found");
    }
    let path = format!("/v1/contracts/{contract}/delivery");
    for who in [&market.reseller, &market.other] {
        market.world.get(who, &path).await.refused(404, "not_found");
    }
}

#[actix_web::test]
async fn who_left_by_novation_sees_its_own_leg_and_its_gain() {
    let market = novation().await;
    let (first, second) = taken_over(&market).await;
    let now = shown(&market, &market.reseller, &second).await;
    let names = (&now["seller"]["name"], &now["buyer"]["name"], &now["price"], &now["parent_id"]);
    assert_eq!(names, (&json!("reseller"), &json!("renter"), &json!("2.50"), &json!(first)), "{now}");
    assert_eq!((&now["left"]["reason"], &now["left"]["gain"]), (&json!("taken_over"), &json!("0.50")), "{now}");
    assert_eq!(now["left"]["at"], now["created_at"]);
    for absent in ["escrow", "bond", "taken_over", "given_up", "monthly"] {
        assert!(now.get(absent).is_none(), "{absent}: {now}");
    }
    assert_eq!(listed(&market, &market.reseller, &second).await, now);
    is_closed_to_strangers(&market, &second).await;

    // What the renter does with it is not told: it sells half of it on, and a part of it comes back.
    let ask = json!({"side": "ask", "contract_id": second, "gpus": 2, "price": "3"});
    market.place(&market.renter, ask).await;
    let third = contract_of(&market.place(&market.reseller, market.bid(1, "3", 0..24)).await);
    assert_eq!(shown(&market, &market.reseller, &second).await, now);
    assert_eq!(listed(&market, &market.reseller, &second).await, now);
    assert!(shown(&market, &market.renter, &second).await.get("given_up").is_some());
    // The parties see all of it.
    let of_buyer = shown(&market, &market.renter, &second).await;
    assert!(of_buyer.get("left").is_none() && of_buyer.get("escrow").is_some(), "{of_buyer}");

    // In the chain of what it bought back all three legs are its own.
    let chain = market.world.get(&market.reseller, &format!("/v1/contracts/{third}/chain")).await.expect(200);
    let legs = chain["legs"].as_array().unwrap();
    let ids: Vec<&Value> = legs.iter().map(|leg| &leg["contract"]["id"]).collect();
    assert_eq!(ids, [&json!(first), &json!(second), &json!(third)], "{chain}");
    assert_eq!(legs[1]["contract"], now);
    let market = Market { world: market.world.restarted(), ..market };
    assert_eq!(shown(&market, &market.reseller, &second).await, now);
}

#[actix_web::test]
async fn the_chain_of_who_left_ends_with_its_own_leg() {
    let market = novation().await;
    let (first, second) = taken_over(&market).await;
    let chain = market.world.get(&market.reseller, &format!("/v1/contracts/{second}/chain")).await.expect(200);
    let legs = chain["legs"].as_array().unwrap();
    assert_eq!((legs.len(), &chain["resales"]), (2, &json!([])), "{chain}");
    assert_eq!(legs[0]["contract"]["id"], json!(first));
    assert_eq!((&legs[1]["gain"], &legs[1]["contract"]["left"]["gain"]), (&json!("0.50"), &json!("0.50")), "{chain}");
    // The one it sold to sells all of it on: then somebody has left whom the first has nothing to do with.
    let ask = json!({"side": "ask", "contract_id": second, "gpus": 4, "price": "3"});
    market.place(&market.renter, ask).await;
    let third = contract_of(&market.place(&market.other, market.bid(4, "3", 0..24)).await);
    market.world.get(&market.reseller, &format!("/v1/contracts/{third}")).await.refused(404, "not_found");
    let chain = market.world.get(&market.other, &format!("/v1/contracts/{third}/chain")).await.expect(200);
    let legs = chain["legs"].as_array().unwrap();
    assert!(legs[0].get("contract").is_none() && legs[1].get("contract").is_none(), "legs of others: {chain}");
    let chain = market.world.get(&market.renter, &format!("/v1/contracts/{third}/chain")).await.expect(200);
    let legs = chain["legs"].as_array().unwrap();
    assert!(legs[0].get("contract").is_none(), "a leg of others: {chain}");
    assert_eq!((&legs[2]["gain"], &legs[2]["contract"]["left"]["gain"]), (&json!("0.50"), &json!("0.50")), "{chain}");
}

#[actix_web::test]
async fn pages_show_who_left_the_same() {
    let market = novation().await;
    let (_, second) = taken_over(&market).await;
    let world = &market.world;
    let page = Visitor::logged_in(world, "reseller").await.get(&format!("/contracts/{second}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for shown in ["its buyer took over what was held", "Gain a GPU-hour", "$2.50", "reseller → renter"] {
        assert!(page.text.contains(shown), "{shown} is not in {}", page.text);
    }
    for hidden in ["In escrow", "provider → renter", "/deliveries/"] {
        assert!(!page.text.contains(hidden), "{hidden} is in {}", page.text);
    }
    let stranger = Visitor::logged_in(world, "other").await.get(&format!("/contracts/{second}")).await;
    assert_eq!(stranger.status, 404);
    // A statement says at what the position was sold.
    let month = &world.clock_in(0)[..7];
    let statement = world.get(&market.reseller, &format!("/v1/statements/{month}")).await.expect(200);
    let lines = statement["contracts"].as_array().unwrap();
    let line = lines.iter().find(|line| line["contract_id"] == json!(second)).unwrap();
    assert_eq!((&line["part"], &line["price"]), (&json!("sold"), &json!("2.50")), "{line}");
}

/// The reseller buys 8 for a day at 2.00, sells them on to the renter at 1.50 and leaves after 846 minutes, of which the
/// first four hours were dark; what it has left goes elsewhere.
async fn passed() -> (Market, String, String) {
    let market = put_under_terms(Market::open().await).await;
    let patient = with(terms(), json!({"default_after_minutes": 200 * DAY}));
    market.world.post(&market.admin, "/v1/admin/terms", patient).await.expect(200);
    let first = market.sell_to(&market.reseller, 8).await["contract_id"].as_str().unwrap().to_owned();
    let ask = json!({"side": "ask", "contract_id": first, "gpus": 8, "price": "1.50"});
    market.place(&market.reseller, ask).await;
    let second = contract_of(&market.place(&market.renter, market.bid(8, "1.50", 0..24)).await);
    market.world.post(&market.renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
    act(&market, &market.provider, &second, "ready", json!({})).await.expect(200);
    act(&market, &market.provider, &second, "deliver", access(KEY)).await.expect(200);
    act(&market, &market.renter, &second, "accept", json!({})).await.expect(200);
    to(&market, 5);
    let reason = json!({"reason": "we leave"});
    act(&market, &market.reseller, &first, "terminate", reason).await.expect(200);
    to(&market, 900);
    settle(&market).await;
    let left = market.world.get(&market.reseller, "/v1/balances").await.expect(200)["available"].clone();
    let body = json!({"organization_id": market.reseller.organization, "amount": left, "reference": "out"});
    market.world.keyed(&market.admin, "/v1/admin/withdrawals", "out", body).await.expect(201);
    to(&market, DAY);
    market.world.post(&market.provider, "/v1/meter", report(&market, &second, 240, 240, 8)).await.expect(200);
    (market, first, second)
}

#[actix_web::test]
async fn what_passed_to_the_seller_above_is_shown_to_who_sold_it_until_then() {
    let (market, first, second) = passed().await;
    to(&market, 2 * DAY + 10);
    settle(&market).await;
    let now = shown(&market, &market.reseller, &second).await;
    let names = (&now["seller"]["name"], &now["buyer"]["name"], &now["price"], &now["parent_id"]);
    assert_eq!(names, (&json!("reseller"), &json!("renter"), &json!("1.50"), &json!(first)), "{now}");
    let left = &now["left"];
    assert_eq!((&left["reason"], &left["gain"]), (&json!("passed"), &json!("-0.50")), "{now}");
    // 606 minutes of 8 GPUs at 1.50 are 121.20, less 1 %. Four hours of 8 GPUs were dark, 48.00: five times that is the
    // credit, of which the reseller pays what came in.
    let money = json!({
        "delivered_gpu_minutes": 4_848, "paid": "121.20", "fee": "1.212", "credited": "119.988", "owed": "120.012",
    });
    assert_eq!(left["money"], money, "{now}");
    assert_eq!(listed(&market, &market.reseller, &second).await, now);
    is_closed_to_strangers(&market, &second).await;

    // The seller above owes nothing of it, and the buyer sees that somebody does.
    for who in [&market.renter, &market.provider] {
        let delivery = market.world.get(who, &format!("/v1/contracts/{second}/delivery")).await.expect(200);
        let money = &delivery["money"];
        assert_eq!((&money["owed"], &money["owed_by_earlier_sellers"]), (&json!("0.00"), &json!("120.012")), "{money}");
        assert_eq!(money["credited"], "119.988");
    }
    let month = &market.world.clock_in(0)[..7];
    for (who, credits) in [(&market.reseller, "119.988"), (&market.provider, "0.00")] {
        let statement = market.world.get(who, &format!("/v1/statements/{month}")).await.expect(200);
        let lines = statement["contracts"].as_array().unwrap();
        let line = lines.iter().find(|line| line["contract_id"] == json!(second)).unwrap();
        assert_eq!((&line["part"], &line["credits"]), (&json!("sold"), &json!(credits)), "{line}");
    }
    let page = Visitor::logged_in(&market.world, "reseller").await.get(&format!("/contracts/{second}")).await;
    assert!(page.text.contains("passed to the seller above") && page.text.contains("$120.012"), "{}", page.text);
    let page = Visitor::logged_in(&market.world, "renter").await.get(&format!("/deliveries/{second}")).await;
    assert!(page.text.contains("Credits owed by who sold it before"), "{}", page.text);
    let market = Market { world: market.world.restarted(), ..market };
    assert_eq!(shown(&market, &market.reseller, &second).await, now);
}
