//! The page of surveillance hints, and where it leads.

use super::visitor::Visitor;
use crate::api::surveillance::{PATH, make_suspicious};
use crate::api::world::Market;

#[actix_web::test]
async fn hints_lead_to_organizations_orders_and_contracts() {
    let market = Market::open().await;
    let auditor = Visitor::logged_in(&market.world, "auditor").await;
    let empty = auditor.get("/admin/surveillance").await.text;
    for words in ["No pairs", "Nobody cancelled much", "No index was moved"] {
        assert!(empty.contains(words), "{words}: {empty}");
    }
    make_suspicious(&market).await;
    let answer = market.world.get(&market.auditor, PATH).await.expect(200);
    let page = auditor.get("/admin/surveillance?days=7").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.text;
    for figure in ["$395.52", "90.6%", "$2.025", "+1.3%", "3.00"] {
        assert!(page.contains(figure), "{figure}: {page}");
    }
    let id = |pointer: &str| answer.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let organization = format!("/statements?organization={}", id("/wash_pairs/0/first/organization_id"));
    let contract = format!("/contracts/{}", id("/wash_pairs/0/contract_ids/0"));
    let order = format!("/admin/orders/{}", id("/cancellations/0/order_ids/0"));
    for link in [&organization, &contract, &order] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}: {page}");
        assert_eq!(auditor.get(link).await.status, 200, "{link}");
    }
    let shown = auditor.get(&order).await.text;
    assert!(shown.contains("$1.15") && shown.contains("Nothing was filled"), "{shown}");
    assert!(auditor.get("/about").await.text.contains("id=\"surveillance\""));
    let csv = auditor.get("/admin/surveillance.csv?days=7").await.text;
    assert_eq!(csv, market.world.get(&market.auditor, &format!("{PATH}?days=7&format=csv")).await.text);
    assert_eq!(auditor.get("/admin/surveillance?days=0").await.status, 422);
    let renter = Visitor::logged_in(&market.world, "renter").await;
    assert_eq!(renter.get(&order).await.status, 403);
    assert_eq!(auditor.get(&contract.replace("contracts", "admin/orders")).await.status, 404, "no order");
    assert!(auditor.get("/").await.text.contains("href=\"/admin/surveillance\""));
}

#[actix_web::test]
async fn an_order_leads_to_the_contracts_it_made() {
    let market = Market::open().await;
    let fill = market.sell_to(&market.renter, 8).await;
    let orders = market.world.get(&market.renter, "/v1/orders").await.expect(200);
    let order = format!("/admin/orders/{}", orders["data"][0]["id"].as_str().unwrap());
    let page = Visitor::logged_in(&market.world, "admin").await.get(&order).await.text;
    assert!(page.contains(&format!("/contracts/{}", fill["contract_id"].as_str().unwrap())), "{page}");
    assert!(page.contains("renter") && page.contains("filled"), "{page}");
}
