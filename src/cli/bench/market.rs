//! The market the load runs in: many organizations, products and windows, and no two orders equal.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use crate::app::accounts::NewKey;
use crate::app::clock::SystemClock;
use crate::app::ids::{Ids, OsIds};
use crate::app::ingest::{FEE_BPS, TICK};
use crate::app::{AppError, Principal, Receipt, Role, Scope, Side, Submission, Venue};
use crate::auth::EmailAddress;
use crate::cli::Failure;
use crate::exchange::{Command, Made};
use crate::store::accounts::{User, insert_user};
use crate::types::{
    Country, Interconnect, Kind, ListingId, Minute, Money, OrganizationId, OrganizationKind, ProductId, PublicId,
    Region, SiteId, SlaClass, Symbol, Timestamp,
};

const PRODUCTS: u64 = 50;
const PROVIDERS: u64 = 100;
const RENTERS: u64 = 400;
const DAY: u32 = 24 * 60;
const FUNDS: Money = Money::from_micros(1_000_000_000_000_000);

/// Who trades what under which key.
pub struct Market {
    /// Keys of the providers, with the outward id of each one's listing.
    providers: Vec<(String, Uuid)>,
    renters: Vec<String>,
    now: Minute,
}

impl Market {
    /// Returns a bare echo with the body of an order.
    pub fn echo(&self, number: u64) -> Vec<u8> {
        let (key, body) = self.parts(number);
        request("/v1/echo", &key, &body)
    }

    /// Returns an order: asks and bids in turn, so that about half of the orders trade.
    pub fn order(&self, number: u64) -> Vec<u8> {
        let (key, body) = self.parts(number);
        request("/v1/orders", &key, &body)
    }

    fn parts(&self, number: u64) -> (String, String) {
        let mut dice = Dice(number.wrapping_add(1));
        let client_order_id = format!("bench-{number}");
        if number.is_multiple_of(2) {
            let (key, listing) = pick(&self.providers, dice.next());
            let start = self.now.plus(60 + dice.below(30 * DAY));
            let end = start.plus(14 * DAY + dice.below(46 * DAY));
            let body = json!({
                "side": "ask", "listing_id": listing, "gpus": 1 + dice.below(64), "price": dice.price(),
                "start": start.to_rfc3339(), "end": end.to_rfc3339(), "client_order_id": client_order_id,
            });
            return (key, body.to_string());
        }
        let start = self.now.plus(120 + dice.below(45 * DAY));
        let end = start.plus(60 + dice.below(5 * DAY));
        let product = dice.next().checked_rem(PRODUCTS).unwrap_or_default();
        let body = json!({
            "side": "bid", "product": symbol(product), "gpus": 1 + dice.below(8), "price": "3.5",
            "start": start.to_rfc3339(), "end": end.to_rfc3339(), "client_order_id": client_order_id,
        });
        (pick(&self.renters, dice.next()), body.to_string())
    }
}

fn request(path: &str, key: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sets the market up in an empty database.
pub async fn open(url: &str) -> Result<Market, Failure> {
    let venue = Venue::open(url, Arc::new(SystemClock), Arc::new(OsIds), Vec::new()).await?;
    let market = fill(&venue).await;
    venue.close();
    Ok(market?)
}

async fn fill(venue: &Venue) -> Result<Market, AppError> {
    let now = venue.clock().now().minute();
    let mut market = Market { providers: Vec::new(), renters: Vec::new(), now };
    for number in 0..PRODUCTS {
        let symbol = Symbol::new(symbol(number)).ok_or_else(|| broken("symbol"))?;
        let name = symbol.to_string();
        run(venue, Command::CreateProduct { symbol, name, tick: TICK, fee_bps: FEE_BPS }).await?;
    }
    for number in 0..PROVIDERS {
        let (organization, key) = member(venue, OrganizationKind::Provider, number).await?;
        market.providers.push((key, list(venue, organization, number, now).await?));
    }
    for number in 0..RENTERS {
        let (organization, key) = member(venue, OrganizationKind::Renter, number).await?;
        run(venue, Command::Deposit { organization, amount: FUNDS, reference: "bench".to_owned() }).await?;
        market.renters.push(key);
    }
    Ok(market)
}

/// Lists a provider's capacity; returns the listing's outward id.
async fn list(venue: &Venue, organization: OrganizationId, number: u64, now: Minute) -> Result<Uuid, AppError> {
    let place = (Region::new("us-central1"), Country::new("US"));
    let (Some(region), Some(country)) = place else { return Err(broken("place")) };
    let site = Command::CreateSite {
        organization,
        name: format!("site {number}"),
        region,
        country,
        power_w: None,
        pue_milli: None,
    };
    let Made::Site(site) = run(venue, site).await?.outcome.made else { return Err(broken("site")) };
    let product = number.checked_rem(PRODUCTS).and_then(|product| i64::try_from(product).ok()).unwrap_or_default();
    let listing = listing(organization, site, ProductId::new(product.saturating_add(1)), now);
    let receipt = run(venue, listing).await?;
    let Made::Listing(id) = receipt.outcome.made else { return Err(broken("listing")) };
    Ok(public(receipt.at, id))
}

fn public(created_at: Timestamp, id: ListingId) -> Uuid {
    PublicId { created_at, kind: Kind::Listing, number: id.number() }.to_uuid()
}

fn listing(organization: OrganizationId, site: SiteId, product: ProductId, now: Minute) -> Command {
    Command::CreateListing {
        organization,
        site,
        product,
        gpus: 1_000_000,
        start: now,
        end: now.plus(120 * DAY),
        gpus_per_node: 8,
        interconnect: Interconnect::Infiniband,
        sla_class: SlaClass::P99,
        resale_allowed: true,
    }
}

/// Makes an organization with a user and an API key; returns the key.
async fn member(venue: &Venue, kind: OrganizationKind, number: u64) -> Result<(OrganizationId, String), AppError> {
    let ids: &dyn Ids = &OsIds;
    let now = venue.clock().now();
    let id = ids.uuid(now)?;
    let role = Role::Member(kind);
    let email = EmailAddress::parse(&format!("{kind}-{number}@bench.invalid")).ok_or_else(|| broken("address"))?;
    let command = Command::RegisterOrganization { name: format!("{kind} {number}"), organization_kind: kind };
    let side = Side { submission: Some(submission(command)), before: None };
    let organization = venue
        .app()
        .sequencer()
        .side(side, move |db, receipt: Option<&Receipt>| {
            let Some(Made::Organization(organization)) = receipt.map(|receipt| receipt.outcome.made) else {
                return Err(broken("organization"));
            };
            // Nobody logs in here: the hash fits no password.
            let password_hash = "none".to_owned();
            let organization = Some(organization);
            let user = User { id, organization, email, password_hash, role, created_at: now, disabled: false };
            insert_user(db, &user)?;
            organization.ok_or_else(|| broken("organization"))
        })
        .await?;
    let scopes = role.scopes().to_vec();
    let principal = Principal { user: id, key: None, organization: Some(organization), role, scopes };
    let new = NewKey { name: "bench".to_owned(), scopes: vec![Scope::Read, Scope::Trade], expires_at: None };
    let created = venue.accounts().create_key(&principal, new, "bench").await?;
    Ok((organization, created.secret.expose().to_owned()))
}

async fn run(venue: &Venue, command: Command) -> Result<Receipt, AppError> {
    venue.app().sequencer().submit(submission(command)).await
}

fn submission(command: Command) -> Submission {
    Submission { actor: "system".to_owned(), request_id: "bench".to_owned(), idempotency_key: None, command }
}

fn symbol(number: u64) -> String {
    format!("bench-gpu-{number}")
}

fn broken(what: &str) -> AppError {
    AppError::Internal(format!("the benchmark could not make a {what}"))
}

fn pick<T: Clone + Default>(values: &[T], number: u64) -> T {
    let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
    let index = number.checked_rem(count).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| values.get(index)).cloned().unwrap_or_default()
}

/// A generator (splitmix64) that starts anew from the number of each order.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u32) -> u32 {
        let rolled = self.next().checked_rem(u64::from(bound.max(1))).unwrap_or_default();
        u32::try_from(rolled).unwrap_or_default()
    }

    /// A price between 2.00 and 3.00 on the tick.
    fn price(&mut self) -> String {
        format!("2.{:03}", self.below(1_000))
    }
}
