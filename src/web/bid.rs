//! `/bids/new`: the form of a bid with its preview.

use askama::Template;

use super::fields::Fields;
use super::format;
use super::orders::Forecast;
use super::respond::{Fault, Reply};
use super::shell::{Said, Shell};
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::problem::Problem;
use crate::api::wire::Share;
use crate::app::facade::Caller;
use crate::app::trading::{NewBid, NewOrder, NewRequirements};
use crate::exchange::{BidWindow, Terms};
use crate::types::{Funding, Minute, Money, SlaClass, Tier, TimeInForce};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

#[derive(Template)]
#[template(path = "bid.html")]
struct BidPage {
    shell: Shell,
    said: Option<Said>,
    fields: Fields,
    products: Vec<String>,
    available: Money,
    forecast: Option<Forecast>,
}

/// Asks what is wanted.
pub async fn bid(visit: Guest) -> Shown {
    let caller = visit.member()?;
    let start = next_hour(&visit);
    let fields = visit
        .query()
        .or("lot", "1")
        .or("gpus", "8")
        .or("time_in_force", "gtc")
        .or("start", format::field(start))
        .or("end", format::field(start.plus(DAY)))
        .or("once", visit.once()?);
    bid_page(&visit, &caller, fields, None, None)
}

/// Previews a bid, or places it.
pub async fn place_bid(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.member()?;
    match wanted(&visit, &caller, &fields).await {
        Ok(Some(forecast)) => bid_page(&visit, &caller, fields, None, Some(forecast)),
        Ok(None) => Ok(Reply::SeeOther("/renter?placed=bid".to_owned())),
        Err(Fault::Problem(problem)) if Said::of(&problem).status == 422 => {
            bid_page(&visit, &caller, fields, Some(Said::of(&problem)), None)
        }
        Err(fault) => Err(fault),
    }
}

async fn wanted(visit: &Visit, caller: &Caller, fields: &Fields) -> Result<Option<Forecast>, Fault> {
    let bid = read(fields)?;
    if fields.is("step", "preview") {
        let (preview, now) = visit.app().preview_order(caller, NewOrder::Bid(bid)).await?;
        return Ok(Some(Forecast::of(&preview, now)));
    }
    visit.app().place_order(caller, NewOrder::Bid(bid)).await?;
    Ok(None)
}

fn read(fields: &Fields) -> Result<NewBid, Fault> {
    let listed = |name: &str| fields.given(name).map(str::to_owned).into_iter().collect::<Vec<_>>();
    let sla = fields.maybe_word("min_sla_class", SlaClass::parse)?;
    let tier = fields.maybe_word("min_tier", Tier::parse)?;
    let score = fields.given("min_score").map(|text| text.parse::<Share>());
    let score = score.transpose().map_err(|message| Problem::field("min_score", message))?;
    Ok(NewBid {
        product: fields.text("product").to_owned(),
        gpus: fields.number("gpus")?,
        window: BidWindow::Fixed { start: fields.minute("start")?, end: fields.minute("end")? },
        price: fields.price("price")?,
        lot: fields.number("lot")?,
        requirements: NewRequirements {
            regions: listed("region"),
            countries: listed("country"),
            interconnects: Vec::new(),
            sites: Vec::new(),
            min_sla_class: sla.unwrap_or(SlaClass::None),
            primary_only: fields.is_set("primary_only"),
            min_tier: tier.unwrap_or_default(),
            min_score_bps: score.map(|share| share.0),
        },
        same_site: fields.is_set("same_site"),
        cover: fields.maybe_price("cover_price")?,
        funding: if fields.is_set("monthly") { Funding::Monthly } else { Funding::Full },
        terms: Terms {
            time_in_force: fields.word("time_in_force", TimeInForce::parse)?,
            client_order_id: fields.given("once").map(str::to_owned),
            ..Terms::default()
        },
    })
}

fn bid_page(visit: &Visit, caller: &Caller, fields: Fields, said: Option<Said>, forecast: Option<Forecast>) -> Shown {
    let status = said.as_ref().map(|said| said.status);
    let (purse, _) = visit.app().purse(caller)?;
    let products = products(visit);
    let page = BidPage {
        shell: Shell::of(visit, "Bid for GPUs", ""),
        said,
        fields,
        products,
        available: purse.available,
        forecast,
    };
    Reply::form(&page, status)
}

/// Returns the next full hour.
pub fn next_hour(visit: &Visit) -> Minute {
    let next = visit.app().live().read(|view| view.now.first_open_minute());
    next.plus(HOUR.saturating_sub(next.get() % HOUR))
}

/// Returns the symbols that can be traded.
pub fn products(visit: &Visit) -> Vec<String> {
    visit.app().live().read(|view| view.symbols.keys().map(ToString::to_string).collect())
}
