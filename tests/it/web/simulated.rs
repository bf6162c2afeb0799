//! A made-up exchange says so on every page, in every answer and in the name of every file; a real one never does.

use super::pages::{FILES, PRIVATE, PUBLIC};
use super::visitor::Visitor;
use crate::api::world::{Market, PRODUCT, Who};

const WORD: &str = "SIMULATED";
const HEADER: &str = "gpubourse-data";
/// Answers about the market that name their source.
const SOURCED: [&str; 6] = ["candles?interval=1d", "index", "forward-curve", "oversupply", "sources", "stickiness"];

async fn made_up() -> Market {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    market.world.api.app.declare_simulated("seed 1".to_owned()).await.unwrap();
    // Whoever opens the database from then on says so.
    Market { world: market.world.restarted(), ..market }
}

#[actix_web::test]
async fn every_page_and_file_says_simulated() {
    let market = made_up().await;
    let visitor = Visitor::new(&market.world);
    for path in PUBLIC.iter().chain(&["/none", "/markets/none"]) {
        let page = visitor.get(path).await;
        assert!(page.text.contains("<b>SIMULATED</b>") && page.text.contains("<title>SIMULATED"), "{path}");
        assert_eq!(page.header(HEADER), Some(WORD), "{path}");
    }
    for path in FILES {
        let file = visitor.get(path).await;
        let name = file.header("content-disposition").unwrap().to_owned();
        assert!(name.contains("filename=\"SIMULATED-"), "{path}: {name}");
    }
    for role in ["provider", "renter", "reseller", "auditor"] {
        let visitor = Visitor::logged_in(&market.world, role).await;
        for (path, _, _) in PRIVATE.iter().filter(|(_, may, _)| may.contains(&role)) {
            let answer = visitor.get(path).await;
            let says = match answer.header("content-disposition") {
                Some(name) => name.contains("filename=\"SIMULATED-"),
                None => answer.text.contains("<b>SIMULATED</b>"),
            };
            assert!(answer.status == 200 && says, "{role} {path}: {}", answer.status);
        }
    }
}

#[actix_web::test]
async fn every_answer_says_simulated_and_so_does_every_source() {
    let market = made_up().await;
    let world = &market.world;
    for path in ["/v1/products", "/v1/none", "/v1/me", "/health/live", "/openapi.json", "/v1/quotes"] {
        assert_eq!(world.public(path).await.header(HEADER), Some(WORD), "{path}");
    }
    assert_eq!(world.public("/health/ready").await.expect(200)["simulated"], true);
    for path in SOURCED {
        let answer = world.public(&format!("/v1/markets/{PRODUCT}/{path}")).await.expect(200);
        assert_eq!(answer["source"], "gpubourse SIMULATED", "{path}");
    }
    let drawdown = world.public(&format!("/v1/markets/{PRODUCT}/drawdown")).await.expect(200);
    assert!(drawdown.to_string().contains("gpubourse SIMULATED"), "{drawdown}");
    let auditor = Who { token: world.login("auditor@example.com").await, organization: String::new() };
    let file = world.get(&auditor, "/v1/admin/surveillance?format=csv").await;
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"SIMULATED-surveillance.csv\""));
    // It is in the journal, where it can be proven.
    let rows = world.get(&auditor, "/v1/admin/journal").await.expect(200);
    let noted = rows["data"].as_array().unwrap().iter().any(|row| {
        row["command"]["kind"] == "note" && row["command"]["verb"] == "simulated" && row["command"]["id"] == "seed 1"
    });
    assert!(noted, "{rows}");
}

#[actix_web::test]
async fn a_real_exchange_says_nothing_of_the_kind() {
    let market = Market::open().await;
    market.sell_to(&market.renter, 8).await;
    let visitor = Visitor::new(&market.world);
    for path in PUBLIC.iter().filter(|path| **path != "/about") {
        let page = visitor.get(path).await;
        assert!(!page.text.contains(WORD) && page.header(HEADER).is_none(), "{path}");
    }
    for path in FILES {
        assert!(!visitor.get(path).await.header("content-disposition").unwrap().contains(WORD), "{path}");
    }
    for path in SOURCED {
        let answer = market.world.public(&format!("/v1/markets/{PRODUCT}/{path}")).await;
        assert_eq!(answer.header(HEADER), None);
        assert_eq!(answer.expect(200)["source"], "gpubourse", "{path}");
    }
    assert_eq!(market.world.public("/health/ready").await.expect(200)["simulated"], false);
}
