//! Contracts that are paid for by the month, over HTTP.

use serde_json::{Value, json};

use super::deliveries::{put_under_terms, settle, terms, to};
use super::world::{Market, PRODUCT, with};

const DAY: u32 = 24 * 60;

/// A market under terms by which nothing defaults, with capacity for 100 days of which all is offered at $2.
pub async fn market() -> Market {
    let mut market = Market::open().await;
    let body = json!({
        "site_id": market.site, "product": PRODUCT, "gpus": 8, "start": market.world.at(0),
        "end": market.world.at(100 * DAY), "gpus_per_node": 8, "interconnect": "infiniband", "resale_allowed": true,
    });
    let listing = market.world.post(&market.provider, "/v1/listings", body).await.expect(201);
    market.listing = listing["id"].as_str().unwrap().to_owned();
    let market = put_under_terms(market).await;
    let patient = with(terms(), json!({"default_after_minutes": 200 * DAY}));
    market.world.post(&market.admin, "/v1/admin/terms", patient).await.expect(200);
    market.place(&market.provider, market.ask(8, "2")).await;
    market
}

/// A bid for eight GPUs over so many days at $2.50, by the month.
fn bid(market: &Market, days: u32) -> Value {
    with(market.bid(8, "2.50", 0..days * 24), json!({"funding": "monthly"}))
}

async fn shown(market: &Market, contract: &str) -> Value {
    market.world.get(&market.renter, &format!("/v1/contracts/{contract}")).await.expect(200)
}

fn after(market: &Market, days: u32) -> String {
    market.world.first_day().plus(days * DAY).to_rfc3339()
}

#[actix_web::test]
async fn a_contract_says_how_far_it_is_paid_for_and_what_is_drawn_next() {
    let market = market().await;
    let preview = market.world.post(&market.renter, "/v1/orders/preview", bid(&market, 70)).await.expect(200);
    assert_eq!(preview["hold"], "28800.00", "8 x 720 x 2.50, twice: {preview}");
    let order = market.place(&market.renter, bid(&market, 70)).await;
    assert_eq!((&order["funding"], &order["status"]), (&json!("monthly"), &json!("filled")));
    let contract = order["fills"][0]["contract_id"].as_str().unwrap().to_owned();
    let now = shown(&market, &contract).await;
    assert_eq!((&now["funding"], &now["escrow"]), (&json!("monthly"), &json!("23040.00")));
    let next = json!({"at": after(&market, 27), "until": after(&market, 30), "amount": "11520.00"});
    let month = json!({
        "months_funded": 1, "funded_until": after(&market, 30), "deposit": "11520.00", "next_draw": next,
    });
    assert_eq!(now["monthly"], month);
    // What is not written yet outlives the process as what is.
    let market = Market { world: market.world.restarted(), ..market };
    assert_eq!(shown(&market, &contract).await, now);

    to(&market, 27 * DAY);
    settle(&market).await;
    let now = shown(&market, &contract).await;
    let next = json!({"at": after(&market, 57), "until": after(&market, 60), "amount": "3840.00"});
    assert_eq!((&now["monthly"]["months_funded"], &now["monthly"]["next_draw"]), (&json!(2), &next));
    let transfers = market.world.get(&market.renter, "/v1/transfers").await.expect(200);
    let drawn = transfers["data"].as_array().unwrap().iter().find(|row| row["cause"] == "draw").unwrap();
    assert_eq!((&drawn["amount"], &drawn["contract_id"]), (&json!("11520.00"), &json!(contract)));
}

#[actix_web::test]
async fn a_missed_draw_is_seen_in_the_contract_and_in_both_statements() {
    let market = market().await;
    let order = market.place(&market.renter, bid(&market, 70)).await;
    let contract = order["fills"][0]["contract_id"].as_str().unwrap().to_owned();
    let body = json!({"organization_id": market.renter.organization, "amount": "70000", "reference": "out"});
    market.world.keyed(&market.admin, "/v1/admin/withdrawals", "out", body).await.expect(201);
    to(&market, 30 * DAY);
    settle(&market).await;
    let now = shown(&market, &contract).await;
    assert_eq!((&now["status"], &now["ended_at"]), (&json!("terminated"), &json!(after(&market, 30))));
    assert_eq!(now["monthly"]["next_draw"], Value::Null);
    let month = &after(&market, 30)[..7];
    for (who, part) in [(&market.renter, "bought"), (&market.provider, "sold")] {
        let statement = market.world.get(who, &format!("/v1/statements/{month}")).await.expect(200);
        let line = &statement["contracts"][0];
        assert_eq!((&line["part"], &line["forfeits"]), (&json!(part), &json!("11520.00")), "{statement}");
    }
    let balances = market.world.get(&market.provider, "/v1/balances").await.expect(200);
    assert_eq!(balances["available"], "11520.00");
}

#[actix_web::test]
async fn monthly_funding_is_for_long_bids_under_terms() {
    let market = market().await;
    let short = bid(&market, 30);
    let refused = market.world.post(&market.renter, "/v1/orders", short).await;
    refused.refused(422, "funding_not_allowed");
    assert_eq!(refused.body["errors"][0]["field"], "funding");
    let ask = with(market.ask(8, "2"), json!({"funding": "monthly"}));
    let refused = market.world.post(&market.provider, "/v1/orders", ask).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("funding")), "{}", refused.text);
    let batch = json!({"orders": [bid(&market, 30), bid(&market, 31)]});
    let done = market.world.post(&market.renter, "/v1/orders/batch", batch).await.expect(200);
    let [short, long] = [&done["results"][0]["problem"]["code"], &done["results"][1]["order"]["funding"]];
    assert_eq!((short, long), (&json!("funding_not_allowed"), &json!("monthly")), "{done}");
}
