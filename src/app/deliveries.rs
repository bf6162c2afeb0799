//! Deliveries: the handshake, heartbeats and disputes, and what they come to.
//!
//! Three may look at a delivery: the two parties of the contract, and the provider whose site the GPUs stand at, even
//! where the contract is a resale and the provider no party of it. Only the parties see money; only the buyer and the
//! provider see what was handed over.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::contracts::{children, mention};
use super::face::{Mentioned, Mentions};
use super::reads::{Listed, Slice};
use super::{App, AppError, Scope, facade::Caller};
use crate::exchange::delivery::{Delivery, Standing};
use crate::exchange::entities::Contract;
use crate::exchange::terms::ContractTerms;
use crate::exchange::{Access, Command, Reject};
use crate::store::{Reader, StoreError, read};
use crate::types::{ContractId, Minute, Money, OrganizationId, PublicId, Slot, Steps, Window};

/// What somebody does about a delivery.
#[derive(Debug, Clone)]
pub enum DeliveryStep {
    /// The provider says that the GPUs stand by.
    Ready,
    /// The provider hands access over.
    Deliver(Access),
    /// The buyer accepts it.
    Accept,
    /// The buyer sends it back.
    Object {
        /// Why.
        reason: String,
    },
    /// The provider brings something forward for slots in dispute.
    Evidence {
        /// From.
        start: Minute,
        /// To.
        end: Minute,
        /// What.
        evidence: String,
    },
    /// Buyer or seller gives notice.
    Terminate {
        /// Why.
        reason: String,
    },
    /// The seller says that it will not deliver.
    Default {
        /// Why.
        reason: String,
    },
}

/// A delivery as it stands, for somebody who may look at it.
#[derive(Debug, Clone)]
pub struct DeliveryStanding {
    /// The contract.
    pub contract: Contract,
    /// What has become of it.
    pub delivery: Delivery,
    /// Its terms and their version.
    pub terms: (u32, ContractTerms),
    /// The public key that secrets are sealed to, if the buyer has registered one.
    pub recipient: Option<String>,
    /// How whoever looks stands to it.
    pub sight: Sight,
    /// Whether the money is shown.
    pub sees_money: bool,
    /// What it mentions.
    pub mentioned: Mentioned,
}

/// How somebody stands to a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Who holds the GPUs.
    pub is_buyer: bool,
    /// Who sells them.
    pub is_seller: bool,
    /// At whose site they stand.
    pub is_provider: bool,
    /// Who runs the exchange or audits it.
    pub is_staff: bool,
}

impl DeliveryStanding {
    /// Returns what was handed over, for those it is shown to.
    pub fn access(&self) -> Option<&Access> {
        self.delivery.access.as_deref().filter(|_| self.sight.sees_access())
    }

    /// Returns the first paid minute: accepted before the window begins, it is paid from the beginning on.
    pub fn paid_from(&self) -> Option<Minute> {
        self.delivery.accepted_from.map(|from| from.max(self.contract.window.start))
    }

    /// Returns the credits that the seller owes, and those that whoever sold the contract before does.
    ///
    /// # Errors
    /// [`AppError::Internal`] if the legs are more than the whole: a bug.
    pub fn owed(&self) -> Result<(Money, Money), AppError> {
        let present = self.delivery.present_leg().map(|leg| leg.owed);
        let owed = present.and_then(|own| Ok((own, self.delivery.owed.minus(own)?)));
        owed.map_err(|error| AppError::Internal(format!("credits owed for contract {}: {error}", self.contract.id)))
    }

    /// Returns the slots that may still be reported on; those at the edges are whole.
    pub fn open_slots(&self) -> Window {
        let (from, until) = (self.delivery.closed_until, self.contract.covered().end);
        Window::new(Slot::of(from).start(), Slot::end_of(until))
    }
}

impl DeliveryStep {
    const fn scope(&self) -> Scope {
        match self {
            Self::Default { .. } | Self::Terminate { .. } => Scope::Trade,
            _ => Scope::Deliver,
        }
    }

    fn command(self, organization: OrganizationId, contract: ContractId) -> Command {
        match self {
            Self::Ready => Command::DeclareReady { organization, contract },
            Self::Deliver(access) => Command::DeliverAccess { organization, contract, access },
            Self::Accept => Command::AcceptDelivery { organization, contract },
            Self::Object { reason } => Command::ObjectDelivery { organization, contract, reason },
            Self::Evidence { start, end, evidence } => {
                Command::AddEvidence { organization, contract, start, end, evidence }
            }
            Self::Terminate { reason } => Command::GiveNotice { organization, contract, reason },
            Self::Default { reason } => Command::DeclareDefault { organization, contract, reason },
        }
    }
}

impl App {
    /// Returns the delivery of a contract; without its money for a key that may deliver and not read.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`, `no_delivery_terms`, or if the store fails.
    pub async fn delivery(&self, caller: &Caller, id: PublicId) -> Result<DeliveryStanding, AppError> {
        let reads = caller.reader();
        if caller.member(Scope::Deliver).is_err() {
            reads.clone()?;
        }
        let contract = self.contract_by_id(id).await?.filter(|row| self.sight(caller, row).is_any());
        let standing = self.standing_of(caller, contract.ok_or(AppError::NotFound)?.id).await?;
        Ok(DeliveryStanding { sees_money: standing.sees_money && reads.is_ok(), ..standing })
    }

    /// Returns the live contracts that the caller's sites provide GPUs for, newest first.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, or if the store fails.
    pub async fn deliveries(&self, caller: &Caller, slice: Slice) -> Result<Listed<DeliveryStanding>, AppError> {
        let organization = caller.member(Scope::Read)?;
        let before = ContractId::new(slice.before.unwrap_or(i64::MAX));
        let most = usize::try_from(slice.limit).unwrap_or(usize::MAX).saturating_add(1);
        let ids: Vec<ContractId> = self.live().read(|view| {
            let ids = view.provided.get(&organization).into_iter().flat_map(|ids| ids.range(..before).rev());
            ids.take(most).copied().collect()
        });
        let Listed { rows: ids, next } = Listed::of(ids, slice, |id| id.number());
        let (mut rows, mentioned) = self.read(move |reader| rows_of(reader, &ids)).await?;
        rows.reverse();
        let rows = rows.into_iter().map(|(contract, delivery, terms)| {
            let sight = self.sight(caller, &contract);
            self.shown(sight, (contract, delivery, terms), mentioned.clone())
        });
        Ok(Listed { rows: rows.collect(), next })
    }

    /// Does something about a delivery.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `role_required`, `scope_required`, and what the exchange refuses.
    pub async fn step_delivery(
        &self,
        caller: &Caller,
        key: Option<String>,
        id: PublicId,
        step: DeliveryStep,
    ) -> Result<DeliveryStanding, AppError> {
        let organization = caller.member(step.scope())?;
        let contract = self.contract_by_id(id).await?.filter(|row| self.sight(caller, row).is_any());
        let contract = contract.ok_or(AppError::NotFound)?;
        // The exchange has forgotten contracts that are settled; what is in dispute may outlive the contract.
        if !contract.status.is_live() && !matches!(step, DeliveryStep::Evidence { .. }) {
            return Err(Reject::ContractNotLive.into());
        }
        self.submit(caller, key, step.command(organization, contract.id)).await?;
        self.standing_of(caller, contract.id).await
    }

    /// Decides how many GPUs were up in slots in dispute.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `role_required`, `scope_required`, and what the exchange refuses.
    pub async fn decide_dispute(
        &self,
        caller: &Caller,
        key: Option<String>,
        id: PublicId,
        (window, gpus_up, reason): (Window, u32, String),
    ) -> Result<DeliveryStanding, AppError> {
        let Window { start, end } = window;
        let command = |contract| Command::DecideDispute { contract, start, end, gpus_up, reason };
        self.rule(caller, key, id, command).await
    }

    /// Proposes to recall a contract, or confirms what another admin has proposed.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `role_required`, `scope_required`, and what the exchange refuses.
    pub async fn recall(
        &self,
        caller: &Caller,
        key: Option<String>,
        id: PublicId,
        reason: Option<String>,
    ) -> Result<DeliveryStanding, AppError> {
        let command = |contract| match reason {
            Some(reason) => Command::ProposeRecall { contract, reason },
            None => Command::ConfirmRecall { contract },
        };
        self.rule(caller, key, id, command).await
    }

    /// Does what only admins do about a contract.
    async fn rule(
        &self,
        caller: &Caller,
        key: Option<String>,
        id: PublicId,
        command: impl FnOnce(ContractId) -> Command,
    ) -> Result<DeliveryStanding, AppError> {
        caller.admin()?;
        let contract = self.contract_by_id(id).await?.ok_or(AppError::NotFound)?.id;
        self.submit(caller, key, command(contract)).await?;
        self.standing_of(caller, contract).await
    }

    /// Returns the delivery of a contract that whoever asks may look at.
    async fn standing_of(&self, caller: &Caller, id: ContractId) -> Result<DeliveryStanding, AppError> {
        let (rows, mentioned) = self.read(move |reader| rows_of(reader, &[id])).await?;
        let row = rows.into_iter().next().ok_or(Reject::NoDeliveryTerms)?;
        Ok(self.shown(self.sight(caller, &row.0), row, mentioned))
    }

    fn sight(&self, caller: &Caller, contract: &Contract) -> Sight {
        let own = caller.principal.organization;
        let provider = self.live().read(|view| view.provider_of(contract));
        Sight {
            is_buyer: own == Some(contract.buyer),
            is_seller: own == Some(contract.seller),
            is_provider: own.is_some() && own == provider,
            is_staff: caller.sees_all(),
        }
    }

    fn shown(
        &self,
        sight: Sight,
        (contract, delivery, terms): (Contract, Delivery, (u32, ContractTerms)),
        mentioned: Mentioned,
    ) -> DeliveryStanding {
        let recipient = self.live().read(|view| view.organizations.get(&contract.buyer)?.access_key.clone());
        let sees_money = sight.is_buyer || sight.is_seller || sight.is_staff;
        DeliveryStanding { contract, delivery, terms, recipient, sight, sees_money, mentioned }
    }
}

impl Sight {
    const fn is_any(self) -> bool {
        self.is_buyer || self.is_seller || self.is_provider || self.is_staff
    }

    /// Tells whether what was handed over is shown: to whom it is for, and whose it is.
    pub const fn sees_access(self) -> bool {
        self.is_buyer || self.is_provider
    }
}

type DeliveryRows = Vec<(Contract, Delivery, (u32, ContractTerms))>;

/// Returns contracts under terms with what has become of them, by number, and what they mention.
fn rows_of(reader: &mut Reader, ids: &[ContractId]) -> Result<(DeliveryRows, Mentioned), StoreError> {
    let contracts = read::contracts::numbered(reader, ids)?;
    let mut standings = read::deliveries::numbered(reader, ids)?;
    let (mut terms, mut mentions, mut rows) = (BTreeMap::new(), Mentions::default(), Vec::new());
    for contract in contracts {
        let terms = match terms.entry(contract.terms) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(read::deliveries::terms(reader, Some(contract.terms))?),
        };
        let Some(terms) = terms.clone() else { continue };
        let delivery = match standings.remove(&contract.id) {
            Some(Standing { delivery, .. }) => (*delivery).clone(),
            None => Delivery::new(&contract, resold(reader, &contract)?),
        };
        mention(&mut mentions, &contract);
        rows.push((contract, delivery, terms));
    }
    Ok((rows, mentions.look_up(reader)?))
}

/// Returns what is sold on of a contract whose delivery has not begun.
fn resold(reader: &mut Reader, contract: &Contract) -> Result<Steps, StoreError> {
    let mut resold = Steps::new();
    if contract.last_child.is_some() {
        for child in children(reader, contract)? {
            resold.add(child.covered(), child.gpus).map_err(|_| StoreError::Corrupt {
                table: "contracts",
                key: contract.id.number().to_string(),
                what: "more is sold on than can be counted".to_owned(),
            })?;
        }
    }
    Ok(resold)
}
