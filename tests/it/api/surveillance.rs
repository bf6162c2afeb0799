//! Surveillance hints as they are served: from trades and orders, to those who look after the market.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::world::{Market, Who};

pub const PATH: &str = "/v1/admin/surveillance";

fn texts(row: &Value, fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| row[*field].as_str().unwrap_or("null").to_owned()).collect()
}

/// A provider that buys back dearer what it sold, a renter whose bids come and go, and a little honest trade.
pub async fn make_suspicious(market: &Market) {
    let world = &market.world;
    world.deposit(&market.admin, &market.provider, "100000", "back").await.expect(201);
    market.place(&market.provider, market.ask(16, "2")).await;
    let bought = market.place(&market.reseller, market.bid(8, "2", 0..24)).await;
    for who in [&market.renter, &market.other] {
        for _ in 0..2 {
            market.place(who, market.bid(1, "2", 0..10)).await;
        }
    }
    let resale = json!({"side": "ask", "contract_id": bought["fills"][0]["contract_id"], "gpus": 8, "price": "2.06"});
    market.place(&market.reseller, resale).await;
    market.place(&market.provider, market.bid(8, "2.06", 0..24)).await;
    for cents in 10..16 {
        let bid = market.place(&market.other, market.bid(1, &format!("1.{cents}"), 0..1)).await;
        world.clock.advance_ms(30_000);
        world.delete(&market.other, &format!("/v1/orders/{}", bid["id"].as_str().unwrap())).await.expect(200);
    }
}

#[actix_web::test]
async fn overseers_see_pairs_cancellations_and_moved_fixes() {
    let market = Market::open().await;
    let world = &market.world;
    let none = world.get(&market.auditor, PATH).await.expect(200);
    for list in ["wash_pairs", "cancellations", "fix_movers"] {
        assert_eq!(none[list], json!([]), "{none}");
    }
    assert_eq!((&none["trades"], &none["truncated"], &none["more"]), (&json!(0), &json!(false), &json!(false)));
    make_suspicious(&market).await;
    let found = world.get(&market.auditor, PATH).await.expect(200);
    assert_eq!((&found["days"], &found["trades"], &found["truncated"]), (&json!(30), &json!(6), &json!(false)));

    // 192 GPU-hours went out at $2 and came back at $2.06 at once, of 424 that either traded.
    let [pair] = found["wash_pairs"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(texts(&pair["sold"], &["gpu_hours", "value"]), ["192.0000", "384.00"]);
    assert_eq!(texts(&pair["bought"], &["gpu_hours", "value"]), ["192.0000", "395.52"]);
    assert_eq!(texts(pair, &["product", "returned", "share"]), ["h100-sxm-80gb", "192.0000", "0.9057"]);
    assert_eq!((&pair["round_trips"], &pair["sold"]["trades"]), (&json!(1), &json!(1)));
    let parties = [&pair["first"], &pair["second"]].map(|party| party["organization_id"].as_str().unwrap());
    assert_eq!(parties, [market.provider.organization.as_str(), market.reseller.organization.as_str()]);
    for contract in pair["contract_ids"].as_array().unwrap() {
        let contract = contract.as_str().unwrap();
        world.get(&market.auditor, &format!("/v1/contracts/{contract}")).await.expect(200);
    }

    // Each bid was the best of its side. Two others were filled.
    let [row] = found["cancellations"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(row["organization"]["organization_id"], market.other.organization);
    assert_eq!([&row["near"], &row["cancelled"], &row["filled"]], [&json!(8), &json!(6), &json!(2)]);
    assert_eq!(texts(row, &["cancelled_to_filled", "median_minutes"]), ["3.0000", "0.5000"]);
    assert_eq!(row["order_ids"].as_array().unwrap().len(), 5);
    let order = format!("/v1/orders/{}", row["order_ids"][0].as_str().unwrap());
    let order = world.get(&market.auditor, &order).await.expect(200);
    assert_eq!(texts(&order, &["status", "price"]), ["cancelled", "1.15"]);

    // Quarters of 424 GPU-hours are 106: (106 * 2 + 106 * 2.06 + 40 * 2) / 252. Without the dear trade all is at $2.
    let index = world.public("/v1/markets/h100-sxm-80gb/index").await.expect(200);
    let today = index["data"].as_array().unwrap().last().unwrap();
    assert_eq!(texts(today, &["price"]), ["2.025238"]);
    let movers = found["fix_movers"].as_array().unwrap();
    let dear = movers.iter().find(|row| row["trade_id"].is_string() && row["without"] == "2.00").unwrap();
    assert_eq!(texts(dear, &["index", "moved", "gpu_hours"]), ["2.025238", "0.0126", "192.0000"]);
    assert_eq!((&dear["day"], &dear["thin_without"], &dear["trades"]), (&today["day"], &json!(false), &json!(1)));
    let contract = format!("/v1/contracts/{}", dear["contract_id"].as_str().unwrap());
    assert_eq!(world.get(&market.auditor, &contract).await.expect(200)["trade_id"], dear["trade_id"]);
    let named: Vec<&str> = movers.iter().filter_map(|row| row["organization"]["name"].as_str()).collect();
    assert!(named.contains(&"reseller"), "{found}");

    // The same comes from the tables after a restart, and a week has it too.
    let market = Market { world: market.world.restarted(), ..market };
    let again = market.world.get(&market.auditor, &format!("{PATH}?days=7")).await.expect(200);
    for list in ["wash_pairs", "cancellations", "fix_movers"] {
        assert_eq!(again[list], found[list]);
    }
}

#[actix_web::test]
async fn what_happened_before_the_days_is_in_no_hint() {
    let market = Market::open().await;
    make_suspicious(&market).await;
    market.world.clock.advance_ms(48 * 60 * 60 * 1_000);
    let token = market.world.login("auditor@example.com").await;
    let auditor = Who { token, organization: String::new() };
    // Time is moved by commands: something has to be asked before the exchange knows that two days passed.
    let renter = Who { token: market.world.login("renter@example.com").await, ..market.renter.clone() };
    market.place(&renter, market.bid(1, "0.5", 0..1)).await;
    let day = market.world.get(&auditor, &format!("{PATH}?days=1")).await.expect(200);
    for list in ["wash_pairs", "cancellations", "fix_movers"] {
        assert_eq!(day[list], json!([]), "{day}");
    }
    let week = market.world.get(&auditor, &format!("{PATH}?days=7")).await.expect(200);
    assert_eq!(week["wash_pairs"].as_array().unwrap().len(), 1, "{week}");
    assert_eq!(week["cancellations"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_file_has_a_row_for_each_hint() {
    let market = Market::open().await;
    make_suspicious(&market).await;
    let world = &market.world;
    let answer = world.get(&market.admin, PATH).await.expect(200);
    let request = TestRequest::get().uri(PATH).insert_header(("accept", "text/csv"));
    let request = request.insert_header(("authorization", format!("Bearer {}", market.admin.token)));
    let accepted = world.call(request).await;
    let file = world.get(&market.admin, &format!("{PATH}?format=csv")).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"surveillance.csv\""));
    assert_eq!(accepted.text, file.text);
    let mut reader = csv::Reader::from_reader(file.text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell =
        |row: &csv::StringRecord, column: &str| row[header.iter().position(|name| name == column).unwrap()].to_owned();
    let of = |hint: &str| rows.iter().filter(|row| cell(row, "hint") == hint).collect::<Vec<_>>();
    let [pair] = of("wash_pair")[..] else { panic!("{}", file.text) };
    let columns = ["organization", "counterparty", "gpu_hours", "value_back_usd", "returned_gpu_hours", "share"];
    assert_eq!(
        columns.map(|column| cell(pair, column)),
        ["provider", "reseller", "192.0000", "395.52", "192.0000", "0.9057"]
    );
    let [gone] = of("cancellations")[..] else { panic!("{}", file.text) };
    assert_eq!(["organization", "cancelled", "filled"].map(|column| cell(gone, column)), ["other", "6", "2"]);
    let movers = of("fix_mover");
    let moved: Vec<String> = movers.iter().map(|row| cell(row, "moved")).collect();
    let served = answer["fix_movers"].as_array().unwrap().iter();
    assert_eq!(moved, served.map(|row| row["moved"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>());
}

#[actix_web::test]
async fn only_overseers_may_ask_and_only_for_days_there_are() {
    let market = Market::open().await;
    let world = &market.world;
    world.public(PATH).await.refused(401, "unauthorized");
    for who in [&market.renter, &market.provider, &market.reseller] {
        world.get(who, PATH).await.refused(403, "role_required");
    }
    let short = world.key(&market.admin, &["admin"]).await;
    world.get(&short, PATH).await.refused(403, "scope_required");
    for (query, field) in [("days=0", "days"), ("days=91", "days"), ("days=x", "days"), ("format=pdf", "format")] {
        let answer = world.get(&market.admin, &format!("{PATH}?{query}")).await;
        answer.refused(422, "invalid_field");
        assert_eq!(answer.body["errors"][0]["field"], field, "{query}");
    }
    world.get(&market.auditor, &format!("{PATH}?days=90")).await.expect(200);
}
