//! A small market behind the API: a provider with a listing, two renters with money, a reseller, an admin and an
//! auditor.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::App as Actix;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{Data, ServiceConfig};
use gpubourse::api::{self, Api, Config, Echo, Limits, edge::edge};
use gpubourse::app::sequencer::{self, Leading, Running};
use gpubourse::app::{Accounts, App, Clock, ManualClock, SeededIds};
use gpubourse::auth::KeyRing;
use gpubourse::store::Store;
use gpubourse::types::{Minute, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

pub const PASSWORD: &str = "correct horse battery staple";
pub const PRODUCT: &str = "h100-sxm-80gb";

/// When every world is made.
const BEGINNING: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// What registers the pages: what they keep between requests is that of one world.
type Pages = Rc<dyn Fn(&mut ServiceConfig)>;

pub struct World {
    pub api: Data<Api>,
    pub clock: Arc<ManualClock>,
    pub running: Running,
    pages: Pages,
    pub store: Store,
    folder: tempfile::TempDir,
}

/// Somebody with a token and, unless staff, an organization.
#[derive(Debug, Clone)]
pub struct Who {
    pub token: String,
    pub organization: String,
}

/// A market with everything in it.
pub struct Market {
    pub world: World,
    pub provider: Who,
    pub renter: Who,
    pub other: Who,
    pub reseller: Who,
    pub admin: Who,
    pub auditor: Who,
    pub site: String,
    pub listing: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["status"], json!(status));
        assert_eq!(self.body["type"], json!(format!("urn:gpubourse:problem:{code}")));
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"));
        assert!(!self.body["title"].as_str().unwrap().is_empty() && !self.body["detail"].as_str().unwrap().is_empty());
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(Limits::OFF)
    }

    pub fn with(limits: Limits) -> Self {
        let config =
            Config { instance: "test".to_owned(), limits, echo: Echo::On, workers: Some(1), serves_clients: true };
        Self::of(config, None)
    }

    /// A node whose exchange is its own and which is told that another writes.
    pub fn led_by(leading: watch::Receiver<Leading>) -> Self {
        let limits = Limits::OFF;
        let config =
            Config { instance: "test".to_owned(), limits, echo: Echo::On, workers: Some(1), serves_clients: true };
        Self::of(config, Some(leading))
    }

    pub fn of(config: Config, leading: Option<watch::Receiver<Leading>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("market.db").display())).unwrap();
        let clock = Arc::new(ManualClock::at(BEGINNING));
        Self::over(store, folder, clock, &config, leading)
    }

    /// The same market as a server that is started again finds it.
    pub fn restarted(self) -> Self {
        let Self { api, clock, running, pages, store, folder } = self;
        drop((api, pages));
        running.join();
        let limits = Limits::OFF;
        let config =
            Config { instance: "test".to_owned(), limits, echo: Echo::On, workers: Some(1), serves_clients: true };
        Self::over(store, folder, clock, &config, None)
    }

    fn over(
        store: Store,
        folder: tempfile::TempDir,
        clock: Arc<ManualClock>,
        config: &Config,
        leading: Option<watch::Receiver<Leading>>,
    ) -> Self {
        let mut running = sequencer::start(&store, clock.clone()).unwrap();
        if let Some(leading) = leading {
            running.leading = leading;
        }
        let ring = KeyRing::new(&[[7_u8; 32]]).unwrap();
        // A server that is started again draws other ids than before: the database has those.
        let seed = u64::try_from(*running.as_of.borrow()).unwrap() + 1;
        let (ids, reads) = (Arc::new(SeededIds::new(seed)), Arc::new(store.clone()));
        let accounts = Accounts::open(clock.clone(), ids, running.sequencer.clone(), reads, ring).unwrap();
        let app = App::new(store.clone(), &running, Arc::new(accounts)).unwrap();
        let api = Data::new(Api::new(app, config).unwrap());
        let pages: Pages = Rc::new(gpubourse::web::pages());
        Self { api, clock, running, pages, store, folder }
    }

    pub async fn call(&self, request: TestRequest) -> Answer {
        let app = Actix::new()
            .wrap(from_fn(edge))
            .configure(api::configure(&self.api))
            .configure(|config| (self.pages)(config));
        let service = init_service(app).await;
        let response = call_service(&service, request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = read_body(response).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    pub async fn send(&self, who: Option<&Who>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
        if let Some(who) = who {
            request = request.insert_header(("authorization", format!("Bearer {}", who.token)));
        }
        if let Some(body) = body {
            request = request.insert_header(("content-type", "application/json")).set_payload(body.to_string());
        }
        self.call(request).await
    }

    pub async fn get(&self, who: &Who, path: &str) -> Answer {
        self.send(Some(who), "GET", path, None).await
    }

    pub async fn public(&self, path: &str) -> Answer {
        self.send(None, "GET", path, None).await
    }

    pub async fn post(&self, who: &Who, path: &str, body: Value) -> Answer {
        self.send(Some(who), "POST", path, Some(body)).await
    }

    pub async fn patch(&self, who: &Who, path: &str, body: Value) -> Answer {
        self.send(Some(who), "PATCH", path, Some(body)).await
    }

    pub async fn delete(&self, who: &Who, path: &str) -> Answer {
        self.send(Some(who), "DELETE", path, None).await
    }

    pub async fn keyed(&self, who: &Who, path: &str, key: &str, body: Value) -> Answer {
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("authorization", format!("Bearer {}", who.token)))
            .insert_header(("content-type", "application/json"))
            .insert_header(("idempotency-key", key))
            .set_payload(body.to_string());
        self.call(request).await
    }

    pub async fn deposit(&self, admin: &Who, to: &Who, amount: &str, key: &str) -> Answer {
        let body = json!({"organization_id": to.organization, "amount": amount, "reference": key});
        self.keyed(admin, "/v1/admin/deposits", key, body).await
    }

    pub async fn member(&self, name: &str, kind: &str) -> Who {
        let email = format!("{name}@example.com");
        let body = json!({"organization": {"name": name, "kind": kind}, "email": email, "password": PASSWORD});
        let made = self.send(None, "POST", "/v1/auth/register", Some(body)).await.expect(201);
        let organization = made["organization"]["id"].as_str().unwrap().to_owned();
        Who { token: self.login(&email).await, organization }
    }

    pub async fn admin(&self) -> Who {
        let accounts = self.api.app.accounts();
        accounts.create_admin("admin@example.com", PASSWORD.to_owned(), "test").await.unwrap();
        Who { token: self.login("admin@example.com").await, organization: String::new() }
    }

    pub async fn auditor(&self) -> Who {
        let accounts = self.api.app.accounts();
        accounts.create_auditor("auditor@example.com", PASSWORD.to_owned(), "test").await.unwrap();
        Who { token: self.login("auditor@example.com").await, organization: String::new() }
    }

    pub async fn login(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD});
        let tokens = self.send(None, "POST", "/v1/auth/login", Some(body)).await.expect(200);
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    /// An API key of somebody with only some scopes.
    pub async fn key(&self, who: &Who, scopes: &[&str]) -> Who {
        let made = self.post(who, "/v1/api-keys", json!({"name": "bot", "scopes": scopes})).await.expect(201);
        Who { token: made["key"].as_str().unwrap().to_owned(), organization: who.organization.clone() }
    }

    /// The time so many milliseconds from now.
    pub fn clock_in(&self, millis: i64) -> String {
        self.clock.now().plus_millis(millis).to_rfc3339()
    }

    /// The first minute of the first day that was to come when the world was made, wherever the clock is by now.
    pub fn first_day(&self) -> Minute {
        let day = 24 * 60;
        Minute::new((BEGINNING.minute().get() / day + 1) * day)
    }

    /// A time so many minutes after the first day that starts from now.
    pub fn at(&self, minutes: u32) -> String {
        self.first_minute().plus(minutes).to_rfc3339()
    }

    pub fn first_minute(&self) -> Minute {
        let day = 24 * 60;
        Minute::new((self.clock.now().minute().get() / day + 1) * day)
    }
}

impl Market {
    pub async fn open() -> Self {
        let world = World::new();
        let admin = world.admin().await;
        let auditor = world.auditor().await;
        let provider = world.member("provider", "provider").await;
        let renter = world.member("renter", "renter").await;
        let other = world.member("other", "renter").await;
        let reseller = world.member("reseller", "reseller").await;
        let product = json!({"symbol": PRODUCT, "name": "NVIDIA H100 SXM", "fee_bps": 100});
        world.post(&admin, "/v1/admin/products", product).await.expect(201);
        for (number, who) in [&renter, &other, &reseller].into_iter().enumerate() {
            world.deposit(&admin, who, "100000", &format!("opening-{number}")).await.expect(201);
        }
        let site = json!({"name": "Site 1", "region": "us-central1", "country": "US"});
        let site = world.post(&provider, "/v1/sites", site).await.expect(201);
        let site = site["id"].as_str().unwrap().to_owned();
        let body = json!({
            "site_id": site, "product": PRODUCT, "gpus": 64, "start": world.at(0), "end": world.at(30 * 24 * 60),
            "gpus_per_node": 8, "interconnect": "infiniband", "sla_class": "99", "resale_allowed": true,
        });
        let listing = world.post(&provider, "/v1/listings", body).await.expect(201);
        let listing = listing["id"].as_str().unwrap().to_owned();
        Self { world, provider, renter, other, reseller, admin, auditor, site, listing }
    }

    /// The body of an ask of the whole listing.
    pub fn ask(&self, gpus: u32, price: &str) -> Value {
        json!({"side": "ask", "listing_id": self.listing, "gpus": gpus, "price": price})
    }

    /// The body of a bid for hours of the first day.
    pub fn bid(&self, gpus: u32, price: &str, hours: std::ops::Range<u32>) -> Value {
        let (start, end) = (self.world.at(hours.start * 60), self.world.at(hours.end * 60));
        json!({"side": "bid", "product": PRODUCT, "gpus": gpus, "start": start, "end": end, "price": price})
    }

    pub async fn place(&self, who: &Who, body: Value) -> Value {
        self.world.post(who, "/v1/orders", body).await.expect(201)
    }

    /// Sells GPUs to somebody at $2 for the first day and returns the order's fill.
    pub async fn sell_to(&self, who: &Who, gpus: u32) -> Value {
        self.place(&self.provider, self.ask(gpus, "2")).await;
        let bid = self.place(who, self.bid(gpus, "2", 0..24)).await;
        assert_eq!(bid["status"], "filled", "{bid}");
        bid["fills"][0].clone()
    }
}

/// The body with some fields changed; null removes one.
pub fn with(mut body: Value, changes: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    body
}
