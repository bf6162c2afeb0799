//! Orders: open ones as rows of other pages, the form of an ask with its preview, and cancelling.

use askama::Template;

use super::fields::Fields;
use super::format;
use super::respond::{Fault, Reply};
use super::shell::{Said, Shell};
use super::visit::Visit;
use super::{Guest, Shown};
use crate::app::AppError;
use crate::app::facade::Caller;
use crate::app::face::Faces;
use crate::app::reads::Slice;
use crate::app::trading::{NewAsk, NewOrder, OrdersAsked};
use crate::exchange::entities::Order;
use crate::exchange::{Preview, Terms};
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{Kind, Money, Price, Side, Source, Symbol, Timestamp};

/// An open order as a page shows it.
pub struct Row {
    /// The order.
    pub order: std::sync::Arc<Order>,
    /// Its outward id.
    pub id: String,
    /// What is traded.
    pub product: Symbol,
    /// GPUs that still may trade.
    pub left: u32,
}

/// What an order would do if it were placed now.
pub struct Forecast {
    /// GPUs it would trade at once.
    pub gpus: u32,
    /// The fills: GPUs and price.
    pub fills: Vec<(u32, Price)>,
    /// The mean price.
    pub average: Option<Price>,
    /// What would be held for a bid.
    pub hold: Money,
    /// How it would stand.
    pub status: &'static str,
    /// GPUs that would go on waiting.
    pub rests: u32,
}

/// What an ask can be sold out of.
pub struct Choice {
    id: String,
    label: String,
}

#[derive(Template)]
#[template(path = "ask.html")]
struct AskPage {
    shell: Shell,
    said: Option<Said>,
    fields: Fields,
    choices: Vec<Choice>,
    forecast: Option<Forecast>,
}

impl Forecast {
    /// Returns a preview as a page shows it.
    pub fn of(preview: &Preview, now: Timestamp) -> Self {
        let fills: Vec<(u32, Price)> = preview.fills.iter().map(|(_, gpus, price)| (*gpus, *price)).collect();
        Self {
            gpus: fills.iter().map(|(gpus, _)| gpus).sum(),
            fills,
            average: preview.average_price,
            hold: preview.hold,
            status: preview.order.status.as_str(),
            rests: preview.order.remaining_gpus(now),
        }
    }
}

/// Returns the open orders of the visitor's organization on one side, newest first.
///
/// # Errors
/// As [`crate::app::App::orders`].
pub async fn open(visit: &Visit, caller: &Caller, side: Side) -> Result<Vec<Row>, AppError> {
    let asked = OrdersAsked { live: true, side: Some(side), ..OrdersAsked::default() };
    let page = visit.app().orders(caller, asked, Slice::first(PAGE_ROWS_MAX)).await?;
    visit.app().live().read(|view| {
        let faces = Faces::new(view, &page.mentioned);
        // An order may have ended since: then it is not open any more.
        let open = page.orders.rows.iter().filter(|order| view.orders.contains_key(&order.id));
        let row = |order: &std::sync::Arc<Order>| {
            Ok(Row {
                id: faces.order(order.id)?.to_uuid().to_string(),
                product: faces.symbol(order.product)?,
                left: order.remaining_gpus(page.now),
                order: std::sync::Arc::clone(order),
            })
        };
        open.map(row).collect()
    })
}

/// Cancels an order and goes back to where the button stood.
pub async fn cancel(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.member()?;
    visit.app().cancel_order(&caller, fields.id("order", &[Kind::Order])?).await?;
    Ok(Reply::SeeOther(super::session::local(fields.text("back"))))
}

/// Asks what is offered.
pub async fn ask(visit: Guest) -> Shown {
    let caller = visit.member()?;
    let fields = visit.query().or("lot", "1").or("min_minutes", "60").or("once", visit.once()?);
    ask_page(&visit, &caller, fields, None, None).await
}

/// Previews an ask, or places it.
pub async fn place_ask(visit: Guest, fields: Fields) -> Shown {
    let caller = visit.member()?;
    let is_preview = fields.is("step", "preview");
    match asked(&visit, &caller, &fields, is_preview).await {
        Ok(Some(forecast)) => ask_page(&visit, &caller, fields, None, Some(forecast)).await,
        Ok(None) => Ok(Reply::SeeOther(format!("{}?placed=ask", home(&fields)))),
        Err(Fault::Problem(problem)) if Said::of(&problem).status == 422 => {
            ask_page(&visit, &caller, fields, Some(Said::of(&problem)), None).await
        }
        Err(fault) => Err(fault),
    }
}

async fn asked(visit: &Visit, caller: &Caller, fields: &Fields, is_preview: bool) -> Result<Option<Forecast>, Fault> {
    let ask = NewAsk {
        source: fields.id("source", &[Kind::Listing, Kind::Contract])?,
        gpus: fields.number("gpus")?,
        start: fields.maybe_minute("start")?,
        end: fields.maybe_minute("end")?,
        price: fields.price("price")?,
        lot: fields.maybe_number("lot")?,
        min_minutes: fields.maybe_number("min_minutes")?,
        lead_minutes: fields.maybe_number("lead_minutes")?.unwrap_or_default(),
        terms: Terms { client_order_id: fields.given("once").map(str::to_owned), ..Terms::default() },
    };
    if is_preview {
        let (preview, now) = visit.app().preview_order(caller, NewOrder::Ask(ask)).await?;
        return Ok(Some(Forecast::of(&preview, now)));
    }
    visit.app().place_order(caller, NewOrder::Ask(ask)).await?;
    Ok(None)
}

/// Returns where orders out of a source are looked at.
fn home(fields: &Fields) -> &'static str {
    match fields.id("source", &[Kind::Contract]) {
        Ok(_) => "/reseller",
        Err(_) => "/provider",
    }
}

async fn ask_page(
    visit: &Visit,
    caller: &Caller,
    fields: Fields,
    said: Option<Said>,
    forecast: Option<Forecast>,
) -> Shown {
    let choices = choices(visit, caller).await?;
    let status = said.as_ref().map(|said| said.status);
    let page = AskPage { shell: Shell::of(visit, "Offer GPUs", ""), said, fields, choices, forecast };
    Reply::form(&page, status)
}

/// Returns what the visitor can sell out of: listings that are not over, contracts held.
async fn choices(visit: &Visit, caller: &Caller) -> Result<Vec<Choice>, AppError> {
    let mut choices = Vec::new();
    let mine = visit.app().listings(caller, Slice::first(PAGE_ROWS_MAX))?;
    visit.app().live().read(|view| {
        let mentioned = crate::app::face::Mentioned::default();
        let faces = Faces::new(view, &mentioned);
        for listing in mine.rows.iter().filter(|listing| listing.window.end > view.now.first_open_minute()) {
            let symbol = faces.symbol(listing.product)?;
            let end = format::minute(listing.window.end);
            choices.push(Choice {
                id: faces.source(Source::Listing(listing.id))?.to_uuid().to_string(),
                label: format!("Listing {}: {} × {symbol}, until {end}", listing.id, listing.gpus),
            });
        }
        Ok::<_, AppError>(())
    })?;
    let (rows, _) = super::contract::rows(visit, caller, Slice::first(PAGE_ROWS_MAX)).await?;
    for row in rows.into_iter().filter(|row| !row.sold && row.contract.status.is_live()) {
        let (gpus, end) = (row.contract.gpus, format::minute(row.contract.window.end));
        let paid = format::price(row.contract.price);
        let label = format!("Contract {}: {gpus} × {}, until {end}, bought at {paid}", row.contract.id, row.product);
        choices.push(Choice { id: row.id, label });
    }
    Ok(choices)
}
