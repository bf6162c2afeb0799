//! The pages: rendered on the server, over the same use cases, sessions and errors as the JSON API.
//!
//! Invariants: a page computes no figure that a use case could; it works without scripts, which only draw; nothing is
//! fetched from anywhere else and no script or style is written into a page (`CSP` in [`respond`]); a form is taken
//! only with its token and from the host's own pages ([`visit`]).

pub mod account;
pub mod admin;
pub mod assets;
pub mod bid;
pub mod chart;
pub mod contract;
pub mod delivery;
pub mod fall;
pub mod fields;
pub mod format;
pub mod market;
mod numbers;
pub mod orders;
pub mod pager;
pub mod product;
pub mod provider;
pub mod provider_forms;
pub mod renter;
pub mod reseller;
pub mod respond;
pub mod session;
pub mod shell;
pub mod statement;
pub mod surveillance;
pub mod svg;
pub mod visit;

use actix_web::http::Method;
use actix_web::http::header::ACCEPT;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use std::rc::Rc;

use crate::api::problem::Problem;
use fields::Fields;
use respond::{Fault, Reply};
use session::Renewals;
use visit::Visit;

/// What a page answers with.
pub type Shown = Result<Reply, Fault>;
/// A visit as handlers are given it.
pub type Guest = Rc<Visit>;

/// Returns what registers the pages; all workers share what the closure keeps.
pub fn pages() -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let renewals = Data::new(Renewals::default());
    move |config| {
        config.app_data(renewals.clone());
        public(config);
        sessions(config);
        trading(config);
        staff(config);
        config.default_service(web::to(nowhere));
    }
}

fn public(config: &mut ServiceConfig) {
    config
        .route("/", page(market::show))
        .route("/market.csv", page(market::csv))
        .route("/fall", page(fall::show))
        .route("/fall.csv", page(fall::csv))
        .route("/markets/{symbol}", page(product::show))
        .route("/markets/{symbol}/trades.csv", page(product::trades_csv))
        .route("/markets/{symbol}/index.csv", page(product::index_csv))
        .route("/markets/{symbol}/book.csv", page(product::book_csv))
        .route("/markets/{symbol}/supply.csv", page(product::supply_csv))
        .route("/markets/{symbol}/series.csv", page(product::series_csv))
        .route("/markets/{symbol}/depth.csv", page(numbers::depth_csv))
        .route("/markets/{symbol}/forward.csv", page(numbers::forward_csv))
        .route("/markets/{symbol}/oversupply.csv", page(numbers::oversupply_csv))
        .route("/markets/{symbol}/stickiness.csv", page(numbers::stickiness_csv))
        .route("/about", page(account::about))
        .route("/static/{name}", web::get().to(assets::serve));
}

fn sessions(config: &mut ServiceConfig) {
    config
        .route("/login", page(account::login))
        .route("/login", form(account::log_in))
        .route("/register", page(account::register))
        .route("/register", form(account::sign_up))
        .route("/logout", form(account::log_out))
        .route(session::RENEW, web::get().to(session::renew));
}

fn trading(config: &mut ServiceConfig) {
    config
        .route("/provider", page(provider::show))
        .route("/provider/sites/new", page(provider_forms::site))
        .route("/provider/sites/new", form(provider_forms::make_site))
        .route("/provider/listings/new", page(provider_forms::listing))
        .route("/provider/listings/new", form(provider_forms::make_listing))
        .route("/asks/new", page(orders::ask))
        .route("/asks/new", form(orders::place_ask))
        .route("/bids/new", page(bid::bid))
        .route("/bids/new", form(bid::place_bid))
        .route("/orders/cancel", form(orders::cancel))
        .route("/renter", page(renter::show))
        .route("/reseller", page(reseller::show))
        .route("/statements", page(statement::list))
        .route("/statements/{month}.csv", page(statement::csv))
        .route("/statements/{month}", page(statement::show))
        .route("/contracts.csv", page(contract::csv))
        .route("/contracts/{id}", page(contract::show))
        .route("/deliveries/{id}", page(delivery::show))
        .route("/deliveries/{id}", form(delivery::act));
}

fn staff(config: &mut ServiceConfig) {
    config
        .route("/admin", page(admin::show))
        .route("/admin/contracts.csv", page(admin::contracts_csv))
        .route("/admin/journal", page(admin::journal))
        .route("/admin/journal.csv", page(admin::journal_csv))
        .route("/admin/surveillance", page(surveillance::show))
        .route("/admin/surveillance.csv", page(surveillance::csv))
        .route("/admin/orders/{id}", page(surveillance::order))
        .route("/admin/halts", form(admin::halt))
        .route("/admin/suspensions", form(admin::suspend))
        .route("/admin/tiers", form(admin::tier));
}

/// A page that is asked for.
fn page<F, Fut>(handler: F) -> actix_web::Route
where
    F: Fn(Guest) -> Fut + Clone + 'static,
    Fut: Future<Output = Shown> + 'static,
{
    web::route().guard(actix_web::guard::Any(actix_web::guard::Get()).or(actix_web::guard::Head())).to(
        move |request: HttpRequest| {
            let handler = handler.clone();
            async move {
                let visit = match Visit::begin(&request, &Method::GET).await {
                    Ok(visit) => Rc::new(visit),
                    Err(response) => return *response,
                };
                let shown = handler(Rc::clone(&visit)).await;
                visit.answer(shown)
            }
        },
    )
}

/// A form that is sent: its token and where it comes from are checked before anything else.
fn form<F, Fut>(handler: F) -> actix_web::Route
where
    F: Fn(Guest, Fields) -> Fut + Clone + 'static,
    Fut: Future<Output = Shown> + 'static,
{
    web::post().to(move |request: HttpRequest, payload: web::Payload| {
        let handler = handler.clone();
        async move {
            let visit = match Visit::begin(&request, &Method::POST).await {
                Ok(visit) => Rc::new(visit),
                Err(response) => return *response,
            };
            let shown = match visit.fields(&request, payload).await {
                Ok(fields) => handler(Rc::clone(&visit), fields).await,
                Err(fault) => Err(fault),
            };
            visit.answer(shown)
        }
    })
}

/// Answers for every path that nothing is at: programs in their language, people in theirs.
async fn nowhere(request: HttpRequest) -> HttpResponse {
    let id = crate::api::extract::RequestId::of(&request);
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if request.path().starts_with("/v1") || request.method() != Method::GET || !accepted.contains("text/html") {
        return Problem::of("not_found").respond(&id.0);
    }
    match Visit::begin(&request, &Method::GET).await {
        Ok(visit) => visit.answer(Err(Problem::of("not_found").into())),
        Err(response) => *response,
    }
}
