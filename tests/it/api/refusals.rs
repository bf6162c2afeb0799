//! Every refusal an order or a payment can meet, as the problem document says it.

use serde_json::{Value, json};

use super::world::{Market, with};

async fn refused(market: &Market, body: Value, status: u16, code: &str, field: Option<&str>) {
    let answer = market.world.post(&market.renter, "/v1/orders", body.clone()).await;
    assert_eq!((answer.status, answer.code()), (status, code), "{body}: {}", answer.text);
    answer.refused(status, code);
    if let Some(field) = field {
        assert_eq!(answer.body["errors"][0]["field"], field, "{body}");
    }
}

#[actix_web::test]
async fn bids_are_refused_with_code_and_field() {
    let market = Market::open().await;
    let bid = || market.bid(8, "2", 0..24);
    let (early, late) = ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    let table = [
        (json!({"product": "none"}), "unknown_product", "product"),
        (json!({"requirements": {"regions": ["Iowa, US"]}}), "unknown_requirement", "requirements"),
        (
            json!({"requirements": {"site_ids": ["019a0d2e-7c00-7003-8000-000000000009"]}}),
            "unknown_requirement",
            "requirements",
        ),
        (json!({"gpus": 0}), "invalid_gpus", "gpus"),
        (json!({"lot": 3}), "invalid_lot", "lot"),
        (json!({"price": "0"}), "invalid_price", "price"),
        (json!({"price": "2.0001"}), "off_tick", "price"),
        (json!({"cover_price": "0"}), "invalid_price", "cover_price"),
        (json!({"cover_price": "3.0001"}), "off_tick", "cover_price"),
        (json!({"end": market.world.at(0)}), "invalid_window", "end"),
        (json!({"funding": "monthly"}), "funding_not_allowed", "funding"),
        (json!({"funding": "weekly"}), "invalid_field", "funding"),
        (json!({"start": early, "end": late}), "window_in_past", "start"),
        (json!({"same_site": true}), "invalid_combination", ""),
        (json!({"time_in_force": "gtd"}), "invalid_expiry", "expires_at"),
        (json!({"expires_at": market.world.at(0)}), "invalid_expiry", "expires_at"),
        (json!({"price": "900", "gpus": 64}), "insufficient_funds", ""),
    ];
    for (changes, code, field) in table {
        refused(&market, with(bid(), changes), 422, code, (!field.is_empty()).then_some(field)).await;
    }
    let as_placed = market.world.get(&market.renter, "/v1/orders").await.expect(200);
    assert_eq!(as_placed["data"], json!([]), "nothing was half-applied");
}

#[actix_web::test]
async fn asks_are_refused_with_code_and_field() {
    let market = Market::open().await;
    let world = &market.world;
    let ask = || market.ask(8, "2");
    let table = [
        (json!({"min_minutes": 0}), "invalid_min_minutes"),
        (json!({"time_in_force": "fok"}), "invalid_combination"),
        (json!({"start": world.at(0), "end": world.at(31 * 24 * 60)}), "outside_source_window"),
        (json!({"gpus": 65}), "insufficient_capacity"),
        (json!({"start": world.at(0), "end": world.at(60), "min_minutes": 61}), "below_min_minutes"),
    ];
    for (changes, code) in table {
        let body = with(ask(), changes);
        let answer = world.post(&market.provider, "/v1/orders", body.clone()).await;
        assert_eq!((answer.status, answer.code()), (422, code), "{body}: {}", answer.text);
    }
    market.place(&market.renter, market.bid(8, "2", 0..24)).await;
    let post_only = with(ask(), json!({"post_only": true}));
    world.post(&market.provider, "/v1/orders", post_only).await.refused(422, "post_only_would_trade");
    world.post(&market.renter, "/v1/orders", ask()).await.refused(404, "not_found");
}

#[actix_web::test]
async fn halts_and_suspensions_refuse_orders() {
    let market = Market::open().await;
    let world = &market.world;
    let halt = |halted: bool| json!({"symbol": "h100-sxm-80gb", "halted": halted});
    world.post(&market.admin, "/v1/admin/halts", halt(true)).await.expect(200);
    let halts = world.get(&market.auditor, "/v1/admin/halts").await.expect(200);
    assert_eq!(halts["data"][0]["symbol"], "h100-sxm-80gb");
    refused(&market, market.bid(8, "2", 0..24), 422, "market_halted", Some("product")).await;
    world.post(&market.admin, "/v1/admin/halts", halt(false)).await.expect(200);
    let order = market.place(&market.renter, market.bid(8, "2", 0..24)).await;
    let path = format!("/v1/admin/organizations/{}/suspension", market.renter.organization);
    let suspended = world.post(&market.admin, &path, json!({"suspended": true})).await.expect(200);
    assert_eq!(suspended["suspended"], true);
    let path_of_order = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let ended = world.get(&market.renter, &path_of_order).await.expect(200);
    assert_eq!(ended["reason"], "organization_suspended");
    refused(&market, market.bid(8, "2", 0..24), 422, "organization_suspended", None).await;
    world.post(&market.admin, &path, json!({"suspended": false})).await.expect(200);
    market.place(&market.renter, market.bid(8, "2", 0..24)).await;
    world
        .post(&market.admin, "/v1/admin/halts", json!({"symbol": "none", "halted": true}))
        .await
        .refused(422, "unknown_product");
}

#[actix_web::test]
async fn payments_are_refused_with_code_and_field() {
    let market = Market::open().await;
    let world = &market.world;
    let pay = |amount: &str| json!({"organization_id": market.renter.organization, "amount": amount, "reference": "r"});
    let deposits = "/v1/admin/deposits";
    world.post(&market.admin, deposits, pay("1")).await.refused(422, "idempotency_key_required");
    world.keyed(&market.admin, deposits, "k1", pay("0")).await.refused(422, "invalid_amount");
    world
        .keyed(&market.admin, deposits, "k2", with(pay("1"), json!({"reference": ""})))
        .await
        .refused(422, "invalid_text");
    world
        .keyed(&market.admin, deposits, "k3", with(pay("1"), json!({"organization_id": market.site})))
        .await
        .refused(404, "not_found");
    world.keyed(&market.admin, deposits, "with space", pay("1")).await.refused(422, "invalid_field");
    world.keyed(&market.admin, deposits, "k4", pay("9000000000000")).await.expect(201);
    world.keyed(&market.admin, deposits, "k5", pay("9000000000000")).await.refused(422, "out_of_range");
    world.keyed(&market.admin, "/v1/admin/withdrawals", "k6", pay("9000000000000.5")).await.expect(201);
    world
        .keyed(&market.admin, "/v1/admin/withdrawals", "k7", pay("9000000000000"))
        .await
        .refused(422, "insufficient_funds");
}

#[actix_web::test]
async fn a_catalogue_is_refused_with_code_and_field() {
    let market = Market::open().await;
    let world = &market.world;
    let product = |changes: Value| with(json!({"symbol": "a100", "name": "A100"}), changes);
    let products = "/v1/admin/products";
    world.post(&market.admin, products, product(json!({"symbol": "h100-sxm-80gb"}))).await.refused(409, "symbol_taken");
    world.post(&market.admin, products, product(json!({"fee_bps": 10_001}))).await.refused(422, "invalid_terms");
    world.post(&market.admin, products, product(json!({"name": ""}))).await.refused(422, "invalid_text");
    world.post(&market.admin, products, product(json!({"symbol": "A 100"}))).await.refused(422, "invalid_field");
    let site = json!({"name": "s", "region": "us", "country": "US"});
    world.post(&market.renter, "/v1/sites", site).await.refused(403, "role_required");
    let lower = format!("/v1/listings/{}", market.listing);
    world.patch(&market.provider, &lower, json!({"gpus": 65})).await.refused(422, "invalid_gpus");
    market.place(&market.provider, market.ask(32, "2")).await;
    world.patch(&market.provider, &lower, json!({"gpus": 31})).await.refused(422, "below_sold");
    let lowered = world.patch(&market.provider, &lower, json!({"gpus": 32})).await.expect(200);
    assert_eq!(lowered["gpus"], 32);
}
