//! Orders over HTTP.

use serde_json::{Value, json};

use super::world::{Market, with};

#[actix_web::test]
async fn an_ask_and_a_bid_trade() {
    let market = Market::open().await;
    let world = &market.world;
    let asked = world.post(&market.provider, "/v1/orders", market.ask(64, "2")).await;
    let location = asked.header("location").unwrap().to_owned();
    let ask = asked.expect(201);
    assert_eq!(location, format!("/v1/orders/{}", ask["id"].as_str().unwrap()));
    assert_eq!((ask["status"].as_str(), ask["remaining_gpus"].as_u64()), (Some("open"), Some(64)));
    assert_eq!(ask["listing_id"].as_str(), Some(market.listing.as_str()));
    assert_eq!(ask["residual_schedule"][0]["gpus"], 64);

    let bid = market.place(&market.renter, market.bid(8, "2.5", 0..24)).await;
    assert_eq!((bid["status"].as_str(), bid["filled_gpus"].as_u64()), (Some("filled"), Some(8)));
    assert_eq!((bid["average_price"].as_str(), bid["held"].as_str()), (Some("2.00"), Some("0.00")));
    let fill = &bid["fills"][0];
    assert_eq!((fill["gpus"].as_u64(), fill["price"].as_str()), (Some(8), Some("2.00")));
    assert_eq!((fill["start"].clone(), fill["end"].clone()), (json!(world.at(0)), json!(world.at(24 * 60))));

    let balances = world.get(&market.renter, "/v1/balances").await.expect(200);
    assert_eq!((balances["available"].as_str(), balances["escrow"].as_str()), (Some("99616.00"), Some("384.00")));
    let seen = world.get(&market.provider, &location).await.expect(200);
    assert_eq!((seen["status"].as_str(), seen["fills"][0].clone()), (Some("partially_filled"), fill.clone()));
    assert_eq!(seen["residual_schedule"][0]["gpus"], 56);
    assert_eq!(seen["residual_schedule"][1]["gpus"], 64);
    let again = world.get(&market.renter, &format!("/v1/orders/{}", bid["id"].as_str().unwrap())).await.expect(200);
    for field in ["id", "sequence", "status", "fills", "filled_gpus", "average_price", "created_at", "ended_at"] {
        assert_eq!(again[field], bid[field], "{field}");
    }
}

#[actix_web::test]
async fn a_repeated_client_order_id_answers_with_the_order_as_it_is_now() {
    let market = Market::open().await;
    let world = &market.world;
    let body = with(market.bid(8, "2.000", 0..24), json!({"client_order_id": "train-42"}));
    let first = market.place(&market.renter, body.clone()).await;
    assert_eq!(first["status"], "open");
    market.place(&market.provider, market.ask(8, "2")).await;
    let again = world.post(&market.renter, "/v1/orders", with(body.clone(), json!({"price": "2"}))).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.expect(200);
    assert_eq!((&again["id"], again["status"].as_str()), (&first["id"], Some("filled")));
    assert_eq!(again["fills"].as_array().unwrap().len(), 1);
    let changed = world.post(&market.renter, "/v1/orders", with(body.clone(), json!({"price": "3"}))).await;
    changed.refused(409, "client_order_id_reused");
    assert_eq!(changed.body["errors"][0]["field"], "client_order_id");
    let others = market.place(&market.other, body).await;
    assert_ne!(others["id"], first["id"]);
}

#[actix_web::test]
async fn a_preview_is_what_placing_next_does_and_changes_nothing() {
    let market = Market::open().await;
    let world = &market.world;
    market.place(&market.provider, market.ask(8, "2")).await;
    market.place(&market.provider, market.ask(8, "2.2")).await;
    let body = with(market.bid(24, "2.2", 0..24), json!({"lot": 8}));
    let before = world.get(&market.renter, "/v1/balances").await.expect(200);
    let preview = world.post(&market.renter, "/v1/orders/preview", body.clone()).await.expect(200);
    assert_eq!(world.get(&market.renter, "/v1/balances").await.expect(200), before);
    assert_eq!(preview["fills"], json!([{"gpus": 8, "price": "2.00"}, {"gpus": 8, "price": "2.20"}]));
    assert_eq!(preview["hold"], "1267.20");
    let placed = market.place(&market.renter, body).await;
    for field in ["status", "reason", "filled_gpus", "remaining_gpus", "average_price"] {
        assert_eq!(placed[field], preview[field], "{field}");
    }
    let poor = with(market.bid(64, "100", 0..24), json!({}));
    world.post(&market.renter, "/v1/orders/preview", poor).await.refused(422, "insufficient_funds");
}

#[actix_web::test]
async fn orders_are_amended_and_cancelled_while_they_are_open() {
    let market = Market::open().await;
    let world = &market.world;
    let bid = market.place(&market.renter, market.bid(8, "2", 0..24)).await;
    let path = format!("/v1/orders/{}", bid["id"].as_str().unwrap());
    assert_eq!(bid["held"], "384.00");
    let less = world.patch(&market.renter, &path, json!({"gpus": 4})).await.expect(200);
    assert_eq!((&less["sequence"], less["held"].as_str()), (&bid["sequence"], Some("192.00")));
    let moved = world.patch(&market.renter, &path, json!({"price": "1.5"})).await.expect(200);
    assert!(moved["sequence"].as_i64() > bid["sequence"].as_i64());
    world.patch(&market.renter, &path, json!({"price": "1.50001"})).await.refused(422, "off_tick");
    world.patch(&market.other, &path, json!({"gpus": 4})).await.refused(404, "not_found");
    world.delete(&market.other, &path).await.refused(404, "not_found");
    let gone = world.delete(&market.renter, &path).await.expect(200);
    assert_eq!((gone["status"].as_str(), gone["reason"].as_str()), (Some("cancelled"), Some("requested")));
    world.delete(&market.renter, &path).await.refused(409, "order_not_open");
    world.patch(&market.renter, &path, json!({"gpus": 4})).await.refused(409, "order_not_open");
    world.delete(&market.other, &path).await.refused(404, "not_found");
    assert_eq!(world.get(&market.renter, &path).await.expect(200)["status"], "cancelled");
}

#[actix_web::test]
async fn a_batch_answers_each_order_alone_and_in_order() {
    let market = Market::open().await;
    let good = |number: u32| with(market.bid(1, "1", 0..1), json!({"client_order_id": format!("b{number}")}));
    let mut orders: Vec<Value> = (0..60).map(good).collect();
    orders[1] = json!({"side": "bid", "gpus": "many"});
    orders[2] = with(good(2), json!({"price": "0"}));
    orders[3] = good(0);
    orders[4] = with(market.ask(1, "1"), json!({}));
    let results = market.world.post(&market.renter, "/v1/orders/batch", json!({"orders": orders})).await.expect(200);
    let results = results["results"].as_array().unwrap();
    assert_eq!(results.len(), 60);
    let status = |number: usize| results[number]["status"].as_u64().unwrap();
    assert_eq!((status(0), status(1), status(2), status(3), status(4)), (201, 422, 422, 200, 404));
    assert_eq!(results[1]["problem"]["errors"][0]["field"], "gpus");
    assert_eq!(results[2]["problem"]["code"], "invalid_price");
    assert_eq!(results[3]["order"]["id"], results[0]["order"]["id"]);
    let placed: Vec<i64> = results[5..].iter().map(|result| result["order"]["sequence"].as_i64().unwrap()).collect();
    assert!(placed.is_sorted(), "{placed:?}");
    let many = vec![good(0); 101];
    let refused = market.world.post(&market.renter, "/v1/orders/batch", json!({"orders": many})).await;
    refused.refused(422, "invalid_field");
}

#[actix_web::test]
async fn all_orders_of_a_side_are_cancelled_at_once() {
    let market = Market::open().await;
    let world = &market.world;
    for _ in 0..3 {
        market.place(&market.renter, market.bid(1, "1", 0..1)).await;
    }
    market.place(&market.other, market.bid(1, "1", 0..1)).await;
    world.delete(&market.renter, "/v1/orders?product=none").await.refused(422, "unknown_product");
    let none = world.delete(&market.renter, "/v1/orders?side=ask").await.expect(200);
    assert_eq!(none["cancelled"], json!([]));
    let all = world.delete(&market.renter, "/v1/orders").await.expect(200);
    assert_eq!(all["cancelled"].as_array().unwrap().len(), 3);
    let live = world.get(&market.other, "/v1/orders?status=live").await.expect(200);
    assert_eq!(live["data"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn lists_of_orders_are_filtered_and_paged() {
    let market = Market::open().await;
    let world = &market.world;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let order = market.place(&market.renter, market.bid(1, "1", 0..1)).await;
        ids.insert(0, order["id"].as_str().unwrap().to_owned());
    }
    world.delete(&market.renter, &format!("/v1/orders/{}", ids[4])).await.expect(200);
    for query in ["", "&status=live", "&side=bid&product=h100-sxm-80gb"] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = world.get(&market.renter, &format!("/v1/orders?limit=2{query}{cursor}")).await.expect(200);
            let rows = page["data"].as_array().unwrap();
            assert!(rows.len() <= 2 && rows.iter().all(|row| row["fills"].is_null()));
            found.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let expected = if query.contains("live") { &ids[..4] } else { &ids[..] };
        assert_eq!(found, expected, "{query}");
    }
    let ended = world.get(&market.renter, "/v1/orders?status=cancelled").await.expect(200);
    assert_eq!(ended["data"][0]["id"].as_str(), Some(ids[4].as_str()));
    world.get(&market.renter, "/v1/orders?status=gone").await.refused(422, "invalid_field");
    world.get(&market.renter, "/v1/orders?limit=201").await.refused(422, "invalid_field");
    world.get(&market.renter, "/v1/orders?nope=1").await.refused(422, "invalid_field");
    assert_eq!(world.get(&market.other, "/v1/orders").await.expect(200)["data"], json!([]));
}

#[actix_web::test]
async fn a_read_waits_for_the_sequence_it_asks_for() {
    let market = Market::open().await;
    let world = &market.world;
    let as_of = world.get(&market.renter, "/v1/balances").await.expect(200)["as_of"].as_i64().unwrap();
    world.get(&market.renter, &format!("/v1/balances?min_sequence={as_of}")).await.expect(200);
    let behind = world.get(&market.renter, &format!("/v1/balances?min_sequence={}", as_of + 1_000)).await;
    behind.refused(503, "view_behind");
    assert!(behind.header("retry-after").is_some());
}

#[actix_web::test]
async fn a_bid_may_start_at_once_and_an_order_says_all_it_was_given() {
    let market = Market::open().await;
    let expires = market.world.clock_in(3_600_000);
    let body = json!({
        "side": "bid", "product": "h100-sxm-80gb", "gpus": 16, "minutes": 90, "price": "1", "lot": 8,
        "time_in_force": "gtd", "expires_at": expires, "self_trade_prevention": "cancel_oldest",
        "cover_price": "1.50",
        "requirements": {"regions": ["us-central1"], "countries": ["US"], "interconnects": ["infiniband"],
            "site_ids": [market.site], "min_sla_class": "98", "primary_only": true,
            "min_tier": "trusted", "min_score": "0.9850"},
    });
    let order = market.place(&market.renter, body.clone()).await;
    for field in ["gpus", "lot", "time_in_force", "expires_at", "self_trade_prevention", "requirements"] {
        assert_eq!(order[field], body[field], "{field}");
    }
    assert_eq!(order["cover_price"].as_str().map(|price| price.starts_with("1.5")), Some(true), "{order}");
    let minutes = |field: &str| gpubourse::types::Minute::parse(order[field].as_str().unwrap()).unwrap().get();
    assert_eq!(minutes("end") - minutes("start"), 90);
}
