//! Following the market: a snapshot, then what each committed batch changed.
//!
//! Invariant: a follower is told everything that its topics changed after the snapshot, in order and once, or gets
//! another snapshot. Only what is durable is told, on every node: the view and its ring hold nothing else.

mod ring;

use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

pub use ring::{Batch, Ring, Top};

use super::reads::Slice;
use super::{App, AppError, View};
use crate::exchange::entities::{Contract, Order, Purse, Trade};
use crate::store::{Reader, StoreError, read};
use crate::types::limits::{PAGE_ROWS_MAX, STREAM_SNAPSHOT_CONTRACTS, STREAM_SNAPSHOT_TRADES};
use crate::types::{ContractId, OrganizationId, ProductId, Symbol, Timestamp};

/// Batches looked at under one lock of the view.
const STRETCH: usize = 64;

/// What a follower wants to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics {
    /// Trades of these products.
    pub trades: BTreeMap<ProductId, Symbol>,
    /// The tops of the books of these products.
    pub books: BTreeMap<ProductId, Symbol>,
    /// The orders of this organization.
    pub orders: Option<OrganizationId>,
    /// The contracts that this organization bought or sold.
    pub contracts: Option<OrganizationId>,
    /// The balances of this organization.
    pub balances: Option<OrganizationId>,
}

/// Where everything stands that a follower wants to know of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The last journal row it reflects.
    pub sequence: i64,
    /// The journal row of what was told before; of a delta only.
    pub previous: Option<i64>,
    /// The exchange's time.
    pub now: Timestamp,
    /// Trades by product: of a snapshot the newest, newest first; of a delta those made, oldest first.
    pub trades: BTreeMap<ProductId, Vec<Trade>>,
    /// Tops of books: of a snapshot all, of a delta those that changed.
    pub books: BTreeMap<ProductId, Top>,
    /// Orders: of a snapshot the open ones, of a delta those touched, ended ones included.
    pub orders: Option<Vec<Arc<Order>>>,
    /// Contracts: of a snapshot the newest, of a delta those touched, ended ones included; newest first.
    pub contracts: Option<Vec<Arc<Contract>>>,
    /// Balances: of a delta if they changed.
    pub balances: Option<Purse>,
}

/// Contracts as the store has them: each as it stood after a journal row, or at some time since.
struct Stored {
    since: i64,
    rows: Vec<Contract>,
}

/// One who follows.
pub struct Following {
    app: App,
    topics: Topics,
    as_of: watch::Receiver<i64>,
    /// The journal row up to which batches were looked at; nothing before a snapshot.
    seen: Option<i64>,
    /// The journal row of what was told last.
    told: i64,
}

impl Topics {
    /// Tells whether they need credentials.
    pub const fn are_private(&self) -> bool {
        self.orders.is_some() || self.contracts.is_some() || self.balances.is_some()
    }

    fn snapshot(&self, view: &View) -> Told {
        view.ring.want();
        let orders = |own| view.orders_of.get(&own).into_iter().flatten().filter_map(|id| view.orders.get(id)).cloned();
        Told {
            sequence: view.as_of,
            previous: None,
            now: view.now,
            trades: BTreeMap::new(),
            books: self.books.keys().map(|product| (*product, view.top(*product))).collect(),
            orders: self.orders.map(|own| orders(own).collect()),
            contracts: None,
            balances: self.balances.map(|own| view.purses.get(&own).copied().unwrap_or_default()),
        }
    }

    /// Returns what a batch has for them; nothing if it has nothing.
    fn delta(&self, batch: &Batch, previous: i64) -> Option<Told> {
        let mut trades: BTreeMap<ProductId, Vec<Trade>> = BTreeMap::new();
        for trade in batch.trades.iter().filter(|trade| self.trades.contains_key(&trade.product)) {
            trades.entry(trade.product).or_default().push((**trade).clone());
        }
        let books: BTreeMap<_, _> =
            batch.tops.iter().filter(|(product, _)| self.books.contains_key(product)).copied().collect();
        let orders: Vec<_> =
            batch.orders.iter().filter(|order| self.orders == Some(order.organization)).cloned().collect();
        let contracts: Vec<_> = self.contracts.map_or_else(Vec::new, |own| {
            batch.contracts.iter().rev().filter(|row| is_party(own, row)).cloned().collect()
        });
        let balances = batch.purses.iter().find(|(own, _)| self.balances == Some(*own)).map(|(_, purse)| *purse);
        let is_empty =
            trades.is_empty() && books.is_empty() && orders.is_empty() && contracts.is_empty() && balances.is_none();
        let orders = (!orders.is_empty()).then_some(orders);
        let contracts = (!contracts.is_empty()).then_some(contracts);
        let (sequence, now) = (batch.sequence, batch.now);
        (!is_empty).then_some(Told {
            sequence,
            previous: Some(previous),
            now,
            trades,
            books,
            orders,
            contracts,
            balances,
        })
    }
}

impl App {
    /// Follows topics: after the journal row that a follower was told of last, or from a snapshot.
    pub async fn follow(&self, topics: Topics, last: Option<i64>) -> Following {
        // Whoever comes from another node may be ahead of this one for a moment.
        let seen = match last {
            Some(last) if self.live().reaches(last).await => Some(last),
            _ => None,
        };
        let as_of = self.live().changes();
        Following { app: self.clone(), topics, as_of, seen, told: seen.unwrap_or_default() }
    }

    /// Reads the newest contracts of an organization, and waits until the view has seen all that the store may have said.
    async fn stored_contracts(&self, own: OrganizationId) -> Result<Stored, AppError> {
        let since = self.live().read(|view| {
            view.ring.want();
            view.as_of
        });
        let slice = Slice::first(STREAM_SNAPSHOT_CONTRACTS);
        let (rows, head) = self
            .read(move |reader| {
                let rows = read::contracts::of_organization(reader, own, slice)?.rows;
                Ok((rows, read::journal::head(reader.db())?))
            })
            .await?;
        match head {
            Some(head) if !self.live().reaches(head.sequence).await => Err(AppError::NotApplied),
            _ => Ok(Stored { since, rows }),
        }
    }

    /// Returns the top of a product's book with the exchange's time and the journal row it reflects.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub fn top(&self, symbol: &Symbol) -> Result<(Top, Timestamp, i64), AppError> {
        let found = self.live().read(|view| {
            let product = view.symbols.get(symbol)?;
            Some((view.top(*product), view.now, view.as_of))
        });
        found.ok_or(AppError::NotFound)
    }
}

impl Following {
    /// Returns what comes next, in order; waits until there is something. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`AppError::NotApplied`] when nothing more will come from this process, or if the store fails.
    pub async fn next(&mut self) -> Result<Vec<Told>, AppError> {
        loop {
            self.as_of.borrow_and_update();
            let Some(seen) = self.seen else { return self.snapshot().await.map(|snapshot| vec![snapshot]) };
            let Some(batches) = self.app.live().read(|view| view.ring.after(seen, STRETCH)) else {
                self.seen = None;
                continue;
            };
            let Some(last) = batches.last() else {
                self.as_of.changed().await.map_err(|_| AppError::NotApplied)?;
                continue;
            };
            self.seen = Some(last.sequence);
            let mut told = Vec::new();
            for batch in &batches {
                if let Some(delta) = self.topics.delta(batch, self.told) {
                    self.told = delta.sequence;
                    told.push(delta);
                }
            }
            if !told.is_empty() {
                return Ok(told);
            }
        }
    }

    /// Returns a delta of nothing if batches have passed that had nothing for the topics: whoever comes back later then
    /// says a row that is still known.
    pub fn pass(&mut self) -> Option<Told> {
        let sequence = self.seen.filter(|seen| *seen > self.told)?;
        let previous = Some(std::mem::replace(&mut self.told, sequence));
        let now = self.app.live().read(|view| view.now);
        Some(Told { sequence, previous, now, ..Told::default() })
    }

    async fn snapshot(&mut self) -> Result<Told, AppError> {
        let topics = &self.topics;
        let contracts = match topics.contracts {
            Some(own) => Some((own, self.app.stored_contracts(own).await?)),
            None => None,
        };
        let (mut snapshot, next_trade) = self.app.live().read(|view| {
            let mut snapshot = topics.snapshot(view);
            snapshot.contracts = contracts.map(|(own, stored)| stored.standing(own, view)).transpose()?;
            Ok::<_, AppError>((snapshot, view.next_trade))
        })?;
        let products: Vec<ProductId> = topics.trades.keys().copied().collect();
        if !products.is_empty() {
            let read = move |reader: &mut Reader| {
                products.into_iter().map(|product| Ok((product, trades_before(reader, product, next_trade)?))).collect()
            };
            snapshot.trades = self.app.read(read).await?;
        }
        (self.seen, self.told) = (Some(snapshot.sequence), snapshot.sequence);
        Ok(snapshot)
    }
}

impl Stored {
    /// Returns them as they stand in the view, the newest first: what the latest batches touched, and the rest as read.
    fn standing(self, own: OrganizationId, view: &View) -> Result<Vec<Arc<Contract>>, AppError> {
        let batches = view.ring.after(self.since, usize::MAX).ok_or(AppError::NotApplied)?;
        let mut standing: BTreeMap<ContractId, Arc<Contract>> =
            self.rows.into_iter().map(|row| (row.id, Arc::new(row))).collect();
        for row in batches.iter().flat_map(|batch| &batch.contracts) {
            standing.insert(row.id, Arc::clone(row));
        }
        // Its history holds contracts too that it once sold: of those, what came later is for others.
        standing.retain(|_, row| is_party(own, row));
        let most = usize::try_from(STREAM_SNAPSHOT_CONTRACTS).unwrap_or(usize::MAX);
        Ok(standing.into_values().rev().take(most).collect())
    }
}

fn is_party(own: OrganizationId, contract: &Contract) -> bool {
    [contract.buyer, contract.seller].contains(&own)
}

/// Returns the newest trades of a product before one that may be of another: the store may be ahead of the view.
fn trades_before(reader: &mut Reader, product: ProductId, next: i64) -> Result<Vec<Trade>, StoreError> {
    let most = usize::try_from(STREAM_SNAPSHOT_TRADES).unwrap_or(usize::MAX);
    let mut slice = Slice::first(STREAM_SNAPSHOT_TRADES);
    let mut trades = Vec::new();
    loop {
        let page = read::trades::of_product(reader, product, slice)?;
        trades.extend(page.rows.into_iter().filter(|trade| trade.id.number() < next));
        match page.next {
            Some(before) if trades.len() < most => slice = Slice { before: Some(before), limit: PAGE_ROWS_MAX },
            _ => break,
        }
    }
    trades.truncate(most);
    Ok(trades)
}
