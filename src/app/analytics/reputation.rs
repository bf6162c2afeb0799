//! What a provider has delivered of what it sold, read from its contracts.

use std::sync::Arc;

use super::kept::Made;
use crate::app::reads::{Listed, Slice};
use crate::app::wallet::organization_by_id;
use crate::app::{App, AppError};
use crate::exchange::Command;
use crate::exchange::delivery::Delivery;
use crate::exchange::entities::Contract;
use crate::exchange::ranks::Score;
use crate::market::reputation::{Ending, Record, Reputation, reputation};
use crate::market::{Day, GpuMinutes, Ratio};
use crate::store::{Reader, StoreError, read};
use crate::types::limits::{REPUTATION_CONTRACTS_MAX, SCORES_MAX};
use crate::types::{ContractId, ContractStatus, OrganizationId, OrganizationKind, PublicId, Timestamp};

/// Contracts read at a time.
const READ_AT_ONCE: u32 = 1_000;

/// A provider's reputation, and whose it is.
#[derive(Debug, Clone)]
pub struct ReputationStanding {
    /// The provider.
    pub organization: OrganizationId,
    /// Its name.
    pub name: String,
    /// The reputation.
    pub made: Arc<Made<Reputation>>,
}

impl App {
    /// Returns the reputation of a provider.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is no provider, or if the store fails.
    pub async fn reputation(&self, id: PublicId) -> Result<ReputationStanding, AppError> {
        let found = self.live().read(|view| {
            let row = organization_by_id(view, id).filter(|row| row.kind == OrganizationKind::Provider);
            row.map(|row| (row.id, row.name.clone()))
        });
        let (organization, name) = found.ok_or(AppError::NotFound)?;
        let make = move |app: Self| async move {
            let (now, as_of) = app.live().read(|view| (view.now, view.as_of));
            app.read(move |reader| made(reader, organization, now, as_of)).await
        };
        let made = self.figures().reputations.get(self, organization, make).await?;
        Ok(ReputationStanding { organization, name, made })
    }

    /// Publishes the scores of providers whose score is not the one published before; returns how many those are.
    ///
    /// # Errors
    /// If the store fails or the writer does not take a command; what was published stays so.
    pub async fn publish_scores(&self) -> Result<usize, AppError> {
        let (now, providers): (_, Vec<(OrganizationId, u32)>) = self.live().read(|view| {
            let rows = view.organizations.values().filter(|row| row.kind == OrganizationKind::Provider);
            (view.now, rows.map(|row| (row.id, row.rank().score_bps)).collect())
        });
        let mut scores = Vec::new();
        for (organization, published) in providers {
            let (records, ..) = self.read(move |reader| records(reader, organization, now)).await?;
            let score = reputation(Day::of(now), records).score.map(Ratio::ten_thousandths);
            let score = score.and_then(|score| u32::try_from(score).ok());
            let changed = score.filter(|score| *score != published);
            scores.extend(changed.map(|score_bps| Score { organization, score_bps }));
        }
        for scores in scores.chunks(SCORES_MAX) {
            self.run(None, Command::PublishScores { scores: scores.to_vec() }).await?;
        }
        Ok(scores.len())
    }
}

fn made(
    reader: &mut Reader,
    organization: OrganizationId,
    now: Timestamp,
    as_of: i64,
) -> Result<Made<Reputation>, StoreError> {
    let (records, contracts, truncated) = records(reader, organization, now)?;
    Ok(Made { figure: reputation(Day::of(now), records), orders: contracts, truncated, now, as_of })
}

/// Returns what became of the contracts a provider sold out of its listings, the newest first, how many contracts were
/// looked at, and whether there are more.
///
/// # Errors
/// What the database said.
pub fn records(
    reader: &mut Reader,
    organization: OrganizationId,
    now: Timestamp,
) -> Result<(Vec<Record>, usize, bool), StoreError> {
    let (mut records, mut looked_at) = (Vec::new(), 0_usize);
    let mut page = Slice::first(READ_AT_ONCE);
    loop {
        let Listed { rows, next } = read::contracts::of_organization(reader, organization, page)?;
        looked_at = looked_at.saturating_add(rows.len());
        // What is resold is delivered through it too, so the first sale counts all of it, once.
        let own = |row: &&Contract| row.seller == organization && row.source.is_listing();
        let own: Vec<&Contract> = rows.iter().filter(own).collect();
        let ids: Vec<ContractId> = own.iter().map(|row| row.id).collect();
        let deliveries = read::deliveries::numbered(reader, &ids)?;
        let record = |row: &&Contract| deliveries.get(&row.id).map(|standing| record(row, &standing.delivery, now));
        records.extend(own.iter().filter_map(record));
        match next {
            Some(_) if looked_at >= REPUTATION_CONTRACTS_MAX => return Ok((records, looked_at, true)),
            Some(next) => page = page.after(next),
            None => return Ok((records, looked_at, false)),
        }
    }
}

fn record(contract: &Contract, delivery: &Delivery, now: Timestamp) -> Record {
    let ending = match contract.status {
        ContractStatus::Completed | ContractStatus::Settled => Some(Ending::Completed),
        ContractStatus::Terminated => Some(Ending::Terminated),
        ContractStatus::Defaulted => Some(Ending::Defaulted),
        ContractStatus::Recalled => Some(Ending::Recalled),
        _ => None,
    };
    let ended = contract.covered().end.min(now.minute());
    let lead =
        |ready: Timestamp| i64::from(contract.window.start.get()).saturating_sub(i64::from(ready.minute().get()));
    Record {
        day: if ending.is_some() { Day::of_minute(ended) } else { Day::of(now) },
        delivered: GpuMinutes::new(delivery.delivered),
        undelivered: GpuMinutes::new(delivery.undelivered),
        ending,
        lead_minutes: delivery.ready_at.map(lead),
    }
}
