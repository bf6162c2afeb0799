//! The pure exchange: a [`Command`] in, [`Event`]s or a [`Reject`] out.
//!
//! Matching, capacity, money and contracts are one state machine. It is judged and changed by one thread,
//! in order; what a batch changed is collected in [`Changes`] for the store and the view.
//!
//! Invariant: no clock, no randomness, no I/O, no floats. Time is moved by [`Command::Advance`] alone.
//! Invariant: refusals come before the first change, so a rejected command changes nothing.
//! Invariant: the same commands give the same events and the same digest, whatever the batches.

mod amend;
pub mod bonds;
pub mod book;
mod capacity;
mod catalogue;
pub mod changes;
pub mod command;
mod contracts;
mod cover;
pub mod delivery;
mod due;
pub mod entities;
pub mod event;
pub mod fixes;
pub mod funding;
mod index;
pub mod journal;
mod judge;
mod ledger;
pub mod life;
mod memory;
pub mod novation;
mod offer;
mod paged;
mod place;
pub mod ranks;
pub mod reject;
pub mod rights;
mod state;
mod table;
pub mod terms;
mod time;
mod trading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use book::{Book, IndexedBook, NaiveBook};
pub use catalogue::check_text;
pub use changes::{Changes, Outcome, Preview, Snapshot};
pub use command::{
    Access, AmendOrder, BidWindow, Command, Envelope, MeterReport, MeterRun, PlaceAsk, PlaceBid, Requirements, Terms,
};
pub use event::{Event, Made};
pub use journal::{NotCommand, canonical_command, parse_command};
pub use judge::check_price;
pub use reject::Reject;

use book::Place;
use capacity::Capacity;
use delivery::Delivery;
use due::Due;
use entities::{
    Cause, ClientOrder, Contract, Counters, Listing, Order, Organization, Product, Purse, RememberedKey, Site, Tape,
};
use index::{Index, OutOf};
use paged::Paged;
use table::Table;
use terms::ContractTerms;

use crate::types::{
    ContractId, ListingId, Minute, OrderId, OrganizationId, ProductId, SiteId, Symbol, Timestamp, Window,
};

/// The rules this program knows.
pub const RULES: u32 = 1;

/// Why a command did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The exchange refuses; nothing has changed.
    #[error("refused: {}", .0.code())]
    Reject(Reject),
    /// An impossible state, by name: the state must be thrown away and rebuilt from the store.
    #[error("broken invariant: {0}")]
    Invariant(&'static str),
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// The state machine, over one kind of book.
#[derive(Debug)]
pub struct Exchange<B = IndexedBook> {
    counters: Counters,
    organizations: Table<OrganizationId, Organization>,
    products: Table<ProductId, Product>,
    sites: Table<SiteId, Site>,
    listings: Table<ListingId, Listing>,
    /// The open ones.
    orders: Table<OrderId, Order>,
    /// The live ones.
    contracts: Table<ContractId, Contract>,
    /// Those that ended and are not settled.
    unsettled: Table<ContractId, Contract>,
    /// Those with open slots.
    deliveries: Table<ContractId, Delivery>,
    /// All of them, by version.
    terms: Table<u32, ContractTerms>,
    purses: Table<OrganizationId, Purse>,
    tapes: Table<ProductId, Tape>,
    client_orders: Table<(OrganizationId, String), ClientOrder>,
    keys: Table<(String, String), RememberedKey>,
    // What follows from the tables.
    terms_version: u32,
    delivery_ids: BTreeSet<ContractId>,
    symbols: BTreeMap<Symbol, ProductId>,
    books: BTreeMap<ProductId, B>,
    due: Due,
    capacity: Capacity,
    /// What most bids require.
    no_requirements: Arc<Requirements>,
    /// What a book is told of the capacity of each listing: sold first-hand, and resold.
    places: Paged<ListingId, [Arc<Place>; 2]>,
    orders_of: Index<OrganizationId, OrderId>,
    asks_out_of: OutOf<OrderId>,
    sold_out_of: OutOf<ContractId>,
    // What the command and the batch at hand have done so far.
    events: Vec<Event>,
    changes: Changes,
}

impl<B: Book> Exchange<B> {
    /// Executes a command.
    ///
    /// # Errors
    /// [`Failure::Reject`] with nothing changed; [`Failure::Invariant`] if the state is broken.
    pub fn execute(&mut self, envelope: &Envelope) -> Result<Outcome, Failure> {
        let fingerprint = match self.remembered(envelope)? {
            memory::Key::None => None,
            memory::Key::Repeat(made) => return Ok(self.replayed(made)),
            memory::Key::New(fingerprint) => Some(fingerprint),
        };
        let result = self.dispatch(envelope);
        let events = std::mem::take(&mut self.events);
        let (made, order) = match result {
            Ok(done) => done,
            Err(Failure::Reject(_)) if !events.is_empty() => return Err(Failure::Invariant("rejected_after_change")),
            Err(failure) => return Err(failure),
        };
        if let Some(fingerprint) = fingerprint {
            self.remember(envelope, fingerprint, made);
        }
        let replayed = matches!(events.first(), Some(Event::Replayed { .. }));
        Ok(Outcome { events, made, replayed, order })
    }

    fn dispatch(&mut self, envelope: &Envelope) -> Result<(Made, Option<Arc<Order>>), Failure> {
        let at = envelope.at;
        let made = match &envelope.command {
            Command::PlaceAsk(ask) => return self.place_ask(at, ask),
            Command::PlaceBid(bid) => return self.place_bid(at, bid),
            Command::AmendOrder(amend) => return self.amend_order(at, amend),
            Command::CancelOrder { organization, order } => return self.cancel_order(at, *organization, *order),
            Command::CancelAll { organization, product, side } => {
                self.cancel_all(at, *organization, *product, *side)?
            }
            Command::Advance { now } => self.advance(at, *now)?,
            Command::RegisterOrganization { name, organization_kind } => {
                self.register_organization(at, name, *organization_kind)?
            }
            Command::SuspendOrganization { organization, suspended } => {
                self.suspend_organization(at, *organization, *suspended)?
            }
            Command::SetTier { organization, tier } => self.set_tier(at, *organization, *tier)?,
            Command::PublishScores { scores } => self.publish_scores(at, scores)?,
            Command::PublishFixes { as_of, fixes } => self.publish_fixes(at, *as_of, fixes)?,
            command @ Command::CreateProduct { .. } => self.create_product(at, command)?,
            Command::HaltProduct { product, halted } => self.halt_product(at, *product, *halted)?,
            command @ Command::CreateSite { .. } => self.create_site(at, command)?,
            command @ Command::CreateListing { .. } => self.create_listing(at, command)?,
            Command::AmendListing { organization, listing, gpus, start, end } => {
                self.amend_listing(*organization, *listing, *gpus, (*start, *end))?
            }
            Command::Deposit { organization, amount, reference } => {
                let id = self.move_outside(at, *organization, *amount, reference, Cause::Deposit)?;
                Made::Transfer(id, *amount)
            }
            Command::Withdraw { organization, amount, reference } => {
                let id = self.move_outside(at, *organization, *amount, reference, Cause::Withdrawal)?;
                Made::Transfer(id, *amount)
            }
            Command::EndContract { contract, status, fault, reason } => {
                self.end_contract(at, *contract, (*status, *fault), reason)?
            }
            Command::PublishTerms(terms) => self.publish_terms(terms)?,
            Command::Settle { after, limit } => self.settle_contracts(at, *after, *limit)?,
            Command::DeclareDefault { organization, contract, reason } => {
                self.declare_default(at, *organization, *contract, reason)?
            }
            Command::GiveNotice { organization, contract, reason } => {
                self.give_notice(at, *organization, *contract, reason)?
            }
            Command::ProposeRecall { contract, reason } => self.propose_recall(&envelope.actor, *contract, reason)?,
            Command::ConfirmRecall { contract } => self.confirm_recall(at, &envelope.actor, *contract)?,
            Command::SetRules { rules } => self.set_rules(*rules)?,
            Command::Note { subject, id, verb } => self.note([subject, id, verb])?,
            delivery => self.deliver(delivery)?,
        };
        Ok((made, None))
    }

    /// Executes what is said between the start of a contract and its settlement.
    fn deliver(&mut self, command: &Command) -> Result<Made, Failure> {
        match command {
            Command::RegisterAccessKey { organization, key } => self.register_access_key(*organization, key),
            Command::DeclareReady { organization, contract } => self.declare_ready(*organization, *contract),
            Command::DeliverAccess { organization, contract, access } => {
                self.deliver_access(*organization, *contract, access)
            }
            Command::AcceptDelivery { organization, contract } => self.accept_delivery(*organization, *contract),
            Command::ObjectDelivery { organization, contract, reason } => {
                self.object_delivery(*organization, *contract, reason)
            }
            Command::Meter { organization, reports } => self.meter(*organization, reports),
            Command::AddEvidence { organization, contract, start, end, evidence } => {
                self.add_evidence(*organization, *contract, Window::new(*start, *end), evidence)
            }
            Command::DecideDispute { contract, start, end, gpus_up, reason } => {
                self.decide_dispute(*contract, Window::new(*start, *end), *gpus_up, reason)
            }
            _ => Err(Failure::Invariant("command_not_dispatched")),
        }
    }

    fn set_rules(&mut self, rules: u32) -> Result<Made, Failure> {
        if rules != RULES {
            return Err(Reject::UnknownRules.into());
        }
        self.counters.rules = rules;
        self.events.push(Event::RulesSet { rules });
        Ok(Made::Nothing)
    }

    fn note(&mut self, texts: [&str; 3]) -> Result<Made, Failure> {
        texts.into_iter().try_for_each(catalogue::check_text)?;
        self.events.push(Event::Noted);
        Ok(Made::Nothing)
    }

    /// The first minute a window may start in.
    fn first_open(&self) -> Minute {
        self.counters.now.first_open_minute()
    }

    fn now(&self) -> Timestamp {
        self.counters.now
    }

    fn book(&self, product: ProductId) -> Result<&B, Failure> {
        self.books.get(&product).ok_or(Failure::Invariant("book_missing"))
    }

    fn book_mut(&mut self, product: ProductId) -> Result<&mut B, Failure> {
        self.books.get_mut(&product).ok_or(Failure::Invariant("book_missing"))
    }
}
