//! Sites and listings over HTTP.

use serde_json::{Value, json};

use super::world::{Market, PRODUCT, with};

#[actix_web::test]
async fn a_catalogue_answers_with_what_was_given() {
    let market = Market::open().await;
    let world = &market.world;
    let body = json!({"name": "Site 2", "region": "eu-north1", "country": "SE", "power_kw": "1200.5", "pue": "1.2"});
    let made = world.post(&market.provider, "/v1/sites", body.clone()).await;
    let location = made.header("location").unwrap().to_owned();
    let site = made.expect(201);
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&site[field], value, "{field}");
    }
    assert_eq!(world.get(&market.provider, &location).await.expect(200), site);
    world.get(&market.renter, &location).await.refused(404, "not_found");
    world.get(&market.auditor, &location).await.expect(200);
    let sites = world.get(&market.provider, "/v1/sites").await.expect(200);
    assert_eq!(sites["data"].as_array().unwrap().len(), 2);
    assert_eq!(world.get(&market.renter, "/v1/sites").await.expect(200)["data"], json!([]));

    let listing = world.get(&market.provider, &format!("/v1/listings/{}", market.listing)).await.expect(200);
    assert_eq!((listing["site_id"].as_str(), listing["gpus"].as_u64()), (Some(market.site.as_str()), Some(64)));
    world.get(&market.renter, &format!("/v1/listings/{}", market.listing)).await.refused(404, "not_found");
    world
        .patch(&market.renter, &format!("/v1/listings/{}", market.listing), json!({"gpus": 1}))
        .await
        .refused(403, "role_required");
    let listings = world.get(&market.provider, "/v1/listings").await.expect(200);
    assert_eq!(listings["data"], json!([listing]));
    let body = json!({
        "site_id": market.site, "product": "none", "gpus": 8, "start": world.at(0), "end": world.at(60),
        "gpus_per_node": 8, "interconnect": "ethernet", "resale_allowed": false,
    });
    world.post(&market.provider, "/v1/listings", body.clone()).await.refused(422, "unknown_product");
    let stray = with(body.clone(), json!({"product": "h100-sxm-80gb", "site_id": market.listing}));
    world.post(&market.provider, "/v1/listings", stray).await.refused(404, "not_found");
    let back = with(body, json!({"product": "h100-sxm-80gb", "end": world.at(0)}));
    world.post(&market.provider, "/v1/listings", back).await.refused(422, "invalid_window");
}

#[actix_web::test]
async fn a_repeated_key_makes_one_site() {
    let market = Market::open().await;
    let body = json!({"name": "Site 2", "region": "eu-north1", "country": "SE"});
    let first = market.world.keyed(&market.provider, "/v1/sites", "site-2", body.clone()).await.expect(201);
    let again = market.world.keyed(&market.provider, "/v1/sites", "site-2", body.clone()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.expect(200), first);
    let other = with(body, json!({"name": "Site 3"}));
    market.world.keyed(&market.provider, "/v1/sites", "site-2", other).await.refused(409, "idempotency_key_reused");
}

#[actix_web::test]
async fn products_are_public() {
    let market = Market::open().await;
    let products = market.world.public("/v1/products").await.expect(200);
    assert_eq!(products["data"][0]["symbol"], "h100-sxm-80gb");
    let product = market.world.public("/v1/products/h100-sxm-80gb").await.expect(200);
    assert_eq!((product["tick"].as_str(), product["fee_bps"].as_u64()), (Some("0.001"), Some(100)));
    market.world.public("/v1/products/none").await.refused(404, "not_found");
}

#[actix_web::test]
async fn capacity_of_an_owner_is_listed_by_its_host() {
    let market = Market::open().await;
    let world = &market.world;
    let owner = world.member("owner", "renter").await;
    let listing = |owner: Value| {
        let body = json!({
            "site_id": market.site, "product": PRODUCT, "gpus": 8, "start": world.at(0), "end": world.at(1_440),
            "gpus_per_node": 8, "interconnect": "infiniband", "resale_allowed": true, "royalty_bps": 500, "chain_max": 3,
        });
        with(body, json!({ "owner": owner }))
    };
    let of = |fee: Value| listing(json!({"organization_id": owner.organization, "host_fee": fee}));
    for fee in [
        json!({"per_gpu_hour": "0.30"}),
        json!({"share_bps": 2_500}),
        json!({"per_kw_month": "146.00", "kw_per_gpu": "1.5"}),
    ] {
        let made = world.post(&market.provider, "/v1/listings", of(fee.clone())).await.expect(201);
        assert_eq!(
            (&made["owner"]["host_fee"], &made["royalty_bps"], &made["chain_max"]),
            (&fee, &json!(500), &json!(3))
        );
        assert_eq!(made["owner"]["organization_id"], owner.organization);
        assert_eq!(made["resale"], "sublease", "unless it is said");
    }
    for fee in [json!({}), json!({"per_kw_month": "146.00"}), json!({"share_bps": 1, "per_gpu_hour": "1"})] {
        let refused = world.post(&market.provider, "/v1/listings", of(fee)).await;
        refused.refused(422, "invalid_field");
        assert_eq!(refused.body["errors"][0]["field"], "owner.host_fee");
    }
    let wrong = of(json!({"share_bps": 10_001}));
    world.post(&market.provider, "/v1/listings", wrong).await.refused(422, "invalid_terms");
    let own = listing(json!({"organization_id": market.provider.organization, "host_fee": {"share_bps": 1}}));
    world.post(&market.provider, "/v1/listings", own).await.refused(422, "invalid_combination");
    let nobody = listing(json!({"organization_id": market.site, "host_fee": {"share_bps": 1}}));
    world.post(&market.provider, "/v1/listings", nobody).await.refused(404, "not_found");
}
