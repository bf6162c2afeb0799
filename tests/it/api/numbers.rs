//! The forward curve, depth, oversupply, sources of supply and marks, as they are served.

use serde_json::{Value, json};

use super::world::{Market, with};

const MARKET: &str = "/v1/markets/h100-sxm-80gb";

fn texts(row: &Value, fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| row[*field].as_str().unwrap_or("null").to_owned()).collect()
}

#[actix_web::test]
async fn the_forward_curve_comes_from_trades_then_from_asks() {
    let market = Market::open().await;
    let world = &market.world;
    let curve = async || world.public(&format!("{MARKET}/forward-curve")).await.expect(200);
    assert_eq!(curve().await["data"], json!([]));
    // The clock stands in November 2026; the listing's 30 days begin on the 18th and reach into December.
    market.place(&market.provider, market.ask(16, "3")).await;
    let asks = curve().await;
    let months: Vec<&str> = asks["data"].as_array().unwrap().iter().map(|row| row["month"].as_str().unwrap()).collect();
    assert_eq!(months, ["2026-11", "2026-12"]);
    let (first, second) = (&asks["data"][0], &asks["data"][1]);
    assert_eq!(texts(first, &["mark", "basis", "ask_price", "best_ask"]), ["3.00", "asks", "3.00", "3.00"]);
    assert_eq!((first["thin"].as_bool(), first["trades"].as_u64()), (Some(true), Some(0)));
    assert_eq!(texts(second, &["start", "end"]), ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
    let hours = |row: &Value| row["offered"].as_str().unwrap().parse::<f64>().unwrap();
    assert!((hours(first) + hours(second) - 16.0 * 24.0 * 30.0).abs() < 0.001, "{asks}");
    // Four trades are too few; the fifth makes the price.
    for hour in 0..5 {
        let before = curve().await;
        assert_eq!(before["data"][0]["basis"], "asks", "{hour}");
        market.place(&market.renter, market.bid(1, "3", hour..hour + 1)).await;
    }
    let traded = curve().await;
    assert_eq!(
        texts(&traded["data"][0], &["mark", "basis", "trade_price", "traded"]),
        ["3.00", "trades", "3.00", "5.0000"]
    );
    assert_eq!(traded["data"][0]["thin"], false);
    assert_eq!(traded["data"][1]["basis"], "asks");
    assert_eq!((traded["truncated"].clone(), traded["as_of"].is_i64()), (json!(false), true));
    assert!(!traded.to_string().contains("provider"), "{traded}");
    world.public("/v1/markets/none/forward-curve").await.refused(404, "not_found");
}

#[actix_web::test]
async fn depth_says_what_the_last_gpu_costs() {
    let market = Market::open().await;
    let world = &market.world;
    let depth = async |query: &str| world.public(&format!("{MARKET}/depth?{query}")).await.expect(200);
    let (start, end) = (world.at(0), world.at(4 * 60));
    let window = format!("start={start}&end={end}");
    let empty = depth(&window).await;
    let amounts: Vec<u64> = empty["data"].as_array().unwrap().iter().map(|row| row["gpus"].as_u64().unwrap()).collect();
    assert_eq!(amounts, [1, 8, 16, 32, 64, 128, 256, 1_024]);
    assert!(empty["data"].as_array().unwrap().iter().all(|row| row["best"].is_null() && row["available"] == 0));
    assert_eq!(empty["hours"], json!([]));

    market.place(&market.provider, with(market.ask(8, "3"), json!({"lot": 8}))).await;
    market.place(&market.provider, market.ask(4, "2")).await;
    // Cheap, but only in the first hour, and a rental of two hours at least.
    market.place(&market.provider, with(market.ask(8, "1"), json!({"start": start, "end": world.at(60)}))).await;
    market.place(&market.provider, with(market.ask(2, "1.5"), json!({"min_minutes": 120}))).await;
    let row = async |gpus: u32| depth(&format!("{window}&gpus={gpus}")).await["data"][0].clone();
    let prices = ["best", "marginal", "average"];
    assert_eq!(texts(&row(2).await, &prices), ["1.50", "1.50", "1.50"]);
    assert_eq!(texts(&row(6).await, &prices), ["1.50", "2.00", "1.833333"]);
    assert_eq!(texts(&row(14).await, &prices), ["1.50", "3.00", "2.50"]);
    let short = row(15).await;
    assert_eq!(
        (texts(&short, &prices), short["available"].as_u64()),
        (vec!["1.50".to_owned(), "null".to_owned(), "2.50".to_owned()], Some(14))
    );

    // By the hour: the cheap ask counts in its hour, and the one of two hours as part of the window.
    let hourly = depth(&format!("{window}&gpus=6&per=hour")).await;
    let hours = hourly["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 4);
    assert_eq!(texts(&hours[0], &["start", "end", "marginal"]), [start.as_str(), &world.at(60), "1.00"]);
    for hour in hours.get(1..).unwrap() {
        assert_eq!(texts(hour, &prices), ["1.50", "2.00", "1.833333"]);
    }
    // A trade in one hour leaves less in it alone.
    market.place(&market.renter, market.bid(4, "2", 2..3)).await;
    let after = depth(&format!("{window}&gpus=14&per=hour")).await;
    let marginal: Vec<_> = after["hours"].as_array().unwrap().iter().map(|row| row["marginal"].clone()).collect();
    assert_eq!(marginal, [json!("2.00"), json!("3.00"), json!(null), json!("3.00")], "{after}");
    assert_eq!(texts(&after["hours"][1], &["best"]), ["1.50"]);
}

#[actix_web::test]
async fn depth_of_strips_and_what_it_refuses() {
    let market = Market::open().await;
    let world = &market.world;
    market.place(&market.provider, market.ask(8, "2")).await;
    let ends = async |strip: &str| {
        let found = world.public(&format!("{MARKET}/depth?strip={strip}&gpus=8")).await.expect(200);
        (texts(&found, &["start", "end"]), texts(&found["data"][0], &["marginal"]).remove(0))
    };
    assert_eq!(ends("day").await, (vec![world.at(0), world.at(24 * 60)], "2.00".to_owned()));
    let (week, price) = ends("week").await;
    assert_eq!((week.len(), price.as_str()), (2, "2.00"));
    // Nothing is offered over the whole of December.
    assert_eq!(
        ends("month").await,
        (vec!["2026-12-01T00:00:00Z".to_owned(), "2027-01-01T00:00:00Z".to_owned()], "null".to_owned())
    );
    let hours = world.public(&format!("{MARKET}/depth?strip=month&per=hour")).await.expect(200);
    assert_eq!(hours["hours"].as_array().unwrap().len(), 744);
    for query in ["gpus=0", "gpus=1000001", "gpus=x", "strip=year", "per=day", "start=tomorrow", "lot=1"] {
        let answer = world.public(&format!("{MARKET}/depth?{query}")).await;
        answer.refused(422, "invalid_field");
        assert_eq!(answer.body["errors"][0]["field"].as_str(), query.split('=').next(), "{query}");
    }
    let both = world.public(&format!("{MARKET}/depth?strip=day&start={}", world.at(0))).await;
    both.refused(422, "invalid_field");
    assert_eq!(both.body["errors"][0]["field"], "strip");
    let at = |days: u32| world.at(days * 24 * 60);
    for (from, to, per) in [(2, 2, ""), (3, 2, ""), (0, 32, "&per=hour")] {
        let path = format!("{MARKET}/depth?start={}&end={}{per}", at(from), at(to));
        world.public(&path).await.refused(422, "invalid_window");
    }
    world.public("/v1/markets/none/depth").await.refused(404, "not_found");
}
