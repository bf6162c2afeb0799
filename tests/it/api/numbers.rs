//! The forward curve, depth, oversupply, sources of supply and marks, as they are served.

use gpubourse::app::sequencer::Submission;
use gpubourse::exchange::Command;
use gpubourse::types::Minute;
use serde_json::{Value, json};

use super::world::{Market, Who, with};

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

const AMOUNTS: [&str; 6] = ["offered", "resale_offered", "bid_near", "sold", "delivered", "expired_unsold"];

#[actix_web::test]
async fn oversupply_is_made_of_what_is_offered_sold_and_wanted() {
    let market = Market::open().await;
    let world = &market.world;
    let over = async |query: &str| world.public(&format!("{MARKET}/oversupply?{query}")).await.expect(200);
    let empty = over("").await;
    assert_eq!(
        (empty["index"].clone(), empty["state"].clone(), empty["horizon_days"].as_u64()),
        (json!(null), json!(null), Some(30))
    );
    let weights: Vec<_> = empty["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["weight"].as_u64().unwrap()))
        .collect();
    assert_eq!(weights, [("unsold", 35), ("cover", 25), ("imbalance", 25), ("resale", 15)]);

    // Delivery begins tomorrow. 192 GPU-hours are sold, 96 of them on offer again, 192 more out of the listing.
    let contract = sell_first_day(&market).await;
    let day = json!({"start": world.at(0), "end": world.at(24 * 60)});
    market.place(&market.provider, with(market.ask(8, "2"), day)).await;
    market.place(&market.reseller, json!({"side": "ask", "contract_id": contract, "gpus": 4, "price": "2.5"})).await;
    // The index is $2, from the asks of this thin day: $1.80 is near it, $1.79 is not.
    market.place(&market.other, market.bid(4, "1.8", 0..12)).await;
    market.place(&market.other, market.bid(64, "1.79", 0..24)).await;
    let week = over("horizon_days=7").await;
    assert_eq!(texts(&week, &AMOUNTS), ["288.0000", "96.0000", "48.0000", "192.0000", "0.0000", "0.0000"]);
    assert_eq!(texts(&week, &["last_index", "expired_value", "sell_through"]), ["2.00", "0.00", "null"]);
    assert_eq!(texts(&week, &["days_of_supply", "book_imbalance", "resale_share"]), ["10.5000", "0.7143", "0.3333"]);
    let parts: Vec<_> = week["components"].as_array().unwrap().iter().map(|row| row["value"].clone()).collect();
    assert_eq!(parts, [json!(null), json!("0.6000"), json!("0.7143"), json!("0.3333")]);
    // (25 * 0.6 + 25 * 0.7143 + 15 * 0.3333) / 65 = 0.5825
    assert_eq!((week["index"].as_u64(), week["state"].as_str()), (Some(58), Some("balanced")));
    assert_eq!(
        week["rolling_off"],
        json!([{"days": 30, "contracts": 1, "gpus": 8}, {"days": 90, "contracts": 1, "gpus": 8}])
    );
    assert_eq!(week["truncated"], false);
    // A region has what stands there, and the bids that would take it: those of no region at all.
    assert_eq!(texts(&over("horizon_days=7&region=us-central1").await, &AMOUNTS), texts(&week, &AMOUNTS));
    let elsewhere = over("horizon_days=7&region=eu-west4").await;
    assert_eq!(texts(&elsewhere, &AMOUNTS), ["0.0000", "0.0000", "48.0000", "0.0000", "0.0000", "0.0000"]);
    assert_eq!(elsewhere["index"], json!(null));
}

#[actix_web::test]
async fn what_passes_unsold_counts_once_whether_its_ask_rests_or_ended() {
    let market = Market::open().await;
    let world = &market.world;
    let first = world.first_minute();
    let over = async || world.public(&format!("{MARKET}/oversupply?horizon_days=7")).await.expect(200);
    let day = json!({"start": world.at(0), "end": world.at(24 * 60)});
    market.place(&market.provider, with(market.ask(8, "3"), day)).await;
    let longer = market.place(&market.provider, with(market.ask(1, "4"), json!({"end": world.at(48 * 60)}))).await;
    market.place(&market.renter, market.bid(2, "3", 0..24)).await;
    assert_eq!(texts(&over().await, &["delivered", "expired_unsold"]), ["0.0000", "0.0000"]);
    // Six hours into the day: 2 GPUs are delivered, 6 and 1 pass unsold.
    pass_to(&market, first.plus(6 * 60)).await;
    let early = over().await;
    assert_eq!(texts(&early, &["delivered", "expired_unsold", "expired_value"]), ["48.0000", "42.0000", "132.00"]);
    // A cancelled ask leaves what passed while it was open.
    let provider = Who { token: world.login("provider@example.com").await, ..market.provider.clone() };
    world.delete(&provider, &format!("/v1/orders/{}", longer["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(texts(&over().await, &["expired_unsold", "expired_value"]), ["42.0000", "132.00"]);
    // The day is over: the other ask has ended too, with 6 GPUs free all day.
    pass_to(&market, first.plus(25 * 60)).await;
    let late = over().await;
    assert_eq!(texts(&late, &["delivered", "expired_unsold", "expired_value"]), ["48.0000", "150.0000", "456.00"]);
    assert_eq!(texts(&late, &["sell_through"]), ["0.2424"]);
    // A server that is started again reads what it has not seen, and counts nothing twice.
    let market = Market { world: market.world.restarted(), ..market };
    let world = &market.world;
    let over = async || world.public(&format!("{MARKET}/oversupply?horizon_days=7")).await.expect(200);
    assert_eq!(texts(&over().await, &["expired_unsold", "expired_value"]), ["150.0000", "456.00"]);
    // Out of the horizon it is forgotten.
    pass_to(&market, first.plus(9 * 24 * 60)).await;
    assert_eq!(texts(&over().await, &["delivered", "expired_unsold", "expired_value"]), ["0.0000", "0.0000", "0.00"]);
}

#[actix_web::test]
async fn oversupply_and_sources_refuse_what_they_do_not_know() {
    let market = Market::open().await;
    for what in ["oversupply", "sources"] {
        market.world.public(&format!("/v1/markets/none/{what}")).await.refused(404, "not_found");
        for query in ["region=Iowa,%20US", "region=", "horizon=7"] {
            let answer = market.world.public(&format!("{MARKET}/{what}?{query}")).await;
            answer.refused(422, "invalid_field");
            assert_eq!(answer.body["errors"][0]["field"].as_str(), query.split('=').next(), "{what} {query}");
        }
    }
    for days in ["8", "0", "-7", "07", "week", ""] {
        let answer = market.world.public(&format!("{MARKET}/oversupply?horizon_days={days}")).await;
        answer.refused(422, "invalid_field");
        assert_eq!(answer.body["errors"][0]["field"], "horizon_days", "{days}");
    }
}

#[actix_web::test]
async fn sources_say_who_is_behind_the_supply_and_name_nobody() {
    let market = Market::open().await;
    let world = &market.world;
    let sources = async |query: &str| world.public(&format!("{MARKET}/sources{query}")).await.expect(200);
    let none = sources("").await;
    assert_eq!(
        (none["asks"].as_u64(), none["hhi"].clone(), none["above_index"].clone()),
        (Some(0), json!(null), json!(null))
    );
    // The reseller paid $2 for what it now offers at $1.50; the host asks $2 and, for as much, $3.
    let contract = sell_first_day(&market).await;
    let day = json!({"start": world.at(0), "end": world.at(24 * 60)});
    market.place(&market.reseller, json!({"side": "ask", "contract_id": contract, "gpus": 4, "price": "1.5"})).await;
    market.place(&market.provider, with(market.ask(8, "2"), day.clone())).await;
    market.place(&market.provider, with(market.ask(4, "3"), day)).await;
    let found = sources("").await;
    assert_eq!(texts(&found, &["offered", "hhi", "last_index"]), ["384.0000", "0.6250", "2.00"]);
    let share = |organizations: u64, offered: &str, share: &str| json!({"organizations": organizations, "offered": offered, "share": share});
    assert_eq!(found["host"], share(1, "288.0000", "0.7500"));
    assert_eq!(found["reseller"], share(1, "96.0000", "0.2500"));
    assert_eq!(texts(&found, &["above_index", "above_index_share"]), ["96.0000", "0.2500"]);
    assert_eq!(texts(&found, &["resale_at_loss", "resale_at_loss_share"]), ["96.0000", "1.0000"]);
    assert_eq!(texts(&found, &["resale_underwater", "resale_underwater_share"]), ["0.0000", "0.0000"]);
    assert_eq!(texts(&sources("?region=us-central1").await, &["offered"]), ["384.0000"]);
    assert_eq!(texts(&sources("?region=eu-west4").await, &["offered", "hhi"]), ["0.0000", "null"]);
    for secret in ["provider\"", "reseller\":\"", &market.provider.organization, &market.reseller.organization] {
        assert!(!found.to_string().contains(secret), "{secret}");
    }
}

#[actix_web::test]
async fn open_contracts_are_marked_against_the_curve() {
    let market = Market::open().await;
    let world = &market.world;
    let of = |who: &Who| format!("/v1/organizations/{}/marks", who.organization);
    let marks = async |who: &Who| world.get(who, &of(who)).await.expect(200);
    assert_eq!(marks(&market.reseller).await["data"], json!([]));
    // Bought at $2, half of it resold at $1.50; then the cheapest ask, and so the mark, is $1.25.
    let contract = sell_first_day(&market).await;
    market.place(&market.reseller, json!({"side": "ask", "contract_id": contract, "gpus": 4, "price": "1.5"})).await;
    market.place(&market.other, market.bid(4, "1.5", 0..24)).await;
    market.place(&market.provider, market.ask(32, "1.25")).await;
    let found = marks(&market.reseller).await;
    let row = |side: &str| found["data"].as_array().unwrap().iter().find(|row| row["side"] == side).unwrap().clone();
    let fields = ["price", "mark", "remaining", "cost", "value", "result"];
    assert_eq!(texts(&row("bought"), &fields), ["2.00", "1.25", "192.0000", "384.00", "240.00", "-144.00"]);
    assert_eq!(texts(&row("sold"), &fields), ["1.50", "1.25", "96.0000", "144.00", "120.00", "24.00"]);
    assert_eq!(
        (row("bought")["contract_id"].as_str(), row("bought")["thin"].as_bool()),
        (Some(contract.as_str()), Some(true))
    );
    assert_eq!(texts(&found, &["result"]), ["-120.00"]);
    let total =
        json!({"contracts": 1, "remaining": "192.0000", "cost": "384.00", "value": "240.00", "result": "-144.00"});
    assert_eq!((found["bought"].clone(), found["truncated"].clone()), (total, json!(false)));
    // The newest comes first, and a page says where to read on.
    let page = world.get(&market.reseller, &format!("{}?limit=1", of(&market.reseller))).await.expect(200);
    assert_eq!((page["data"].as_array().unwrap().len(), page["data"][0]["side"].as_str()), (1, Some("sold")));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest =
        world.get(&market.reseller, &format!("{}?limit=1&cursor={cursor}", of(&market.reseller))).await.expect(200);
    assert_eq!((rest["data"][0]["side"].as_str(), rest["next_cursor"].clone()), (Some("bought"), json!(null)));
    assert_eq!(rest["result"], page["result"]);
    // Each party sees its own legs alone; those who oversee see everybody's.
    assert_eq!(texts(&marks(&market.provider).await, &["result"]), ["144.00"]);
    assert_eq!(texts(&marks(&market.other).await, &["result"]), ["-24.00"]);
    for overseer in [&market.admin, &market.auditor] {
        assert_eq!(world.get(overseer, &of(&market.reseller)).await.expect(200), found);
    }
    world.get(&market.renter, &of(&market.reseller)).await.refused(404, "not_found");
    world.get(&market.renter, "/v1/organizations/x/marks").await.refused(404, "not_found");
    world.get(&market.admin, &format!("/v1/organizations/{}/marks", market.site)).await.refused(404, "not_found");
    world.get(&market.reseller, &format!("{}?limit=0", of(&market.reseller))).await.refused(422, "invalid_field");
    world.get(&market.reseller, &format!("{}?cursor=x", of(&market.reseller))).await.refused(422, "invalid_field");
    // What was delivered is marked no more.
    let first = world.first_minute();
    pass_to(&market, first.plus(18 * 60)).await;
    let reseller = Who { token: world.login("reseller@example.com").await, ..market.reseller.clone() };
    assert_eq!(texts(&marks(&reseller).await["bought"], &["remaining", "result"]), ["48.0000", "-36.00"]);
    pass_to(&market, first.plus(30 * 60)).await;
    let reseller = Who { token: world.login("reseller@example.com").await, ..market.reseller.clone() };
    assert_eq!(marks(&reseller).await["data"], json!([]));
}

/// Sells the reseller 8 GPUs at $2 for the first day, and leaves nothing on offer.
async fn sell_first_day(market: &Market) -> String {
    let day = json!({"start": market.world.at(0), "end": market.world.at(24 * 60)});
    market.place(&market.provider, with(market.ask(8, "2"), day)).await;
    let bid = market.place(&market.reseller, market.bid(8, "2", 0..24)).await;
    bid["fills"][0]["contract_id"].as_str().unwrap().to_owned()
}

/// Lets time pass until the first minute that is open is this one: the server's, and then the exchange's, which would not believe so far a jump by itself.
async fn pass_to(market: &Market, minute: Minute) {
    let now = minute.minus(1).start();
    let (actor, request_id) = ("system".to_owned(), "time".to_owned());
    let submission = Submission { actor, request_id, idempotency_key: None, command: Command::Advance { now } };
    market.world.clock.set(now);
    market.world.running.sequencer.submit(submission).await.unwrap();
}
