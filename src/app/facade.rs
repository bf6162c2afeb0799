//! The one handle through which the API, pages, commands and jobs use the exchange.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

use super::accounts::{Registered, Registration};
use super::analytics::Figures;
use super::permission::{require, require_admin, require_member, require_overseer};
use super::sequencer::{Leading, Running};
use super::simulated::declared;
use super::{Accounts, AppError, Principal, Receipt, Role, Scope, Sequencer, Submission, View};
use crate::exchange::Command;
use crate::store::Store;
pub use crate::store::accounts::ApiKey;
use crate::types::OrganizationId;
use crate::types::limits::STATEMENTS_AT_ONCE_MAX;

/// How long a read waits for the sequence it asks for.
pub const BEHIND_WAIT: Duration = Duration::from_secs(2);

/// An authenticated caller with the request it made.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// Under which request.
    pub request_id: String,
}

/// The view as of the last committed batch, and how far it is.
#[derive(Clone)]
pub struct Live {
    view: Arc<RwLock<View>>,
    as_of: watch::Receiver<i64>,
}

/// The exchange as everybody outside the writer sees it; cheap to clone.
#[derive(Clone)]
pub struct App {
    sequencer: Sequencer,
    live: Live,
    leading: watch::Receiver<Leading>,
    store: Store,
    accounts: Arc<Accounts>,
    figures: Arc<Figures>,
    statements: Arc<Semaphore>,
    /// Whether the database says that it was made up.
    pub(super) simulated: bool,
}

impl Caller {
    /// Returns a command as this caller submits it.
    pub(super) fn submission(&self, key: Option<String>, command: Command) -> Submission {
        let (actor, request_id) = (self.principal.actor(), self.request_id.clone());
        Submission { actor, request_id, idempotency_key: key, command }
    }

    /// Checks a scope.
    ///
    /// # Errors
    /// As [`require`].
    pub fn scoped(&self, scope: Scope) -> Result<(), AppError> {
        require(&self.principal, scope)
    }

    /// Checks a scope and returns the organization the caller acts for.
    ///
    /// # Errors
    /// As [`require_member`].
    pub fn member(&self, scope: Scope) -> Result<OrganizationId, AppError> {
        require_member(&self.principal, scope)
    }

    /// Checks that the caller runs the exchange.
    ///
    /// # Errors
    /// As [`require_admin`].
    pub fn admin(&self) -> Result<(), AppError> {
        require_admin(&self.principal)
    }

    /// Checks that the caller may look at what belongs to others.
    ///
    /// # Errors
    /// As [`require_overseer`].
    pub fn overseer(&self) -> Result<(), AppError> {
        require_overseer(&self.principal)
    }

    /// Tells whether the caller's role sees everything.
    pub const fn sees_all(&self) -> bool {
        matches!(self.principal.role, Role::Admin | Role::Auditor)
    }

    /// Returns the organization whose things the caller may see, or nothing if it may see all.
    ///
    /// # Errors
    /// As [`require_overseer`] and [`require_member`].
    pub fn reader(&self) -> Result<Option<OrganizationId>, AppError> {
        if self.sees_all() { self.overseer().map(|()| None) } else { self.member(Scope::Read).map(Some) }
    }

    /// Tells whether the caller may see an organization's things.
    pub fn may_see(&self, organization: OrganizationId) -> bool {
        self.sees_all() || self.principal.organization == Some(organization)
    }
}

impl Live {
    /// Wraps the view that the writer folds its batches into, and the sequence it announces after each.
    pub const fn new(view: Arc<RwLock<View>>, as_of: watch::Receiver<i64>) -> Self {
        Self { view, as_of }
    }

    /// Reads the view; the closure must be quick, the writer waits for it.
    pub fn read<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the last journal row the view reflects.
    pub fn as_of(&self) -> i64 {
        *self.as_of.borrow()
    }

    /// Returns what tells of every journal row that the view comes to reflect.
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.as_of.clone()
    }

    /// Waits until the view reflects a journal row; false if it takes longer than [`BEHIND_WAIT`].
    pub async fn reaches(&self, sequence: i64) -> bool {
        // The writer publishes before it answers, so whoever waited for an answer never has to wait here.
        if self.as_of() >= sequence {
            return true;
        }
        let mut as_of = self.as_of.clone();
        let reached = tokio::time::timeout(BEHIND_WAIT, as_of.wait_for(|at| *at >= sequence)).await;
        matches!(reached, Ok(Ok(_)))
    }
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// If the store fails.
    pub fn new(store: Store, running: &Running, accounts: Arc<Accounts>) -> Result<Self, AppError> {
        let live = Live::new(Arc::clone(&running.view), running.as_of.clone());
        let (sequencer, leading) = (running.sequencer.clone(), running.leading.clone());
        let statements = Arc::new(Semaphore::new(STATEMENTS_AT_ONCE_MAX));
        let simulated = declared(&store)?.is_some();
        Ok(Self { sequencer, live, leading, store, accounts, figures: Arc::default(), statements, simulated })
    }

    /// Returns the store.
    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// Returns what analytics have computed.
    pub(super) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Returns the turns of those who make up statements.
    pub(super) fn statements(&self) -> &Semaphore {
        &self.statements
    }

    /// Returns the use cases of accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Returns the view.
    pub const fn live(&self) -> &Live {
        &self.live
    }

    /// Returns what a caller is called: its organization's name, or its role.
    pub fn name_of(&self, principal: &Principal) -> String {
        let organization = principal.organization;
        let name = self.live.read(|view| organization.and_then(|id| Some(view.organizations.get(&id)?.name.clone())));
        name.unwrap_or_else(|| principal.role.as_str().to_owned())
    }

    /// Returns who writes.
    pub fn leading(&self) -> Leading {
        self.leading.borrow().clone()
    }

    /// Waits until some node writes, but no longer than that.
    pub async fn until_led(&self, most: Duration) {
        let mut leading = self.leading.clone();
        // Whoever asks next is told that nobody does.
        drop(tokio::time::timeout(most, leading.wait_for(|leading| *leading != Leading::Nobody)).await);
    }

    /// Waits until another node than the one at an address writes.
    ///
    /// # Errors
    /// [`AppError::NotApplied`] if this node will not come to know.
    pub async fn replaced(&self, address: &str) -> Result<(), AppError> {
        let is_another = |leading: &Leading| match leading {
            Leading::Here => true,
            Leading::There(now) => now != address,
            Leading::Nobody => false,
        };
        self.leading.clone().wait_for(is_another).await.map(drop).map_err(|_| AppError::NotApplied)
    }

    /// Returns the queue to the writer.
    pub const fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// Makes an organization and its first user, and waits until the view shows the organization.
    ///
    /// # Errors
    /// As [`Accounts::register`].
    pub async fn register(
        &self,
        registration: Registration,
        address: IpAddr,
        request_id: &str,
    ) -> Result<Registered, AppError> {
        let registered = self.accounts.register(registration, address, request_id).await?;
        self.live.reaches(registered.sequence).await;
        Ok(registered)
    }

    /// Submits a command of a caller and waits until the view shows what it did.
    ///
    /// # Errors
    /// As [`Sequencer::submit`].
    pub async fn submit(&self, caller: &Caller, key: Option<String>, command: Command) -> Result<Receipt, AppError> {
        let receipt = self.sequencer.submit(caller.submission(key, command)).await?;
        // The receipt is the truth; a view that lags only makes what follows it a little old.
        if !self.live.reaches(receipt.sequence).await {
            tracing::warn!(sequence = receipt.sequence, as_of = self.live.as_of(), "the view lags behind the writer");
        }
        Ok(receipt)
    }
}
