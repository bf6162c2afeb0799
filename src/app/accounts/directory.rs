//! Every API key that works, in memory, by the hash of the key.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use uuid::Uuid;

use super::{AppError, Principal, Role};
use crate::auth::{Scope, SecretHash};
use crate::store::accounts::ApiKey;
use crate::types::Timestamp;

/// The directory. Invariant: a key that is in it is, or is about to be, in the store, and not revoked there.
#[derive(Debug, Default)]
pub struct KeyDirectory {
    entries: RwLock<HashMap<SecretHash, Entry>>,
}

#[derive(Debug)]
struct Entry {
    principal: Principal,
    expires_at: Option<Timestamp>,
}

impl KeyDirectory {
    /// Lets a key in, with those of its scopes that its user's role still has.
    pub fn insert(&self, key: &ApiKey, role: Role) {
        let scopes: Vec<Scope> = key.scopes.iter().copied().filter(|scope| role.has(*scope)).collect();
        let principal = Principal { user: key.user, key: Some(key.id), organization: key.organization, role, scopes };
        let entry = Entry { principal, expires_at: key.expires_at };
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(key.hash, entry);
    }

    /// Says whose key it is, if it works now.
    ///
    /// # Errors
    /// [`AppError::Unauthorized`] with `invalid_token` or `expired_token`.
    pub fn find(&self, hash: SecretHash, now: Timestamp) -> Result<Principal, AppError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&hash).ok_or(AppError::Unauthorized("invalid_token"))?;
        if entry.expires_at.is_some_and(|end| end <= now) {
            return Err(AppError::Unauthorized("expired_token"));
        }
        Ok(entry.principal.clone())
    }

    /// Shuts a key out.
    pub fn remove(&self, hash: SecretHash) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(&hash);
    }

    /// Shuts every key of a user out.
    pub fn remove_user(&self, user: Uuid) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).retain(|_, entry| entry.principal.user != user);
    }
}
