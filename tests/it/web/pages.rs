//! Every page: who may see it, under which headers, and that its figures are those of the API.

use serde_json::{Value, json};

use super::visitor::Visitor;
use crate::api::world::{Answer, Market, PRODUCT};

pub const PUBLIC: &[&str] = &["/", "/fall", "/about", "/login", "/register", "/markets/h100-sxm-80gb"];
pub const FILES: &[&str] = &[
    "/market.csv",
    "/fall.csv",
    "/markets/h100-sxm-80gb/trades.csv",
    "/markets/h100-sxm-80gb/index.csv",
    "/markets/h100-sxm-80gb/book.csv",
    "/markets/h100-sxm-80gb/supply.csv",
    "/markets/h100-sxm-80gb/series.csv",
    "/markets/h100-sxm-80gb/depth.csv",
    "/markets/h100-sxm-80gb/forward.csv",
    "/markets/h100-sxm-80gb/oversupply.csv",
    "/markets/h100-sxm-80gb/stickiness.csv",
];
/// Pages of somebody: who may see them, and who may not.
pub const PRIVATE: &[(&str, &[&str], &[&str])] = &[
    ("/provider", &["provider"], &["renter", "reseller", "admin"]),
    ("/provider/sites/new", &["provider"], &["renter", "auditor"]),
    ("/provider/listings/new", &["provider"], &["reseller", "admin"]),
    ("/asks/new", &["provider", "reseller"], &["admin"]),
    ("/bids/new", &["renter", "reseller"], &["auditor"]),
    ("/renter", &["renter", "reseller", "provider"], &["admin", "auditor"]),
    ("/reseller", &["reseller", "renter"], &["admin"]),
    ("/contracts.csv", &["renter"], &["admin"]),
    ("/statements", &["renter", "provider"], &[]),
    ("/statements/2026-11", &["renter", "provider", "reseller"], &[]),
    ("/statements/2026-11.csv", &["renter", "provider"], &[]),
    ("/admin", &["admin", "auditor"], &["provider", "renter"]),
    ("/admin/contracts.csv", &["admin", "auditor"], &["reseller"]),
    ("/admin/journal", &["admin", "auditor"], &["renter"]),
    ("/admin/journal.csv", &["auditor"], &["provider"]),
    ("/admin/surveillance", &["admin", "auditor"], &["provider", "renter"]),
    ("/admin/surveillance.csv", &["admin", "auditor"], &["reseller"]),
];

#[track_caller]
fn assert_strict(path: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{path} has no policy"));
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
}

/// What the policy would refuse must not be written in the first place.
#[track_caller]
fn assert_page(path: &str, answer: &Answer) {
    assert_strict(path, answer);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
    for inline in ["<style", " style=\"", " onclick", " onload", "javascript:"] {
        assert!(!answer.text.contains(inline), "{path} has {inline}");
    }
    for script in answer.text.split("<script").skip(1) {
        let head = script.split('>').next().unwrap();
        assert!(head.contains("src=\"/static/") || head.contains("application/json"), "{path}: <script{head}>");
    }
    assert!(answer.text.contains("lang=\"en\"") && answer.text.contains("UTC"), "{path}");
    assert_eq!(answer.text.matches("<h1>").count(), 1, "{path}: one heading says what the page is");
}

#[actix_web::test]
async fn public_pages_are_strict_and_files_are_files() {
    let market = Market::open().await;
    let visitor = Visitor::new(&market.world);
    for path in PUBLIC {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_page(path, &answer);
    }
    for path in FILES {
        let answer = visitor.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/csv; charset=utf-8")), "{path}");
        assert!(answer.header("content-disposition").unwrap().starts_with("attachment"), "{path}");
        assert_strict(path, &answer);
    }
}

#[actix_web::test]
async fn strangers_are_asked_who_they_are_and_led_back() {
    let market = Market::open().await;
    let visitor = Visitor::new(&market.world);
    for (path, _, _) in PRIVATE {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.header("location"), Some(format!("/login?next={path}").as_str()));
    }
    let login = [("email", "renter@example.com"), ("password", crate::api::world::PASSWORD), ("next", "/reseller")];
    let answer = visitor.send("/login", "/login", &login).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/reseller")));
    let answer = visitor.send("/login", "/login", &[login[0], login[1], ("next", "https://evil.example")]).await;
    assert_eq!(answer.header("location"), Some("/"), "nobody is led away");
}

#[actix_web::test]
async fn roles_see_their_pages_and_no_others() {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    for role in ["provider", "renter", "reseller", "admin", "auditor"] {
        let visitor = Visitor::logged_in(&market.world, role).await;
        for (path, may, may_not) in PRIVATE {
            let answer = visitor.get(path).await;
            if may.contains(&role) {
                assert_eq!(answer.status, 200, "{role} on {path}: {}", answer.text);
                if path.ends_with(".csv") { assert_strict(path, &answer) } else { assert_page(path, &answer) }
            }
            if may_not.contains(&role) {
                assert_eq!(answer.status, 403, "{role} on {path}");
                assert_page(path, &answer);
            }
        }
    }
}

#[actix_web::test]
async fn what_belongs_to_others_is_not_there() {
    let market = Market::open().await;
    let fill = market.sell_to(&market.renter, 8).await;
    let contract = format!("/contracts/{}", fill["contract_id"].as_str().unwrap());
    for (role, status) in [("renter", 200), ("provider", 200), ("admin", 200), ("auditor", 200), ("other", 404)] {
        let visitor = Visitor::logged_in(&market.world, role).await;
        let answer = visitor.get(&contract).await;
        assert_eq!(answer.status, status, "{role}");
        assert_page(&contract, &answer);
    }
    let visitor = Visitor::logged_in(&market.world, "renter").await;
    assert_eq!(
        visitor.get(&contract.replace("contracts", "deliveries")).await.status,
        409,
        "made before there were terms"
    );
    for path in [
        "/contracts/x",
        "/deliveries/x",
        "/contracts/00000000-0000-0000-0000-000000000000",
        "/markets/none",
        "/markets/NO",
        "/x",
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_page(path, &answer);
    }
    let order = market.place(&market.renter, market.bid(1, "1", 0..1)).await;
    let other = Visitor::logged_in(&market.world, "other").await;
    let cancel = [("order", order["id"].as_str().unwrap()), ("back", "/renter")];
    assert_eq!(other.send("/renter", "/orders/cancel", &cancel).await.status, 404);
}

#[actix_web::test]
async fn a_statement_shows_exact_figures_to_its_organization_and_to_staff() {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    market.world.deposit(&market.admin, &market.renter, "0.000001", "<b>micro</b>").await.expect(201);
    let (month, whose) = ("/statements/2026-11", format!("?organization={}", market.renter.organization));
    for (role, query, status) in [
        ("renter", "", 200),
        ("renter", whose.as_str(), 200),
        ("auditor", whose.as_str(), 200),
        ("admin", "", 422),
        ("other", whose.as_str(), 404),
    ] {
        let visitor = Visitor::logged_in(&market.world, role).await;
        let page = visitor.get(&format!("{month}{query}")).await;
        assert_eq!(page.status, status, "{role} {query}: {}", page.text);
        assert_page(month, &page);
        assert_eq!(visitor.get(&format!("{month}.csv{query}")).await.status, status, "{role} {query}");
        if status == 200 {
            for text in ["$99,616.000001", "$384.00", "&#60;b&#62;micro", "provider"] {
                assert!(page.text.contains(text), "{text}: {}", page.text);
            }
            let months = visitor.get(&format!("/statements{query}")).await.text;
            assert!(months.contains(&format!("href=\"{month}{query}\"")), "{months}");
        }
    }
    let visitor = Visitor::logged_in(&market.world, "renter").await;
    for path in ["/statements/2026-12", "/statements/x", "/statements/x.csv"] {
        assert_eq!(visitor.get(path).await.status, 404, "{path}");
    }
    assert!(visitor.get("/renter").await.text.contains("href=\"/statements\""));
}

#[actix_web::test]
async fn programs_are_told_of_missing_paths_in_their_language() {
    let market = Market::open().await;
    let visitor = Visitor::new(&market.world);
    let answer = visitor.get("/v1/none").await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
}

#[actix_web::test]
async fn figures_are_those_of_the_api() {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    let world = &market.world;
    world.post(&market.provider, "/v1/orders", market.ask(8, "2.75")).await.expect(201);
    world.post(&market.other, "/v1/orders", market.bid(4, "1.234", 0..8)).await.expect(201);
    let visitor = Visitor::new(world);
    let index = world.public(&format!("/v1/markets/{PRODUCT}/index")).await.expect(200);
    let fix = index["data"].as_array().unwrap().last().unwrap().clone();
    let page = visitor.get("/").await.text;
    let product = visitor.get(&format!("/markets/{PRODUCT}")).await.text;
    for text in [&page, &product] {
        assert!(text.contains(&format!("${}", fix["price"].as_str().unwrap())), "{fix}: {text}");
        assert!(text.contains("$1.234"), "the best bid");
    }
    let csv = visitor.get(&format!("/markets/{PRODUCT}/index.csv")).await.text;
    let row = format!("{},{},{},", fix["day"].as_str().unwrap(), fix["price"].as_str().unwrap(), fix["thin"]);
    assert!(csv.contains(&row), "{csv}");
    let (start, end) = (world.at(0), world.at(8 * 60));
    let query = format!("start={start}&end={end}");
    let book = world.public(&format!("/v1/markets/{PRODUCT}/book?{query}")).await.expect(200);
    let csv = visitor.get(&format!("/markets/{PRODUCT}/book.csv?{query}")).await.text;
    for (side, levels) in [("ask", &book["asks"]), ("bid", &book["bids"])] {
        assert!(!levels.as_array().unwrap().is_empty(), "{book}");
        for level in levels.as_array().unwrap() {
            let row = format!("{side},{},{},{},", level["price"].as_str().unwrap(), level["gpus"], level["orders"]);
            assert!(csv.contains(&row), "{row} in {csv}");
        }
    }
    let supply = world.public(&format!("/v1/markets/{PRODUCT}/supply")).await.expect(200);
    let csv = visitor.get(&format!("/markets/{PRODUCT}/supply.csv")).await.text;
    for day in supply["data"].as_array().unwrap() {
        let figure = |name: &str| day[name].as_str().unwrap_or("").to_owned();
        let names = ["day", "offered", "resale_offered", "contracted", "resale_contracted", "bid", "expired_unsold"];
        assert!(csv.contains(&names.map(figure).join(",")), "{day}");
    }
}

#[actix_web::test]
async fn depth_curve_and_oversupply_are_those_of_the_api() {
    let market = Market::open().await;
    let world = &market.world;
    let visitor = Visitor::new(world);
    let path = format!("/markets/{PRODUCT}");
    let bare = visitor.get(&path).await.text;
    assert!(bare.contains("No curve yet") && bare.contains("No index:"), "{bare}");
    market.sell_to(&market.renter, 8).await;
    world.post(&market.provider, "/v1/orders", market.ask(8, "2.75")).await.expect(201);
    world.post(&market.other, "/v1/orders", market.bid(4, "1.9", 0..8)).await.expect(201);
    let api = async |what: &str| world.public(&format!("/v1/markets/{PRODUCT}/{what}")).await.expect(200);
    let file = async |what: &str| visitor.get(&format!("{path}/{what}")).await.text;
    let row = |row: &Value, names: &[&str]| -> String {
        let cell = |name: &&str| match &row[*name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        names.iter().map(cell).collect::<Vec<_>>().join(",")
    };
    let page = visitor.get(&format!("{path}?strip=day")).await.text;

    let depth = api("depth?strip=day&gpus=8").await;
    let names = ["gpus", "available", "best", "marginal", "average"];
    let expected = format!("{},{}", row(&depth, &["start", "end"]), row(&depth["data"][0], &names));
    let csv = file("depth.csv?strip=day").await;
    assert!(csv.contains(&expected), "{expected} in {csv}");
    assert_eq!(csv.lines().count(), 1 + 8 + 24, "amounts, then hours");
    assert!(page.contains(&format!("${}", depth["data"][0]["marginal"].as_str().unwrap())), "{depth}");

    let names = ["month", "mark", "basis", "trades", "traded", "trade_price", "ask_price", "best_ask", "offered"];
    let (curve, csv) = (api("forward-curve").await, file("forward.csv").await);
    assert!(!curve["data"].as_array().unwrap().is_empty());
    for month in curve["data"].as_array().unwrap() {
        assert!(csv.contains(&row(month, &names)), "{month} in {csv}");
        assert!(page.contains(month["month"].as_str().unwrap()), "{month}");
    }

    let names = ["horizon_days", "index", "state", "offered", "resale_offered", "bid_near", "sold", "delivered"];
    let csv = file("oversupply.csv").await;
    for days in [7, 30, 90, 365] {
        let over = api(&format!("oversupply?horizon_days={days}")).await;
        assert!(csv.contains(&row(&over, &names)), "{over} in {csv}");
    }
    let over = api("oversupply").await;
    let said = format!("aria-label=\"Oversupply {} of 100\"", over["index"]);
    assert!(page.contains(&said) && page.contains(over["state"].as_str().unwrap()), "{over}: {page}");
    let (sticky, csv) = (api("stickiness").await, file("stickiness.csv").await);
    let names = ["region", "repricings", "cuts", "median_days", "median_change", "asks", "median_standing_days"];
    for region in sticky["data"].as_array().unwrap() {
        assert!(csv.contains(&row(region, &names)), "{region} in {csv}");
    }
    assert!(page.contains("id=\"stickiness\"") && bare.contains("No prices to compare"));
    let (market_page, csv) = (visitor.get("/").await.text, visitor.get("/market.csv").await.text);
    let stands = format!(",{},{},", over["index"], over["state"].as_str().unwrap());
    assert!(csv.contains(&stands), "{stands} in {csv}");
    assert!([&market_page, &page].iter().all(|text| text.contains("/about#oversupply")));
    let about = visitor.get("/about").await.text;
    for definition in ["oversupply", "forward", "depth", "marks", "sources", "fall", "stickiness"] {
        assert!(about.contains(&format!("id=\"{definition}\"")), "{definition}");
    }
}

#[actix_web::test]
async fn a_long_curve_is_cut_on_the_page_and_whole_in_the_file() {
    let market = Market::open().await;
    let world = &market.world;
    let body = json!({
        "site_id": market.site, "product": PRODUCT, "gpus": 8, "start": world.at(0), "end": world.at(600 * 24 * 60),
        "gpus_per_node": 8, "interconnect": "infiniband", "sla_class": "99", "resale_allowed": true,
    });
    let listing = world.post(&market.provider, "/v1/listings", body).await.expect(201);
    let ask = json!({"side": "ask", "listing_id": listing["id"], "gpus": 8, "price": "2"});
    market.place(&market.provider, ask).await;
    let visitor = Visitor::new(world);
    let page = visitor.get(&format!("/markets/{PRODUCT}")).await.text;
    let csv = visitor.get(&format!("/markets/{PRODUCT}/forward.csv")).await.text;
    assert!(page.contains("The next 12 of 21 months") && !page.contains("2027-11"), "{page}");
    assert!(csv.lines().count() == 1 + 21 && csv.contains("2028-07"), "{csv}");
}

#[actix_web::test]
async fn a_reseller_sees_its_loss_as_the_api_has_it() {
    let market = Market::open().await;
    let world = &market.world;
    market.sell_to(&market.reseller, 8).await;
    // The rest of the listing is offered for less than what was paid.
    market.place(&market.provider, market.ask(16, "1.25")).await;
    let path = format!("/v1/organizations/{}/marks", market.reseller.organization);
    let marks = world.get(&market.reseller, &path).await.expect(200);
    assert!(marks["result"].as_str().unwrap().starts_with('-'), "{marks}");
    let visitor = Visitor::logged_in(world, "reseller").await;
    let page = visitor.get("/reseller").await.text;
    let loss = marks["result"].as_str().unwrap().trim_start_matches('-');
    assert_eq!(page.matches(loss).count(), 2, "in all, and for the one contract: {page}");
    assert!(page.contains(&format!("${}", marks["data"][0]["mark"].as_str().unwrap())));
}

#[actix_web::test]
async fn names_cannot_become_markup_or_formulas() {
    let market = Market::open().await;
    let world = &market.world;
    let body = json!({
        "organization": {"name": "=HYPERLINK(\"x\")<script>alert(1)</script>", "kind": "renter"},
        "email": "evil@example.com", "password": crate::api::world::PASSWORD,
    });
    let made = world.send(None, "POST", "/v1/auth/register", Some(body)).await.expect(201);
    let token = world.login("evil@example.com").await;
    let organization = made["organization"]["id"].as_str().unwrap().to_owned();
    let evil = crate::api::world::Who { token, organization };
    world.deposit(&market.admin, &evil, "10000", "evil").await.expect(201);
    market.sell_to(&evil, 8).await;
    let provider = Visitor::logged_in(world, "provider").await;
    let page = provider.get("/provider").await.text;
    assert!(page.contains("HYPERLINK") && !page.contains("<script>alert"), "{page}");
    let csv = provider.get("/contracts.csv").await.text;
    assert!(csv.contains("'=HYPERLINK"), "{csv}");
    assert!(!csv.contains(",=") && !csv.contains(",\"="), "{csv}");
}

#[actix_web::test]
async fn static_files_are_kept_by_their_hash() {
    let market = Market::open().await;
    let visitor = Visitor::new(&market.world);
    let page = visitor.get("/markets/h100-sxm-80gb").await.text;
    let style = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = visitor.get(&style).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(answer.header("cache-control").unwrap().contains("immutable"));
    for path in ["/static/lightweight-charts.LICENSE", "/static/lightweight-charts.NOTICE", "/static/icon.svg"] {
        assert_eq!(visitor.get(path).await.status, 200, "{path}");
    }
    assert_eq!(visitor.get("/static/none.css").await.status, 404);
    assert_eq!(visitor.get("/static/..%2fmod.rs").await.status, 404);
    let json: Value = visitor.get("/static/none.css").await.body;
    assert_eq!(json["code"], "not_found");
}

#[actix_web::test]
async fn a_delivery_shows_everybody_what_is_theirs_to_do() {
    let market = Market::open().await;
    let terms = serde_json::to_value(gpubourse::exchange::terms::ContractTerms::default()).unwrap();
    market.world.post(&market.admin, "/v1/admin/terms", terms).await.expect(200);
    let first = market.sell_to(&market.reseller, 8).await["contract_id"].as_str().unwrap().to_owned();
    let ask = serde_json::json!({"side": "ask", "contract_id": first, "gpus": 8, "price": "1.5"});
    market.place(&market.reseller, ask).await;
    let fill = market.place(&market.renter, market.bid(8, "1.5", 0..24)).await["fills"][0].clone();
    let path = format!("/deliveries/{}", fill["contract_id"].as_str().unwrap());
    let renter = Visitor::logged_in(&market.world, "renter").await;
    let register = [("step", "register"), ("public_key", "age1renter")];
    assert_eq!(renter.send(&path, &path, &register).await.status, 303);
    for (role, status, buttons) in [
        ("provider", 200, &["ready", "deliver"][..]),
        ("renter", 200, &["register", "terminate"][..]),
        ("reseller", 200, &["terminate", "default"][..]),
        ("admin", 200, &[][..]),
        ("auditor", 200, &[][..]),
        ("other", 404, &[][..]),
    ] {
        let answer = Visitor::logged_in(&market.world, role).await.get(&path).await;
        assert_eq!(answer.status, status, "{role}");
        assert_page(&path, &answer);
        for button in ["ready", "deliver", "accept", "register", "evidence", "terminate", "default"] {
            let shown = answer.text.contains(&format!("name=\"step\" value=\"{button}\""));
            // The contract lasts a day, its notice a week: the page offers it and the exchange refuses it.
            assert_eq!(shown, buttons.contains(&button), "{role} {button}");
        }
        let sees_money = answer.text.contains("In escrow");
        assert_eq!(sees_money, status == 200 && role != "provider", "{role}");
    }
    let provider = Visitor::logged_in(&market.world, "provider").await;
    assert_eq!(provider.send(&path, &path, &[("step", "ready")]).await.status, 303);
    assert_eq!(provider.send(&path, &path, &[("step", "ready")]).await.status, 409);
    assert_eq!(provider.send(&path, &path, &[("step", "dance")]).await.status, 422);
    let access = [
        ("step", "deliver"),
        ("host", "h"),
        ("port", "22"),
        ("host_key", "k"),
        ("user", "u"),
        ("sealed_secret", "a\r\nb"),
        ("recipient", "age1renter"),
    ];
    assert_eq!(provider.send(&path, &path, &access).await.status, 303);
    for (role, sees) in [("renter", true), ("provider", true), ("reseller", false), ("admin", false)] {
        let answer = Visitor::logged_in(&market.world, role).await.get(&path).await;
        assert_eq!(answer.text.contains("Sealed secret\">a\nb"), sees, "{role}");
    }
    assert_eq!(renter.send(&path, &path, &[("step", "accept")]).await.status, 303);
    assert!(provider.get("/provider").await.text.contains("GPUs to hand over"));
}

#[actix_web::test]
async fn a_calendar_counts_today_from_now_on() {
    let market = Market::open().await;
    let world = &market.world;
    let page = async || Visitor::logged_in(world, "provider").await.get("/provider").await.text;
    market.sell_to(&market.renter, 8).await;
    // 64 GPUs are listed; of the ask of 8 the first day is sold.
    let ahead = page().await;
    assert!(ahead.contains("192 GPU-hours sold, 0 on offer, 1,344 free"), "{ahead}");
    assert!(ahead.contains("0 GPU-hours sold, 192 on offer, 1,344 free"), "{ahead}");
    // Six hours later; the minute that has begun cannot be bought any more.
    let key = world.key(&market.other, &["read", "trade"]).await;
    world.clock.set(world.first_day().plus(6 * 60).start());
    market.place(&key, market.bid(1, "1", 30..31)).await;
    let within = page().await;
    assert!(within.contains("143.9 GPU-hours sold, 0 on offer, 1,007.1 free"), "{within}");
}
