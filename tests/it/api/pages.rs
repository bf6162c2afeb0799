//! Pages read to their end while the list grows, and what staff may read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::{Market, Who};

/// Reads a list to its end; `between` runs after every page.
async fn walk(market: &Market, who: &Who, path: &str, between: impl AsyncFn()) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = market.world.get(who, &format!("{path}limit=3{cursor}")).await.expect(200);
        ids.extend(page["data"].as_array().unwrap().iter().map(name));
        let Some(next) = page["next_cursor"].as_str() else { return ids };
        cursor = format!("&cursor={next}");
        between().await;
    }
}

fn name(row: &Value) -> String {
    row["id"].as_str().map_or_else(|| row["sequence"].to_string(), str::to_owned)
}

/// Newest first, each once, and everything that was there when the walk began.
#[track_caller]
fn whole(walked: &[String], there: &[String], path: &str) {
    assert_eq!(walked.iter().collect::<BTreeSet<_>>().len(), walked.len(), "{path} repeats a row: {walked:?}");
    let of_then: Vec<_> = walked.iter().filter(|id| there.contains(id)).cloned().collect();
    assert_eq!(of_then, there, "{path} has a gap");
}

#[actix_web::test]
async fn pages_have_no_gaps_and_no_repeats_while_the_list_grows() {
    let market = Market::open().await;
    market.place(&market.provider, market.ask(48, "2")).await;
    for number in 0..10 {
        let price = if number % 2 == 0 { "2" } else { "1" };
        market.place(&market.renter, market.bid(1, price, 0..1)).await;
    }
    let (renter, admin) = (&market.renter, &market.admin);
    for (who, path) in [
        (renter, "/v1/orders?"),
        (renter, "/v1/orders?status=live&"),
        (renter, "/v1/orders?status=filled&side=bid&"),
        (renter, "/v1/contracts?"),
        (renter, "/v1/transfers?"),
        (renter, "/v1/markets/h100-sxm-80gb/trades?"),
        (admin, "/v1/contracts?"),
        (admin, "/v1/admin/contracts?"),
        (admin, "/v1/admin/journal?"),
        (admin, "/v1/admin/organizations?"),
    ] {
        let there = market.world.get(who, &format!("{path}limit=200")).await.expect(200);
        assert_eq!(there["next_cursor"], Value::Null);
        let there: Vec<String> = there["data"].as_array().unwrap().iter().map(name).collect();
        assert!(there.len() > 3, "{path} fits on one page");
        let grow = async || {
            market.place(renter, market.bid(1, "2", 0..1)).await;
            market.place(renter, market.bid(1, "1", 0..1)).await;
        };
        whole(&walk(&market, who, path, grow).await, &there, path);
    }
}

#[actix_web::test]
async fn a_page_that_is_just_full_is_the_last() {
    let market = Market::open().await;
    for _ in 0..3 {
        market.place(&market.renter, market.bid(1, "1", 0..1)).await;
        market.world.key(&market.renter, &["read"]).await;
    }
    for path in ["/v1/orders?limit=3", "/v1/api-keys?limit=3"] {
        let page = market.world.get(&market.renter, path).await.expect(200);
        assert_eq!((page["data"].as_array().unwrap().len(), page["next_cursor"].clone()), (3, Value::Null), "{path}");
    }
}

#[actix_web::test]
async fn staff_read_by_id_what_belongs_to_members() {
    let market = Market::open().await;
    let world = &market.world;
    let bid = market.place(&market.renter, market.bid(8, "1", 0..24)).await;
    let contract = market.sell_to(&market.other, 8).await["contract_id"].as_str().unwrap().to_owned();
    let transfers = world.get(&market.renter, "/v1/transfers").await.expect(200);
    let own = |path: &str, id: &Value| format!("{path}/{}", id.as_str().unwrap());
    for path in [
        own("/v1/orders", &bid["id"]),
        own("/v1/transfers", &transfers["data"][0]["id"]),
        own("/v1/contracts", &json!(contract)),
        format!("/v1/contracts/{contract}/chain"),
        own("/v1/sites", &json!(market.site)),
        own("/v1/listings", &json!(market.listing)),
    ] {
        for who in [&market.admin, &market.auditor] {
            world.get(who, &path).await.expect(200);
        }
        world.get(&market.reseller, &path).await.refused(404, "not_found");
    }
    for path in ["/v1/orders", "/v1/transfers", "/v1/balances"] {
        world.get(&market.auditor, path).await.refused(403, "role_required");
    }
    let path = own("/v1/orders", &bid["id"]);
    world.delete(&market.admin, &path).await.refused(403, "role_required");
    world.patch(&market.admin, &path, json!({"gpus": 1})).await.refused(403, "role_required");
}
