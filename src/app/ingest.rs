//! Bringing imported data in: quotes into the store, planned offers into the exchange.
//!
//! Invariant: bringing the same thing in twice changes nothing. Quotes are told apart by their content key;
//! each offer's listing and ask are noted under the offer's name in the same transaction as their command.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::sequencer::Before;
use super::{AppError, Live, Receipt, Sequencer, Side, Submission};
use crate::exchange::{Command, Made, PlaceAsk, Terms};
use crate::importers::Quote;
use crate::importers::plan::{Plan, PlannedListing, PlannedSite};
use crate::store::quotes::{self, NewQuote};
use crate::store::{get_meta, set_meta};
use crate::types::limits::SIDE_ROWS_MAX;
use crate::types::{ListingId, OrganizationId, OrganizationKind, Price, ProductId, SiteId, Source, Symbol, hex};

/// The price grid of products that an import makes: $0.001.
pub const TICK: Price = Price::from_micros(1_000);
/// The seller's fee of products that an import makes: 1 %.
pub const FEE_BPS: u32 = 100;

/// Refusals of asks, as they are shown.
pub type RefusedAsks = Vec<(String, &'static str)>;

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ingested {
    /// Products made.
    pub products: u64,
    /// Organizations made.
    pub organizations: u64,
    /// Sites made.
    pub sites: u64,
    /// Listings made.
    pub listings: u64,
    /// Asks placed.
    pub asks: u64,
    /// Offers that were there already.
    pub known: u64,
    /// Asks the exchange refused: the offer's name and the code.
    pub refused: RefusedAsks,
}

/// Brings data in through the writer.
#[derive(Clone)]
pub struct Ingest {
    sequencer: Sequencer,
    live: Live,
    /// Who does it, as the journal records it.
    actor: String,
}

impl Ingest {
    /// Returns the way in for an actor.
    pub const fn new(sequencer: Sequencer, live: Live, actor: String) -> Self {
        Self { sequencer, live, actor }
    }

    /// Stores quotes and returns how many were new.
    ///
    /// # Errors
    /// [`AppError::NotApplied`], [`AppError::Unknown`] or [`AppError::Internal`] if the store cannot take them.
    pub async fn quotes(&self, found: &[Quote]) -> Result<usize, AppError> {
        let mut new = 0usize;
        for rows in found.chunks(SIDE_ROWS_MAX) {
            let rows: Vec<NewQuote> = rows.iter().map(new_quote).collect();
            let side = Side { submission: None, before: None };
            let inserted = self.sequencer.side(side, move |db, _| Ok(quotes::insert(db, &rows)?)).await?;
            new = new.saturating_add(inserted);
        }
        Ok(new)
    }

    /// Turns a plan into organizations, sites, listings and asks; `progress` hears of every listing.
    ///
    /// # Errors
    /// What the writer answers; refusals of single asks are in [`Ingested::refused`].
    pub async fn plan(&self, plan: &Plan, mut progress: impl FnMut(usize, usize)) -> Result<Ingested, AppError> {
        let mut done = Ingested::default();
        let mut products = BTreeMap::new();
        for symbol in &plan.products {
            products.insert(symbol.clone(), self.product(symbol, &mut done).await?);
        }
        let mut organizations = Vec::new();
        for name in &plan.organizations {
            organizations.push(self.organization(name, &mut done).await?);
        }
        let mut sites = Vec::new();
        for site in &plan.sites {
            let owner = organizations.get(site.organization).copied().ok_or_else(|| broken("organization"))?;
            sites.push((owner, self.site(owner, site, &mut done).await?));
        }
        for (index, listing) in plan.listings.iter().enumerate() {
            let (owner, site) = sites.get(listing.site).copied().ok_or_else(|| broken("site"))?;
            let product = products.get(&listing.product).copied().ok_or_else(|| broken("product"))?;
            let listed = self.listing(owner, site, product, listing, &mut done).await?;
            self.ask(owner, listed, listing, &mut done).await?;
            progress(index.saturating_add(1), plan.listings.len());
        }
        Ok(done)
    }

    async fn product(&self, symbol: &Symbol, done: &mut Ingested) -> Result<ProductId, AppError> {
        if let Some(id) = self.live.read(|view| view.symbols.get(symbol).copied()) {
            return Ok(id);
        }
        let command =
            Command::CreateProduct { symbol: symbol.clone(), name: symbol.to_string(), tick: TICK, fee_bps: FEE_BPS };
        let Made::Product(id) = self.submit(command).await?.outcome.made else { return Err(broken("product")) };
        done.products = done.products.saturating_add(1);
        Ok(id)
    }

    async fn organization(&self, name: &str, done: &mut Ingested) -> Result<OrganizationId, AppError> {
        let key = format!("import:organization:{name}");
        let command =
            Command::RegisterOrganization { name: name.to_owned(), organization_kind: OrganizationKind::Provider };
        let (number, new) = self.once(key, command).await?;
        done.organizations = done.organizations.saturating_add(u64::from(new));
        Ok(OrganizationId::new(number))
    }

    async fn site(&self, owner: OrganizationId, site: &PlannedSite, done: &mut Ingested) -> Result<SiteId, AppError> {
        let key = format!("import:site:{owner}:{}:{}:{}", site.name, site.region, site.country);
        let command = Command::CreateSite {
            organization: owner,
            name: site.name.clone(),
            region: site.region.clone(),
            country: site.country.clone(),
            power_w: None,
            pue_milli: None,
        };
        let (number, new) = self.once(key, command).await?;
        done.sites = done.sites.saturating_add(u64::from(new));
        Ok(SiteId::new(number))
    }

    async fn listing(
        &self,
        owner: OrganizationId,
        site: SiteId,
        product: ProductId,
        listing: &PlannedListing,
        done: &mut Ingested,
    ) -> Result<ListingId, AppError> {
        let command = Command::CreateListing {
            organization: owner,
            site,
            product,
            gpus: listing.gpus,
            start: listing.start,
            end: listing.end,
            gpus_per_node: listing.gpus_per_node,
            interconnect: listing.interconnect,
            sla_class: listing.sla_class,
            resale_allowed: true,
            rights: crate::exchange::rights::Rights::default(),
        };
        let (number, new) = self.once(format!("import:listing:{owner}:{}", listing.external_id), command).await?;
        done.listings = done.listings.saturating_add(u64::from(new));
        done.known = done.known.saturating_add(u64::from(!new));
        Ok(ListingId::new(number))
    }

    async fn ask(
        &self,
        owner: OrganizationId,
        source: ListingId,
        listing: &PlannedListing,
        done: &mut Ingested,
    ) -> Result<(), AppError> {
        let command = Command::PlaceAsk(PlaceAsk {
            organization: owner,
            source: Source::Listing(source),
            gpus: listing.gpus,
            start: None,
            end: None,
            price: listing.price,
            lot: Some(listing.lot),
            min_minutes: None,
            lead_minutes: 0,
            terms: Terms::default(),
        });
        match self.once(format!("import:ask:{owner}:{}", listing.external_id), command).await {
            Ok((_, new)) => done.asks = done.asks.saturating_add(u64::from(new)),
            Err(AppError::Reject(reject)) => done.refused.push((listing.external_id.clone(), reject.code())),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Submits a command unless it was submitted under this key before; returns the number of what it made, and
    /// whether it was made now.
    ///
    /// # Errors
    /// What the exchange refuses, or the writer answers.
    pub async fn once(&self, key: String, command: Command) -> Result<(i64, bool), AppError> {
        let (known, tell) = (std::sync::mpsc::channel(), key.clone());
        let (found, seen) = known;
        let before: Before = Box::new(move |db| match get_meta(db, &key)? {
            None => Ok(()),
            Some(number) => {
                // Whoever waits reads the number; the refusal only keeps the command from being executed.
                drop(found.send(number));
                Err(AppError::Conflict("known"))
            }
        });
        let side = Side { submission: Some(self.submission(command)), before: Some(before) };
        let run = move |db: &mut crate::store::Db, receipt: Option<&Receipt>| {
            let number = receipt.and_then(|receipt| number_of(receipt.outcome.made)).ok_or_else(|| broken("number"))?;
            set_meta(db, &tell, &number.to_string())?;
            Ok(number)
        };
        match self.sequencer.side(side, run).await {
            Ok(number) => Ok((number, true)),
            Err(AppError::Conflict("known")) => {
                let number = seen.try_recv().map_err(|_| broken("known number"))?;
                number.parse().map(|number| (number, false)).map_err(|_| broken("known number"))
            }
            Err(error) => Err(error),
        }
    }

    async fn submit(&self, command: Command) -> Result<Receipt, AppError> {
        self.sequencer.submit(self.submission(command)).await
    }

    fn submission(&self, command: Command) -> Submission {
        Submission { actor: self.actor.clone(), request_id: "import".to_owned(), idempotency_key: None, command }
    }
}

const fn number_of(made: Made) -> Option<i64> {
    match made {
        Made::Order(id) => Some(id.number()),
        Made::Organization(id) => Some(id.number()),
        Made::Product(id) => Some(id.number()),
        Made::Site(id) => Some(id.number()),
        Made::Listing(id) => Some(id.number()),
        Made::Contract(id) => Some(id.number()),
        Made::Transfer(id, _) => Some(id.number()),
        Made::Nothing => None,
    }
}

fn broken(what: &str) -> AppError {
    AppError::Internal(format!("an import lost its {what}"))
}

/// Returns a quote as the store keeps it.
fn new_quote(quote: &Quote) -> NewQuote {
    NewQuote {
        source: quote.source.clone(),
        kind: quote.kind.as_str().to_owned(),
        term: quote.term.clone().unwrap_or_default(),
        product: quote.product.to_string(),
        region: quote.region.as_deref().map(printable),
        observed_at: quote.observed_at,
        fetched_at: quote.fetched_at,
        raw_price: printable(&quote.raw_price),
        raw_unit: quote.raw_unit.as_str().to_owned(),
        raw_count: quote.raw_count,
        price: quote.price,
        stale: quote.stale,
        outlier: quote.outlier,
        note: printable(&quote.note),
        content_key: content_hash(&quote.content_key),
    }
}

/// Foreign text without characters that a database may refuse.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A key as long as any other, whatever it stands for: the databases keep an index over it.
fn content_hash(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}
