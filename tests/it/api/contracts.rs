//! Contracts and chains of title over HTTP: who sees what.

use serde_json::{Value, json};

use super::world::{Market, Who};

/// The provider sells to the reseller, the reseller to the renter, the renter to the other renter.
async fn chain(market: &Market) -> [String; 3] {
    let first = market.sell_to(&market.reseller, 8).await["contract_id"].as_str().unwrap().to_owned();
    let second = resell(market, &market.reseller, &first, &market.renter, "1.5").await;
    let third = resell(market, &market.renter, &second, &market.other, "1.2").await;
    [first, second, third]
}

async fn resell(market: &Market, seller: &Who, contract: &str, buyer: &Who, price: &str) -> String {
    let ask = json!({"side": "ask", "contract_id": contract, "gpus": 8, "price": price});
    let ask = market.place(seller, ask).await;
    assert_eq!(ask["contract_id"].as_str(), Some(contract));
    let bid = market.place(buyer, market.bid(8, price, 0..24)).await;
    assert_eq!(bid["status"], "filled", "{bid}");
    bid["fills"][0]["contract_id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_contract_is_seen_by_its_parties_and_by_staff() {
    let market = Market::open().await;
    let [first, second, third] = chain(&market).await;
    let path = |id: &str| format!("/v1/contracts/{id}");
    for (id, sees, sees_not) in [
        (&first, [&market.provider, &market.reseller], [&market.renter, &market.other]),
        (&second, [&market.reseller, &market.renter], [&market.provider, &market.other]),
        (&third, [&market.renter, &market.other], [&market.provider, &market.reseller]),
    ] {
        for who in sees.into_iter().chain([&market.admin, &market.auditor]) {
            assert_eq!(market.world.get(who, &path(id)).await.expect(200)["id"], json!(id));
        }
        for who in sees_not {
            market.world.get(who, &path(id)).await.refused(404, "not_found");
            market.world.get(who, &format!("{}/chain", path(id))).await.refused(404, "not_found");
        }
    }
    let contract = market.world.get(&market.renter, &path(&second)).await.expect(200);
    assert_eq!((contract["depth"].as_u64(), contract["parent_id"].as_str()), (Some(1), Some(first.as_str())));
    assert_eq!((contract["price"].as_str(), contract["escrow"].as_str()), (Some("1.50"), Some("288.00")));
    assert_eq!(
        (contract["seller"]["name"].as_str(), contract["buyer"]["name"].as_str()),
        (Some("reseller"), Some("renter"))
    );
    assert_eq!(contract["listing_id"].as_str(), Some(market.listing.as_str()));
}

#[actix_web::test]
async fn a_chain_hides_the_legs_of_others() {
    let market = Market::open().await;
    let [first, second, third] = chain(&market).await;
    let legs = |chain: &Value| -> Vec<Option<String>> {
        let legs = chain["legs"].as_array().unwrap();
        legs.iter().map(|leg| leg["contract"]["id"].as_str().map(str::to_owned)).collect()
    };
    let path = format!("/v1/contracts/{third}/chain");
    let mine = market.world.get(&market.other, &path).await.expect(200);
    assert_eq!(legs(&mine), [None, None, Some(third.clone())]);
    assert!(mine["legs"][0]["held_since"].is_string() && mine["legs"][2].get("gain").is_none());
    let text = mine.to_string();
    for hidden in ["reseller", "provider", "2.00", "1.50", &first, &market.provider.organization] {
        assert!(!text.contains(hidden), "{hidden} is none of the caller's business: {text}");
    }
    let all = market.world.get(&market.auditor, &path).await.expect(200);
    assert_eq!(legs(&all), [Some(first.clone()), Some(second.clone()), Some(third.clone())]);
    assert_eq!((all["legs"][1]["gain"].as_str(), all["legs"][2]["gain"].as_str()), (Some("-0.50"), Some("-0.30")));

    let path = format!("/v1/contracts/{first}/chain");
    let provider = market.world.get(&market.provider, &path).await.expect(200);
    assert_eq!((legs(&provider), provider["resales"].clone()), (vec![Some(first.clone())], json!([])));
    let reseller = market.world.get(&market.reseller, &path).await.expect(200);
    assert_eq!(reseller["resales"][0]["id"].as_str(), Some(second.as_str()));
    assert_eq!(reseller["resales"].as_array().unwrap().len(), 1);
    let admin = market.world.get(&market.admin, &path).await.expect(200);
    assert_eq!(admin["resales"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn lists_of_contracts_are_the_callers_own() {
    let market = Market::open().await;
    let [first, second, third] = chain(&market).await;
    let ids = async |who: &Who, path: &str| -> Vec<String> {
        let page = market.world.get(who, path).await.expect(200);
        page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&market.renter, "/v1/contracts").await, [third.clone(), second.clone()]);
    assert_eq!(ids(&market.provider, "/v1/contracts").await, std::slice::from_ref(&first));
    assert_eq!(ids(&market.auditor, "/v1/contracts").await, [third.clone(), second.clone(), first.clone()]);
    assert_eq!(ids(&market.admin, "/v1/admin/contracts").await, [third, second, first]);
    market.world.get(&market.renter, "/v1/admin/contracts").await.refused(403, "role_required");
}

#[actix_web::test]
async fn what_cannot_be_resold_is_refused() {
    let market = Market::open().await;
    let world = &market.world;
    let contract = market.sell_to(&market.reseller, 8).await["contract_id"].as_str().unwrap().to_owned();
    let ask = |gpus: u32| json!({"side": "ask", "contract_id": contract, "gpus": gpus, "price": "1"});
    world.post(&market.renter, "/v1/orders", ask(8)).await.refused(404, "not_found");
    world.post(&market.reseller, "/v1/orders", ask(9)).await.refused(422, "insufficient_capacity");
    world.post(&market.reseller, "/v1/orders", ask(8)).await.expect(201);
    world.post(&market.reseller, "/v1/orders", ask(1)).await.refused(422, "insufficient_capacity");
}
