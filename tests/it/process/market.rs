//! A market set up through the API as its users would: an admin, a provider with much capacity, funded renters.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use gpubourse::types::Money;
use serde_json::{Value, json};

use super::http::{Client, Request};
use super::program::{self, Server};

pub const PRODUCT: &str = "h100-sxm-80gb";
/// What each renter is given.
pub const DEPOSIT: &str = "1000000000";
/// Renters; who trades is 0 for the provider, then the renters.
const RENTERS: usize = 3;
const PASSWORD: &str = "correct horse battery staple";
const ADMIN: &str = "root@example.com";
const LISTINGS: u32 = 8;
/// Orders in one request.
const BATCH: u32 = 100;

/// Whoever trades, by API keys that outlive the server.
#[derive(Debug)]
pub struct Market {
    /// The key of the provider, then those of the renters.
    pub keys: Vec<String>,
    /// The organizations behind the keys.
    pub organizations: Vec<String>,
    pub admin: String,
    /// The provider's: no test sells all of them.
    pub listings: Vec<String>,
    /// What each has been given, in millionths, by the references of all deposits that have been judged.
    given: Mutex<Vec<BTreeMap<String, i64>>>,
}

impl Market {
    /// Makes the admin; the server must not run yet.
    pub fn create_admin(folder: &Path, database_url: &str) {
        let arguments = ["admin", "create", "--email", ADMIN, "--database-url", database_url];
        let said = program::run_ok(folder, &arguments, &format!("{PASSWORD}\n"));
        assert!(said.contains("created"), "{said}");
    }

    /// Fills a fresh exchange.
    pub fn set_up(server: &Server) -> Self {
        let mut client = server.connect();
        let admin = key_of(&mut client, ADMIN, &["read", "admin"]);
        let product = json!({"symbol": PRODUCT, "name": "NVIDIA H100 SXM 80 GB"});
        client.call(&Request::post("/v1/admin/products", product).bearer(&admin)).unwrap().ok();
        let (provider, host) = member(&mut client, "host@example.com", "provider", &["read", "list", "trade"]);
        let listings = (0..LISTINGS).map(|_| list(&mut client, &host)).collect();
        let (mut keys, mut organizations) = (vec![host], vec![provider]);
        for number in 1..=RENTERS {
            let email = format!("renter-{number}@example.com");
            let (organization, key) = renter(&mut client, &admin, &email);
            keys.push(key);
            organizations.push(organization);
        }
        let given = Mutex::new(vec![BTreeMap::new(); keys.len()]);
        let market = Self { keys, organizations, admin, listings, given };
        market.renters().for_each(|who| market.give(who, "at first", DEPOSIT));
        market
    }

    /// Has two others place so many orders that nobody trades with: half of them bids too low, half asks too high.
    pub fn fill(&self, server: &Server, orders: u32) {
        let mut client = server.connect();
        let (_, host) = member(&mut client, "far-host@example.com", "provider", &["list", "trade"]);
        let (_, lab) = renter(&mut client, &self.admin, "far-renter@example.com");
        let listing = list(&mut client, &host);
        let ask = json!({"side": "ask", "listing_id": listing, "gpus": 1, "lot": 1});
        for first in (0..orders).step_by(usize::try_from(BATCH).unwrap()) {
            let numbers = first..orders.min(first + BATCH);
            for (odd, key, body) in [(0, &host, &ask), (1, &lab, &far_bid())] {
                let bodies: Vec<_> = numbers.clone().filter(|number| number % 2 == odd).map(|n| far(body, n)).collect();
                let request = Request::post("/v1/orders/batch", json!({"orders": bodies})).bearer(key);
                let answer = client.call(&request).unwrap().ok();
                let results = answer["results"].as_array().unwrap();
                assert!(
                    results.len() == bodies.len() && results.iter().all(|one| one["problem"].is_null()),
                    "{answer}"
                );
            }
        }
    }

    /// Cancels what still stands of the load.
    pub fn clear(&self, server: &Server) {
        let mut client = server.connect();
        for key in &self.keys {
            client.call(&Request::delete("/v1/orders").bearer(key)).unwrap().ok();
        }
    }

    /// Returns what an account has been given, in millionths.
    pub fn given(&self, who: usize) -> i64 {
        self.given.lock().unwrap()[who].values().sum()
    }

    /// Notes that an account has been given something; the same reference counts once.
    pub fn give(&self, who: usize, reference: &str, amount: &str) {
        let amount = Money::parse(amount).unwrap().micros();
        self.given.lock().unwrap()[who].insert(reference.to_owned(), amount);
    }

    pub fn renters(&self) -> std::ops::Range<usize> {
        1..self.keys.len()
    }
}

fn far_bid() -> Value {
    let (start, end) = ("2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z");
    json!({"side": "bid", "product": PRODUCT, "gpus": 1, "lot": 1, "start": start, "end": end})
}

/// Returns a far order of its own price and name.
fn far(body: &Value, number: u32) -> Value {
    let mut body = body.clone();
    let dollars = if body["side"] == "ask" { 50 } else { 0 };
    body["price"] = json!(format!("{dollars}.{:03}", 1 + number % 500));
    body["client_order_id"] = json!(format!("far-{number}"));
    body
}

/// Lists much capacity; returns the listing's id.
fn list(client: &mut Client, host: &str) -> String {
    let site = json!({"name": "Site 1", "region": "us-central1", "country": "US"});
    let site = client.call(&Request::post("/v1/sites", site).bearer(host)).unwrap().ok();
    let listing = json!({
        "site_id": site["id"], "product": PRODUCT, "gpus": 1_000_000, "gpus_per_node": 8,
        "start": "2030-01-01T00:00:00Z", "end": "2030-02-01T00:00:00Z",
        "interconnect": "infiniband", "resale_allowed": true,
    });
    let listing = client.call(&Request::post("/v1/listings", listing).bearer(host)).unwrap().ok();
    listing["id"].as_str().unwrap().to_owned()
}

/// Registers a renter and gives it money.
fn renter(client: &mut Client, admin: &str, email: &str) -> (String, String) {
    let (organization, key) = member(client, email, "renter", &["read", "trade"]);
    let body = json!({"organization_id": organization, "amount": DEPOSIT, "reference": email});
    client.call(&Request::post("/v1/admin/deposits", body).bearer(admin).idempotency_key(email)).unwrap().ok();
    (organization, key)
}

/// Registers an organization; returns its id and an API key of its first user.
fn member(client: &mut Client, email: &str, kind: &str, scopes: &[&str]) -> (String, String) {
    let organization = json!({"name": email, "kind": kind});
    let body = json!({"organization": organization, "email": email, "password": PASSWORD});
    let made = client.call(&Request::post("/v1/auth/register", body)).unwrap().ok();
    (made["organization"]["id"].as_str().unwrap().to_owned(), key_of(client, email, scopes))
}

fn key_of(client: &mut Client, email: &str, scopes: &[&str]) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let tokens = client.call(&Request::post("/v1/auth/login", body)).unwrap().ok();
    let body = json!({"name": "load", "scopes": scopes});
    let request = Request::post("/v1/api-keys", body).bearer(tokens["access_token"].as_str().unwrap());
    client.call(&request).unwrap().ok()["key"].as_str().unwrap().to_owned()
}
