//! Public market data: no names, no ids of organizations.

use gpubourse::app::sequencer::Submission;
use gpubourse::exchange::Command;
use gpubourse::types::{ContractId, ContractStatus, PublicId};
use serde_json::{Value, json};

use super::world::{Market, with};

const BOOK: &str = "/v1/markets/h100-sxm-80gb/book";

fn window(market: &Market, hours: std::ops::Range<u32>) -> String {
    format!("start={}&end={}", market.world.at(hours.start * 60), market.world.at(hours.end * 60))
}

#[actix_web::test]
async fn a_book_is_what_a_bid_for_that_window_could_take() {
    let market = Market::open().await;
    let world = &market.world;
    market.place(&market.provider, with(market.ask(20, "2"), json!({"lot": 4}))).await;
    market.place(&market.provider, with(market.ask(8, "2"), json!({"min_minutes": 25 * 60}))).await;
    market.place(&market.provider, with(market.ask(8, "3"), json!({"start": world.at(0), "end": world.at(60)}))).await;
    market.place(&market.renter, market.bid(6, "1", 0..2)).await;
    market.place(&market.renter, market.bid(3, "1", 1..3)).await;
    market.place(&market.other, market.bid(1, "1.5", 5..6)).await;
    let levels = async |hours: std::ops::Range<u32>| -> (Value, Value) {
        let book = world.public(&format!("{BOOK}?{}", window(&market, hours))).await.expect(200);
        (book["asks"].clone(), book["bids"].clone())
    };
    let level = |price: &str, gpus: u32, orders: u32| json!({"price": price, "gpus": gpus, "orders": orders});
    assert_eq!(levels(0..1).await, (json!([level("2.00", 20, 1), level("3.00", 8, 1)]), json!([level("1.00", 6, 1)])));
    assert_eq!(levels(1..2).await, (json!([level("2.00", 20, 1)]), json!([level("1.00", 9, 2)])));
    assert_eq!(levels(0..30).await.0, json!([level("2.00", 28, 2)]));
    assert_eq!(levels(0..24).await.1, json!([level("1.50", 1, 1), level("1.00", 9, 2)]));
    market.place(&market.renter, with(market.bid(4, "2", 0..1), json!({}))).await;
    assert_eq!(levels(0..1).await.0, json!([level("2.00", 16, 1), level("3.00", 8, 1)]));
    assert_eq!(levels(0..2).await.0, json!([level("2.00", 16, 1)]));

    let default = world.public(BOOK).await.expect(200);
    assert!(default["as_of"].as_i64().unwrap() > 0 && default["start"].is_string());
    world.public(&format!("{BOOK}?{}", window(&market, 2..2))).await.refused(422, "invalid_window");
    world.public("/v1/markets/none/book").await.refused(404, "not_found");
    world.public("/v1/markets/NO%20NE/book").await.refused(404, "not_found");
    world.public(&format!("{BOOK}?start=tomorrow")).await.refused(422, "invalid_field");
}

#[actix_web::test]
async fn trades_and_index_name_nobody() {
    let market = Market::open().await;
    let world = &market.world;
    for _ in 0..3 {
        market.sell_to(&market.renter, 8).await;
    }
    let page = world.public("/v1/markets/h100-sxm-80gb/trades?limit=2").await.expect(200);
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert_eq!((page["data"][0]["price"].as_str(), page["data"][0]["gpus"].as_u64()), (Some("2.00"), Some(8)));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = world.public(&format!("/v1/markets/h100-sxm-80gb/trades?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((rest["data"].as_array().unwrap().len(), rest["next_cursor"].clone()), (1, json!(null)));
    for secret in ["provider", "renter", &market.renter.organization, &market.provider.organization] {
        assert!(!page.to_string().contains(secret), "{secret}");
    }
    world.public("/v1/markets/none/trades").await.refused(404, "not_found");
}

#[actix_web::test]
async fn a_thin_day_is_fixed_from_the_asks_and_a_busy_one_from_its_trades() {
    let market = Market::open().await;
    let world = &market.world;
    let index = async || world.public("/v1/markets/h100-sxm-80gb/index").await.expect(200);
    assert_eq!(index().await["data"], json!([]));
    market.place(&market.provider, market.ask(16, "3")).await;
    let thin = index().await;
    assert_eq!((thin["data"][0]["price"].as_str(), thin["data"][0]["from"].as_str()), (Some("3.00"), Some("asks")));
    assert_eq!(thin["data"][0]["thin"], true);
    for (buyer, hour) in
        [(&market.renter, 0), (&market.other, 1), (&market.reseller, 2), (&market.renter, 3), (&market.other, 4)]
    {
        let bid = market.place(buyer, market.bid(1, "3", hour..hour + 1)).await;
        assert_eq!(bid["status"], "filled");
    }
    let busy = index().await;
    let fix = &busy["data"][0];
    assert_eq!(
        (fix["thin"].clone(), fix["from"].as_str(), fix["inputs"].as_u64()),
        (json!(false), Some("trades"), Some(5))
    );
    let drawdown = world.public("/v1/markets/h100-sxm-80gb/drawdown").await.expect(200);
    let own = &drawdown["data"][0];
    assert_eq!((own["source"].as_str(), own["kind"].as_str()), (Some("gpubourse"), Some("trade")));
    assert_eq!((own["peak"]["price"].as_str(), own["drawdown"].as_str()), (Some("3.00"), Some("0.0000")));
    world.public("/v1/markets/none/index").await.refused(404, "not_found");
    world.public("/v1/markets/none/drawdown").await.refused(404, "not_found");
}

#[actix_web::test]
async fn a_recalled_trade_is_taken_out_of_the_index() {
    let market = Market::open().await;
    let world = &market.world;
    let index = async || world.public("/v1/markets/h100-sxm-80gb/index").await.expect(200)["data"][0].clone();
    market.place(&market.provider, market.ask(16, "3")).await;
    let mut fills = Vec::new();
    for (buyer, hour) in
        [(&market.renter, 0), (&market.other, 1), (&market.reseller, 2), (&market.renter, 3), (&market.other, 4)]
    {
        fills.push(market.place(buyer, market.bid(1, "3", hour..hour + 1)).await["fills"][0].clone());
    }
    let busy = index().await;
    assert_eq!((busy["from"].as_str(), busy["inputs"].as_u64()), (Some("trades"), Some(5)));
    let contract = fills[4]["contract_id"].as_str().unwrap().parse().unwrap();
    let command = Command::EndContract {
        contract: ContractId::new(PublicId::from_uuid(contract).unwrap().number),
        status: ContractStatus::Recalled,
        fault: None,
        reason: "a slip of the finger".into(),
    };
    let (actor, request_id) = ("system".to_owned(), "recall".to_owned());
    let recall = Submission { actor, request_id, idempotency_key: None, command };
    world.running.sequencer.submit(recall).await.unwrap();
    // Four trades are too few: the day is thin.
    let thin = index().await;
    assert_eq!((thin["thin"].as_bool(), thin["from"].as_str()), (Some(true), Some("asks")));
}

#[actix_web::test]
async fn supply_counts_no_hour_twice() {
    let market = Market::open().await;
    let world = &market.world;
    let contract = market.sell_to(&market.reseller, 8).await["contract_id"].as_str().unwrap().to_owned();
    market.place(&market.provider, market.ask(8, "2")).await;
    let resale = json!({"side": "ask", "contract_id": contract, "gpus": 4, "price": "1.5"});
    market.place(&market.reseller, resale).await;
    market.place(&market.other, market.bid(2, "1", 0..12)).await;
    let day = world.at(0);
    let path = format!("/v1/markets/h100-sxm-80gb/supply?from={day}&to={day}");
    let supply = world.public(&path).await.expect(200);
    let today = &supply["data"][0];
    let expected = [
        ("offered", "288.0000"),
        ("resale_offered", "96.0000"),
        ("contracted", "192.0000"),
        ("resale_contracted", "0.0000"),
        ("bid", "24.0000"),
        ("expired_unsold", "0.0000"),
        ("sell_through", "1.0000"),
        ("days_of_supply", "45.0000"),
        ("resale_share", "0.3333"),
        ("resale_discount", "-0.2500"),
    ];
    for (field, value) in expected {
        assert_eq!(today[field].as_str(), Some(value), "{field}: {today}");
    }
    assert_eq!(supply["data"].as_array().unwrap().len(), 1);
    let thirty = world.public("/v1/markets/h100-sxm-80gb/supply").await.expect(200);
    assert_eq!(thirty["data"].as_array().unwrap().len(), 30);
    let long = "/v1/markets/h100-sxm-80gb/supply?from=2026-01-01T00:00:00Z&to=2028-01-01T00:00:00Z";
    world.public(long).await.refused(422, "invalid_window");
    world.public("/v1/markets/none/supply").await.refused(404, "not_found");
}

#[actix_web::test]
async fn imported_prices_are_a_list_and_series_of_their_own() {
    use gpubourse::app::sequencer::Side;
    use gpubourse::store::quotes::{self, NewQuote};
    use gpubourse::types::{Price, Timestamp};

    let market = Market::open().await;
    let world = &market.world;
    let quote = |day: i64, micros: i64| NewQuote {
        source: "gcp".to_owned(),
        kind: "spot".to_owned(),
        product: "h100-sxm-80gb".to_owned(),
        region: Some("us-central1".to_owned()),
        observed_at: Timestamp::from_millis(1_790_000_000_000 + day * 86_400_000),
        fetched_at: None,
        raw_price: "1".to_owned(),
        raw_unit: "gpu_hour".to_owned(),
        raw_count: Some(1),
        price: Price::from_micros(micros),
        stale: false,
        term: String::new(),
        note: "as published".to_owned(),
        outlier: micros > 20_000_000,
        content_key: day.to_string(),
    };
    let rows: Vec<_> =
        [8_000_000, 2_000_000, 40_000_000, 3_000_000].into_iter().zip(0..).map(|(p, d)| quote(d, p)).collect();
    let side = Side { submission: None, before: None };
    let count = world.running.sequencer.side(side, move |db, _| Ok(quotes::insert(db, &rows)?)).await.unwrap();
    assert_eq!(count, 4);
    let page = world.public("/v1/quotes?source=gcp&kind=spot&limit=3").await.expect(200);
    assert_eq!((page["data"].as_array().unwrap().len(), page["next_cursor"].is_string()), (3, true));
    assert_eq!((page["data"][1]["price"].as_str(), page["data"][1]["outlier"].clone()), (Some("40.00"), json!(true)));
    assert_eq!(
        (page["data"][1]["term"].clone(), page["data"][1]["note"].as_str()),
        (json!(null), Some("as published"))
    );
    assert_eq!(world.public("/v1/quotes?source=other").await.expect(200)["data"], json!([]));
    let drawdown = world.public("/v1/markets/h100-sxm-80gb/drawdown").await.expect(200);
    let series = &drawdown["data"][0];
    assert_eq!((series["source"].as_str(), series["region"].as_str()), (Some("gcp"), Some("us-central1")));
    assert_eq!((series["peak"]["price"].as_str(), series["drawdown"].as_str()), (Some("8.00"), Some("-0.6250")));
    assert_eq!(
        (series["trough"]["price"].as_str(), series["trough"]["rebound"].as_str()),
        (Some("2.00"), Some("0.5000"))
    );
    // $8, the next day $2, an outlier that is no part of the series, and two days later $3.
    assert_eq!(series["piecewise"]["says"], "8.00 -> 2.00 in 1 day; back to 3.00");
    assert_eq!((series["trough"]["days"].as_u64(), series["trough"]["half_life_days"].as_u64()), (Some(1), Some(1)));
    assert_eq!(series["days_under_water"], 2);
    let legs = series["piecewise"]["legs"].as_array().unwrap();
    let told: Vec<_> =
        legs.iter().map(|leg| (leg["change"].as_str().unwrap(), leg["days"].as_u64().unwrap())).collect();
    assert_eq!(told, [("-0.7500", 1), ("0.5000", 2)]);
    assert_eq!((legs[1]["from"]["price"].as_str(), legs[1]["to"]["price"].as_str()), (Some("2.00"), Some("3.00")));
}

#[actix_web::test]
async fn candles_grow_with_every_trade() {
    let market = Market::open().await;
    let world = &market.world;
    let path = "/v1/markets/h100-sxm-80gb/candles";
    assert_eq!(world.public(path).await.expect(200)["data"], json!([]));
    market.sell_to(&market.renter, 8).await;
    let one = world.public(&format!("{path}?interval=1h")).await.expect(200);
    assert_eq!((one["data"][0]["trades"].clone(), one["data"][0]["vwap"].as_str()), (json!(1), Some("2.00")));
    market.place(&market.provider, market.ask(8, "1")).await;
    market.place(&market.other, market.bid(8, "1", 0..24)).await;
    for interval in ["1h", "1d", "1w"] {
        let found = world.public(&format!("{path}?interval={interval}")).await.expect(200);
        let candle = &found["data"][0];
        let prices = ["open", "high", "low", "close", "vwap", "gpu_hours"].map(|field| candle[field].as_str().unwrap());
        assert_eq!(prices, ["2.00", "2.00", "1.00", "1.00", "1.50", "384.0000"], "{interval}");
        assert_eq!((candle["trades"].as_u64(), found["data"].as_array().unwrap().len()), (Some(2), 1));
    }
    let past = world.public(&format!("{path}?to=2020-01-01T00:00:00Z")).await.expect(200);
    assert_eq!(past["data"], json!([]));
    let wrong = format!("{path}?from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z");
    world.public(&wrong).await.refused(422, "invalid_window");
    world.public(&format!("{path}?interval=5m")).await.refused(422, "invalid_field");
    world.public("/v1/markets/none/candles").await.refused(404, "not_found");
}

#[actix_web::test]
async fn an_index_of_a_slice_takes_its_trades_alone() {
    let market = Market::open().await;
    let world = &market.world;
    market.place(&market.provider, market.ask(64, "3")).await;
    let mut fills = Vec::new();
    for (buyer, hour) in
        [(&market.renter, 0), (&market.other, 1), (&market.reseller, 2), (&market.renter, 3), (&market.other, 4)]
    {
        fills.push(market.place(buyer, market.bid(8, "3", hour..hour + 1)).await["fills"][0].clone());
    }
    let contract = fills[2]["contract_id"].as_str().unwrap();
    market.place(&market.reseller, json!({"side": "ask", "contract_id": contract, "gpus": 8, "price": "1"})).await;
    let index = async |query: &str| {
        let path = format!("/v1/markets/h100-sxm-80gb/index{query}");
        let fix = world.public(&path).await.expect(200)["data"][0].clone();
        (fix["from"].as_str().map(str::to_owned), fix["price"].as_str().map(str::to_owned), fix["inputs_hash"].clone())
    };
    let of = |from: &str, price: &str| (Some(from.to_owned()), Some(price.to_owned()));
    let all = index("").await;
    assert_eq!((all.0.clone(), all.1.clone()), of("trades", "3.00"));
    assert_eq!(all.2.as_str().unwrap().len(), 64);
    assert_eq!(index("?region=us-central1").await, all);
    assert_eq!(index("?tenor=hour&market=primary").await, all);
    let resale = index("?market=resale").await;
    assert_eq!((resale.0, resale.1), of("asks", "1.00"));
    let month = index("?tenor=week").await;
    assert_eq!((month.0, month.1), of("asks", "3.00"));
    assert_eq!(index("?region=mars").await.0, None);
    world.public("/v1/markets/h100-sxm-80gb/index?tenor=year").await.refused(422, "invalid_field");
    world.public("/v1/markets/h100-sxm-80gb/index?market=both").await.refused(422, "invalid_field");
    world.public("/v1/markets/h100-sxm-80gb/index?region=NO%20NE").await.refused(422, "invalid_field");
}
