//! The audit bundle of a contract: one file that tells its story and can be checked without the database.
//!
//! `docs/audit-bundle.md` says what each part proves, and what only the database, or a hash noted elsewhere, can prove.

mod check;
mod export;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use check::{Findings, check};
pub use export::{ExportError, export};

use super::verify::Anchor;
use crate::exchange::delivery::Delivery;
use crate::exchange::entities::{
    Contract, Counters, Listing, Order, Organization, Product, Purse, Site, Tape, Trade, Transfer,
};
use crate::exchange::terms::ContractTerms;
use crate::exchange::{Event, Snapshot};
use crate::store::JournalRow;
use crate::types::{ContractId, OrganizationId, ProductId, Timestamp, hex};

/// The form of bundle this program writes.
pub const VERSION: u32 = 1;

/// The story of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`VERSION`].
    pub version: u32,
    /// The head of the chain as of which it was made.
    pub head: Head,
    /// The offer: the listing, its site and its product.
    pub offer: Offer,
    /// The ask and the bid, as they stand.
    pub orders: [Order; 2],
    /// What the match was made from.
    pub book: BookBefore,
    /// The journal row that made the trade.
    pub traded_by: i64,
    /// The trade.
    pub trade: Trade,
    /// The contract as it was made.
    pub made: Contract,
    /// The contract as it stands.
    pub contract: Contract,
    /// The contracts above it, the first sale first.
    pub above: Vec<Contract>,
    /// What was sold out of it.
    pub below: Vec<Contract>,
    /// What became of it, if anything has.
    pub delivery: Option<Delivery>,
    /// The terms of its delivery, if there are.
    pub terms: Option<ContractTerms>,
    /// What moved for it and for its bid.
    pub transfers: Vec<Transfer>,
    /// The journal rows that made, changed or named any of it.
    pub rows: Vec<Row>,
}

/// A row of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its place.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

/// What was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The capacity.
    pub listing: Listing,
    /// Where it stands.
    pub site: Site,
    /// What it is.
    pub product: Product,
}

/// All of the exchange's state that the match could depend on: everything of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookBefore {
    /// The clock and the next numbers.
    pub counters: Counters,
    /// The product.
    pub product: Product,
    /// Whoever has an order, a listing or a contract of it.
    pub organizations: Vec<Organization>,
    /// What they have.
    pub purses: Vec<(OrganizationId, Purse)>,
    /// The sites of its listings.
    pub sites: Vec<Site>,
    /// Its listings.
    pub listings: Vec<Listing>,
    /// Its open orders.
    pub orders: Vec<Arc<Order>>,
    /// Its live contracts.
    pub contracts: Vec<Arc<Contract>>,
    /// What has become of them.
    pub deliveries: Vec<(ContractId, Arc<Delivery>)>,
    /// Terms of delivery by version.
    pub terms: Vec<(u32, ContractTerms)>,
    /// Its last trade.
    pub tape: Option<Tape>,
    /// The other products and their last trades, if time made the match: it moves them all, and numbers what it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<(Product, Option<Tape>)>,
}

/// Whose orders, listings and contracts a match could depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Products {
    One,
    All,
}

/// A journal row with the hash it was chained to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its place.
    pub sequence: i64,
    /// When it was sequenced.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// Under which request.
    pub request_id: String,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The command, letter by letter as it was hashed.
    pub command: String,
    /// What came of it.
    pub outcome: String,
    /// The digest of the state after it, on the last row of each batch.
    pub digest: Option<String>,
    /// The hash of the row before it.
    pub previous_hash: String,
    /// Its own.
    pub hash: String,
    /// What it did, as far as it concerns the contract.
    pub events: Vec<Event>,
}

/// A bundle as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The bundle.
    pub bundle: Bundle,
    /// SHA-256 of the bundle's text: finds what happened to the file by accident, and is short enough to be noted.
    pub seal: String,
}

impl Sealed {
    /// Seals a bundle.
    ///
    /// # Errors
    /// If it cannot be written: a bug.
    pub fn of(bundle: Bundle) -> serde_json::Result<Self> {
        let seal = seal(&bundle)?;
        Ok(Self { bundle, seal })
    }
}

/// Returns the seal of a bundle.
fn seal(bundle: &Bundle) -> serde_json::Result<String> {
    Ok(hex(&Sha256::digest(serde_json::to_vec(bundle)?)))
}

/// Reads a hash.
fn hash_of(text: &str) -> Option<[u8; 32]> {
    let anchor = Anchor::parse(&format!("0:{text}"))?;
    (hex(&anchor.hash) == text).then_some(anchor.hash)
}

impl Row {
    fn of(row: &JournalRow, previous: &[u8; 32], events: Vec<Event>) -> Self {
        Self {
            sequence: row.sequence,
            at: row.at,
            actor: row.actor.clone(),
            request_id: row.request_id.clone(),
            idempotency_key: row.idempotency_key.clone(),
            command: row.command.clone(),
            outcome: row.outcome.clone(),
            digest: row.digest.map(|digest| format!("{digest:032x}")),
            previous_hash: hex(previous),
            hash: hex(&row.hash),
            events,
        }
    }

    /// Returns the row as the journal has it and the hash before it; nothing if what should be hashes are none.
    fn journal(&self) -> Option<(JournalRow, [u8; 32])> {
        let digest = match &self.digest {
            None => None,
            Some(text) => {
                let digest = u128::from_str_radix(text, 16).ok()?;
                Some(digest).filter(|digest| format!("{digest:032x}") == *text).map(Some)?
            }
        };
        let row = JournalRow {
            sequence: self.sequence,
            at: self.at,
            actor: self.actor.clone(),
            request_id: self.request_id.clone(),
            idempotency_key: self.idempotency_key.clone(),
            command: self.command.clone(),
            outcome: self.outcome.clone(),
            digest,
            hash: hash_of(&self.hash)?,
        };
        Some((row, hash_of(&self.previous_hash)?))
    }
}

impl BookBefore {
    /// Returns what of a state is of a product; nothing if there is no such product.
    fn of(snapshot: Snapshot, product: ProductId, scope: Products) -> Option<Self> {
        let concerns = |id: ProductId| scope == Products::All || id == product;
        let listings: Vec<Listing> = snapshot.listings.into_iter().filter(|row| concerns(row.product)).collect();
        let orders: Vec<_> = snapshot.orders.into_iter().filter(|row| concerns(row.product)).collect();
        let contracts: Vec<_> = snapshot.contracts.into_iter().filter(|row| concerns(row.product)).collect();
        let has_delivery = |id: ContractId| contracts.binary_search_by_key(&id, |row| row.id).is_ok();
        let deliveries = snapshot.deliveries.into_iter().filter(|(id, _)| has_delivery(*id)).collect();
        let sites = snapshot.sites.into_iter().filter(|site| listings.iter().any(|row| row.site == site.id)).collect();
        let tape_of = |of: ProductId| snapshot.tapes.iter().find(|(id, _)| *id == of).map(|(_, tape)| *tape);
        let tape = tape_of(product);
        let (own, others): (Vec<_>, Vec<_>) = snapshot.products.into_iter().partition(|row| row.id == product);
        let others = others.into_iter().filter(|row| concerns(row.id)).map(|row| (tape_of(row.id), row));
        let others = others.map(|(tape, row)| (row, tape)).collect();
        Some(Self {
            counters: snapshot.counters,
            product: own.into_iter().next()?,
            // Whoever places the order that trades need not have had anything before.
            organizations: snapshot.organizations,
            purses: snapshot.purses,
            sites,
            listings,
            orders,
            contracts,
            deliveries,
            terms: snapshot.terms,
            tape,
            others,
        })
    }

    /// Leaves out whoever has nothing to do with the product and did not ask for the trade.
    fn without_others(mut self, asking: [OrganizationId; 2]) -> Self {
        let mut kept: std::collections::BTreeSet<OrganizationId> = asking.into_iter().collect();
        kept.insert(OrganizationId::EXCHANGE);
        kept.extend(self.orders.iter().map(|row| row.organization));
        kept.extend(self.listings.iter().map(|row| row.organization));
        kept.extend(self.contracts.iter().flat_map(|row| [row.seller, row.buyer]));
        self.organizations.retain(|row| kept.contains(&row.id));
        self.purses.retain(|(id, _)| kept.contains(id));
        self
    }

    /// Returns the state as an exchange is restored from.
    fn snapshot(&self) -> Snapshot {
        let all = || {
            let others = self.others.iter().map(|(product, tape)| (product, *tape));
            std::iter::once((&self.product, self.tape)).chain(others)
        };
        let mut products: Vec<Product> = all().map(|(product, _)| product.clone()).collect();
        products.sort_by_key(|product| product.id);
        Snapshot {
            counters: self.counters,
            organizations: self.organizations.clone(),
            products,
            sites: self.sites.clone(),
            listings: self.listings.clone(),
            orders: self.orders.clone(),
            contracts: self.contracts.clone(),
            deliveries: self.deliveries.clone(),
            terms: self.terms.clone(),
            purses: self.purses.clone(),
            tapes: all().filter_map(|(product, tape)| tape.map(|tape| (product.id, tape))).collect(),
            ..Snapshot::default()
        }
    }
}

/// What an event has to do with: a contract, its two orders, and what it was offered out of.
#[derive(Debug, Clone, Copy)]
struct Concern<'a> {
    made: &'a Contract,
    orders: [crate::types::OrderId; 2],
}

impl Concern<'_> {
    /// Tells whether an event concerns the contract.
    fn event(self, event: &Event) -> bool {
        let id = self.made.id;
        match event {
            Event::ContractMoved { contract, .. }
            | Event::ContractPassed { contract, .. }
            | Event::AccessDelivered { contract }
            | Event::Metered { contract }
            | Event::MeterRefused { contract, .. }
            | Event::DisputeOpened { contract, .. }
            | Event::DisputeClosed { contract, .. }
            | Event::CreditOwed { contract, .. }
            | Event::NoticeGiven { contract, .. }
            | Event::DrawMissing { contract, .. }
            | Event::CoverPlaced { contract, .. }
            | Event::CoverNotPlaced { contract, .. }
            | Event::RecallProposed { contract } => *contract == id,
            Event::ContractTakenOver { contract, from } => *contract == id || *from == id,
            Event::Transferred { transfer } => self.transfer(transfer),
            Event::Traded { contract, .. } => {
                contract.id == id || contract.source == crate::types::Source::Contract(id)
            }
            Event::OrderPlaced { order } | Event::OrderAmended { order } => self.orders.contains(&order.id),
            Event::OrderEnded { order, .. } => self.orders.contains(order),
            Event::ListingCreated { listing } | Event::ListingAmended { listing } => *listing == self.made.listing,
            Event::ProductCreated { product } => *product == self.made.product,
            Event::SiteCreated { site } => *site == self.made.site,
            Event::TermsPublished { version } => *version == self.made.terms,
            _ => false,
        }
    }

    /// Tells whether money moved for the contract or for its bid.
    fn transfer(self, transfer: &Transfer) -> bool {
        let [_, bid] = self.orders;
        transfer.cause.contract() == Some(self.made.id) || transfer.cause.order() == Some(bid)
    }
}
