//! API keys: made, listed and revoked by people, for programs.

use std::sync::Arc;

use uuid::Uuid;

use super::super::permission::{require, require_person};
use super::{Accounts, AppError, Principal, Scope, internal, invalid, note};
use crate::app::sequencer::{Before, Side};
use crate::auth::{Secret, SecretKind};
use crate::store::accounts::{self, ApiKey};
use crate::types::Timestamp;
use crate::types::limits::{NAME_CHARS_MAX, PAGE_ROWS_MAX};

/// Keys of one user that work at the same time.
pub const API_KEYS_PER_USER_MAX: i64 = 100;

const API_KEY: &str = "api_key";

/// What a key is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name, for people.
    pub name: String,
    /// What it may do, a part of what its user may.
    pub scopes: Vec<Scope>,
    /// When it ends; never, if absent.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// The key in clear: this is the only time anybody sees it.
    pub secret: Secret,
}

impl Accounts {
    /// Makes an API key for its caller.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] for API keys and auditors; [`AppError::Invalid`] with `invalid_name`, `invalid_scopes`
    /// or `invalid_expiry`; [`AppError::Conflict`] with `too_many_api_keys`; [`AppError::Unauthorized`] if the user was
    /// shut out; as [`super::Sequencer::submit`].
    pub async fn create_key(
        &self,
        principal: &Principal,
        new: NewKey,
        request_id: &str,
    ) -> Result<CreatedKey, AppError> {
        require_person(principal)?;
        let now = self.clock.now();
        check(&new, principal, now)?;
        let minted = SecretKind::ApiKey.mint(self.ids.random()?);
        let key = ApiKey {
            id: self.ids.uuid(now)?,
            hash: minted.hash,
            user: principal.user,
            organization: principal.organization,
            name: new.name,
            scopes: Scope::ALL.iter().copied().filter(|scope| new.scopes.contains(scope)).collect(),
            last_four: minted.last_four,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        let submission = Some(note(principal.actor(), request_id, API_KEY, key.id, "created"));
        let side = Side { submission, before: Some(may_have_another_key(principal.user, now)) };
        let (directory, kept, role) = (Arc::clone(&self.keys), key.clone(), principal.role);
        let made = self.sequencer.side(side, move |db, _| {
            accounts::insert_api_key(db, &kept).map_err(internal)?;
            // On the writer, before anybody can see the row and revoke the key: a revocation always comes later.
            directory.insert(&kept, role);
            Ok(())
        });
        if let Err(error) = made.await {
            self.keys.remove(key.hash);
            return Err(error);
        }
        Ok(CreatedKey { key, secret: minted.secret })
    }

    /// Returns a page of the caller's keys, newest first: those made before `before`, revoked ones included; at most one
    /// more than a page may have, so that a caller can see whether there are more.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] without the scope `read`.
    pub async fn list_keys(
        &self,
        principal: &Principal,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, AppError> {
        require(principal, Scope::Read)?;
        let (user, limit) = (principal.user, limit.clamp(1, PAGE_ROWS_MAX.saturating_add(1)));
        self.read(move |db| accounts::api_keys_of(db, user, before, limit)).await
    }

    /// Revokes one of the caller's keys, or, for admins, anybody's; one that is revoked stays as it is.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] for API keys and auditors; [`AppError::NotFound`]; as [`super::Sequencer::submit`].
    pub async fn revoke_key(&self, principal: &Principal, id: Uuid, request_id: &str) -> Result<(), AppError> {
        require_person(principal)?;
        let key = self.read(move |db| accounts::api_key(db, id)).await?.ok_or(AppError::NotFound)?;
        if key.user != principal.user && !principal.role.has(Scope::Admin) {
            return Err(AppError::NotFound);
        }
        if key.revoked_at.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let submission = Some(note(principal.actor(), request_id, API_KEY, id, "revoked"));
        let side = Side { submission, before: None };
        let revoked = self
            .sequencer
            .side(side, move |db, _| accounts::revoke_api_key(db, id, now).map(|_| ()).map_err(internal))
            .await;
        // What may be revoked does not work here any more, even if the fate of the commit is not known.
        if matches!(revoked, Ok(()) | Err(AppError::Unknown)) {
            self.keys.remove(key.hash);
        }
        revoked
    }
}

fn check(new: &NewKey, principal: &Principal, now: Timestamp) -> Result<(), AppError> {
    let length = new.name.chars().count();
    if new.name.trim().is_empty() || length > NAME_CHARS_MAX || new.name.chars().any(char::is_control) {
        return Err(invalid("invalid_name", "name", format!("must have 1 to {NAME_CHARS_MAX} printable characters")));
    }
    if new.scopes.is_empty() || !new.scopes.iter().all(|scope| principal.role.has(*scope)) {
        let own = Scope::join(principal.role.scopes());
        return Err(invalid("invalid_scopes", "scopes", format!("must be some of {own}")));
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(invalid("invalid_expiry", "expires_at", "must lie in the future"));
    }
    Ok(())
}

/// Asked on the writer: an access token outlives its user's shutting out, but makes no more keys.
fn may_have_another_key(user: Uuid, now: Timestamp) -> Before {
    Box::new(move |db| {
        let user = accounts::user(db, user).map_err(internal)?.filter(|user| !user.disabled);
        let user = user.ok_or(AppError::Unauthorized("invalid_token"))?;
        let live = accounts::live_api_keys_of(db, user.id, now).map_err(internal)?;
        if live < API_KEYS_PER_USER_MAX { Ok(()) } else { Err(AppError::Conflict("too_many_api_keys")) }
    })
}
