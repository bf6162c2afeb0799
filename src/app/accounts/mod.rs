//! People and their credentials: registration, sessions, API keys, and who a bearer is.
//!
//! Invariant: an e-mail address, a token or a hash is never logged and never journalled; every change of users
//! and keys is journalled, by id, in the transaction that makes it. Authentication never touches the database:
//! tokens are verified by signature, API keys by a look-up in memory.

mod attempts;
mod directory;
mod keys;
mod passwords;
mod registration;
mod sessions;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use self::attempts::Attempts;
use self::directory::KeyDirectory;
pub use self::keys::{API_KEYS_PER_USER_MAX, CreatedKey, NewKey};
pub use self::passwords::PasswordPool;
pub use self::registration::{Registered, Registration};
pub use self::sessions::{REFRESH_TOKEN_MS, Tokens};
use super::permission::require;
use super::{AppError, Clock, Ids, Principal, Role, Scope, Sequencer, Submission};
use crate::auth::{AuthError, KeyRing, SecretKind};
use crate::exchange::Command;
use crate::store::{Db, Store, StoreError, accounts};
use crate::types::{OrganizationId, Timestamp};

const LOGINS_PER_ACCOUNT: usize = 10;
const ATTEMPTS_PER_ADDRESS: usize = 30;

/// A query that runs on a connection for reading.
pub type Query<'a> = &'a mut (dyn FnMut(&mut Db) -> Result<(), StoreError> + Send);

/// A way to read the store; called on threads that may block.
pub trait Reads: Send + Sync {
    /// Runs a query.
    ///
    /// # Errors
    /// What the query fails with, or [`StoreError::Connection`].
    fn read(&self, query: Query<'_>) -> Result<(), StoreError>;
}

impl Reads for Store {
    fn read(&self, query: Query<'_>) -> Result<(), StoreError> {
        Self::read(self, query)
    }
}

/// The use cases of accounts; share it behind an [`Arc`].
pub struct Accounts {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    sequencer: Sequencer,
    reads: Arc<dyn Reads>,
    ring: KeyRing,
    passwords: PasswordPool,
    keys: Arc<KeyDirectory>,
    by_account: Attempts<String>,
    by_address: Attempts<IpAddr>,
}

/// What somebody may know about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The user.
    pub user: Uuid,
    /// Its address.
    pub email: String,
    /// Its role.
    pub role: Role,
    /// Whom it acts for.
    pub organization: Option<OrganizationId>,
    /// What these credentials may do.
    pub scopes: Vec<Scope>,
    /// The API key used, if one was.
    pub key: Option<Uuid>,
    /// When the user registered.
    pub created_at: Timestamp,
}

impl Accounts {
    /// Loads the API keys and returns the use cases; blocks.
    ///
    /// # Errors
    /// [`StoreError`] if the keys cannot be read.
    pub fn open(
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        sequencer: Sequencer,
        reads: Arc<dyn Reads>,
        ring: KeyRing,
    ) -> Result<Self, StoreError> {
        let keys = Arc::new(KeyDirectory::default());
        keys.replace(&live_keys(reads.as_ref(), clock.now())?, keys.changes());
        Ok(Self {
            clock,
            ids,
            sequencer,
            reads,
            ring,
            passwords: PasswordPool::per_core(),
            keys,
            by_account: Attempts::per_minute(LOGINS_PER_ACCOUNT),
            by_address: Attempts::per_minute(ATTEMPTS_PER_ADDRESS),
        })
    }

    /// Reads the API keys again, where another process makes and revokes them.
    ///
    /// # Errors
    /// [`AppError::Internal`] if they cannot be read; those known before stay.
    pub async fn reload_keys(&self) -> Result<(), AppError> {
        loop {
            let (reads, now, changes) = (Arc::clone(&self.reads), self.clock.now(), self.keys.changes());
            let read = tokio::task::spawn_blocking(move || live_keys(reads.as_ref(), now)).await;
            let keys = read.map_err(|error| AppError::Internal(format!("read: {error}")))?.map_err(internal)?;
            // A key that this process has made meanwhile may not have been there to be read.
            if self.keys.replace(&keys, changes) {
                return Ok(());
            }
        }
    }

    /// Says who a bearer is, now: the holder of an access token or of an API key.
    ///
    /// # Errors
    /// [`AppError::Unauthorized`] with `expired_token` or `invalid_token`.
    pub fn authenticate(&self, bearer: &str) -> Result<Principal, AppError> {
        let now = self.clock.now();
        if let Some(hash) = SecretKind::ApiKey.hash_of(bearer) {
            return self.keys.find(hash, now);
        }
        let claims = self.ring.verify(bearer, now).map_err(|error| match error {
            AuthError::TokenExpired => AppError::Unauthorized("expired_token"),
            _ => AppError::Unauthorized("invalid_token"),
        })?;
        Ok(Principal {
            user: claims.user,
            key: None,
            organization: claims.organization,
            role: claims.role,
            scopes: claims.role.scopes().to_vec(),
        })
    }

    /// Returns a token by which another node believes where a request came from.
    ///
    /// # Errors
    /// [`AppError::Internal`] if it cannot be signed.
    pub fn sign_hop(&self, address: Option<IpAddr>) -> Result<String, AppError> {
        self.ring.sign_hop(address, self.clock.now()).map_err(|error| AppError::Internal(error.to_string()))
    }

    /// Returns where a request came from that another node has passed on.
    ///
    /// # Errors
    /// [`AppError::Unauthorized`] if no node of this exchange has signed that.
    pub fn verify_hop(&self, token: &str) -> Result<Option<IpAddr>, AppError> {
        self.ring.verify_hop(token, self.clock.now()).map_err(|_| AppError::Unauthorized("invalid_token"))
    }

    /// Returns the time that sessions are judged by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Says what the store knows about a caller.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] without the scope `read`; [`AppError::Unauthorized`] if there is no such user any more.
    pub async fn me(&self, principal: &Principal) -> Result<Me, AppError> {
        require(principal, Scope::Read)?;
        let id = principal.user;
        let user = self.read(move |db| accounts::user(db, id)).await?;
        let user = user.ok_or(AppError::Unauthorized("invalid_token"))?;
        Ok(Me {
            user: user.id,
            email: user.email.as_str().to_owned(),
            role: user.role,
            organization: user.organization,
            scopes: principal.scopes.clone(),
            key: principal.key,
            created_at: user.created_at,
        })
    }

    /// Runs a query where it may block.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, AppError> {
        let reads = Arc::clone(&self.reads);
        let done = tokio::task::spawn_blocking(move || read_now(reads.as_ref(), query));
        let result = done.await.map_err(|error| AppError::Internal(format!("read: {error}")))?;
        result.map_err(internal)
    }

    /// Counts an attempt from an address. Whoever has an IPv6 address has a whole /64 of them.
    fn count_address(&self, address: IpAddr) -> Result<(), AppError> {
        let key = match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
            v4 => v4,
        };
        self.by_address.count(key, self.clock.now())
    }
}

fn live_keys(reads: &dyn Reads, now: Timestamp) -> Result<Vec<(accounts::ApiKey, Role)>, StoreError> {
    let live = read_now(reads, |db| accounts::live_api_keys(db, now))?;
    Ok(live.into_iter().map(|(key, user)| (key, user.role)).collect())
}

fn read_now<T: Send>(
    reads: &dyn Reads,
    query: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send,
) -> Result<T, StoreError> {
    let mut query = Some(query);
    let mut answer = None;
    reads.read(&mut |db| {
        if let Some(query) = query.take() {
            answer = Some(query(db)?);
        }
        Ok(())
    })?;
    answer.ok_or_else(|| StoreError::Connection("the query was not run".to_owned()))
}

/// The note that journals a change outside the exchange: ids and words only.
fn note(actor: String, request_id: &str, subject: &str, id: Uuid, verb: &str) -> Submission {
    let command = Command::Note { subject: subject.to_owned(), id: id.to_string(), verb: verb.to_owned() };
    Submission { actor, request_id: request_id.to_owned(), idempotency_key: None, command }
}

fn invalid(code: &'static str, field: &str, message: impl Into<String>) -> AppError {
    AppError::Invalid { code, field: field.to_owned(), message: message.into() }
}

fn internal(error: StoreError) -> AppError {
    error.into()
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}
