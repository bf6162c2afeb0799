//! What admins do and auditors see over HTTP.

use serde_json::json;

use super::world::Market;

#[actix_web::test]
async fn a_repeated_deposit_is_booked_once() {
    let market = Market::open().await;
    let world = &market.world;
    let first = world.deposit(&market.admin, &market.renter, "250.5", "wire-9").await;
    let location = first.header("location").unwrap().to_owned();
    let first = first.expect(201);
    assert_eq!((first["amount"].as_str(), first["cause"].as_str()), (Some("250.50"), Some("deposit")));
    assert_eq!(first["credit"], json!({"organization_id": market.renter.organization, "account": "available"}));
    assert_eq!(first["debit"]["account"], "external");
    let again = world.deposit(&market.admin, &market.renter, "250.50", "wire-9").await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.expect(200), first);
    world.deposit(&market.admin, &market.renter, "250.51", "wire-9").await.refused(409, "idempotency_key_reused");
    let balances = world.get(&market.renter, "/v1/balances").await.expect(200);
    assert_eq!(balances["available"], "100250.50");
    assert_eq!(world.get(&market.renter, &location).await.expect(200), first);
    world.get(&market.other, &location).await.refused(404, "not_found");
}

#[actix_web::test]
async fn transfers_tell_why_money_moved() {
    let market = Market::open().await;
    let world = &market.world;
    let fill = market.sell_to(&market.renter, 8).await;
    let page = world.get(&market.renter, "/v1/transfers").await.expect(200);
    let causes: Vec<&str> = page["data"].as_array().unwrap().iter().map(|row| row["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["escrow", "hold", "deposit"]);
    assert_eq!(page["data"][0]["contract_id"], fill["contract_id"]);
    assert!(page["data"][1]["order_id"].is_string());
    world.get(&market.admin, "/v1/transfers").await.refused(403, "role_required");
}

#[actix_web::test]
async fn the_journal_is_for_staff_and_its_head_for_everybody() {
    let market = Market::open().await;
    let world = &market.world;
    world.get(&market.renter, "/v1/admin/journal").await.refused(403, "role_required");
    let bid = market.bid(8, "2.0001", 0..24);
    world.post(&market.renter, "/v1/orders", bid).await.refused(422, "off_tick");
    let page = world.get(&market.auditor, "/v1/admin/journal?limit=3").await.expect(200);
    let newest = &page["data"][0];
    assert_eq!((newest["command"]["kind"].as_str(), newest["outcome"].as_str()), (Some("place_bid"), Some("off_tick")));
    assert!(newest["actor"].as_str().unwrap().starts_with("user:"));
    let head = world.public("/v1/audit/head").await.expect(200);
    assert_eq!((&head["sequence"], &head["hash"]), (&newest["sequence"], &newest["hash"]));
    assert_eq!(head["hash"].as_str().unwrap().len(), 64);
    let text = world.get(&market.admin, "/v1/admin/journal?limit=200").await.expect(200).to_string();
    assert!(!text.contains("@example.com") && !text.contains("gpb_"), "no address and no key is journalled");
    let organizations = world.get(&market.auditor, "/v1/admin/organizations?limit=2").await.expect(200);
    assert_eq!(organizations["data"][0]["name"], "reseller");
    assert!(organizations["next_cursor"].is_string());
}

#[actix_web::test]
async fn auditors_change_nothing() {
    let market = Market::open().await;
    let world = &market.world;
    let body = json!({"symbol": "h100-sxm-80gb", "halted": true});
    world.post(&market.auditor, "/v1/admin/halts", body).await.refused(403, "role_required");
    world.deposit(&market.auditor, &market.renter, "1", "k").await.refused(403, "role_required");
    world.post(&market.auditor, "/v1/orders", market.bid(1, "1", 0..1)).await.refused(403, "role_required");
    world.post(&market.admin, "/v1/orders", market.bid(1, "1", 0..1)).await.refused(403, "role_required");
}
