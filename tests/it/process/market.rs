//! A market set up through the API as its users would: an admin, a provider with much capacity, funded renters.

use std::path::Path;

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

/// Whoever trades, by API keys that outlive the server.
#[derive(Debug, Clone)]
pub struct Market {
    /// The key of the provider, then those of the renters.
    pub keys: Vec<String>,
    pub listing_id: String,
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
        let admin = login(&mut client, ADMIN);
        let product = json!({"symbol": PRODUCT, "name": "NVIDIA H100 SXM 80 GB"});
        client.call(&Request::post("/v1/admin/products", product).bearer(&admin)).unwrap().ok();
        let (_, host) = member(&mut client, "host@example.com", "provider", &["read", "list", "trade"]);
        let site = json!({"name": "Site 1", "region": "us-central1", "country": "US"});
        let site = client.call(&Request::post("/v1/sites", site).bearer(&host)).unwrap().ok();
        let listing = json!({
            "site_id": site["id"], "product": PRODUCT, "gpus": 1_000_000, "gpus_per_node": 8,
            "start": "2030-01-01T00:00:00Z", "end": "2030-02-01T00:00:00Z",
            "interconnect": "infiniband", "resale_allowed": true,
        });
        let listing = client.call(&Request::post("/v1/listings", listing).bearer(&host)).unwrap().ok();
        let mut keys = vec![host];
        for number in 1..=RENTERS {
            let email = format!("renter-{number}@example.com");
            let (organization, key) = member(&mut client, &email, "renter", &["read", "trade"]);
            let body = json!({"organization_id": organization, "amount": DEPOSIT, "reference": email});
            let request = Request::post("/v1/admin/deposits", body).bearer(&admin).idempotency_key(&email);
            client.call(&request).unwrap().ok();
            keys.push(key);
        }
        Self { keys, listing_id: listing["id"].as_str().unwrap().to_owned() }
    }

    pub fn renters(&self) -> std::ops::Range<usize> {
        1..self.keys.len()
    }
}

/// Registers an organization; returns its id and an API key of its first user.
fn member(client: &mut Client, email: &str, kind: &str, scopes: &[&str]) -> (Value, String) {
    let organization = json!({"name": email, "kind": kind});
    let body = json!({"organization": organization, "email": email, "password": PASSWORD});
    let made = client.call(&Request::post("/v1/auth/register", body)).unwrap().ok();
    let token = login(client, email);
    let body = json!({"name": "load", "scopes": scopes});
    let key = client.call(&Request::post("/v1/api-keys", body).bearer(&token)).unwrap().ok();
    (made["organization"]["id"].clone(), key["key"].as_str().unwrap().to_owned())
}

fn login(client: &mut Client, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let tokens = client.call(&Request::post("/v1/auth/login", body)).unwrap().ok();
    tokens["access_token"].as_str().unwrap().to_owned()
}
