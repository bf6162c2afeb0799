//! What admins do and what auditors see.

use super::catalogue::{page, product_by_symbol};
use super::reads::{JournalRow, Listed, Slice};
use super::wallet::organization_by_id;
use super::{App, AppError, Receipt, facade::Caller};
use crate::exchange::entities::{Organization, Product};
use crate::exchange::{Command, Reject};
use crate::store::read;
use crate::types::{OrganizationId, PublicId, Symbol, Tier, Timestamp};

/// Whether the server's clock is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockState {
    /// How far it has jumped ahead, in milliseconds, if that is in doubt.
    pub jump_ms: Option<i64>,
    /// The exchange's time.
    pub now: Timestamp,
}

impl App {
    /// Says whether the clock is believed.
    ///
    /// # Errors
    /// `role_required` for all but admins and auditors.
    pub fn clock_state(&self, caller: &Caller) -> Result<ClockState, AppError> {
        caller.overseer()?;
        Ok(ClockState { jump_ms: self.sequencer().jump().ms(), now: self.live().read(|view| view.now) })
    }

    /// Believes a clock that has jumped ahead, and notes it; what is due by then comes next.
    ///
    /// # Errors
    /// `role_required`, `clock_believed`.
    pub async fn accept_clock(&self, caller: &Caller) -> Result<Receipt, AppError> {
        caller.admin()?;
        let jump_ms = self.sequencer().jump().ms().ok_or(AppError::Conflict("clock_believed"))?;
        let command =
            Command::Note { subject: "clock".to_owned(), id: format!("{jump_ms}"), verb: "accepted".to_owned() };
        let receipt = self.sequencer().accept_clock(caller.submission(None, command)).await?;
        self.live().reaches(receipt.sequence).await;
        Ok(receipt)
    }

    /// Returns journal rows, newest first.
    ///
    /// # Errors
    /// `role_required` for all but admins and auditors, or if the store fails.
    pub async fn journal(&self, caller: &Caller, slice: Slice) -> Result<Listed<JournalRow>, AppError> {
        caller.overseer()?;
        self.read(move |reader| read::journal::page(reader.db(), slice)).await
    }

    /// Returns the last row of the journal; nothing before the first command.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn audit_head(&self) -> Result<Option<JournalRow>, AppError> {
        self.read(|reader| read::journal::head(reader.db())).await
    }

    /// Returns the organizations, newest first.
    ///
    /// # Errors
    /// `role_required` for all but admins and auditors.
    pub fn organizations(&self, caller: &Caller, slice: Slice) -> Result<Listed<Organization>, AppError> {
        caller.overseer()?;
        Ok(self
            .live()
            .read(|view| page(&view.organizations, (OrganizationId::new, OrganizationId::number), slice, |_| true)))
    }

    /// Suspends an organization or reinstates it.
    ///
    /// # Errors
    /// `role_required`, [`AppError::NotFound`].
    pub async fn suspend_organization(
        &self,
        caller: &Caller,
        key: Option<String>,
        id: PublicId,
        suspended: bool,
    ) -> Result<Organization, AppError> {
        self.change_organization(caller, key, id, |organization| Command::SuspendOrganization {
            organization,
            suspended,
        })
        .await
    }

    /// Says how well the exchange knows an organization: what bonds its asks need from then on.
    ///
    /// # Errors
    /// `role_required`, [`AppError::NotFound`].
    pub async fn set_tier(
        &self,
        caller: &Caller,
        key: Option<String>,
        id: PublicId,
        tier: Tier,
    ) -> Result<Organization, AppError> {
        self.change_organization(caller, key, id, |organization| Command::SetTier { organization, tier }).await
    }

    async fn change_organization(
        &self,
        caller: &Caller,
        key: Option<String>,
        id: PublicId,
        command: impl FnOnce(OrganizationId) -> Command,
    ) -> Result<Organization, AppError> {
        caller.admin()?;
        let organization = self.live().read(|view| organization_by_id(view, id).map(|row| row.id));
        let organization = organization.ok_or(AppError::NotFound)?;
        self.submit(caller, key, command(organization)).await?;
        self.live().read(|view| view.organizations.get(&organization).cloned()).ok_or(AppError::NotFound)
    }

    /// Halts trading in a product or lifts the halt.
    ///
    /// # Errors
    /// `role_required`, `unknown_product`.
    pub async fn halt_product(
        &self,
        caller: &Caller,
        key: Option<String>,
        symbol: &str,
        halted: bool,
    ) -> Result<Product, AppError> {
        caller.admin()?;
        let symbol = Symbol::new(symbol).ok_or(Reject::UnknownProduct)?;
        let product = self.live().read(|view| product_by_symbol(view, &symbol).map(|row| row.id));
        let product = product.ok_or(Reject::UnknownProduct)?;
        self.submit(caller, key, Command::HaltProduct { product, halted }).await?;
        self.live().read(|view| view.products.get(&product).cloned()).ok_or(AppError::NotFound)
    }

    /// Returns the halted products.
    ///
    /// # Errors
    /// `role_required` for all but admins and auditors.
    pub fn halts(&self, caller: &Caller) -> Result<Vec<Product>, AppError> {
        caller.overseer()?;
        Ok(self.live().read(|view| view.products.values().filter(|product| product.halted).cloned().collect()))
    }
}
