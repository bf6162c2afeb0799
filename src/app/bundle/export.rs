//! A bundle is taken from the journal alone: every row is checked against the chain and replayed up to the head.

use std::sync::Arc;

use super::{BookBefore, Bundle, Concern, Head, Offer, Products, Row, VERSION};
use crate::app::contracts::{children, parents};
use crate::app::replay;
use crate::exchange::delivery::Delivery;
use crate::exchange::entities::{Contract, Order, Trade};
use crate::exchange::{Changes, Command, Event, Exchange};
use crate::store::verify::chain;
use crate::store::{JournalRow, Reader, Store, StoreError, read};
use crate::types::{ContractId, Source, hex};

/// Journal rows read at a time.
const PAGE_ROWS: u32 = 2_000;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such contract.
    #[error("there is no contract {0}")]
    NoContract(ContractId),
    /// The journal does not say what it should: `gpubourse verify` tells more.
    #[error("the journal cannot be replayed; run `gpubourse verify`: sequence {sequence}: {what}")]
    Journal {
        /// The first bad row.
        sequence: i64,
        /// What is wrong with it.
        what: String,
    },
    /// What the database said.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the bundle of a contract.
///
/// # Errors
/// [`ExportError`]
pub fn export(store: &Store, contract: ContractId) -> Result<Bundle, ExportError> {
    let mut reader = store.reader()?;
    let missing = || ExportError::NoContract(contract);
    let stands = read::contracts::get(&mut reader, contract)?.ok_or_else(missing)?;
    let trade = read::trades::get(&mut reader, stands.trade)?.ok_or_else(missing)?;
    let mut replay = Replay::of(&stands, trade);
    replay.run(&mut reader)?;
    replay.finish(&mut reader)
}

/// The journal as it is replayed, and what of it concerns the contract.
struct Replay {
    exchange: Exchange,
    sequence: i64,
    hash: [u8; 32],
    /// As the tables say it was made; what changes is taken from the replay.
    wanted: Contract,
    trade: Trade,
    book: Option<(i64, BookBefore)>,
    made: Option<Arc<Contract>>,
    contract: Option<Arc<Contract>>,
    orders: [Option<Arc<Order>>; 2],
    delivery: Option<Arc<Delivery>>,
    rows: Vec<Row>,
}

impl Replay {
    fn of(contract: &Contract, trade: Trade) -> Self {
        Self {
            exchange: Exchange::new(),
            sequence: 0,
            hash: [0; 32],
            wanted: contract.clone(),
            trade,
            book: None,
            made: None,
            contract: None,
            orders: [None, None],
            delivery: None,
            rows: Vec::new(),
        }
    }

    fn run(&mut self, reader: &mut Reader) -> Result<(), ExportError> {
        loop {
            let page = chain(reader.db(), self.sequence, self.hash, PAGE_ROWS)?;
            for row in &page.rows {
                self.row(row).map_err(|what| ExportError::Journal { sequence: row.sequence, what })?;
                (self.sequence, self.hash) = (row.sequence, row.hash);
            }
            if let Some(broken) = page.broken {
                return Err(ExportError::Journal { sequence: broken.sequence, what: broken.what });
            }
            if page.rows.is_empty() {
                return Ok(());
            }
        }
    }

    fn row(&mut self, row: &JournalRow) -> Result<(), String> {
        let envelope = replay::envelope(row).map_err(|error| error.to_string())?;
        let before = self.may_trade(row, &envelope.command).then(|| self.exchange.snapshot());
        let result = self.exchange.execute(&envelope);
        let outcome = replay::outcome(&result).map_err(str::to_owned)?;
        if outcome != row.outcome {
            return Err(format!("the replay comes to {outcome:?}, recorded is {:?}", row.outcome));
        }
        let concern = Concern { made: &self.wanted, orders: [self.trade.ask, self.trade.bid] };
        let mut events = result.map(|outcome| outcome.events).unwrap_or_default();
        events.retain(|event| concern.event(event));
        for event in &events {
            if let Event::Traded { contract, .. } = event
                && contract.id == self.wanted.id
            {
                self.made = Some(Arc::clone(contract));
                let scope = match envelope.command {
                    Command::Advance { .. } => Products::All,
                    _ => Products::One,
                };
                let book = before.clone().and_then(|before| BookBefore::of(before, contract.product, scope));
                let asking = [contract.seller, contract.buyer];
                self.book = book.map(|book| (row.sequence, book.without_others(asking)));
            }
        }
        if !events.is_empty() || names(&envelope.command, self.wanted.id) {
            self.rows.push(Row::of(row, &self.hash, events));
        }
        let Some(digest) = row.digest else { return Ok(()) };
        let changes = self.exchange.settle().map_err(|failure| failure.to_string())?;
        if changes.digest != digest {
            return Err(format!("the replay comes to {:032x}, recorded is {digest:032x}", changes.digest));
        }
        self.note(&changes);
        Ok(())
    }

    /// Tells whether a row may make the trade: it was sequenced when the contract was made, which has not been made yet.
    fn may_trade(&self, row: &JournalRow, command: &Command) -> bool {
        let trades = matches!(
            command,
            Command::PlaceAsk(_)
                | Command::PlaceBid(_)
                | Command::AmendOrder(_)
                | Command::HaltProduct { .. }
                // What a seller defaults on is bought again in its buyer's name.
                | Command::Advance { .. }
                | Command::DeclareDefault { .. }
                | Command::EndContract { .. }
        );
        trades && row.at == self.wanted.created_at && self.made.is_none()
    }

    fn note(&mut self, changes: &Changes) {
        let replace = |order: &mut Option<Arc<Order>>, id| {
            if let Some(changed) = changes.orders.get(&id) {
                *order = Some(Arc::clone(changed));
            }
        };
        let [ask, bid] = &mut self.orders;
        replace(ask, self.trade.ask);
        replace(bid, self.trade.bid);
        if let Some(contract) = changes.contracts.get(&self.wanted.id) {
            self.contract = Some(Arc::clone(contract));
        }
        if let Some(standing) = changes.deliveries.get(&self.wanted.id) {
            self.delivery = Some(Arc::clone(&standing.delivery));
        }
    }

    fn finish(self, reader: &mut Reader) -> Result<Bundle, ExportError> {
        let sequence = self.sequence;
        let absent = |what: &str| ExportError::Journal { sequence, what: format!("the {what} is not there") };
        let (traded_by, book) = self.book.ok_or_else(|| absent("trade"))?;
        let contract = self.contract.ok_or_else(|| absent("contract"))?;
        let [Some(ask), Some(bid)] = self.orders else { return Err(absent("order")) };
        let end = self.exchange.snapshot();
        let listing = end.listings.into_iter().find(|row| row.id == contract.listing);
        let site = end.sites.into_iter().find(|row| row.id == contract.site);
        let product = end.products.into_iter().find(|row| row.id == contract.product);
        let terms = end.terms.into_iter().find(|(version, _)| *version == contract.terms).map(|(_, terms)| terms);
        let moved = self.rows.iter().flat_map(|row| &row.events).filter_map(|event| match event {
            Event::Transferred { transfer } => Some(transfer.clone()),
            _ => None,
        });
        Ok(Bundle {
            version: VERSION,
            head: Head { sequence, hash: hex(&self.hash) },
            offer: Offer {
                listing: listing.ok_or_else(|| absent("listing"))?,
                site: site.ok_or_else(|| absent("site"))?,
                product: product.ok_or_else(|| absent("product"))?,
            },
            orders: [Arc::unwrap_or_clone(ask), Arc::unwrap_or_clone(bid)],
            book,
            traded_by,
            trade: self.trade,
            made: self.made.map(Arc::unwrap_or_clone).ok_or_else(|| absent("contract"))?,
            above: parents(reader, &contract)?,
            below: children(reader, &contract)?,
            contract: Arc::unwrap_or_clone(contract),
            delivery: self.delivery.map(Arc::unwrap_or_clone),
            terms,
            transfers: moved.collect(),
            rows: self.rows,
        })
    }
}

/// Tells whether a command names a contract, whatever came of it.
fn names(command: &Command, id: ContractId) -> bool {
    match command {
        Command::EndContract { contract, .. }
        | Command::DeclareReady { contract, .. }
        | Command::DeliverAccess { contract, .. }
        | Command::AcceptDelivery { contract, .. }
        | Command::ObjectDelivery { contract, .. }
        | Command::AddEvidence { contract, .. }
        | Command::DecideDispute { contract, .. }
        | Command::DeclareDefault { contract, .. }
        | Command::GiveNotice { contract, .. }
        | Command::ProposeRecall { contract, .. }
        | Command::ConfirmRecall { contract } => *contract == id,
        Command::PlaceAsk(ask) => ask.source == Source::Contract(id),
        _ => false,
    }
}
