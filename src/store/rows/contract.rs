//! Contracts: the terms as made stand in `contracts`, what becomes of them in `contract_states`, who else came to sell
//! them in `contract_passes`.

use serde::{Deserialize, Serialize};

use super::field::{Place, minutes, text, word};
use crate::exchange::entities::{Contract, Holding, Pass};
use crate::exchange::funding::Monthly;
use crate::exchange::novation::Novation;
use crate::store::StoreError;
use crate::store::read::contracts::Sale;
use crate::store::row::{Word, row};
use crate::types::{
    ContractId, ContractStatus, ListingId, Minute, Money, OrganizationId, Price, ProductId, SiteId, Source, Timestamp,
    TradeId,
};

row! {
    /// A contract as it was made.
    ContractRow in contracts (number) Fail {
        number: i64,
        created_at: i64,
        trade: i64,
        product: i64,
        site: i64,
        listing: i64,
        source_kind: Word,
        source_number: i64,
        seller: i64,
        buyer: i64,
        gpus: i64,
        start_minute: i64,
        end_minute: i64,
        price: i64,
        lot: i64,
        min_minutes: i64,
        fee_bps: i64,
        depth: i64,
        previous_of_seller: Option<i64>,
        previous_of_buyer: Option<i64>,
        previous_of_parent: Option<i64>,
        terms: i64,
    }

    /// A contract that passed to another seller.
    PassRow in contract_passes (number) Fail {
        number: i64,
        created_at: i64,
        contract: i64,
        seller: i64,
        source_kind: Word,
        source_number: i64,
        previous_of_seller: Option<i64>,
        previous_of_parent: Option<i64>,
    }

    /// A contract as it stands.
    ContractStateRow in contract_states (number) Replace {
        number: i64,
        source_kind: Word,
        source_number: i64,
        seller: i64,
        depth: i64,
        status: Word,
        ended_at: Option<i64>,
        escrow: i64,
        last_child: Option<i64>,
        monthly: Option<Word>,
        bond: i64,
        novation: Option<Word>,
    }
}

impl ContractRow {
    pub(crate) fn of(contract: &Contract) -> Self {
        let (start_minute, end_minute) = minutes(contract.window);
        let (source_kind, source_number) = contract.source.parts();
        Self {
            number: contract.id.number(),
            created_at: contract.created_at.millis(),
            trade: contract.trade.number(),
            product: contract.product.number(),
            site: contract.site.number(),
            listing: contract.listing.number(),
            source_kind: word(source_kind),
            source_number,
            seller: contract.seller.number(),
            buyer: contract.buyer.number(),
            gpus: i64::from(contract.gpus),
            start_minute,
            end_minute,
            price: contract.price.micros(),
            lot: i64::from(contract.lot),
            min_minutes: i64::from(contract.min_minutes),
            fee_bps: i64::from(contract.fee_bps),
            depth: i64::from(contract.depth),
            previous_of_seller: contract.previous_of_seller.map(Holding::code),
            previous_of_buyer: contract.previous_of_buyer.map(Holding::code),
            previous_of_parent: contract.previous_of_parent.map(Holding::code),
            terms: i64::from(contract.terms),
        }
    }

    /// Returns who sold it first.
    pub(crate) fn sale(&self) -> Result<Sale, StoreError> {
        let at = Place::new("contracts", self.number);
        let (seller, source) = (OrganizationId::new(self.seller), at.source(&self.source_kind, self.source_number)?);
        Ok(Sale { seller, source, since: Timestamp::from_millis(self.created_at) })
    }

    /// Returns the contract with what has become of it.
    pub(crate) fn with(self, state: &ContractStateRow) -> Result<Contract, StoreError> {
        self.standing(&state.now()?)
    }

    /// Returns the contract as it stands.
    pub(crate) fn standing(self, now: &ContractNow) -> Result<Contract, StoreError> {
        let at = Place::new("contracts", self.number);
        Ok(Contract {
            id: ContractId::new(self.number),
            created_at: Timestamp::from_millis(self.created_at),
            trade: TradeId::new(self.trade),
            product: ProductId::new(self.product),
            site: SiteId::new(self.site),
            listing: ListingId::new(self.listing),
            source: now.source,
            seller: now.seller,
            buyer: OrganizationId::new(self.buyer),
            gpus: at.int("gpus", self.gpus)?,
            window: at.window(self.start_minute, self.end_minute)?,
            price: Price::from_micros(self.price),
            lot: at.int("lot", self.lot)?,
            min_minutes: at.int("min_minutes", self.min_minutes)?,
            fee_bps: at.int("fee_bps", self.fee_bps)?,
            terms: at.int("terms", self.terms)?,
            depth: now.depth,
            status: now.status,
            ended_at: now.ended_at,
            escrow: now.escrow,
            previous_of_seller: at.holding("previous_of_seller", self.previous_of_seller)?,
            previous_of_buyer: at.holding("previous_of_buyer", self.previous_of_buyer)?,
            previous_of_parent: at.holding("previous_of_parent", self.previous_of_parent)?,
            last_child: now.last_child,
            monthly: now.monthly,
            bond: now.bond,
            novation: now.novation.clone(),
        })
    }
}

/// What changes in a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContractNow {
    pub(crate) number: i64,
    source: Source,
    seller: OrganizationId,
    depth: u8,
    status: ContractStatus,
    ended_at: Option<Minute>,
    escrow: Money,
    last_child: Option<Holding>,
    /// Written beside the others: rows from before there was such a thing stay as they are.
    #[serde(skip)]
    pub(crate) monthly: Option<Monthly>,
    /// Logged beside the states: most have none.
    #[serde(skip)]
    pub(crate) bond: Money,
    /// Logged beside the states too.
    #[serde(skip)]
    pub(crate) novation: Option<Box<Novation>>,
}

impl ContractNow {
    pub(crate) fn of(contract: &Contract) -> Self {
        Self {
            number: contract.id.number(),
            source: contract.source,
            seller: contract.seller,
            depth: contract.depth,
            status: contract.status,
            ended_at: contract.ended_at,
            escrow: contract.escrow,
            last_child: contract.last_child,
            monthly: contract.monthly,
            bond: contract.bond,
            novation: contract.novation.clone(),
        }
    }
}

impl ContractStateRow {
    pub(crate) fn of(contract: &Contract) -> Result<Self, StoreError> {
        let at = Place::new("contract_states", contract.id.number());
        let (source_kind, source_number) = contract.source.parts();
        Ok(Self {
            number: contract.id.number(),
            source_kind: word(source_kind),
            source_number,
            seller: contract.seller.number(),
            depth: i64::from(contract.depth),
            status: word(contract.status.as_str()),
            ended_at: contract.ended_at.map(|minute| i64::from(minute.get())),
            escrow: contract.escrow.micros(),
            last_child: contract.last_child.map(Holding::code),
            monthly: contract
                .monthly
                .as_ref()
                .map(serde_json::to_string)
                .transpose()
                .map_err(|_| at.corrupt("monthly"))?
                .map(text),
            bond: contract.bond.micros(),
            novation: contract
                .novation
                .as_ref()
                .map(serde_json::to_string)
                .transpose()
                .map_err(|_| at.corrupt("novation"))?
                .map(text),
        })
    }

    /// Returns what it says.
    pub(crate) fn now(&self) -> Result<ContractNow, StoreError> {
        let at = Place::new("contract_states", self.number);
        let ended_at = self.ended_at.map(|minute| at.int("ended_at", minute).map(Minute::new));
        let monthly = self.monthly.as_deref().map(serde_json::from_str);
        let novation = self.novation.as_deref().map(serde_json::from_str);
        Ok(ContractNow {
            number: self.number,
            source: at.source(&self.source_kind, self.source_number)?,
            seller: OrganizationId::new(self.seller),
            depth: at.int("depth", self.depth)?,
            status: at.parsed("status", ContractStatus::parse(&self.status))?,
            ended_at: ended_at.transpose()?,
            escrow: Money::from_micros(self.escrow),
            last_child: at.holding("last_child", self.last_child)?,
            monthly: monthly.transpose().map_err(|_| at.corrupt("monthly"))?,
            bond: Money::from_micros(self.bond),
            novation: novation.transpose().map_err(|_| at.corrupt("novation"))?,
        })
    }
}

impl PassRow {
    pub(crate) fn of(pass: &Pass) -> Self {
        let (source_kind, source_number) = pass.source.parts();
        Self {
            number: pass.id.number(),
            created_at: pass.created_at.millis(),
            contract: pass.contract.number(),
            seller: pass.seller.number(),
            source_kind: word(source_kind),
            source_number,
            previous_of_seller: pass.previous_of_seller.map(Holding::code),
            previous_of_parent: pass.previous_of_parent.map(Holding::code),
        }
    }

    /// Returns who sells the contract since then.
    pub(crate) fn sale(&self) -> Result<Sale, StoreError> {
        let at = Place::new("contract_passes", self.number);
        let (seller, source) = (OrganizationId::new(self.seller), at.source(&self.source_kind, self.source_number)?);
        Ok(Sale { seller, source, since: Timestamp::from_millis(self.created_at) })
    }
}
