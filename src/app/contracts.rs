//! Contracts and their chains of title: who may see which leg.

use std::collections::BTreeMap;

use super::face::{Mentioned, Mentions};
use super::former::{Seen, Viewer};
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
    /// The contract, as the caller may see it.
    pub seen: Seen,
    /// What it mentions.
    pub mentioned: Mentioned,
}

/// One leg of a chain of title.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The contract.
    pub contract: Contract,
    /// What the caller may see of its parties and its price, if anything.
    pub seen: Option<Seen>,
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
    /// Returns the contracts the caller may see, newest first: those it buys or sells, and its own leg of those that it once
    /// sold.
    ///
    /// # Errors
    /// `scope_required`, or if the store fails.
    pub async fn contracts(&self, caller: &Caller, slice: Slice) -> Result<(Listed<Seen>, Mentioned), AppError> {
        let of = caller.reader()?;
        let viewer = Viewer::of(caller);
        self.read(move |reader| {
            let Listed { rows, next } = page(reader, of, slice)?;
            let rows: Vec<Seen> = viewer.look(reader, rows)?.into_iter().flatten().collect();
            let mut mentions = Mentions::default();
            rows.iter().for_each(|row| mention(&mut mentions, &row.contract));
            let mentioned = mentions.look_up(reader)?;
            Ok((Listed { rows, next }, mentioned))
        })
        .await
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
        self.read(move |reader| {
            let contracts = page(reader, None, slice)?;
            let mut mentions = Mentions::default();
            contracts.rows.iter().for_each(|row| mention(&mut mentions, row));
            let mentioned = mentions.look_up(reader)?;
            Ok((contracts, mentioned))
        })
        .await
    }

    /// Returns a contract the caller is a party of, its own leg of one that it once sold, or any for admins and auditors.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`, or if the store fails.
    pub async fn contract(&self, caller: &Caller, id: PublicId) -> Result<ContractStanding, AppError> {
        let (_, seen) = self.own_contract(caller, id).await?;
        let mut mentions = Mentions::default();
        mention(&mut mentions, &seen.contract);
        Ok(ContractStanding { mentioned: self.look_up(mentions).await?, seen })
    }

    /// Returns the chain of title of a contract the caller is a party of, or once sold: then as it was for it.
    ///
    /// # Errors
    /// As [`App::contract`].
    pub async fn chain(&self, caller: &Caller, id: PublicId) -> Result<Chain, AppError> {
        let (contract, own) = self.own_contract(caller, id).await?;
        let viewer = Viewer::of(caller);
        self.read(move |reader| {
            let above = parents(reader, &own.contract)?;
            let below = resales(reader, &contract, viewer)?;
            let seen = viewer.look(reader, above.clone())?;
            let legs = above.into_iter().zip(seen).chain([(contract, Some(own))]);
            let legs: Vec<Leg> = legs.map(|(contract, seen)| Leg { contract, seen }).collect();
            let mut mentions = Mentions::default();
            legs.iter().for_each(|leg| mention(&mut mentions, &leg.contract));
            let seen = legs.iter().filter_map(|leg| leg.seen.as_ref()).map(|seen| &seen.contract);
            seen.chain(&below).for_each(|row| mention(&mut mentions, row));
            Ok(Chain { legs, resales: below, mentioned: mentions.look_up(reader)? })
        })
        .await
    }

    /// Returns a contract as it stands, and as the caller may see it.
    async fn own_contract(&self, caller: &Caller, id: PublicId) -> Result<(Contract, Seen), AppError> {
        caller.reader()?;
        let contract = self.contract_by_id(id).await?.ok_or(AppError::NotFound)?;
        let viewer = Viewer::of(caller);
        if viewer.is_party(&contract) {
            return Ok((contract.clone(), contract.into()));
        }
        let stands = contract.clone();
        let seen = self.read(move |reader| viewer.look(reader, vec![contract])).await?;
        Ok((stands, seen.into_iter().flatten().next().ok_or(AppError::NotFound)?))
    }

    /// Returns the contract that an id names, whoever it belongs to.
    pub(super) async fn contract_by_id(&self, id: PublicId) -> Result<Option<Contract>, AppError> {
        let number = ContractId::new(id.number);
        let contract = self.read(move |reader| read::contracts::get(reader, number)).await?;
        Ok(contract.filter(|row| id.kind == Kind::Contract && row.created_at == id.created_at))
    }
}

/// Returns a page of the contracts in an organization's history, or of all.
fn page(reader: &mut Reader, of: Option<OrganizationId>, slice: Slice) -> Result<Listed<Contract>, StoreError> {
    match of {
        None => read::contracts::all(reader, slice),
        Some(own) => read::contracts::of_organization(reader, own, slice),
    }
}

/// Adds what a contract mentions.
pub fn mention(mentions: &mut Mentions, contract: &Contract) {
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
fn resales(reader: &mut Reader, root: &Contract, viewer: Viewer) -> Result<Vec<Contract>, StoreError> {
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
        found.extend(level.iter().filter(|child| viewer.is_party(child)).cloned());
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
