//! Deliveries and the terms they are made under.

use std::sync::Arc;

use super::field::{Place, text};
use crate::exchange::delivery::{Delivery, Standing};
use crate::exchange::terms::ContractTerms;
use crate::store::StoreError;
use crate::store::row::{Word, row};
use crate::types::ContractId;

row! {
    /// The terms of one version.
    TermsRow in contract_terms (version) Fail {
        version: i64,
        terms: Word,
    }

    /// What has become of a contract.
    DeliveryRow in deliveries (contract) Replace {
        contract: i64,
        open: i64,
        state: Word,
    }
}

impl TermsRow {
    pub(crate) fn of(version: u32, terms: &ContractTerms) -> Result<Self, StoreError> {
        let version = i64::from(version);
        let json = serde_json::to_string(terms).map_err(|_| Place::new("contract_terms", version).corrupt("terms"))?;
        Ok(Self { version, terms: text(json) })
    }

    pub(crate) fn terms(&self) -> Result<(u32, ContractTerms), StoreError> {
        let at = Place::new("contract_terms", self.version);
        let terms = serde_json::from_str(&self.terms).map_err(|_| at.corrupt("terms"))?;
        Ok((at.int("version", self.version)?, terms))
    }
}

impl DeliveryRow {
    pub(crate) fn of(contract: ContractId, standing: &Standing) -> Result<Self, StoreError> {
        let number = contract.number();
        let state = serde_json::to_string(&*standing.delivery);
        let state = state.map_err(|_| Place::new("deliveries", number).corrupt("state"))?;
        Ok(Self { contract: number, open: i64::from(standing.open), state: text(state) })
    }

    pub(crate) fn standing(&self) -> Result<(ContractId, Standing), StoreError> {
        let at = Place::new("deliveries", self.contract);
        let delivery: Delivery = serde_json::from_str(&self.state).map_err(|_| at.corrupt("state"))?;
        let standing = Standing { delivery: Arc::new(delivery), open: at.flag("open", self.open)? };
        Ok((ContractId::new(self.contract), standing))
    }
}
