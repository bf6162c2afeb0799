//! People, their refresh tokens and API keys.
//!
//! Invariant: of a secret only its SHA-256 is stored. Rows are written by side writes alone, so two writers never
//! race; the unique constraints are a second line.

mod queries;
mod rows;

use uuid::Uuid;

use self::rows::{ApiKeyRow, RefreshRow, UserRow};
use super::db::on;
use super::{Db, StoreError};
use crate::auth::{EmailAddress, Role, Scope, SecretHash};
use crate::types::{OrganizationId, Timestamp};
use queries::{pg, sqlite};

/// A person who can log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// Whom a member acts for.
    pub organization: Option<OrganizationId>,
    /// Its address as written.
    pub email: EmailAddress,
    /// The PHC string of its password.
    pub password_hash: String,
    /// What it may be.
    pub role: Role,
    /// When it registered.
    pub created_at: Timestamp,
    /// Whether it may no longer log in.
    pub disabled: bool,
}

/// One link in the chain of refresh tokens that began with a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// What is kept of the token.
    pub hash: SecretHash,
    /// The login it descends from.
    pub family: Uuid,
    /// Whose.
    pub user: Uuid,
    /// When it was given out.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was exchanged for the next one.
    pub used_at: Option<Timestamp>,
    /// When its family was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A key for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// What is kept of the key.
    pub hash: SecretHash,
    /// Who made it.
    pub user: Uuid,
    /// Whom it acts for.
    pub organization: Option<OrganizationId>,
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The last characters of the key, for people.
    pub last_four: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Writes a new user.
///
/// # Errors
/// [`StoreError::Database`], also if the address is taken: check with [`user_by_email`] before, on the writer.
pub fn insert_user(db: &mut Db, user: &User) -> Result<(), StoreError> {
    let row = UserRow::of(user);
    on!(db, |c, m| m::insert_user(c, &row))?;
    Ok(())
}

/// Returns the user with an address, in its folded form.
///
/// # Errors
/// [`StoreError`] if the database fails or the row is corrupt.
pub fn user_by_email(db: &mut Db, email_folded: &str) -> Result<Option<User>, StoreError> {
    on!(db, |c, m| m::user_by_email(c, email_folded))?.map(UserRow::user).transpose()
}

/// Returns a user.
///
/// # Errors
/// [`StoreError`] if the database fails or the row is corrupt.
pub fn user(db: &mut Db, id: Uuid) -> Result<Option<User>, StoreError> {
    let id = id.to_string();
    on!(db, |c, m| m::user(c, &id))?.map(UserRow::user).transpose()
}

/// Lets a user log in or not; answers whether there is such a user.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn set_user_disabled(db: &mut Db, id: Uuid, disabled: bool) -> Result<bool, StoreError> {
    let id = id.to_string();
    let rows = on!(db, |c, m| m::set_user_disabled(c, &id, i32::from(disabled)))?;
    Ok(rows == 1)
}

/// Writes a new refresh token.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn insert_refresh_token(db: &mut Db, token: &RefreshToken) -> Result<(), StoreError> {
    let row = RefreshRow::of(token);
    on!(db, |c, m| m::insert_refresh_token(c, &row))?;
    Ok(())
}

/// Returns the refresh token with a hash, in whatever state.
///
/// # Errors
/// [`StoreError`] if the database fails or the row is corrupt.
pub fn refresh_token(db: &mut Db, hash: SecretHash) -> Result<Option<RefreshToken>, StoreError> {
    let hash = hash.to_hex();
    on!(db, |c, m| m::refresh_token(c, &hash))?.map(RefreshRow::token).transpose()
}

/// Marks a refresh token as exchanged.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn use_refresh_token(db: &mut Db, hash: SecretHash, now: Timestamp) -> Result<(), StoreError> {
    let hash = hash.to_hex();
    on!(db, |c, m| m::use_refresh_token(c, &hash, now.millis()))?;
    Ok(())
}

/// Revokes every refresh token of a login that is not revoked yet.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn revoke_family(db: &mut Db, family: Uuid, now: Timestamp) -> Result<(), StoreError> {
    let family = family.to_string();
    on!(db, |c, m| m::revoke_family(c, &family, now.millis()))?;
    Ok(())
}

/// Revokes every refresh token of a user that is not revoked yet.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn revoke_refresh_tokens(db: &mut Db, user: Uuid, now: Timestamp) -> Result<(), StoreError> {
    let user = user.to_string();
    on!(db, |c, m| m::revoke_refresh_tokens(c, &user, now.millis()))?;
    Ok(())
}

/// Deletes a user's refresh tokens whose time has passed: they are refused with or without a row.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn forget_expired_tokens(db: &mut Db, user: Uuid, now: Timestamp) -> Result<(), StoreError> {
    let user = user.to_string();
    on!(db, |c, m| m::forget_expired_tokens(c, &user, now.millis()))?;
    Ok(())
}

/// Writes a new API key.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn insert_api_key(db: &mut Db, key: &ApiKey) -> Result<(), StoreError> {
    let row = ApiKeyRow::of(key);
    on!(db, |c, m| m::insert_api_key(c, &row))?;
    Ok(())
}

/// Returns an API key, in whatever state.
///
/// # Errors
/// [`StoreError`] if the database fails or the row is corrupt.
pub fn api_key(db: &mut Db, id: Uuid) -> Result<Option<ApiKey>, StoreError> {
    let id = id.to_string();
    on!(db, |c, m| m::api_key(c, &id))?.map(ApiKeyRow::key).transpose()
}

/// Returns a page of a user's API keys, newest first, those made before the key `before`.
///
/// # Errors
/// [`StoreError`] if the database fails or a row is corrupt.
pub fn api_keys_of(db: &mut Db, user: Uuid, before: Option<Uuid>, limit: u32) -> Result<Vec<ApiKey>, StoreError> {
    let (user, before) = (user.to_string(), before.map(|id| id.to_string()));
    let rows = on!(db, |c, m| m::api_keys_of(c, &user, before.as_deref(), i64::from(limit)))?;
    rows.into_iter().map(ApiKeyRow::key).collect()
}

/// Counts a user's API keys that are neither revoked nor expired.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn live_api_keys_of(db: &mut Db, user: Uuid, now: Timestamp) -> Result<i64, StoreError> {
    let user = user.to_string();
    Ok(on!(db, |c, m| m::live_api_keys_of(c, &user, now.millis()))?)
}

/// Returns every API key that is neither revoked nor expired nor of a disabled user, with its user.
///
/// # Errors
/// [`StoreError`] if the database fails or a row is corrupt.
pub fn live_api_keys(db: &mut Db, now: Timestamp) -> Result<Vec<(ApiKey, User)>, StoreError> {
    let rows = on!(db, |c, m| m::live_api_keys(c, now.millis()))?;
    rows.into_iter().map(|(key, user)| Ok((key.key()?, user.user()?))).collect()
}

/// Revokes an API key; answers whether it was not revoked before.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn revoke_api_key(db: &mut Db, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
    let id = id.to_string();
    let rows = on!(db, |c, m| m::revoke_api_key(c, &id, now.millis()))?;
    Ok(rows == 1)
}

/// Revokes every API key of a user that is not revoked yet.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn revoke_api_keys_of(db: &mut Db, user: Uuid, now: Timestamp) -> Result<(), StoreError> {
    let user = user.to_string();
    on!(db, |c, m| m::revoke_api_keys_of(c, &user, now.millis()))?;
    Ok(())
}

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
