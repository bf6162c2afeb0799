//! Resales after which the seller has left, over HTTP.

use serde_json::{Value, json};

use super::deliveries::{put_under_terms, terms};
use super::world::{Market, PRODUCT, Who, with};

/// A market under terms whose listing lets resellers leave, with a royalty of a tenth.
pub async fn market() -> Market {
    let mut market = Market::open().await;
    let body = json!({
        "site_id": market.site, "product": PRODUCT, "gpus": 8, "start": market.world.at(0),
        "end": market.world.at(100 * 24 * 60), "gpus_per_node": 8, "interconnect": "infiniband", "resale_allowed": true,
        "resale": "novation", "royalty_bps": 1_000,
    });
    let listing = market.world.post(&market.provider, "/v1/listings", body).await.expect(201);
    assert_eq!(listing["resale"], "novation");
    market.listing = listing["id"].as_str().unwrap().to_owned();
    let market = put_under_terms(market).await;
    let patient = with(terms(), json!({"default_after_minutes": 200 * 24 * 60}));
    market.world.post(&market.admin, "/v1/admin/terms", patient).await.expect(200);
    market.place(&market.provider, market.ask(8, "2")).await;
    market
}

pub fn contract_of(order: &Value) -> String {
    order["fills"][0]["contract_id"].as_str().unwrap().to_owned()
}

/// The reseller buys 8 for a day at 2.00; the renter takes 4 of them over at 2.50.
pub async fn taken_over(market: &Market) -> (String, String) {
    let first = contract_of(&market.place(&market.reseller, market.bid(8, "2", 0..24)).await);
    let ask = json!({"side": "ask", "contract_id": first, "gpus": 4, "price": "2.50"});
    market.place(&market.reseller, ask).await;
    let second = contract_of(&market.place(&market.renter, market.bid(4, "2.50", 0..24)).await);
    (first, second)
}

async fn shown(market: &Market, who: &Who, contract: &str) -> Value {
    market.world.get(who, &format!("/v1/contracts/{contract}")).await.expect(200)
}

#[actix_web::test]
async fn the_buyer_stands_against_the_provider_and_both_are_told() {
    let market = market().await;
    let (first, second) = taken_over(&market).await;
    let now = shown(&market, &market.renter, &second).await;
    assert_eq!((&now["seller"]["name"], &now["depth"]), (&json!("provider"), &json!(1)), "{now}");
    assert_eq!((&now["price"], &now["escrow"], &now["parent_id"]), (&json!("2.00"), &json!("192.00"), &Value::Null));
    let taken = &now["taken_over"];
    assert_eq!((&taken["contract_id"], &taken["price"]), (&json!(first), &json!("2.50")), "{now}");
    assert_eq!(taken["seller"]["name"], "reseller");
    let rest = shown(&market, &market.reseller, &first).await;
    let gone = json!([{"start": market.world.at(0), "end": market.world.at(24 * 60), "gpus": 4}]);
    assert_eq!((&rest["given_up"], &rest["escrow"]), (&gone, &json!("192.00")), "{rest}");
    assert!(rest.get("taken_over").is_none() && now.get("given_up").is_none());
    market.world.get(&market.other, &format!("/v1/contracts/{second}")).await.refused(404, "not_found");
    // What is not written yet outlives the process as what is.
    let market = Market { world: market.world.restarted(), ..market };
    assert_eq!(shown(&market, &market.renter, &second).await, now);
    assert_eq!(shown(&market, &market.reseller, &first).await, rest);
}

#[actix_web::test]
async fn the_title_leads_through_whoever_left() {
    let market = market().await;
    let (first, second) = taken_over(&market).await;
    let path = format!("/v1/contracts/{second}/chain");
    let all = market.world.get(&market.admin, &path).await.expect(200);
    let legs = all["legs"].as_array().unwrap();
    assert_eq!(legs.len(), 2, "{all}");
    assert_eq!((&legs[0]["contract"]["id"], &legs[1]["gain"]), (&json!(first), &json!("0.50")), "{all}");
    let own = market.world.get(&market.renter, &path).await.expect(200);
    assert!(own["legs"][0].get("contract").is_none(), "a leg of others: {own}");
    assert_eq!(own["legs"][1]["contract"]["id"], json!(second));
}

#[actix_web::test]
async fn statements_say_what_the_position_cost_and_brought() {
    let market = market().await;
    let (_, second) = taken_over(&market).await;
    let now = market.world.clock_in(0);
    let month = &now[..7];
    // 96 GPU-hours at 2.50, of which a tenth of 96 * 0.50 is the provider's; 96 * 2.00 lay behind them.
    for (who, part, cost, behind) in [
        (&market.renter, "bought", "240.00", "192.00"),
        (&market.reseller, "sold", "235.20", "192.00"),
        (&market.provider, "owned", "4.80", "0.00"),
    ] {
        let statement = market.world.get(who, &format!("/v1/statements/{month}")).await.expect(200);
        let lines = statement["contracts"].as_array().unwrap();
        let line =
            lines.iter().find(|line| line["contract_id"] == json!(second)).unwrap_or_else(|| panic!("{statement}"));
        assert_eq!(
            (&line["part"], &line["novations"], &line["takeovers"]),
            (&json!(part), &json!(cost), &json!(behind))
        );
    }
}

#[actix_web::test]
async fn what_is_paid_for_by_the_month_is_not_taken_over() {
    let market = market().await;
    let long = with(market.bid(8, "2", 0..40 * 24), json!({"funding": "monthly"}));
    let first = contract_of(&market.place(&market.reseller, long).await);
    let ask = json!({"side": "ask", "contract_id": first, "gpus": 4, "price": "2.50"});
    let refused = market.world.post(&market.reseller, "/v1/orders", ask).await;
    refused.refused(422, "novation_not_allowed");
    assert_eq!(refused.body["errors"][0]["field"], "contract_id");
}
