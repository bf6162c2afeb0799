//! The one route table: every path and method, its handler, and how it can fail.

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::{FromRequest, Responder, web};
use std::rc::Rc;
use utoipa::openapi::path::HttpMethod;

use super::doc::{Describe, OperationDoc};
use super::problem::Problem;
use super::service;
use super::v1::{
    admin, analytics, api_keys, audit, auth, candles, contracts, deliveries, depth, echo, fixes, forward_curve,
    handshake, journal, listings, markets, marks, meter, orders, oversupply, products, quotes, reputation, sites,
    statements, stickiness, stream, surveillance, terms, wallet,
};

const READ: &[&str] = &["scope_required"];
const OWN: &[&str] = &["role_required", "scope_required"];
const STAFF: &[&str] = &["role_required", "scope_required"];
const WRITE: &[&str] = &["unavailable", "clock"];
const ORDER_WINDOW: &[&str] = &["invalid_window", "window_in_past", "out_of_range", "market_halted"];
const ORDER: &[&str] = &[
    "not_found",
    "invalid_gpus",
    "invalid_lot",
    "invalid_min_minutes",
    "invalid_price",
    "off_tick",
    "invalid_combination",
    "funding_not_allowed",
    "organization_suspended",
    "source_not_live",
    "outside_source_window",
    "insufficient_capacity",
    "below_min_minutes",
    "insufficient_funds",
];
const PLACE: &[&str] = &[
    "unknown_product",
    "unknown_requirement",
    "invalid_expiry",
    "resale_not_allowed",
    "novation_not_allowed",
    "chain_too_deep",
    "post_only_would_trade",
    "client_order_id_reused",
];

/// A route of the table.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: &'static str,
    /// Its operation id.
    pub id: &'static str,
    /// Its area.
    pub tag: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What its handler's types say about it.
    pub doc: OperationDoc,
    register: Rc<dyn Fn(&Method) -> actix_web::Route>,
}

impl Route {
    fn new<H, Args>(tag: &'static str, method: Method, path: &'static str, id: &'static str, handler: H) -> Self
    where
        H: Endpoint<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let mut doc = OperationDoc::default();
        H::describe(&mut doc);
        let register = Rc::new(move |method: &Method| web::method(method.clone()).to(handler.clone()));
        Self { method, path, id, tag, summary: "", doc, register }
    }

    fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    fn fails(mut self, codes: &[&[&'static str]]) -> Self {
        codes.iter().for_each(|codes| self.doc.fails(codes));
        self
    }

    /// Returns the methods it answers: HEAD is GET without the body, which the server leaves out (RFC 9110, 9.3.2).
    fn methods(&self) -> Vec<Method> {
        if self.method == Method::GET { vec![Method::GET, Method::HEAD] } else { vec![self.method.clone()] }
    }

    /// Returns the method as the OpenAPI document calls it.
    pub fn http_method(&self) -> HttpMethod {
        match self.method.as_str() {
            "POST" => HttpMethod::Post,
            "PATCH" => HttpMethod::Patch,
            "DELETE" => HttpMethod::Delete,
            _ => HttpMethod::Get,
        }
    }
}

/// A handler whose parts can describe themselves.
pub trait Endpoint<Args>: Handler<Args> {
    /// Adds everything it takes and answers to the operation.
    fn describe(operation: &mut OperationDoc);
}

macro_rules! endpoints {
    ($(($($part:ident)*))+) => {$(
        impl<Func, Fut, $($part,)*> Endpoint<($($part,)*)> for Func
        where
            Func: Fn($($part),*) -> Fut + Clone + 'static,
            Fut: Future,
            Fut::Output: Describe,
            $($part: Describe,)*
        {
            fn describe(operation: &mut OperationDoc) {
                $($part::describe(operation);)*
                <Fut::Output as Describe>::describe(operation);
            }
        }
    )+};
}

endpoints! { () (A) (A B) (A B C) (A B C D) (A B C D E) }

impl<T> Describe for web::Data<T> {
    fn describe(_: &mut OperationDoc) {}
}

/// Returns the table.
pub fn routes(with_echo: bool) -> Vec<Route> {
    let mut table = trading();
    table.extend(accounts());
    table.extend(wallet());
    table.extend(catalogue());
    table.extend(market());
    table.extend(titles());
    table.extend(delivery());
    table.extend(rulings());
    table.extend(portfolios());
    table.extend(administration());
    table.extend(services());
    if with_echo {
        table.push(echo());
    }
    table
}

/// Returns the echo.
pub fn echo() -> Route {
    Route::new("service", Method::POST, "/v1/echo", "echo", echo::echo)
        .says("Answers with the body; a benchmark aid behind the same middleware and key check as orders.")
}

/// Registers the table with 404 and 405 for everything else.
pub fn configure(config: &mut web::ServiceConfig, table: &[Route]) {
    let mut paths: Vec<&str> = Vec::new();
    for route in table {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    // The router tries paths in turn: those without parameters are compared, the others cost a regular expression each.
    paths.sort_by_key(|path| path.contains('{'));
    for path in paths {
        let mut resource = web::resource(path);
        let mut allow = Vec::new();
        for route in table.iter().filter(|route| route.path == path) {
            for method in route.methods() {
                resource = resource.route((route.register)(&method));
                allow.push(method.to_string());
            }
        }
        let allow = allow.join(", ");
        let refuse = move || {
            let problem = Problem::method_not_allowed(&allow);
            async move { Err::<actix_web::HttpResponse, _>(problem) }
        };
        config.service(resource.default_service(web::to(refuse)));
    }
    config.default_service(web::to(|| async { Err::<actix_web::HttpResponse, _>(Problem::of("not_found")) }));
}

fn trading() -> Vec<Route> {
    vec![
        Route::new("trading", Method::POST, "/v1/orders", "place_order", orders::place)
            .says("Places an order.")
            .fails(&[OWN, ORDER_WINDOW, ORDER, PLACE, WRITE]),
        Route::new("trading", Method::GET, "/v1/orders", "list_orders", orders::list)
            .says("Lists the caller's orders, newest first.")
            .fails(&[OWN, &["unknown_product", "view_behind"]]),
        Route::new("trading", Method::DELETE, "/v1/orders", "cancel_orders", orders::cancel_all)
            .says("Cancels every open order of the caller's organization.")
            .fails(&[OWN, &["unknown_product"], WRITE]),
        Route::new("trading", Method::POST, "/v1/orders/preview", "preview_order", orders::preview)
            .says("Says what placing an order next would do; never trades.")
            .fails(&[OWN, ORDER_WINDOW, ORDER, PLACE, WRITE]),
        Route::new("trading", Method::POST, "/v1/orders/batch", "place_orders", orders::batch)
            .says("Places up to 100 orders, each independent of the others.")
            .fails(&[WRITE]),
        Route::new("trading", Method::GET, "/v1/orders/{id}", "get_order", orders::get)
            .says("Shows an order.")
            .fails(&[OWN, &["view_behind"]]),
        Route::new("trading", Method::PATCH, "/v1/orders/{id}", "amend_order", orders::amend)
            .says("Amends an open order.")
            .fails(&[OWN, ORDER_WINDOW, ORDER, &["order_not_open", "window_fixed", "below_sold"], WRITE]),
        Route::new("trading", Method::DELETE, "/v1/orders/{id}", "cancel_order", orders::cancel)
            .says("Cancels an open order.")
            .fails(&[OWN, &["order_not_open"], WRITE]),
    ]
}

fn accounts() -> Vec<Route> {
    let person: &[&str] = &["role_required", "scope_required"];
    vec![
        Route::new("accounts", Method::POST, "/v1/auth/register", "register", auth::register)
            .says("Makes an organization and its first user.")
            .fails(&[&["email_taken", "invalid_email", "invalid_password", "invalid_text"], WRITE]),
        Route::new("accounts", Method::POST, "/v1/auth/login", "login", auth::login)
            .says("Gives tokens for a password.")
            .fails(&[&["invalid_credentials"], WRITE]),
        Route::new("accounts", Method::POST, "/v1/auth/refresh", "refresh", auth::refresh)
            .says("Gives the next tokens for a refresh token; one that is used twice ends its session.")
            .fails(&[&["invalid_refresh_token"], WRITE]),
        Route::new("accounts", Method::POST, "/v1/auth/logout", "logout", auth::logout)
            .says("Ends the session of a refresh token.")
            .fails(&[WRITE]),
        Route::new("accounts", Method::GET, "/v1/me", "get_me", auth::me)
            .says("Says who the caller is.")
            .fails(&[READ]),
        Route::new("accounts", Method::POST, "/v1/api-keys", "create_api_key", api_keys::create)
            .says("Makes an API key; only people make keys.")
            .fails(&[person, &["invalid_name", "invalid_scopes", "invalid_expiry", "too_many_api_keys"], WRITE]),
        Route::new("accounts", Method::GET, "/v1/api-keys", "list_api_keys", api_keys::list)
            .says("Lists the caller's API keys, newest first.")
            .fails(&[READ]),
        Route::new("accounts", Method::DELETE, "/v1/api-keys/{id}", "revoke_api_key", api_keys::revoke)
            .says("Revokes one of the caller's API keys.")
            .fails(&[person, WRITE]),
    ]
}

fn wallet() -> Vec<Route> {
    let payment: &[&str] = &["not_found", "invalid_amount", "invalid_text", "out_of_range"];
    vec![
        Route::new("wallet", Method::GET, "/v1/balances", "get_balances", wallet::balances)
            .says("Shows what the caller's organization owns.")
            .fails(&[OWN, &["view_behind"]]),
        Route::new("wallet", Method::GET, "/v1/transfers", "list_transfers", wallet::transfers)
            .says("Lists the transfers from and to the caller's organization, newest first.")
            .fails(&[OWN]),
        Route::new("wallet", Method::GET, "/v1/transfers/{id}", "get_transfer", wallet::transfer)
            .says("Shows a transfer.")
            .fails(&[OWN]),
        Route::new("wallet", Method::GET, "/v1/statements/{month}", "get_statement", statements::get)
            .says("Shows what moved for an organization in a month, and for which contracts, as JSON or CSV.")
            .fails(&[OWN]),
        Route::new("wallet", Method::POST, "/v1/admin/deposits", "deposit", wallet::deposit)
            .says("Books money that came in.")
            .fails(&[STAFF, payment, WRITE]),
        Route::new("wallet", Method::POST, "/v1/admin/withdrawals", "withdraw", wallet::withdraw)
            .says("Books money that goes out.")
            .fails(&[STAFF, payment, &["insufficient_funds"], WRITE]),
    ]
}

fn catalogue() -> Vec<Route> {
    let rights: &[&str] = &["invalid_combination", "invalid_terms"];
    let window: &[&str] = &["invalid_gpus", "invalid_window", "window_in_past", "out_of_range"];
    vec![
        Route::new("catalogue", Method::GET, "/v1/products", "list_products", products::list).says("Lists products."),
        Route::new("catalogue", Method::GET, "/v1/products/{symbol}", "get_product", products::get)
            .says("Shows a product."),
        Route::new("catalogue", Method::POST, "/v1/admin/products", "create_product", products::create)
            .says("Makes a product.")
            .fails(&[STAFF, &["symbol_taken", "invalid_text", "invalid_terms"], WRITE]),
        Route::new("catalogue", Method::POST, "/v1/sites", "create_site", sites::create)
            .says("Makes a site.")
            .fails(&[OWN, &["invalid_text", "invalid_terms", "organization_suspended"], WRITE]),
        Route::new("catalogue", Method::GET, "/v1/sites", "list_sites", sites::list)
            .says("Lists the caller's sites.")
            .fails(&[OWN]),
        Route::new("catalogue", Method::GET, "/v1/sites/{id}", "get_site", sites::get)
            .says("Shows one of the caller's sites.")
            .fails(&[READ]),
        Route::new("catalogue", Method::POST, "/v1/listings", "create_listing", listings::create)
            .says("Lists capacity.")
            .fails(&[OWN, &["not_found", "unknown_product", "organization_suspended"], rights, window, WRITE]),
        Route::new("catalogue", Method::GET, "/v1/listings", "list_listings", listings::list)
            .says("Lists the caller's listings.")
            .fails(&[OWN]),
        Route::new("catalogue", Method::GET, "/v1/listings/{id}", "get_listing", listings::get)
            .says("Shows one of the caller's listings.")
            .fails(&[READ]),
        Route::new("catalogue", Method::PATCH, "/v1/listings/{id}", "amend_listing", listings::amend)
            .says("Lowers a listing to no less than what is sold or resting.")
            .fails(&[OWN, &["below_sold", "organization_suspended"], window, WRITE]),
    ]
}

fn market() -> Vec<Route> {
    vec![
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/book", "get_book", markets::book)
            .says("Shows the book of a window.")
            .fails(&[&["invalid_window", "view_behind"]]),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/top", "get_top", markets::top)
            .says("Shows the best prices of a product over all delivery windows.")
            .fails(&[&["view_behind"]]),
        Route::new("market data", Method::GET, "/v1/stream", "follow", stream::stream)
            .says("Follows trades, best prices, and the caller's orders, contracts and balances as they change."),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/trades", "list_trades", markets::trades)
            .says("Lists the trades of a product, newest first."),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/candles", "list_candles", candles::candles)
            .says("Shows open, high, low, close, VWAP, GPU-hours and trades per hour, day or week.")
            .fails(&[&["invalid_window"]]),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/index", "get_index", analytics::index)
            .says("Shows the daily index of a product, from the exchange's own trades."),
        Route::new(
            "market data",
            Method::GET,
            "/v1/markets/{symbol}/index/versions",
            "list_index_versions",
            fixes::versions,
        )
        .says("Lists every publication of each day's index, also those that a recall has replaced."),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/drawdown", "get_drawdown", analytics::drawdown)
            .says("Shows peak, drawdown, trough and rebound of the own index and of each imported series."),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/supply", "get_supply", analytics::supply)
            .says("Shows supply and demand per delivery day, in GPU-hours.")
            .fails(&[&["invalid_window"]]),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/depth", "get_depth", depth::depth)
            .says("Shows what so many GPUs over a window would cost, and in each of its hours.")
            .fails(&[&["invalid_window"]]),
        Route::new(
            "market data",
            Method::GET,
            "/v1/markets/{symbol}/forward-curve",
            "get_forward_curve",
            forward_curve::forward_curve,
        )
        .says("Shows what GPU-hours delivered in each month cost now."),
        Route::new(
            "market data",
            Method::GET,
            "/v1/markets/{symbol}/oversupply",
            "get_oversupply",
            oversupply::oversupply,
        )
        .says("Shows how much more is offered than taken: an index of 0 to 100 with what it is made of."),
        Route::new("market data", Method::GET, "/v1/markets/{symbol}/sources", "get_sources", oversupply::sources)
            .says("Shows who is behind the supply, and how much of it is under water."),
        Route::new(
            "market data",
            Method::GET,
            "/v1/markets/{symbol}/stickiness",
            "get_stickiness",
            stickiness::stickiness,
        )
        .says("Shows how long sellers leave prices as they are, by region, and how much supply is above the market."),
        Route::new("market data", Method::GET, "/v1/organizations/{id}/reputation", "get_reputation", reputation::get)
            .says("Shows what a provider has delivered of what it sold, with the inputs of the formula."),
        Route::new("market data", Method::GET, "/v1/quotes", "list_quotes", quotes::list)
            .says("Lists imported prices."),
    ]
}

fn titles() -> Vec<Route> {
    vec![
        Route::new("contracts", Method::GET, "/v1/contracts", "list_contracts", contracts::list)
            .says("Lists the caller's contracts, newest first.")
            .fails(&[OWN]),
        Route::new("contracts", Method::GET, "/v1/contracts/{id}", "get_contract", contracts::get)
            .says("Shows one of the caller's contracts.")
            .fails(&[OWN]),
        Route::new("contracts", Method::GET, "/v1/contracts/{id}/chain", "get_chain", contracts::chain)
            .says("Shows the chain of title of one of the caller's contracts.")
            .fails(&[OWN]),
    ]
}

fn delivery() -> Vec<Route> {
    let step: &[&str] = &["not_found", "no_delivery_terms", "illegal_transition"];
    let dispute: &[&str] = &["not_found", "no_delivery_terms", "not_disputed", "slot_closed", "invalid_text"];
    vec![
        Route::new("delivery", Method::GET, "/v1/terms", "get_terms", terms::get)
            .says("Shows the terms of delivery that contracts made now have.")
            .fails(&[&["not_found"]]),
        Route::new("delivery", Method::GET, "/v1/access-key", "get_access_key", terms::key)
            .says("Shows the public key that secrets for the caller's organization are sealed to.")
            .fails(&[OWN, &["not_found"]]),
        Route::new("delivery", Method::POST, "/v1/access-key", "register_access_key", terms::register_key)
            .says("Registers the public key that secrets for the caller's organization are sealed to.")
            .fails(&[OWN, &["invalid_text"], WRITE]),
        Route::new("delivery", Method::GET, "/v1/deliveries", "list_deliveries", deliveries::list)
            .says("Lists the live contracts that the caller's sites provide GPUs for, newest first.")
            .fails(&[OWN]),
        Route::new("delivery", Method::GET, "/v1/contracts/{id}/delivery", "get_delivery", deliveries::get)
            .says("Shows what has become of a contract: handshake, reports, disputes, payments.")
            .fails(&[OWN, &["no_delivery_terms"]]),
        Route::new("delivery", Method::POST, "/v1/contracts/{id}/ready", "declare_ready", handshake::ready)
            .says("The provider says that the GPUs stand by.")
            .fails(&[OWN, step, WRITE]),
        Route::new("delivery", Method::POST, "/v1/contracts/{id}/deliver", "deliver_access", handshake::deliver)
            .says("The provider hands access over, its secret sealed to the buyer's key.")
            .fails(&[OWN, step, &["no_access_key", "wrong_recipient", "invalid_text"], WRITE]),
        Route::new("delivery", Method::POST, "/v1/contracts/{id}/accept", "accept_delivery", handshake::accept)
            .says("The buyer accepts what was handed over: the paid clock starts with the next minute.")
            .fails(&[OWN, step, WRITE]),
        Route::new("delivery", Method::POST, "/v1/contracts/{id}/object", "object_delivery", handshake::object)
            .says("The buyer sends back what was handed over.")
            .fails(&[OWN, step, &["invalid_text"], WRITE]),
        Route::new("delivery", Method::POST, "/v1/contracts/{id}/evidence", "add_evidence", handshake::evidence)
            .says("The provider brings something forward for slots in dispute.")
            .fails(&[OWN, dispute, WRITE]),
        Route::new("delivery", Method::POST, "/v1/contracts/{id}/default", "declare_default", handshake::default)
            .says("The seller says that it will not deliver; the rest of the window goes back to the buyer.")
            .fails(&[OWN, step, &["contract_not_live", "invalid_text"], WRITE]),
        Route::new("delivery", Method::POST, "/v1/contracts/{id}/terminate", "give_notice", handshake::terminate)
            .says("Buyer or seller ends the contract by notice, under its terms.")
            .fails(&[
                OWN,
                &["not_found", "no_delivery_terms", "contract_not_live", "invalid_text", "insufficient_funds"],
                &["notice_not_allowed", "notice_given", "notice_too_late"],
                WRITE,
            ]),
        Route::new("delivery", Method::POST, "/v1/meter", "report_meter", meter::report)
            .says("Takes heartbeats of many contracts, from the provider or the buyer.")
            .fails(&[
                OWN,
                &["not_found", "no_delivery_terms", "not_delivered", "invalid_combination", "slot_in_future"],
                &["slot_closed", "invalid_gpus", "outside_source_window"],
                WRITE,
            ]),
    ]
}

fn rulings() -> Vec<Route> {
    let recall: &[&str] = &["not_found", "no_delivery_terms", "contract_not_live"];
    let dispute: &[&str] = &["not_found", "no_delivery_terms", "not_disputed", "slot_closed", "invalid_text"];
    vec![
        Route::new("admin", Method::POST, "/v1/admin/terms", "publish_terms", terms::publish)
            .says("Publishes terms of delivery; contracts made from then on have them.")
            .fails(&[STAFF, &["invalid_terms"], WRITE]),
        Route::new("admin", Method::POST, "/v1/admin/settlements", "settle", terms::settle)
            .says("Settles the next contracts; servers do so by themselves once a day.")
            .fails(&[STAFF, &["not_found", "invalid_combination"], WRITE]),
        Route::new("admin", Method::POST, "/v1/admin/contracts/{id}/decision", "decide_dispute", handshake::decide)
            .says("Decides how many GPUs were up in slots in dispute.")
            .fails(&[STAFF, dispute, &["invalid_gpus"], WRITE]),
        Route::new(
            "admin",
            Method::POST,
            "/v1/admin/contracts/{id}/recall",
            "propose_recall",
            handshake::propose_recall,
        )
        .says("Proposes to recall a contract made in error; another admin must confirm.")
        .fails(&[STAFF, recall, &["invalid_text"], WRITE]),
        Route::new(
            "admin",
            Method::POST,
            "/v1/admin/contracts/{id}/recall/confirmation",
            "confirm_recall",
            handshake::confirm_recall,
        )
        .says("Confirms a recall that another admin has proposed: what is not delivered goes back to the buyers.")
        .fails(&[STAFF, recall, &["recall_not_proposed", "same_person"], WRITE]),
    ]
}

fn portfolios() -> Vec<Route> {
    vec![
        Route::new("contracts", Method::GET, "/v1/organizations/{id}/marks", "list_marks", marks::list)
            .says("Shows what each of the caller's open contracts gains or loses against the forward curve.")
            .fails(&[OWN]),
    ]
}

fn administration() -> Vec<Route> {
    vec![
        Route::new("admin", Method::GET, "/v1/admin/contracts", "list_all_contracts", contracts::list_all)
            .says("Lists all contracts, newest first.")
            .fails(&[STAFF]),
        Route::new("admin", Method::GET, "/v1/admin/journal", "list_journal", journal::list)
            .says("Lists the journal, newest first.")
            .fails(&[STAFF]),
        Route::new("admin", Method::GET, "/v1/admin/halts", "list_halts", admin::halts)
            .says("Lists the halted products.")
            .fails(&[STAFF]),
        Route::new("admin", Method::POST, "/v1/admin/halts", "halt_product", admin::halt)
            .says("Halts trading in a product or lifts the halt.")
            .fails(&[STAFF, &["unknown_product"], WRITE]),
        Route::new("admin", Method::GET, "/v1/admin/clock", "get_clock", admin::clock)
            .says("Says whether the server's clock is believed.")
            .fails(&[STAFF]),
        Route::new("admin", Method::POST, "/v1/admin/clock/acceptance", "accept_clock", admin::accept_clock)
            .says("Accepts that the server's clock has jumped ahead; what is due by then comes next.")
            .fails(&[STAFF, &["clock_believed"], WRITE]),
        Route::new("admin", Method::GET, "/v1/admin/organizations", "list_organizations", admin::organizations)
            .says("Lists organizations, newest first.")
            .fails(&[STAFF]),
        Route::new("admin", Method::POST, "/v1/admin/organizations/{id}/suspension", "suspend", admin::suspend)
            .says("Suspends an organization or reinstates it.")
            .fails(&[STAFF, WRITE]),
        Route::new("admin", Method::POST, "/v1/admin/organizations/{id}/tier", "set_tier", admin::set_tier)
            .says("Says how well the exchange knows an organization: what bonds its asks need from then on.")
            .fails(&[STAFF, WRITE]),
        Route::new("admin", Method::GET, "/v1/admin/surveillance", "get_surveillance", surveillance::get)
            .says("Shows where to look first: wash pairs, orders cancelled near the best price, trades that moved an index.")
            .fails(&[STAFF]),
        Route::new("audit", Method::GET, "/v1/audit/head", "get_audit_head", audit::head)
            .says("Shows the head of the journal's hash chain."),
    ]
}

fn services() -> Vec<Route> {
    vec![
        Route::new("service", Method::GET, "/health/live", "get_liveness", service::live)
            .says("Says that the process runs."),
        Route::new("service", Method::GET, "/health/ready", "get_readiness", service::ready)
            .says("Says that the exchange takes requests.")
            .fails(&[WRITE]),
        Route::new("service", Method::GET, "/metrics", "get_metrics", service::metrics)
            .says("Shows the figures of this server as Prometheus text."),
        Route::new("service", Method::GET, "/openapi.json", "get_openapi", service::openapi)
            .says("Shows this document."),
        Route::new("service", Method::GET, "/docs", "get_docs_root", service::docs_root)
            .says("Leads to the documentation."),
        Route::new("service", Method::GET, "/docs/{tail:.*}", "get_docs", service::docs)
            .says("Shows the documentation."),
    ]
}
