//! Collateral and tiers over HTTP.

use serde_json::json;

use super::deliveries::terms;
use super::world::{Market, with};

/// A market whose terms ask for 10 %, or 1 % of whoever is verified.
async fn bonded() -> Market {
    let market = Market::open().await;
    let bonds = json!({"unverified": 1_000, "verified": 100, "trusted": 0});
    let published = market.world.post(&market.admin, "/v1/admin/terms", with(terms(), json!({"bonds": bonds}))).await;
    assert_eq!(published.expect(200)["bonds"], bonds);
    market
}

#[actix_web::test]
async fn an_ask_and_what_it_sells_show_their_bonds() {
    let market = bonded().await;
    let world = &market.world;
    let bid = market.bid(4, "2", 0..24);
    world.deposit(&market.admin, &market.provider, "100000", "bonds").await.expect(201);
    let ask = world.post(&market.provider, "/v1/orders/preview", market.ask(8, "2")).await.expect(200);
    let placed = market.place(&market.provider, market.ask(8, "2")).await;
    assert_eq!(ask["hold"], placed["bond"], "a preview says what is set aside");
    assert_ne!(placed["bond"], "0.00");
    let bought = market.place(&market.renter, bid).await;
    assert_eq!((bought["status"].as_str(), bought["bond"].as_str()), (Some("filled"), Some("0.00")));
    // 10 % of 4 GPUs for 24 hours at 2.00.
    let contract = format!("/v1/contracts/{}", bought["fills"][0]["contract_id"].as_str().unwrap());
    assert_eq!(world.get(&market.renter, &contract).await.expect(200)["bond"], "19.20");
    let balances = world.get(&market.provider, "/v1/balances").await.expect(200);
    assert_eq!(balances["bond"], placed["bond"]);
    let order = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
    assert_eq!(world.delete(&market.provider, &order).await.expect(200)["bond"], "0.00");
    assert_eq!(world.get(&market.provider, "/v1/balances").await.expect(200)["bond"], "19.20");
    let page = world.get(&market.provider, "/v1/transfers").await.expect(200);
    let causes: Vec<&str> = page["data"].as_array().unwrap().iter().map(|row| row["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["bond_release", "bond", "deposit"]);
}

#[actix_web::test]
async fn an_admin_says_how_well_an_organization_is_known() {
    let market = bonded().await;
    let world = &market.world;
    world.post(&market.provider, "/v1/orders", market.ask(8, "2")).await.refused(422, "insufficient_funds");
    let path = format!("/v1/admin/organizations/{}/tier", market.provider.organization);
    for who in [&market.provider, &market.auditor] {
        world.post(who, &path, json!({"tier": "trusted"})).await.refused(403, "role_required");
    }
    world.post(&market.admin, &path, json!({"tier": "friend"})).await.refused(422, "invalid_field");
    let nobody = format!("/v1/admin/organizations/{}/tier", market.listing);
    world.post(&market.admin, &nobody, json!({"tier": "trusted"})).await.refused(404, "not_found");
    let known = world.post(&market.admin, &path, json!({"tier": "trusted"})).await.expect(200);
    assert_eq!(known["tier"], "trusted");
    assert_eq!(market.place(&market.provider, market.ask(8, "2")).await["bond"], "0.00");
    let journal = world.get(&market.auditor, "/v1/admin/journal?limit=2").await.expect(200);
    assert_eq!(journal["data"][1]["command"]["kind"], "set_tier");
    let listed = world.get(&market.auditor, "/v1/admin/organizations").await.expect(200);
    let tiers: Vec<&str> = listed["data"].as_array().unwrap().iter().map(|row| row["tier"].as_str().unwrap()).collect();
    assert_eq!(tiers.iter().filter(|tier| **tier == "trusted").count(), 1);
}

#[actix_web::test]
async fn rates_above_the_whole_are_refused() {
    let market = Market::open().await;
    let bonds = json!({"unverified": 10_001, "verified": 0, "trusted": 0});
    let body = with(terms(), json!({"bonds": bonds}));
    market.world.post(&market.admin, "/v1/admin/terms", body).await.refused(422, "invalid_terms");
    let body = with(terms(), json!({"bonds": {"unverified": 1}}));
    market.world.post(&market.admin, "/v1/admin/terms", body).await.refused(422, "invalid_field");
}
