//! `/renter`: capacity by need with its all-in price, open bids, contracts and spend.

use askama::Template;
use std::collections::BTreeSet;

use super::bid::next_hour;
use super::contract;
use super::fields::Fields;
use super::format;
use super::orders;
use super::pager;
use super::respond::{Fault, Reply};
use super::shell::{Said, Shell};
use super::visit::Visit;
use super::{Guest, Shown};
use crate::app::facade::Caller;
use crate::app::finder::{Found, Need};
use crate::exchange::entities::Purse;
use crate::types::{Side, Window};

const DAY: u32 = 24 * 60;
const OFFERS_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "renter.html")]
struct Page {
    shell: Shell,
    purse: Purse,
    fields: Fields,
    products: Vec<String>,
    regions: BTreeSet<String>,
    said: Option<Said>,
    found: Option<Found>,
    need: Option<Need>,
    bid_link: String,
    bids: Vec<orders::Row>,
    contracts: Vec<contract::Row>,
    older: Option<i64>,
    placed: String,
}

/// Shows what a renter can have, waits for and has.
pub async fn show(visit: Guest) -> Shown {
    let caller = visit.member()?;
    let app = visit.app();
    let (purse, _) = app.purse(&caller)?;
    let fields = with_defaults(&visit);
    let (need, found, said) = match searched(&visit, &caller, &fields).await {
        Ok(Some((need, found))) => (Some(need), Some(found), None),
        Ok(None) => (None, None, None),
        Err(Fault::Problem(problem)) if Said::of(&problem).status == 422 => (None, None, Some(Said::of(&problem))),
        Err(fault) => return Err(fault),
    };
    let (contracts, older) = contract::rows(&visit, &caller, pager::slice(&visit, "contracts", pager::ROWS)).await?;
    let page = Page {
        shell: Shell::of(&visit, "Rent", "/renter"),
        purse,
        products: super::bid::products(&visit),
        regions: app.live().read(|view| view.sites.values().map(|site| site.region.to_string()).collect()),
        bid_link: bid_link(&fields, found.as_ref()),
        fields,
        said,
        found,
        need,
        bids: orders::open(&visit, &caller, Side::Bid).await?,
        contracts,
        older,
        placed: visit.query().text("placed").to_owned(),
    };
    Reply::page(&page)
}

fn with_defaults(visit: &Visit) -> Fields {
    let start = next_hour(visit);
    let end = start.plus(DAY);
    visit.query().or("gpus", "8").or("start", format::field(start)).or("end", format::field(end))
}

async fn searched(visit: &Visit, caller: &Caller, fields: &Fields) -> Result<Option<(Need, Found)>, Fault> {
    if !fields.is_set("product") {
        return Ok(None);
    }
    let need = Need {
        product: fields.text("product").to_owned(),
        gpus: fields.number("gpus")?,
        window: Window::new(fields.minute("start")?, fields.minute("end")?),
        region: fields.given("region").map(str::to_owned),
        one_site: fields.is_set("one_site"),
        primary_only: fields.is_set("primary_only"),
    };
    let found = visit.app().find(Some(caller), &need)?;
    Ok(Some((need, found)))
}

/// Returns where the form of a bid for the need stands, filled in.
fn bid_link(fields: &Fields, found: Option<&Found>) -> String {
    let mut link = "/bids/new?".to_owned();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            link.push_str(name);
            link.push('=');
            super::shell::encode(value, &mut link);
            link.push('&');
        }
    };
    for name in ["product", "gpus", "start", "end", "region", "primary_only"] {
        add(name, fields.text(name));
    }
    if fields.is_set("one_site") {
        add("same_site", "yes");
        add("time_in_force", "fok");
    }
    if let Some(plan) = found.and_then(|found| found.plan) {
        add("price", &plan.limit.to_string());
    }
    link.pop();
    link
}
