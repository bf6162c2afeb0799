//! All rows a batch writes, table by table, each sorted by its key.

use super::{
    BalanceRow, ContractRow, ContractStateRow, JournalEntry, KeyRow, ListingRow, OrderRow, OrderStateRow,
    OrganizationRow, PassRow, ProductRow, SiteRow, StateRow, TapeRow, TradeRow, TransferRow,
};
use crate::exchange::Changes;
use crate::store::row::Row;
use crate::store::{JournalRow, StoreError};

/// The rows of a batch.
#[derive(Debug, Default)]
pub(crate) struct RowSet {
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) order_states: Vec<OrderStateRow>,
    pub(crate) trades: Vec<TradeRow>,
    pub(crate) contracts: Vec<ContractRow>,
    pub(crate) contract_states: Vec<ContractStateRow>,
    pub(crate) passes: Vec<PassRow>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) balances: Vec<BalanceRow>,
    pub(crate) tapes: Vec<TapeRow>,
    pub(crate) organizations: Vec<OrganizationRow>,
    pub(crate) products: Vec<ProductRow>,
    pub(crate) sites: Vec<SiteRow>,
    pub(crate) listings: Vec<ListingRow>,
    pub(crate) keys: Vec<KeyRow>,
    pub(crate) state: Vec<StateRow>,
    /// Keys to delete, by (actor, key).
    pub(crate) forgotten: Vec<(String, String)>,
}

/// Something done with the rows of every table.
pub(crate) trait Visit<'a> {
    fn rows<R: Row>(&mut self, rows: &'a [R]) -> Result<(), StoreError>;
}

impl RowSet {
    /// Returns what a batch writes that ends with `last`; the journal's own rows are added by the writer.
    pub(crate) fn of(changes: &Changes, last: &JournalRow) -> Result<Self, StoreError> {
        let mut set = Self {
            orders: changes.placed.iter().map(OrderRow::of).collect::<Result<_, _>>()?,
            order_states: changes.orders.values().map(OrderStateRow::of).collect::<Result<_, _>>()?,
            trades: changes.trades.iter().map(TradeRow::of).collect(),
            contracts: changes.contracted.iter().map(ContractRow::of).collect(),
            contract_states: changes.contracts.values().map(ContractStateRow::of).collect(),
            transfers: changes.transfers.iter().map(TransferRow::of).collect(),
            balances: changes.purses.iter().map(|(id, purse)| BalanceRow::of(*id, purse)).collect(),
            organizations: changes.organizations.values().map(OrganizationRow::of).collect(),
            products: changes.products.values().map(ProductRow::of).collect(),
            sites: changes.sites.values().map(SiteRow::of).collect(),
            listings: changes.listings.values().map(ListingRow::of).collect(),
            passes: changes.passed.iter().map(PassRow::of).collect(),
            tapes: changes.tapes.iter().map(|(id, tape)| TapeRow::of(*id, tape)).collect(),
            state: vec![StateRow::of(&changes.counters, changes.digest, last)],
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

    /// Shows the rows of every table but the journal.
    pub(crate) fn visit<'a>(&'a self, visit: &mut impl Visit<'a>) -> Result<(), StoreError> {
        visit.rows(&self.orders)?;
        visit.rows(&self.trades)?;
        visit.rows(&self.contracts)?;
        visit.rows(&self.passes)?;
        visit.rows(&self.transfers)?;
        visit.rows(&self.order_states)?;
        visit.rows(&self.contract_states)?;
        visit.rows(&self.balances)?;
        visit.rows(&self.tapes)?;
        visit.rows(&self.organizations)?;
        visit.rows(&self.products)?;
        visit.rows(&self.sites)?;
        visit.rows(&self.listings)?;
        visit.rows(&self.keys)?;
        visit.rows(&self.state)
    }
}
