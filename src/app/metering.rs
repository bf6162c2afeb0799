//! Heartbeats: how many GPUs were up, of many contracts at once.

use std::collections::BTreeMap;

use super::face::Mentions;
use super::{App, AppError, Scope, facade::Caller};
use crate::exchange::{Command, Event, MeterReport, MeterRun, Reject};
use crate::types::limits::METER_REPORTS_MAX;
use crate::types::{ContractId, PublicId, Timestamp};

/// A report on a contract.
#[derive(Debug, Clone)]
pub struct NewReport {
    /// Which contract; nothing for an id that cannot be a contract's.
    pub contract: Option<PublicId>,
    /// Slots of equal state, in runs.
    pub runs: Vec<MeterRun>,
}

impl App {
    /// Takes in reports; returns for each what it was refused for, if it was.
    ///
    /// # Errors
    /// `role_required`, `scope_required`; what the exchange refuses if it refuses all of them.
    pub async fn meter(&self, caller: &Caller, reports: Vec<NewReport>) -> Result<Vec<Option<String>>, AppError> {
        let organization = caller.member(Scope::Deliver)?;
        if reports.is_empty() || reports.len() > METER_REPORTS_MAX {
            return Err(Reject::InvalidCombination.into());
        }
        let made_at = self.made_at(&reports).await?;
        let known = |report: &NewReport| {
            let id = report.contract.filter(|id| made_at.get(&ContractId::new(id.number)) == Some(&id.created_at));
            id.map(|id| ContractId::new(id.number))
        };
        let sent: Vec<_> = reports
            .iter()
            .filter_map(|report| Some(MeterReport { contract: known(report)?, runs: report.runs.clone() }))
            .collect();
        if sent.is_empty() {
            return Err(AppError::NotFound);
        }
        let receipt = self.submit(caller, None, Command::Meter { organization, reports: sent }).await?;
        let refused: BTreeMap<ContractId, &String> = receipt.outcome.events.iter().filter_map(refusal).collect();
        let answer = |report: &NewReport| match known(report) {
            Some(id) => refused.get(&id).map(|code| (*code).clone()),
            None => Some(Reject::NotFound.code().to_owned()),
        };
        Ok(reports.iter().map(answer).collect())
    }

    /// Returns when the contracts were made that reports speak of: those that are live are in the view.
    async fn made_at(&self, reports: &[NewReport]) -> Result<BTreeMap<ContractId, Timestamp>, AppError> {
        let (mut found, mut mentions) = (BTreeMap::new(), Mentions::default());
        self.live().read(|view| {
            for id in reports.iter().filter_map(|report| report.contract).map(|id| ContractId::new(id.number)) {
                match view.titles.get(&id) {
                    Some(title) => drop(found.insert(id, title.created_at)),
                    None => drop(mentions.contracts.insert(id)),
                }
            }
        });
        let ended = self.look_up(mentions.clone()).await?;
        found.extend(mentions.contracts.into_iter().filter_map(|id| Some((id, ended.contract_made_at(id)?))));
        Ok(found)
    }
}

const fn refusal(event: &Event) -> Option<(ContractId, &String)> {
    match event {
        Event::MeterRefused { contract, code } => Some((*contract, code)),
        _ => None,
    }
}
