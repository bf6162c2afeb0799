//! Every API key that works, in memory, by the hash of the key.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use uuid::Uuid;

use super::{AppError, Principal, Role};
use crate::auth::{Scope, SecretHash};
use crate::store::accounts::ApiKey;
use crate::types::Timestamp;

/// The directory. Invariant: a key that is in it is, or is about to be, in the store, and not revoked there.
#[derive(Debug, Default)]
pub struct KeyDirectory {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    entries: HashMap<SecretHash, Entry>,
    /// How often keys were let in or shut out, one by one.
    changes: u64,
}

#[derive(Debug)]
struct Entry {
    principal: Principal,
    expires_at: Option<Timestamp>,
}

impl Entry {
    fn of(key: &ApiKey, role: Role) -> Self {
        let scopes: Vec<Scope> = key.scopes.iter().copied().filter(|scope| role.has(*scope)).collect();
        let principal = Principal { user: key.user, key: Some(key.id), organization: key.organization, role, scopes };
        Self { principal, expires_at: key.expires_at }
    }
}

impl KeyDirectory {
    /// Lets a key in, with those of its scopes that its user's role still has.
    pub fn insert(&self, key: &ApiKey, role: Role) {
        self.change(|entries| drop(entries.insert(key.hash, Entry::of(key, role))));
    }

    /// Returns how often keys were let in or shut out, to say when they are replaced.
    pub fn changes(&self) -> u64 {
        self.known().changes
    }

    /// Lets in exactly these keys, unless some were let in or shut out since; tells whether it did.
    pub fn replace(&self, keys: &[(ApiKey, Role)], changes: u64) -> bool {
        let entries = keys.iter().map(|(key, role)| (key.hash, Entry::of(key, *role))).collect();
        let mut known = self.known_mut();
        let unchanged = known.changes == changes;
        if unchanged {
            known.entries = entries;
        }
        unchanged
    }

    /// Says whose key it is, if it works now.
    ///
    /// # Errors
    /// [`AppError::Unauthorized`] with `invalid_token` or `expired_token`.
    pub fn find(&self, hash: SecretHash, now: Timestamp) -> Result<Principal, AppError> {
        let known = self.known();
        let entry = known.entries.get(&hash).ok_or(AppError::Unauthorized("invalid_token"))?;
        if entry.expires_at.is_some_and(|end| end <= now) {
            return Err(AppError::Unauthorized("expired_token"));
        }
        Ok(entry.principal.clone())
    }

    /// Shuts a key out.
    pub fn remove(&self, hash: SecretHash) {
        self.change(|entries| drop(entries.remove(&hash)));
    }

    /// Shuts every key of a user out.
    pub fn remove_user(&self, user: Uuid) {
        self.change(|entries| entries.retain(|_, entry| entry.principal.user != user));
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<SecretHash, Entry>)) {
        let mut known = self.known_mut();
        change(&mut known.entries);
        known.changes = known.changes.wrapping_add(1);
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
