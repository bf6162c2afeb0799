//! The one handle through which the API, pages, commands and jobs use the exchange.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

use super::reads::{Read, Reads};
use super::{AppError, Principal, Receipt, Role, Scope, Sequencer, Submission, View};
use crate::exchange::{Command, Reject};
use crate::types::OrganizationId;

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

/// A boxed answer of [`Gatekeeper`].
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, AppError>> + Send + 'a>>;

/// Who checks credentials; the seam to `accounts`.
pub trait Gatekeeper: Send + Sync {
    /// Returns whose credentials these are.
    fn authenticate<'a>(&'a self, bearer: &'a str) -> Later<'a, Principal>;
}

/// The exchange as everybody outside the writer sees it; cheap to clone.
#[derive(Clone)]
pub struct App {
    sequencer: Sequencer,
    live: Live,
    reads: Arc<dyn Reads>,
    gatekeeper: Arc<dyn Gatekeeper>,
}

impl Caller {
    /// Checks a scope.
    ///
    /// # Errors
    /// `scope_required`.
    pub fn scoped(&self, scope: Scope) -> Result<(), AppError> {
        let has = self.principal.scopes.contains(&scope);
        if has { Ok(()) } else { Err(AppError::Forbidden("scope_required".to_owned())) }
    }

    /// Checks a scope and returns the organization the caller acts for.
    ///
    /// # Errors
    /// `scope_required`; `role_required` for admins and auditors, who act for none.
    pub fn member(&self, scope: Scope) -> Result<OrganizationId, AppError> {
        self.scoped(scope)?;
        match (self.principal.role, self.principal.organization) {
            (Role::Member(_), Some(organization)) => Ok(organization),
            _ => Err(AppError::Reject(Reject::RoleRequired)),
        }
    }

    /// Checks that the caller runs the exchange.
    ///
    /// # Errors
    /// `role_required`, `scope_required`.
    pub fn admin(&self) -> Result<(), AppError> {
        match self.principal.role {
            Role::Admin => self.scoped(Scope::Admin),
            _ => Err(AppError::Reject(Reject::RoleRequired)),
        }
    }

    /// Checks that the caller may see everything.
    ///
    /// # Errors
    /// `role_required`, `scope_required`.
    pub fn staff(&self) -> Result<(), AppError> {
        if self.sees_all() { self.scoped(Scope::Read) } else { Err(AppError::Reject(Reject::RoleRequired)) }
    }

    /// Tells whether the caller may see everything.
    pub const fn sees_all(&self) -> bool {
        matches!(self.principal.role, Role::Admin | Role::Auditor)
    }

    /// Returns the organization whose things the caller may see, or nothing if it may see all.
    ///
    /// # Errors
    /// `scope_required`; `role_required` for a member without an organization.
    pub fn reader(&self) -> Result<Option<OrganizationId>, AppError> {
        if self.sees_all() {
            self.scoped(Scope::Read)?;
            return Ok(None);
        }
        self.member(Scope::Read).map(Some)
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

    /// Waits until the view reflects a journal row; false if it takes longer than [`BEHIND_WAIT`].
    pub async fn reaches(&self, sequence: i64) -> bool {
        let mut as_of = self.as_of.clone();
        let reached = tokio::time::timeout(BEHIND_WAIT, as_of.wait_for(|at| *at >= sequence)).await;
        matches!(reached, Ok(Ok(_)))
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(sequencer: Sequencer, live: Live, reads: Arc<dyn Reads>, gatekeeper: Arc<dyn Gatekeeper>) -> Self {
        Self { sequencer, live, reads, gatekeeper }
    }

    /// Returns the view.
    pub const fn live(&self) -> &Live {
        &self.live
    }

    /// Returns the queue to the writer.
    pub const fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// Returns whose credentials these are.
    ///
    /// # Errors
    /// [`AppError::Unauthorized`].
    pub async fn authenticate(&self, bearer: &str) -> Result<Principal, AppError> {
        self.gatekeeper.authenticate(bearer).await
    }

    /// Reads from the store, off the workers.
    ///
    /// # Errors
    /// [`AppError::Internal`] if the store fails.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reads) -> Read<T> + Send + 'static,
    ) -> Result<T, AppError> {
        let reads = Arc::clone(&self.reads);
        let done = tokio::task::spawn_blocking(move || read(reads.as_ref())).await;
        done.map_err(|error| AppError::Internal(error.to_string()))?
            .map_err(|error| AppError::Internal(error.to_string()))
    }

    /// Submits a command of a caller and waits until the view shows what it did.
    ///
    /// # Errors
    /// As [`Sequencer::submit`].
    pub async fn submit(&self, caller: &Caller, key: Option<String>, command: Command) -> Result<Receipt, AppError> {
        let submission = Submission {
            actor: caller.principal.actor(),
            request_id: caller.request_id.clone(),
            idempotency_key: key,
            command,
        };
        let receipt = self.sequencer.submit(submission).await?;
        // The receipt is the truth; a view that lags only makes what follows it a little old.
        if !self.live.reaches(receipt.sequence).await {
            tracing::warn!(sequence = receipt.sequence, as_of = self.live.as_of(), "the view lags behind the writer");
        }
        Ok(receipt)
    }
}
