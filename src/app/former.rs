//! What somebody who sold a contract still sees of it when somebody else sells it: its own leg, as it was for it.
//!
//! A contract leaves its seller when its buyer takes over what the seller held (novation), or when the contract it was
//! resold out of ends by the seller's doing and it passes to the seller above. Whoever left knows whom it sold to, at what
//! price and out of what, and what came of it in its time; what becomes of the contract afterwards, and between whom, is
//! none of its business, but for its status, which everybody in a chain of title sees.

use std::collections::BTreeMap;

use super::facade::Caller;
use crate::exchange::delivery::Leg;
use crate::exchange::entities::Contract;
use crate::store::read::contracts::Sale;
use crate::store::{Reader, StoreError, read};
use crate::types::{ContractId, Money, OrganizationId, Price, Source, Timestamp};

/// A contract as somebody may see it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The contract; for whoever left it, with its own leg and nothing that came later but its status.
    pub contract: Contract,
    /// How whoever looks left it, if it sold it once and is no party of it.
    pub left: Option<Left>,
}

/// How a seller left a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// When.
    pub at: Timestamp,
    /// By what.
    pub by: LeftBy,
    /// What it sold for above what the seller paid itself, a GPU-hour; below zero at a loss.
    pub gain: Option<Price>,
    /// What came of it in the seller's time; nothing where it was taken over, or before anything was delivered.
    pub leg: Option<Leg>,
}

/// By what a seller left a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftBy {
    /// Its buyer took the seller's own contract over.
    Takeover,
    /// The seller's own contract ended, and it passed to the seller above.
    Pass,
}

/// Who looks at contracts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Viewer {
    own: Option<OrganizationId>,
    all: bool,
}

impl From<Contract> for Seen {
    fn from(contract: Contract) -> Self {
        Self { contract, left: None }
    }
}

impl Viewer {
    pub(super) fn of(caller: &Caller) -> Self {
        Self { own: caller.principal.organization, all: caller.sees_all() }
    }

    /// Tells whether all of a contract is shown: to its parties, and to those who see everything.
    pub(super) fn is_party(self, contract: &Contract) -> bool {
        self.all || self.own.is_some_and(|own| [contract.seller, contract.buyer].contains(&own))
    }

    /// Returns what is shown of contracts, each in its place: nothing of those of others.
    pub(super) fn look(self, reader: &mut Reader, contracts: Vec<Contract>) -> Result<Vec<Option<Seen>>, StoreError> {
        let strange: Vec<ContractId> = contracts.iter().filter(|row| !self.is_party(row)).map(|row| row.id).collect();
        let sales = match self.own {
            Some(_) if !strange.is_empty() => read::contracts::sales(reader, &strange)?,
            _ => BTreeMap::new(),
        };
        let look = |row: Contract| match (self.is_party(&row), self.own, sales.get(&row.id)) {
            (true, ..) => Ok(Some(row.into())),
            (false, Some(own), Some(sales)) => former(reader, own, row, sales),
            (false, ..) => Ok(None),
        };
        contracts.into_iter().map(look).collect()
    }
}

/// Returns what an organization sees of a contract that it sold once, if it did.
fn former(
    reader: &mut Reader,
    own: OrganizationId,
    contract: Contract,
    sales: &[Sale],
) -> Result<Option<Seen>, StoreError> {
    let mut after = sales.iter().skip_while(|sale| sale.seller != own);
    let Some(mut sale) = after.next() else { return Ok(None) };
    let mut at = None;
    // It may have come to sell it again.
    for next in after {
        match next.seller == own {
            true => (sale, at) = (next, None),
            false => at = at.or(Some(next.since)),
        }
    }
    let Some(at) = at else { return Ok(None) };
    let taken = contract.taken_over().filter(|taken| taken.seller == own);
    let price = taken.map_or(contract.price, |taken| taken.price);
    let above = match sale.source {
        Source::Contract(above) => read::contracts::get(reader, above)?,
        Source::Listing(_) => None,
    };
    let gain = |above: &Contract| Price::from_micros(price.micros().saturating_sub(above.bought_at().micros()));
    let (by, leg) = match taken {
        Some(_) => (LeftBy::Takeover, None),
        None => (LeftBy::Pass, own_leg(reader, own, contract.id)?),
    };
    let left = Left { at, by, gain: above.as_ref().map(gain), leg };
    let contract = Contract {
        source: sale.source,
        seller: own,
        price,
        depth: above.map_or(contract.depth, |above| above.depth.saturating_add(1)),
        ended_at: None,
        escrow: Money::ZERO,
        bond: Money::ZERO,
        novation: None,
        ..contract
    };
    Ok(Some(Seen { contract, left: Some(left) }))
}

/// Returns what came of a contract in the time of somebody who sold it before, if anything was to be delivered by then.
fn own_leg(reader: &mut Reader, own: OrganizationId, id: ContractId) -> Result<Option<Leg>, StoreError> {
    let standing = read::deliveries::numbered(reader, &[id])?.remove(&id);
    let legs = standing.map(|standing| standing.delivery.earlier.clone()).unwrap_or_default();
    let legs = legs.into_iter().filter(|row| row.seller == own).map(|row| Ok(row.leg));
    let sum = legs.reduce(|sum, leg| sum?.plus(&leg?)).transpose();
    sum.map_err(|_| StoreError::Corrupt {
        table: "deliveries",
        key: id.number().to_string(),
        what: "its legs add up to more than there is room for".to_owned(),
    })
}
