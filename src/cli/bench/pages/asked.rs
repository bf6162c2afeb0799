//! What is asked of a server, and as whom.

use serde_json::{Value, json};
use uuid::Uuid;

use super::known::Known;
use crate::app::Role;
use crate::app::clock::{Clock, SystemClock};
use crate::auth::{Claims, KeyRing};
use crate::cli::Failure;
use crate::types::{Minute, OrganizationId, OrganizationKind};

/// What signs the access tokens of the benchmark: nobody else is served.
pub(super) const SECRET: &str = "gpubourse-bench-pages-signs-its-own-tokens";

/// As whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Provider,
    Reseller,
    Renter,
    Admin,
}

/// Something to ask for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Its path; a product's symbol stands for `{symbol}`.
    pub(super) path: String,
    who: Who,
}

/// Those who ask.
pub(super) struct Askers {
    ring: KeyRing,
    known: Known,
    tokens: [String; 4],
}

const PUBLIC: [&str; 22] = [
    "/v1/products",
    "/v1/markets/{symbol}/top",
    "/v1/markets/{symbol}/book",
    "/v1/markets/{symbol}/trades?limit=200",
    "/v1/markets/{symbol}/candles?interval=1h",
    "/v1/markets/{symbol}/candles?interval=1d",
    "/v1/markets/{symbol}/candles?interval=1w",
    "/v1/markets/{symbol}/index",
    "/v1/markets/{symbol}/index?region=us-central1&tenor=day&market=primary",
    "/v1/markets/{symbol}/index/versions",
    "/v1/markets/{symbol}/drawdown",
    "/v1/markets/{symbol}/depth?strip=day&per=hour",
    "/v1/markets/{symbol}/depth?strip=month",
    "/v1/markets/{symbol}/forward-curve",
    "/v1/markets/{symbol}/oversupply",
    "/v1/markets/{symbol}/oversupply?region=europe-west4&horizon_days=365",
    "/v1/markets/{symbol}/stickiness",
    "/v1/markets/{symbol}/sources",
    "/v1/markets/{symbol}/supply",
    "/",
    "/markets/{symbol}",
    "/fall",
];

impl Asked {
    /// Returns everything there is to ask for.
    pub(super) fn all(known: &Known) -> Vec<Self> {
        let public = PUBLIC.iter().map(|path| ((*path).to_owned(), Who::Nobody));
        let (contract, reseller, provider) = (known.contract, known.reseller.id, known.provider.id);
        let private = [
            (format!("/v1/organizations/{provider}/reputation"), Who::Nobody),
            ("/v1/orders?status=open&limit=200".to_owned(), Who::Provider),
            ("/v1/contracts?limit=200".to_owned(), Who::Provider),
            ("/v1/contracts?limit=200".to_owned(), Who::Renter),
            (format!("/v1/organizations/{reseller}/marks"), Who::Reseller),
            (format!("/v1/contracts/{contract}/chain"), Who::Admin),
            ("/v1/admin/contracts?limit=200".to_owned(), Who::Admin),
            ("/v1/admin/journal?limit=200".to_owned(), Who::Admin),
            ("/v1/admin/surveillance?days=30".to_owned(), Who::Admin),
            ("/provider".to_owned(), Who::Provider),
            ("/renter?product=bench-gpu-0".to_owned(), Who::Renter),
            ("/reseller".to_owned(), Who::Reseller),
            (format!("/contracts/{contract}"), Who::Admin),
            ("/admin".to_owned(), Who::Admin),
            ("/admin/journal".to_owned(), Who::Admin),
            ("/admin/surveillance".to_owned(), Who::Admin),
        ];
        public.chain(private).map(|(path, who)| Self { path, who }).collect()
    }

    /// Returns what it is called.
    pub(super) fn name(&self) -> String {
        let path = self.path.replace("/v1/markets/{symbol}", "..").replace("/v1/organizations/", "../organizations/");
        let short = path.split('/').map(|part| if Uuid::try_parse(part).is_ok() { "{id}" } else { part });
        let short = short.collect::<Vec<_>>().join("/");
        match self.who {
            Who::Nobody => short,
            who => format!("{short} ({})", format!("{who:?}").to_lowercase()),
        }
    }
}

impl Askers {
    /// Returns those who ask about a history.
    pub(super) fn new(known: &Known) -> Result<Self, Failure> {
        let ring = KeyRing::new(&[SECRET]).map_err(|error| Failure::new(error.to_string()))?;
        let mut askers = Self { ring, known: known.clone(), tokens: Default::default() };
        askers.renew()?;
        Ok(askers)
    }

    /// Gives everybody another token: each works for a quarter of an hour.
    pub(super) fn renew(&mut self) -> Result<(), Failure> {
        let Known { provider, reseller, renter, .. } = &self.known;
        self.tokens = [
            self.token(Some(provider.number), Role::Member(OrganizationKind::Provider))?,
            self.token(Some(reseller.number), Role::Member(OrganizationKind::Reseller))?,
            self.token(Some(renter.number), Role::Member(OrganizationKind::Renter))?,
            self.token(None, Role::Admin)?,
        ];
        Ok(())
    }

    /// Returns a token of an organization.
    fn token(&self, organization: Option<i64>, role: Role) -> Result<String, Failure> {
        let claims = Claims { user: Uuid::nil(), organization: organization.map(OrganizationId::new), role };
        let signed = self.ring.sign(&claims, SystemClock.now()).map_err(|error| Failure::new(error.to_string()))?;
        Ok(signed.expose().to_owned())
    }

    fn token_of(&self, who: Who) -> Option<&str> {
        let [provider, reseller, renter, admin] = &self.tokens;
        match who {
            Who::Nobody => None,
            Who::Provider => Some(provider),
            Who::Reseller => Some(reseller),
            Who::Renter => Some(renter),
            Who::Admin => Some(admin),
        }
    }

    /// Returns the bytes of a request for something, about the product of a number.
    pub(super) fn get(&self, asked: &Asked, product: usize) -> Vec<u8> {
        let symbol = self.known.symbols.get(product).map(String::as_str).unwrap_or_default();
        let path = asked.path.replace("{symbol}", symbol);
        let credentials = match self.token_of(asked.who) {
            None => String::new(),
            Some(token) if path.starts_with("/v1/") => format!("authorization: Bearer {token}\r\n"),
            Some(token) => format!("cookie: gpubourse_access={token}\r\n"),
        };
        format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{credentials}\r\n").into_bytes()
    }

    /// Returns the bytes of a request that places an order: an ask and a bid in turn, which trade.
    pub(super) fn order(&self, number: u64) -> Vec<u8> {
        let pair = u32::try_from((number / 2) % 96).unwrap_or_default();
        let start = next_hour().plus(pair.saturating_add(1).saturating_mul(60));
        let (start, end) = (start.to_rfc3339(), start.plus(60).to_rfc3339());
        let (who, body) = match number.is_multiple_of(2) {
            true => (
                Who::Provider,
                json!({ "side": "ask", "listing_id": self.known.listing, "gpus": 1, "price": "2.5", "start": start, "end": end }),
            ),
            false => (
                Who::Renter,
                json!({ "side": "bid", "product": self.known.symbols.first(), "gpus": 1, "price": "2.5", "start": start, "end": end }),
            ),
        };
        post(self.token_of(who).unwrap_or_default(), &body)
    }

    /// Returns the bytes of requests that place orders of many renters: bids that stay, and bids that take what there is.
    pub(super) fn writers(&self) -> Result<impl Fn(u64) -> Vec<u8> + Send + Sync + 'static, Failure> {
        let many = i64::from(self.known.renters.min(WRITERS_MAX));
        let role = Role::Member(OrganizationKind::Renter);
        let numbers = (0..many).map(|more| self.known.renter.number.saturating_add(more));
        let tokens = numbers.map(|number| self.token(Some(number), role)).collect::<Result<Vec<_>, _>>()?;
        let (symbols, now) = (self.known.symbols.clone(), next_hour());
        Ok(move |number: u64| {
            let at = |len: usize| usize::try_from(number / 2).unwrap_or_default().checked_rem(len).unwrap_or_default();
            let token = tokens.get(at(tokens.len())).map(String::as_str).unwrap_or_default();
            let symbol = symbols.get(at(symbols.len())).map(String::as_str).unwrap_or_default();
            let hours = |bound: u64| u32::try_from(number % bound).unwrap_or_default().saturating_mul(60);
            let (start, price, stays) = match number.is_multiple_of(2) {
                true => (now.plus(hours(2_000)).plus(DAY), "0.2", "gtc"),
                false => (now.plus(hours(40)).plus(60), "9", "ioc"),
            };
            let (start, end) = (start.to_rfc3339(), start.plus(120).to_rfc3339());
            let body = json!({
                "side": "bid", "product": symbol, "gpus": 1, "price": price, "start": start, "end": end,
                "time_in_force": stays,
            });
            post(token, &body)
        })
    }
}

/// Renters whose orders are placed beside a reader.
const WRITERS_MAX: u32 = 500;
const DAY: u32 = 24 * 60;

fn next_hour() -> Minute {
    let now = SystemClock.now().minute().get();
    Minute::new(now.saturating_sub(now.checked_rem(60).unwrap_or_default())).plus(60)
}

fn post(token: &str, body: &Value) -> Vec<u8> {
    crate::cli::bench::http::request::post("/v1/orders", token, body)
}
