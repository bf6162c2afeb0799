//! What the tables of accounts hold, and its way to and from the words of the program.

use diesel::prelude::*;
use uuid::Uuid;

use super::super::StoreError;
use super::super::schema_accounts::{api_keys, refresh_tokens, users};
use super::{ApiKey, RefreshToken, User};
use crate::auth::{EmailAddress, Role, Scope, SecretHash};
use crate::types::{OrganizationId, Timestamp};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
pub struct UserRow {
    id: String,
    organization: Option<i64>,
    email: String,
    email_folded: String,
    password_hash: String,
    role: String,
    created_at: i64,
    disabled: i32,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens)]
#[diesel(treat_none_as_default_value = false)]
pub struct RefreshRow {
    hash: String,
    family: String,
    user_id: String,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
    revoked_at: Option<i64>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
#[diesel(treat_none_as_default_value = false)]
pub struct ApiKeyRow {
    id: String,
    hash: String,
    user_id: String,
    organization: Option<i64>,
    name: String,
    scopes: String,
    last_four: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl UserRow {
    pub fn of(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            organization: user.organization.map(OrganizationId::number),
            email: user.email.as_str().to_owned(),
            email_folded: user.email.folded(),
            password_hash: user.password_hash.clone(),
            role: user.role.as_str().to_owned(),
            created_at: user.created_at.millis(),
            disabled: i32::from(user.disabled),
        }
    }

    pub fn user(self) -> Result<User, StoreError> {
        let corrupt = |what| corrupt("users", &self.id, what);
        Ok(User {
            id: parse_id(&self.id).ok_or_else(|| corrupt("id"))?,
            organization: self.organization.map(OrganizationId::new),
            email: EmailAddress::parse(&self.email)
                .filter(|email| email.folded() == self.email_folded)
                .ok_or_else(|| corrupt("email"))?,
            role: Role::parse(&self.role).ok_or_else(|| corrupt("role"))?,
            password_hash: self.password_hash,
            created_at: Timestamp::from_millis(self.created_at),
            disabled: self.disabled != 0,
        })
    }
}

impl RefreshRow {
    pub fn of(token: &RefreshToken) -> Self {
        Self {
            hash: token.hash.to_hex(),
            family: token.family.to_string(),
            user_id: token.user.to_string(),
            created_at: token.created_at.millis(),
            expires_at: token.expires_at.millis(),
            used_at: token.used_at.map(Timestamp::millis),
            revoked_at: token.revoked_at.map(Timestamp::millis),
        }
    }

    pub fn token(self) -> Result<RefreshToken, StoreError> {
        // The family names the row in the message: a hash does not belong into a log.
        let corrupt = |what| corrupt("refresh_tokens", &self.family, what);
        Ok(RefreshToken {
            hash: SecretHash::from_hex(&self.hash).ok_or_else(|| corrupt("hash"))?,
            family: parse_id(&self.family).ok_or_else(|| corrupt("family"))?,
            user: parse_id(&self.user_id).ok_or_else(|| corrupt("user_id"))?,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: Timestamp::from_millis(self.expires_at),
            used_at: self.used_at.map(Timestamp::from_millis),
            revoked_at: self.revoked_at.map(Timestamp::from_millis),
        })
    }
}

impl ApiKeyRow {
    pub fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            hash: key.hash.to_hex(),
            user_id: key.user.to_string(),
            organization: key.organization.map(OrganizationId::number),
            name: key.name.clone(),
            scopes: Scope::join(&key.scopes),
            last_four: key.last_four.clone(),
            created_at: key.created_at.millis(),
            expires_at: key.expires_at.map(Timestamp::millis),
            revoked_at: key.revoked_at.map(Timestamp::millis),
        }
    }

    pub fn key(self) -> Result<ApiKey, StoreError> {
        let corrupt = |what| corrupt("api_keys", &self.id, what);
        Ok(ApiKey {
            id: parse_id(&self.id).ok_or_else(|| corrupt("id"))?,
            hash: SecretHash::from_hex(&self.hash).ok_or_else(|| corrupt("hash"))?,
            user: parse_id(&self.user_id).ok_or_else(|| corrupt("user_id"))?,
            scopes: Scope::split(&self.scopes).ok_or_else(|| corrupt("scopes"))?,
            organization: self.organization.map(OrganizationId::new),
            name: self.name,
            last_four: self.last_four,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: self.expires_at.map(Timestamp::from_millis),
            revoked_at: self.revoked_at.map(Timestamp::from_millis),
        })
    }
}

/// Takes the one spelling the program writes, so that equal ids are equal texts.
fn parse_id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|id| id.to_string() == text)
}

fn corrupt(table: &'static str, key: &str, column: &str) -> StoreError {
    StoreError::Corrupt { table, key: key.to_owned(), what: format!("{column} is not what is written there") }
}
