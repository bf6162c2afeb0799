//! Reputations over HTTP: public, of providers, with the inputs.

use super::world::Market;

#[actix_web::test]
async fn a_reputation_is_public_and_begins_with_the_prior() {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    let path = |id: &str| format!("/v1/organizations/{id}/reputation");
    let shown = market.world.public(&path(&market.provider.organization)).await.expect(200);
    assert_eq!((shown["name"].as_str(), shown["score"].as_str()), (Some("provider"), Some("0.9700")));
    assert_eq!(shown["organization_id"].as_str(), Some(market.provider.organization.as_str()));
    assert_eq!((&shown["prior_contracted"], &shown["prior_delivered"]), (&"2000.0000".into(), &"1940.0000".into()));
    assert_eq!((&shown["half_life_days"], &shown["weight_one"]), (&30.into(), &4_294_967_296_u64.into()));
    for nothing in ["completion_rate", "median_readiness_lead_minutes"] {
        assert!(shown[nothing].is_null(), "{nothing}");
    }
    assert_eq!((&shown["days"], &shown["truncated"]), (&serde_json::json!([]), &false.into()));
    for id in [&market.renter.organization, &market.site, "00000000-0000-7001-8000-000000000000", "x"] {
        market.world.public(&path(id)).await.refused(404, "not_found");
    }
}
