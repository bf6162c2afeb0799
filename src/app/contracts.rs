//! Contracts and their chains of title: who may see which leg.

use std::collections::BTreeMap;

use super::face::{Mentioned, Mentions};
use super::reads::{Listed, Slice};
use super::{App, AppError, facade::Caller};
use crate::exchange::entities::Contract;
use crate::store::{Reader, StoreError, read};
use crate::types::limits::CHAIN_DEPTH_MAX;
use crate::types::limits::PAGE_ROWS_MAX;
use crate::types::{ContractId, Kind, OrganizationId, PublicId, Source};

/// Resales shown in one chain.
pub const RESALES_SHOWN_MAX: usize = 1_000;

/// A contract with what its outward face needs.
#[derive(Debug, Clone)]
pub struct ContractStanding {
    /// The contract.
    pub contract: Contract,
    /// What it mentions.
    pub mentioned: Mentioned,
}

/// One leg of a chain of title.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The contract.
    pub contract: Contract,
    /// Whether the caller may see its parties and its price.
    pub visible: bool,
}

/// The chain of title of a contract.
#[derive(Debug, Clone)]
pub struct Chain {
    /// From the first sale out of the listing to the contract itself.
    pub legs: Vec<Leg>,
    /// Resales of the contract, and of those, that the caller may see.
    pub resales: Vec<Contract>,
    /// What they mention.
    pub mentioned: Mentioned,
}

impl App {
    /// Returns the contracts the caller may see, newest first.
    ///
    /// # Errors
    /// `scope_required`, or if the store fails.
    pub async fn contracts(&self, caller: &Caller, slice: Slice) -> Result<(Listed<Contract>, Mentioned), AppError> {
        let of = caller.reader()?;
        self.contract_page(of, slice).await
    }

    /// Returns all contracts, newest first.
    ///
    /// # Errors
    /// `role_required` for all but admins and auditors, or if the store fails.
    pub async fn all_contracts(
        &self,
        caller: &Caller,
        slice: Slice,
    ) -> Result<(Listed<Contract>, Mentioned), AppError> {
        caller.overseer()?;
        self.contract_page(None, slice).await
    }

    /// Returns a contract the caller is a party of, or any for admins and auditors.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`, or if the store fails.
    pub async fn contract(&self, caller: &Caller, id: PublicId) -> Result<ContractStanding, AppError> {
        let contract = self.own_contract(caller, id).await?;
        let mut mentions = Mentions::default();
        mention(&mut mentions, &contract);
        Ok(ContractStanding { mentioned: self.look_up(mentions).await?, contract })
    }

    /// Returns the chain of title of a contract the caller is a party of.
    ///
    /// # Errors
    /// As [`App::contract`].
    pub async fn chain(&self, caller: &Caller, id: PublicId) -> Result<Chain, AppError> {
        let contract = self.own_contract(caller, id).await?;
        let sees = viewer(caller);
        self.read(move |reader| {
            let above = parents(reader, &contract)?;
            let below = resales(reader, &contract, &sees)?;
            let mut mentions = Mentions::default();
            above.iter().chain(&below).for_each(|row| mention(&mut mentions, row));
            mention(&mut mentions, &contract);
            let legs = above.into_iter().chain([contract]).map(|row| Leg { visible: sees(&row), contract: row });
            Ok(Chain { legs: legs.collect(), resales: below, mentioned: mentions.look_up(reader)? })
        })
        .await
    }

    async fn own_contract(&self, caller: &Caller, id: PublicId) -> Result<Contract, AppError> {
        caller.reader()?;
        let sees = viewer(caller);
        self.contract_by_id(id).await?.filter(sees).ok_or(AppError::NotFound)
    }

    /// Returns the contract that an id names, whoever it belongs to.
    pub(super) async fn contract_by_id(&self, id: PublicId) -> Result<Option<Contract>, AppError> {
        let number = ContractId::new(id.number);
        let contract = self.read(move |reader| read::contracts::get(reader, number)).await?;
        Ok(contract.filter(|row| id.kind == Kind::Contract && row.created_at == id.created_at))
    }

    async fn contract_page(
        &self,
        of: Option<OrganizationId>,
        slice: Slice,
    ) -> Result<(Listed<Contract>, Mentioned), AppError> {
        self.read(move |reader| {
            let contracts = match of {
                None => read::contracts::all(reader, slice)?,
                Some(own) => read::contracts::of_organization(reader, own, slice)?,
            };
            let mut mentions = Mentions::default();
            contracts.rows.iter().for_each(|row| mention(&mut mentions, row));
            let mentioned = mentions.look_up(reader)?;
            Ok((contracts, mentioned))
        })
        .await
    }
}

fn viewer(caller: &Caller) -> impl Fn(&Contract) -> bool + Send + 'static {
    let (all, own) = (caller.sees_all(), caller.principal.organization);
    move |contract| all || own.is_some_and(|own| [contract.seller, contract.buyer].contains(&own))
}

pub(super) fn mention(mentions: &mut Mentions, contract: &Contract) {
    mentions.contracts.insert(contract.id);
    mentions.contracts.extend(contract.taken_over().map(|taken| taken.contract));
    mentions.source(Some(contract.source));
}

/// Returns the contracts above a contract, the first sale first: what it was sold out of, or taken over from.
pub(super) fn parents(reader: &mut Reader, contract: &Contract) -> Result<Vec<Contract>, StoreError> {
    let mut chain = Vec::new();
    let mut above = title_above(contract);
    while let Some(id) = above {
        // Chains are bounded by the rules; the bound here only guards against a broken database.
        let next = read::contracts::get(reader, id)?.filter(|_| chain.len() < usize::from(CHAIN_DEPTH_MAX));
        let Some(parent) = next else { break };
        above = title_above(&parent);
        chain.push(parent);
    }
    chain.reverse();
    Ok(chain)
}

/// Returns the contract before another in its chain of title.
fn title_above(contract: &Contract) -> Option<ContractId> {
    match contract.source {
        Source::Contract(id) => Some(id),
        Source::Listing(_) => contract.taken_over().map(|taken| taken.contract),
    }
}

/// Returns the resales under a contract that somebody may see, nearest first.
fn resales(
    reader: &mut Reader,
    root: &Contract,
    sees: &impl Fn(&Contract) -> bool,
) -> Result<Vec<Contract>, StoreError> {
    let mut found = Vec::new();
    let mut level = vec![root.clone()];
    for _ in 0..CHAIN_DEPTH_MAX {
        let mut next = BTreeMap::new();
        for parent in &level {
            next.extend(children(reader, parent)?.into_iter().map(|child| (child.id, child)));
            if found.len() >= RESALES_SHOWN_MAX || next.len() >= RESALES_SHOWN_MAX {
                break;
            }
        }
        level = next.into_values().collect();
        found.extend(level.iter().filter(|child| sees(child)).cloned());
        if found.len() >= RESALES_SHOWN_MAX || level.len() >= RESALES_SHOWN_MAX {
            found.truncate(RESALES_SHOWN_MAX);
            break;
        }
    }
    Ok(found)
}

/// Returns the contracts sold out of a contract, or passed to it, that still have it as their source.
pub(super) fn children(reader: &mut Reader, parent: &Contract) -> Result<Vec<Contract>, StoreError> {
    let mut found = Vec::new();
    let mut page = Slice::first(PAGE_ROWS_MAX);
    loop {
        let listed = read::contracts::children(reader, parent, page)?;
        found.extend(listed.rows.into_iter().filter(|row| row.source == Source::Contract(parent.id)));
        match listed.next.filter(|_| found.len() < RESALES_SHOWN_MAX) {
            Some(next) => page = page.after(next),
            None => return Ok(found),
        }
    }
}
