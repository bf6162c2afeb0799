//! How long prices stood, read from the journal: placing, amending and cancelling asks are commands.
//!
//! Whoever asks first after a start pays for reading the newest rows once; after that a figure costs the rows since. The
//! asks that commands made are read from their own table, in which they have numbers and products.

use std::collections::{BTreeMap, VecDeque};
use tokio::sync::OwnedMutexGuard;

use crate::app::replay::envelope;
use crate::app::{App, AppError};
use crate::exchange::{AmendOrder, Command, PlaceAsk};
use crate::market::stickiness::{Quote, Spells, Step};
use crate::store::read::orders::{PlacedAsk, asks_after, numbered};
use crate::store::read::{contracts, journal};
use crate::store::{JournalRow, Reader, StoreError};
use crate::types::{ListingId, OrderId, OrderReason, OrganizationId, ProductId, Side, SiteId, Source, Timestamp};

/// Journal rows read when somebody first asks, the newest.
pub const ROWS_MAX: i64 = 200_000;
/// Rows read in one statement.
const STRETCH: u32 = 2_000;
/// How canonical commands that say something of asks name their kind.
const KINDS: [&str; 4] =
    [r#""kind":"place_ask""#, r#""kind":"amend_order""#, r#""kind":"cancel_order""#, r#""kind":"cancel_all""#];

/// The spells as far as the journal was read.
#[derive(Debug, Default)]
pub struct Spelled {
    /// What was read.
    pub spells: Spells,
    /// Whether rows before the first that was read were left out.
    pub truncated: bool,
    is_begun: bool,
    last_row: i64,
    last_ask: i64,
    /// Asks that were read and whose commands come next.
    ahead: VecDeque<PlacedAsk>,
}

impl App {
    /// Reads the journal at least as far as the view, and returns what it says of prices.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn spells(&self) -> Result<OwnedMutexGuard<Spelled>, AppError> {
        let mut spelled = self.figures().spells.clone().lock_owned().await;
        let (as_of, next_order) = self.live().read(|view| (view.as_of, view.next_order));
        if spelled.last_row >= as_of {
            return Ok(spelled);
        }
        if !spelled.is_begun {
            spelled.begin(as_of, next_order);
        }
        let sites = self.live().read(|view| view.listings.values().map(|row| (row.id, row.site)).collect());
        let read = self.read(move |reader| spelled.catch_up(reader, &sites).map(|known| (spelled, known)));
        let (spelled, known) = read.await?;
        known.map_err(|error| AppError::Internal(format!("spells: {error}")))?;
        Ok(spelled)
    }
}

impl Spelled {
    fn begin(&mut self, as_of: i64, next_order: i64) {
        self.is_begun = true;
        self.last_row = as_of.saturating_sub(ROWS_MAX).max(0);
        self.truncated = self.last_row > 0;
        if self.truncated {
            // One command may make a few orders, and asks before the first row are passed over.
            self.last_ask = next_order.saturating_sub(ROWS_MAX.saturating_mul(2)).max(0);
        }
    }

    /// Takes what comes after the last row; the inner error is of a row that this program cannot read.
    fn catch_up(
        &mut self,
        reader: &mut Reader,
        sites: &BTreeMap<ListingId, SiteId>,
    ) -> Result<Result<(), String>, StoreError> {
        loop {
            let rows = journal::after(reader.db(), self.last_row, STRETCH)?;
            let Some(last) = rows.last().map(|row| row.sequence) else { return Ok(Ok(())) };
            for row in rows.iter().filter(|row| is_of_asks(row)) {
                let command = match envelope(row) {
                    Ok(envelope) => envelope.command,
                    Err(error) => return Ok(Err(format!("row {}: {error}", row.sequence))),
                };
                self.take(reader, sites, row.at, &command)?;
            }
            self.last_row = last;
        }
    }

    fn take(
        &mut self,
        reader: &mut Reader,
        sites: &BTreeMap<ListingId, SiteId>,
        at: Timestamp,
        command: &Command,
    ) -> Result<(), StoreError> {
        match command {
            Command::PlaceAsk(ask) => {
                if let Some(placed) = self.made_by(reader, at, ask)?
                    && let Some(site) = site_of(reader, sites, placed.source)?
                {
                    let PlacedAsk { order, organization, source, product, price, at } = placed;
                    self.spells
                        .take(Step::Placed(order, Quote { organization, source, product, site, price, since: at }));
                }
            }
            Command::AmendOrder(AmendOrder { order, price: Some(price), .. }) => {
                self.spells.take(Step::Amended(*order, *price, at));
            }
            Command::CancelOrder { order, .. } => self.spells.take(Step::Cancelled(*order, at)),
            Command::CancelAll { organization, product, side } if *side != Some(Side::Bid) => {
                for order in cancelled(reader, &self.spells, *organization, *product)? {
                    self.spells.take(Step::Cancelled(order, at));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the ask that a command made: asks have their numbers in the order of the commands.
    fn made_by(&mut self, reader: &mut Reader, at: Timestamp, ask: &PlaceAsk) -> Result<Option<PlacedAsk>, StoreError> {
        loop {
            if self.ahead.is_empty() {
                self.ahead.extend(asks_after(reader, self.last_ask, STRETCH)?);
                match self.ahead.back() {
                    Some(last) => self.last_ask = last.order.number(),
                    None => return Ok(None),
                }
            }
            let Some(next) = self.ahead.front().copied().filter(|next| next.at <= at) else { return Ok(None) };
            self.ahead.pop_front();
            let made = (next.at, next.organization, next.source, next.price);
            if made == (at, ask.organization, ask.source, ask.price) {
                return Ok(Some(next));
            }
        }
    }
}

/// Tells whether a row may say something of an ask, before its command is parsed.
fn is_of_asks(row: &JournalRow) -> bool {
    row.outcome == "ok" && KINDS.iter().any(|kind| row.command.contains(kind))
}

/// Returns which of an organization's asks a command that cancels all of them cancelled: the others had ended.
fn cancelled(
    reader: &mut Reader,
    spells: &Spells,
    organization: OrganizationId,
    product: Option<ProductId>,
) -> Result<Vec<OrderId>, StoreError> {
    let numbers: Vec<i64> = spells.of(organization, product).into_iter().map(OrderId::number).collect();
    let orders = numbered(reader, &numbers)?.into_iter();
    let mut found: Vec<OrderId> =
        orders.filter(|order| order.reason == Some(OrderReason::Requested)).map(|order| order.id).collect();
    found.sort_unstable();
    Ok(found)
}

fn site_of(
    reader: &mut Reader,
    sites: &BTreeMap<ListingId, SiteId>,
    source: Source,
) -> Result<Option<SiteId>, StoreError> {
    match source {
        Source::Listing(listing) => Ok(sites.get(&listing).copied()),
        Source::Contract(contract) => Ok(contracts::numbered(reader, &[contract])?.first().map(|row| row.site)),
    }
}
