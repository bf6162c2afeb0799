//! Statements over HTTP: whose, of which month, as a document and as a file.

use actix_web::test::TestRequest;
use gpubourse::types::Money;
use serde_json::{Value, json};

use super::deliveries::{KEY, access, act, put_under_terms, report, settle, to};
use super::world::{Market, PRODUCT, Who};

/// The month of the tests' clock.
const MONTH: &str = "/v1/statements/2026-11";

fn money(value: &Value) -> Money {
    Money::parse(value.as_str().unwrap()).unwrap()
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a Value>, field: &str) -> Money {
    rows.into_iter().fold(Money::ZERO, |sum, row| sum.plus(money(&row[field])).unwrap())
}

async fn statement(market: &Market, who: &Who) -> Value {
    market.world.get(who, MONTH).await.expect(200)
}

#[actix_web::test]
async fn a_statement_leads_from_nothing_to_the_balances() {
    let market = Market::open().await;
    let fill = market.sell_to(&market.renter, 8).await;
    market.place(&market.renter, market.bid(4, "1.5", 0..3)).await;
    let statement = statement(&market, &market.renter).await;
    let balances = market.world.get(&market.renter, "/v1/balances").await.expect(200);
    for account in ["available", "held", "escrow"] {
        assert_eq!(statement["opening"][account], "0.00");
        assert_eq!(statement["closing"][account], balances[account], "{account}");
    }
    let causes = statement["causes"].as_array().unwrap();
    let moved = sum(causes, "received").minus(sum(causes, "paid")).unwrap();
    assert_eq!(moved, money(&statement["closing"]["total"]));
    assert_eq!((&statement["month"], &statement["complete"]), (&"2026-11".into(), &false.into()));
    assert_eq!(statement["organization"]["name"], "renter");
    let line = &statement["contracts"][0];
    assert_eq!((&line["contract_id"], &line["part"]), (&fill["contract_id"], &"bought".into()));
    assert_eq!((&line["escrowed"], &line["price"]), (&"384.00".into(), &"2.00".into()));
    assert_eq!((&line["counterparty"]["name"], &line["delivered_gpu_hours"]), (&"provider".into(), &"0.0000".into()));
    assert_eq!(statement["contract_totals"][0]["escrowed"], "384.00");
    let total = statement["transfers_total"].as_u64().unwrap();
    assert_eq!(statement["transfers"]["data"].as_array().unwrap().len() as u64, total);
}

#[actix_web::test]
async fn transfers_of_a_statement_are_read_page_by_page() {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    let listed = market.world.get(&market.renter, "/v1/transfers").await.expect(200);
    let (mut seen, mut path) = (Vec::new(), format!("{MONTH}?limit=2"));
    loop {
        let page = market.world.get(&market.renter, &path).await.expect(200)["transfers"].clone();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("{MONTH}?limit=2&cursor={next}");
    }
    assert!(seen.len() > 2);
    assert_eq!(Value::from(seen), listed["data"]);
    for query in ["limit=0", "limit=201", "cursor=x", "format=pdf", "organization_id=x", "nope=1"] {
        market.world.get(&market.renter, &format!("{MONTH}?{query}")).await.refused(422, "invalid_field");
    }
}

#[actix_web::test]
async fn statements_are_of_ones_own_organization_and_of_all_for_staff() {
    let market = Market::open().await;
    let of = |who: &Who| format!("{MONTH}?organization_id={}", who.organization);
    market.world.public(MONTH).await.refused(401, "unauthorized");
    market.world.get(&market.renter, &of(&market.renter)).await.expect(200);
    market.world.get(&market.renter, &of(&market.provider)).await.refused(404, "not_found");
    let site = format!("{MONTH}?organization_id={}", market.site);
    market.world.get(&market.admin, &site).await.refused(404, "not_found");
    for staff in [&market.admin, &market.auditor] {
        let seen = market.world.get(staff, &of(&market.renter)).await.expect(200);
        assert_eq!(seen["closing"]["total"], "100000.00");
        market.world.get(staff, MONTH).await.refused(422, "invalid_field");
        let nobody = "00000000-0000-7001-8000-000000000000";
        let exchange = market.world.get(staff, &format!("{MONTH}?organization_id={nobody}")).await.expect(200);
        assert_eq!(exchange["closing"]["external"], "-300000.00");
        market.world.get(&market.renter, &format!("{MONTH}?organization_id={nobody}")).await.refused(404, "not_found");
    }
    let trader = market.world.key(&market.renter, &["trade"]).await;
    market.world.get(&trader, MONTH).await.refused(403, "scope_required");
}

#[actix_web::test]
async fn months_to_come_and_texts_that_are_none_are_not_there() {
    let market = Market::open().await;
    for month in ["2026-12", "9999-12", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "1969-12", "x"] {
        market.world.get(&market.renter, &format!("/v1/statements/{month}")).await.refused(404, "not_found");
    }
    let before = market.world.get(&market.renter, "/v1/statements/2026-10").await.expect(200);
    assert_eq!((&before["complete"], &before["closing"]["total"]), (&true.into(), &"0.00".into()));
    assert_eq!(before["transfers_total"], 0);
}

#[actix_web::test]
async fn the_file_adds_up_column_by_column_and_runs_nothing() {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    market.world.deposit(&market.admin, &market.renter, "12.345678", "=HYPERLINK(\"x\",\"y\")").await.expect(201);
    let file = market.world.get(&market.renter, &format!("{MONTH}?format=csv")).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert!(file.header("content-disposition").unwrap().contains("statement-2026-11.csv"));
    let request = TestRequest::get().uri(MONTH).insert_header(("accept", "text/csv;q=0.9, text/html"));
    let request = request.insert_header(("authorization", format!("Bearer {}", market.renter.token)));
    assert_eq!(market.world.call(request).await.text, file.text);
    assert!(file.text.contains("\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""), "{}", file.text);
    let mut reader = csv::Reader::from_reader(file.text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let named = |name: &str| rows.iter().filter(|row| row[0] == *name).cloned().collect::<Vec<_>>();
    for account in ["available_usd", "held_usd", "escrow_usd", "bond_usd", "external_usd", "total_usd"] {
        let cell = |row: &csv::StringRecord| Money::parse(&row[at(account)]).unwrap();
        let moved = [named("opening"), named("transfer")].concat();
        let sum = moved.iter().fold(Money::ZERO, |sum, row| sum.plus(cell(row)).unwrap());
        assert_eq!(sum, cell(&named("closing")[0]), "{account}");
    }
    assert_eq!(&named("contract")[0][at("escrowed_usd")], "384.00");
    assert_eq!(named("contract_total").len(), 1);
}

/// A host that keeps nothing has no transfer of its own, and is told all the same what its hours came to.
#[actix_web::test]
async fn a_seller_of_which_the_owner_has_everything_sees_what_fell_due() {
    let mut market = Market::open().await;
    let owner = market.world.member("owner", "renter").await;
    let body = json!({
        "site_id": market.site, "product": PRODUCT, "gpus": 8, "start": market.world.at(0), "end": market.world.at(24 * 60),
        "gpus_per_node": 8, "interconnect": "infiniband", "resale_allowed": true,
        "owner": {"organization_id": owner.organization, "host_fee": {"share_bps": 0}},
    });
    let listing = market.world.post(&market.provider, "/v1/listings", body).await.expect(201);
    market.listing = listing["id"].as_str().unwrap().to_owned();
    let owner = market.world.key(&owner, &["read"]).await;
    let market = put_under_terms(market).await;
    let contract = market.sell_to(&market.renter, 8).await["contract_id"].as_str().unwrap().to_owned();
    market.world.post(&market.renter, "/v1/access-key", json!({"public_key": KEY})).await.expect(200);
    act(&market, &market.provider, &contract, "ready", json!({})).await.expect(200);
    act(&market, &market.provider, &contract, "deliver", access(KEY)).await.expect(200);
    act(&market, &market.renter, &contract, "accept", json!({})).await.expect(200);
    to(&market, 12 * 60);
    market.world.post(&market.provider, "/v1/meter", report(&market, &contract, 0, 144, 8)).await.expect(200);
    to(&market, 2 * 24 * 60);
    settle(&market).await;
    let month = market.world.clock_in(0);
    let path = format!("/v1/statements/{}", &month[..7]);
    // 96 GPU-hours at 2.00, of which the exchange has a hundredth and the owner the rest.
    let line = |statement: &Value, part: &str| {
        let lines = statement["contracts"].as_array().unwrap();
        lines.iter().find(|line| line["part"] == part).unwrap_or_else(|| panic!("{statement}")).clone()
    };
    let sold = market.world.get(&market.provider, &path).await.expect(200);
    let own = line(&sold, "sold");
    assert_eq!((&own["due"], &own["fees"], &own["owner_shares"]), (&json!("192.00"), &json!("1.92"), &json!("190.08")));
    assert_eq!((&own["contract_id"], &own["delivered_gpu_hours"]), (&json!(contract), &json!("96.0000")));
    assert_eq!(sold["closing"]["available"], "0.00", "{sold}");
    let owned = market.world.get(&owner, &path).await.expect(200);
    assert_eq!(line(&owned, "owned")["owner_shares"], "190.08");
    let bought = market.world.get(&market.renter, &path).await.expect(200);
    assert_eq!(line(&bought, "bought")["due"], "192.00");
}
