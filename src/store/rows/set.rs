//! All rows a batch writes, table by table, each sorted by its key.

use super::{
    ContractRow, DeliveryRow, FixRow, JournalEntry, KeyRow, ListingRow, OrderRow, OrganizationRow, PassRow, ProductRow,
    SiteRow, StateRow, TermsRow, TradeRow, TransferRow,
};
use crate::exchange::Changes;
use crate::store::pending::States;
use crate::store::pending::log::PendingRow;
use crate::store::row::Row;
use crate::store::{JournalRow, StoreError};

/// The rows of a batch.
#[derive(Debug, Default)]
pub(crate) struct RowSet {
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) trades: Vec<TradeRow>,
    pub(crate) contracts: Vec<ContractRow>,
    pub(crate) passes: Vec<PassRow>,
    pub(crate) fixes: Vec<FixRow>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) organizations: Vec<OrganizationRow>,
    pub(crate) products: Vec<ProductRow>,
    pub(crate) sites: Vec<SiteRow>,
    pub(crate) listings: Vec<ListingRow>,
    pub(crate) terms: Vec<TermsRow>,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) state: Vec<StateRow>,
    /// Keys to delete, by (actor, key).
    pub(crate) forgotten: Vec<(String, String)>,
    /// What stands now of orders, contracts, balances and tapes.
    pub(crate) states: States,
    /// The same as one row, while they wait for their tables; made by the writer.
    pub(crate) pending: Vec<PendingRow>,
}

/// Something done with the rows of every table.
pub(crate) trait Visit<'a> {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError>;
}

impl RowSet {
    /// Returns what a batch writes that ends with `last`; the journal's own rows are added by the writer.
    pub(crate) fn of(changes: &Changes, last: &JournalRow) -> Result<Self, StoreError> {
        let mut set = Self {
            orders: order_rows(changes)?,
            trades: changes.trades.iter().map(|trade| TradeRow::of(trade)).collect(),
            contracts: changes.contracted.iter().map(|contract| ContractRow::of(contract)).collect(),
            transfers: changes.transfers.iter().map(TransferRow::of).collect(),
            organizations: changes.organizations.values().map(OrganizationRow::of).collect(),
            products: changes.products.values().map(ProductRow::of).collect(),
            sites: changes.sites.values().map(SiteRow::of).collect(),
            listings: changes.listings.values().map(ListingRow::of).collect::<Result<_, _>>()?,
            terms: changes.terms.iter().map(|(version, row)| TermsRow::of(*version, row)).collect::<Result<_, _>>()?,
            deliveries: changes
                .deliveries
                .iter()
                .map(|(id, row)| DeliveryRow::of(*id, row))
                .collect::<Result<_, _>>()?,
            passes: changes.passed.iter().map(PassRow::of).collect(),
            fixes: changes.fixes.iter().map(FixRow::of).collect(),
            state: vec![StateRow::of(&changes.counters, changes.digest, last)],
            states: States::of(changes),
            ..Self::default()
        };
        for ((actor, key), remembered) in &changes.keys {
            match remembered {
                Some(remembered) => set.keys.push(KeyRow::of(actor, key, remembered)?),
                None => set.forgotten.push((actor.clone(), key.clone())),
            }
        }
        Ok(set)
    }

    /// Shows the rows of every table but the journal and those whose rows may wait.
    pub(crate) fn visit<'a>(&'a self, visit: &mut impl Visit<'a>) -> Result<(), StoreError> {
        visit.rows(&self.orders)?;
        visit.rows(&self.trades)?;
        visit.rows(&self.contracts)?;
        visit.rows(&self.passes)?;
        visit.rows(&self.fixes)?;
        visit.rows(&self.transfers)?;
        visit.rows(&self.organizations)?;
        visit.rows(&self.products)?;
        visit.rows(&self.sites)?;
        visit.rows(&self.listings)?;
        visit.rows(&self.terms)?;
        visit.rows(&self.deliveries)?;
        visit.rows(&self.keys)?;
        visit.rows(&self.state)
    }
}

/// Returns the rows of the orders placed, in one piece of memory: collecting results does not know their number.
fn order_rows(changes: &Changes) -> Result<Vec<OrderRow>, StoreError> {
    let mut rows = Vec::with_capacity(changes.placed.len());
    for order in &changes.placed {
        rows.push(OrderRow::of(order)?);
    }
    Ok(rows)
}
