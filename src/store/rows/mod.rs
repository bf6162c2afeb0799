//! The rows of every table of the exchange, and how they are made from entities and read back.
//!
//! Invariant: the writer and `verify` make rows with the same functions, so what one writes the other expects.

pub(crate) mod contract;
pub(crate) mod delivery;
pub(crate) mod field;
pub(crate) mod fix;
pub(crate) mod journal;
pub(crate) mod key;
pub(crate) mod order;
pub(crate) mod party;
pub(crate) mod set;
pub(crate) mod state;
pub(crate) mod trade;
pub(crate) mod transfer;

pub(crate) use contract::{ContractNow, ContractRow, ContractStateRow, PassRow};
pub(crate) use delivery::{DeliveryRow, TermsRow};
pub(crate) use field::Place;
pub(crate) use fix::FixRow;
pub(crate) use journal::JournalEntry;
pub(crate) use key::KeyRow;
pub(crate) use order::{OrderNow, OrderRow, OrderStateRow};
pub(crate) use party::{BalanceRow, ListingRow, OrganizationRow, ProductRow, SiteRow, TapeRow};
pub(crate) use set::{RowSet, Visit};
pub(crate) use state::StateRow;
pub(crate) use trade::TradeRow;
pub(crate) use transfer::TransferRow;
