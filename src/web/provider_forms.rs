//! Forms of a provider: a site, and capacity at it.

use askama::Template;

use super::bid::{next_hour, products};
use super::fields::Fields;
use super::format;
use super::respond::{Fault, Reply};
use super::shell::{Said, Shell};
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::problem::Problem;
use crate::app::catalogue::{NewListing, NewSite};
use crate::app::facade::Caller;
use crate::app::reads::Slice;
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{Country, Interconnect, Kind, PublicId, Region, ResaleForm, SlaClass};

/// How long capacity is listed for, unless the form says otherwise.
const LISTED_MINUTES: u32 = 30 * 24 * 60;

#[derive(Template)]
#[template(path = "site.html")]
struct SitePage {
    shell: Shell,
    said: Option<Said>,
    fields: Fields,
}

#[derive(Template)]
#[template(path = "listing.html")]
struct ListingPage {
    shell: Shell,
    said: Option<Said>,
    fields: Fields,
    sites: Vec<(String, String)>,
    products: Vec<String>,
}

/// Asks where GPUs stand.
pub async fn site(visit: Guest) -> Shown {
    visit.provider()?;
    let fields = visit.query().or("once", visit.once()?);
    Reply::page(&SitePage { shell: Shell::of(&visit, "New site", "/provider"), said: None, fields })
}

/// Makes a site.
pub async fn make_site(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.provider()?;
    match made_site(&visit, &caller, &fields).await {
        Ok(()) => Ok(Reply::SeeOther("/provider/listings/new".to_owned())),
        Err(Fault::Problem(problem)) if Said::of(&problem).status == 422 => {
            let said = Said::of(&problem);
            let status = said.status;
            let page = SitePage { shell: Shell::of(&visit, "New site", "/provider"), said: Some(said), fields };
            Reply::form(&page, Some(status))
        }
        Err(fault) => Err(fault),
    }
}

/// Asks what is listed.
pub async fn listing(visit: Guest) -> Shown {
    let caller = visit.provider()?;
    let start = next_hour(&visit);
    let fields = visit
        .query()
        .or("gpus", "8")
        .or("gpus_per_node", "8")
        .or("resale", "sublease")
        .or("start", format::field(start))
        .or("end", format::field(start.plus(LISTED_MINUTES)))
        .or("once", visit.once()?);
    listing_page(&visit, &caller, fields, None)
}

/// Lists capacity, and leads to the form of its ask.
pub async fn make_listing(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.provider()?;
    match made_listing(&visit, &caller, &fields).await {
        Ok(id) => Ok(Reply::SeeOther(format!("/asks/new?source={id}&gpus={}", fields.number("gpus")?))),
        Err(Fault::Problem(problem)) if Said::of(&problem).status == 422 => {
            listing_page(&visit, &caller, fields, Some(Said::of(&problem)))
        }
        Err(fault) => Err(fault),
    }
}

async fn made_site(visit: &Visit, caller: &Caller, fields: &Fields) -> Result<(), Fault> {
    let region = Region::new(fields.text("region").to_lowercase().as_str())
        .ok_or_else(|| Problem::field("region", "must be lower case without spaces, such as us-central1"))?;
    let country = Country::new(fields.text("country").to_uppercase().as_str())
        .ok_or_else(|| Problem::field("country", "must be two letters, such as US"))?;
    let power_w = fields.maybe_number("power_kw")?.map(|kw| i64::from(kw).saturating_mul(1_000));
    let new = NewSite { name: fields.text("name").to_owned(), region, country, power_w, pue_milli: None };
    visit.app().create_site(caller, fields.given("once").map(str::to_owned), new).await?;
    Ok(())
}

async fn made_listing(visit: &Visit, caller: &Caller, fields: &Fields) -> Result<String, Fault> {
    let new = NewListing {
        site: fields.id("site", &[Kind::Site])?,
        product: fields.text("product").to_owned(),
        gpus: fields.number("gpus")?,
        start: fields.minute("start")?,
        end: fields.minute("end")?,
        gpus_per_node: fields.number("gpus_per_node")?,
        interconnect: fields.word("interconnect", Interconnect::parse)?,
        sla_class: fields.word("sla_class", SlaClass::parse)?,
        resale_allowed: !fields.is("resale", "no"),
        owner: None,
        royalty_bps: 0,
        chain_max: None,
        resale: if fields.is("resale", "no") {
            ResaleForm::Sublease
        } else {
            fields.word("resale", ResaleForm::parse)?
        },
    };
    let made = visit.app().create_listing(caller, fields.given("once").map(str::to_owned), new).await?.value;
    let id = PublicId { created_at: made.created_at, kind: Kind::Listing, number: made.id.number() };
    Ok(id.to_uuid().to_string())
}

fn listing_page(visit: &Visit, caller: &Caller, fields: Fields, said: Option<Said>) -> Shown {
    let sites = visit.app().sites(caller, Slice::first(PAGE_ROWS_MAX))?.rows;
    let face = |site: &crate::exchange::entities::Site| {
        let id = PublicId { created_at: site.created_at, kind: Kind::Site, number: site.id.number() };
        (id.to_uuid().to_string(), format!("{} ({})", site.name, site.region))
    };
    let status = said.as_ref().map(|said| said.status);
    let page = ListingPage {
        shell: Shell::of(visit, "List capacity", "/provider"),
        said,
        fields,
        sites: sites.iter().map(face).collect(),
        products: products(visit),
    };
    Reply::form(&page, status)
}
