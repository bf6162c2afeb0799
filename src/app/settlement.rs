//! Terms of delivery, the keys that secrets are sealed to, and settlement.
//!
//! Settlement is a walk over all contracts that are not settled, a command for each few of them, so that orders pass
//! between. It keeps nothing of its own: a walk that was cut off is begun again, and what was settled is not due twice.

use std::time::Duration;

use super::sequencer::Leading;
use super::{App, AppError, Scope, Submission, facade::Caller};
use crate::exchange::terms::ContractTerms;
use crate::exchange::{Command, Event};
use crate::store::read;
use crate::types::limits::SETTLE_CONTRACTS_MAX;
use crate::types::{ContractId, Kind, PublicId};

/// Who the exchange's own jobs act as.
const SYSTEM: &str = "system";
/// Contracts of one command of the walk: few enough that an order behind one hardly waits.
pub const STRIDE: u32 = 8;
/// How often a server looks whether a walk is due.
const LOOK_PAUSE: Duration = Duration::from_secs(20);

/// What a step of the walk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Where the next step goes on; nothing if all were looked at.
    pub next: Option<PublicId>,
}

impl App {
    /// Returns the terms that contracts made now have, with their version.
    ///
    /// # Errors
    /// [`AppError::NotFound`] before any were published; if the store fails.
    pub async fn terms(&self) -> Result<(u32, ContractTerms), AppError> {
        self.read(|reader| read::deliveries::terms(reader, None)).await?.ok_or(AppError::NotFound)
    }

    /// Publishes terms; contracts made from then on have them.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, `invalid_terms`.
    pub async fn publish_terms(
        &self,
        caller: &Caller,
        key: Option<String>,
        terms: ContractTerms,
    ) -> Result<(u32, ContractTerms), AppError> {
        caller.admin()?;
        self.submit(caller, key, Command::PublishTerms(terms)).await?;
        self.terms().await
    }

    /// Publishes the default terms, unless some were published before.
    ///
    /// # Errors
    /// If the store fails or the writer does not take the command.
    pub async fn ensure_terms(&self) -> Result<(), AppError> {
        match self.terms().await {
            Err(AppError::NotFound) => {}
            other => return other.map(drop),
        }
        // Two servers that start at once have one key, so they publish once.
        let key = Some("first-terms".to_owned());
        self.run(key, Command::PublishTerms(ContractTerms::default())).await.map(drop)
    }

    /// Registers the public key that secrets for the caller's organization are sealed to.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, `invalid_text`.
    pub async fn register_access_key(&self, caller: &Caller, key: String) -> Result<(), AppError> {
        let organization = caller.member(Scope::Trade)?;
        self.submit(caller, None, Command::RegisterAccessKey { organization, key }).await.map(drop)
    }

    /// Returns the public key that the caller's organization has registered.
    ///
    /// # Errors
    /// `role_required`, `scope_required`; [`AppError::NotFound`] if there is none.
    pub fn access_key(&self, caller: &Caller) -> Result<String, AppError> {
        let organization = caller.member(Scope::Read)?;
        let key = self.live().read(|view| view.organizations.get(&organization)?.access_key.clone());
        key.ok_or(AppError::NotFound)
    }

    /// Settles the next contracts after one, youngest first.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, [`AppError::NotFound`], `invalid_combination`.
    pub async fn settle(
        &self,
        caller: &Caller,
        key: Option<String>,
        after: Option<PublicId>,
        limit: Option<u32>,
    ) -> Result<Settled, AppError> {
        caller.admin()?;
        let after = match after {
            Some(id) => Some(self.contract_by_id(id).await?.ok_or(AppError::NotFound)?.id),
            None => None,
        };
        let limit = limit.unwrap_or(SETTLE_CONTRACTS_MAX);
        let receipt = self.submit(caller, key, Command::Settle { after, limit }).await?;
        let Some(next) = receipt.outcome.events.iter().find_map(settled_through).flatten() else {
            return Ok(Settled { next: None });
        };
        let contract = self.read(move |reader| read::contracts::get(reader, next)).await?.ok_or(AppError::NotFound)?;
        let next = PublicId { created_at: contract.created_at, kind: Kind::Contract, number: next.number() };
        Ok(Settled { next: Some(next) })
    }

    /// Settles all contracts, a few at a time; returns how many commands it took, none if nothing is open.
    ///
    /// # Errors
    /// If the writer does not take a command; what was settled stays so.
    pub async fn settle_all(&self) -> Result<u64, AppError> {
        let (mut after, mut commands) = (None, 0_u64);
        if !self.read(read::deliveries::any_open).await? {
            return Ok(commands);
        }
        loop {
            let events = self.run(None, Command::Settle { after, limit: STRIDE }).await?;
            commands = commands.saturating_add(1);
            match events.iter().find_map(settled_through).flatten() {
                Some(next) => after = Some(next),
                None => return Ok(commands),
            }
        }
    }

    /// Settles all contracts whenever a day has begun, as long as this server writes, and publishes fixes of the index
    /// then and after a recall. Ends with the server.
    pub async fn settle_daily(self) {
        let (mut settled, mut fixed) = (None, None);
        loop {
            let day = self.live().read(|view| view.now).day();
            if self.leading() == Leading::Here && settled != Some(day) {
                match self.settle_all().await {
                    Ok(commands) => {
                        tracing::info!(commands, "all contracts are settled");
                        settled = Some(day);
                        // What was settled makes the scores: they come after it, and the next day's take their place.
                        if let Err(error) = self.publish_scores().await {
                            tracing::warn!(%error, "scores were not published");
                        }
                    }
                    Err(error) => tracing::warn!(%error, "settlement was cut off; it is begun again"),
                }
            }
            let fixes = self.live().read(|view| (day, view.recalled));
            if self.leading() == Leading::Here && fixed != Some(fixes) {
                match self.publish_fixes().await {
                    Ok(_) => fixed = Some(fixes),
                    Err(error) => tracing::warn!(%error, "fixes of the index were not published; it is tried again"),
                }
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    pub(super) async fn run(&self, key: Option<String>, command: Command) -> Result<Vec<Event>, AppError> {
        let (actor, request_id) = (SYSTEM.to_owned(), command.kind().to_owned());
        let receipt = self.sequencer().submit(Submission { actor, request_id, idempotency_key: key, command }).await?;
        self.live().reaches(receipt.sequence).await;
        Ok(receipt.outcome.events)
    }
}

const fn settled_through(event: &Event) -> Option<Option<ContractId>> {
    match event {
        Event::SettledThrough { next } => Some(*next),
        _ => None,
    }
}
