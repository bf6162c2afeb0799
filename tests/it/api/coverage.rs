//! For every operation in the document: no token, a wrong role or scope, and somebody else's id.

use serde_json::Value;

use super::document::{document, operations};
use super::world::{Market, Who};

/// Operations whose refusal of a wrong role has no meaning: everybody may say who they are.
const EVERYBODY: &[&str] = &["get_me", "list_api_keys", "create_api_key", "revoke_api_key", "echo"];
/// Operations for which an API key with too few scopes is the only wrong caller.
const BY_SCOPE: &[&str] = &[
    "get_me",
    "list_api_keys",
    "create_api_key",
    "revoke_api_key",
    "get_site",
    "get_listing",
    "list_sites",
    "list_listings",
    "list_contracts",
    "get_contract",
    "get_chain",
    "list_marks",
    "get_order",
    "get_transfer",
    "get_delivery",
    "get_statement",
];

fn is_secured(operation: &Value) -> bool {
    operation.get("security").is_some()
}

fn example(operation: &Value) -> Option<Value> {
    operation.pointer("/requestBody/content/application~1json/example").cloned()
}

async fn call(market: &Market, who: Option<&Who>, method: &str, path: &str, operation: &Value) -> (u16, String) {
    let body = example(operation);
    let answer = match (who, body) {
        (Some(who), Some(body)) if path.contains("deposits") || path.contains("withdrawals") => {
            market.world.keyed(who, path, "coverage", body).await
        }
        (who, body) => market.world.send(who, method, path, body).await,
    };
    (answer.status, answer.code().to_owned())
}

#[actix_web::test]
async fn without_a_token_every_secured_operation_answers_401() {
    let market = Market::open().await;
    let document = document(&market.world).await;
    let mut count = 0;
    for (method, path, operation) in operations(&document) {
        let path = path.replace("{id}", &market.listing).replace("{month}", "2026-11");
        let (status, code) = call(&market, None, &method, &path, &operation).await;
        if is_secured(&operation) {
            count += 1;
            assert_eq!((status, code.as_str()), (401, "unauthorized"), "{method} {path}");
        } else {
            assert!(status != 403 && code != "unauthorized", "{method} {path} is public but answers {status} {code}");
        }
    }
    assert!(count >= 35, "{count}");
}

#[actix_web::test]
async fn a_wrong_role_or_scope_answers_403() {
    let market = Market::open().await;
    let document = document(&market.world).await;
    let renter = &market.renter;
    let trader = market.world.key(renter, &["trade"]).await;
    let reader = market.world.key(renter, &["read"]).await;
    let admin_reader = market.world.key(&market.admin, &["read"]).await;
    for (method, path, operation) in operations(&document).into_iter().filter(|(_, _, it)| is_secured(it)) {
        let id = operation["operationId"].as_str().unwrap();
        let path = path.replace("{id}", &market.listing).replace("{month}", "2026-11");
        let is_write = method != "GET" && !path.ends_with("preview");
        if id == "echo" {
            continue;
        }
        // Whoever lacks the scope: a key that only trades for reads, one that only reads for writes.
        let short = if method == "GET" { &trader } else { &reader };
        let (status, code) = call(&market, Some(short), &method, &path, &operation).await;
        let batch = id == "place_orders";
        assert!(status == 403 || batch, "{id} with too few scopes: {status} {code}");
        if EVERYBODY.contains(&id) || BY_SCOPE.contains(&id) || batch {
            continue;
        }
        // Whoever lacks the role: members for what is the exchange's, staff for what is a member's.
        let staff_only = path.contains("/admin/");
        let wrong = if staff_only { renter } else { &market.auditor };
        let (status, code) = call(&market, Some(wrong), &method, &path, &operation).await;
        assert_eq!((status, code.as_str()), (403, "role_required"), "{id}");
        if staff_only && is_write {
            let (status, code) = call(&market, Some(&admin_reader), &method, &path, &operation).await;
            assert_eq!((status, code.as_str()), (403, "scope_required"), "{id}");
            let (status, code) = call(&market, Some(&market.auditor), &method, &path, &operation).await;
            assert_eq!((status, code.as_str()), (403, "role_required"), "{id}");
        }
    }
}

#[actix_web::test]
async fn what_belongs_to_others_answers_404() {
    let market = Market::open().await;
    let document = document(&market.world).await;
    let contract = market.sell_to(&market.renter, 8).await["contract_id"].as_str().unwrap().to_owned();
    let order = market.place(&market.renter, market.bid(1, "1", 0..1)).await["id"].as_str().unwrap().to_owned();
    let rival = market.world.member("rival", "provider").await;
    let transfers = market.world.get(&market.renter, "/v1/transfers").await.expect(200);
    let transfer = transfers["data"][0]["id"].as_str().unwrap();
    market.world.key(&market.renter, &["read"]).await;
    let keys = market.world.get(&market.renter, "/v1/api-keys").await.expect(200);
    let key = keys["data"][0]["id"].as_str().unwrap();
    let mut count = 0;
    for (method, path, operation) in operations(&document) {
        if !is_secured(&operation) || !path.contains("{id}") || path.contains("/admin/") {
            continue;
        }
        let id = match path.split('/').nth(2).unwrap() {
            "orders" => order.as_str(),
            "contracts" => contract.as_str(),
            "listings" => market.listing.as_str(),
            "sites" => market.site.as_str(),
            "organizations" => market.renter.organization.as_str(),
            "transfers" => transfer,
            "api-keys" => key,
            other => panic!("{other} has no thing of its own here"),
        };
        let (status, code) = call(&market, Some(&rival), &method, &path.replace("{id}", id), &operation).await;
        assert_eq!((status, code.as_str()), (404, "not_found"), "{method} {path}");
        count += 1;
    }
    assert!(count >= 9, "{count}");
}
