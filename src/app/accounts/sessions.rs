//! Sessions of people: login, refresh, logout.
//!
//! A login starts a family of refresh tokens. Each works once and is exchanged for the next; one that comes back
//! a second time was stolen, by whoever used it first or by whoever comes now, and ends the whole family.

use std::net::IpAddr;

use uuid::Uuid;

use super::{Accounts, AppError, internal};
use crate::app::sequencer::Side;
use crate::auth::{Claims, EmailAddress, Secret, SecretHash, SecretKind, token};
use crate::store::accounts::{self, RefreshToken, User};
use crate::store::{Db, StoreError};
use crate::types::{Timestamp, hex};

/// How long after a login its refresh tokens work: then the password is due again.
pub const REFRESH_TOKEN_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

const WRONG: AppError = AppError::Unauthorized("invalid_credentials");
const REFUSED: AppError = AppError::Unauthorized("invalid_refresh_token");

/// What a person gets for a password or a refresh token.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The access token, a JWT.
    pub access_token: Secret,
    /// How long it works.
    pub expires_in_s: i64,
    /// What the next pair is had for, once.
    pub refresh_token: Secret,
}

/// What became of a refresh token.
pub(super) enum Rotation {
    /// It was exchanged for the next.
    Rotated(Box<User>),
    /// It had been exchanged before; its family is revoked.
    Reused(RefreshToken),
    /// It does not work any more.
    Refused,
}

impl Accounts {
    /// Checks a password and starts a session.
    ///
    /// # Errors
    /// [`AppError::TooMany`]; [`AppError::Unauthorized`] with `invalid_credentials`, whether it was the address or the
    /// password, after the same work; as [`super::Sequencer::submit`].
    pub async fn login(&self, email: &str, password: String, address: IpAddr) -> Result<Tokens, AppError> {
        self.count_address(address)?;
        let found = match EmailAddress::parse(email) {
            Some(email) => {
                let folded = email.folded();
                self.by_account.count(folded.clone(), self.clock.now())?;
                self.read(move |db| accounts::user_by_email(db, &folded)).await?
            }
            None => None,
        };
        let phc = found.as_ref().map(|user| user.password_hash.clone());
        let fits = self.passwords.verify(password, phc).await?;
        let user = found.filter(|user| fits && !user.disabled).ok_or(WRONG)?;
        self.start_session(user).await
    }

    /// Exchanges a refresh token for the next pair.
    ///
    /// # Errors
    /// [`AppError::Unauthorized`] with `invalid_refresh_token`; as [`super::Sequencer::submit`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, AppError> {
        let hash = SecretKind::Refresh.hash_of(refresh_token).ok_or(REFUSED)?;
        // Nonsense is turned away here, so that it cannot fill the writer's queue.
        let known = self.read(move |db| accounts::refresh_token(db, hash)).await?.ok_or(REFUSED)?;
        let now = self.clock.now();
        if known.revoked_at.is_some() || known.expires_at <= now {
            return Err(REFUSED);
        }
        let next = SecretKind::Refresh.mint(self.ids.random()?);
        let (side, next_hash) = (Side { submission: None, before: None }, next.hash);
        // A reuse is an answer and not an error of the write: the revocation has to be committed.
        let rotation =
            self.sequencer.side(side, move |db, _| rotate(db, hash, next_hash, now).map_err(internal)).await?;
        match rotation {
            Rotation::Rotated(user) => self.tokens(&user, next.secret, now),
            Rotation::Refused => Err(REFUSED),
            Rotation::Reused(token) => {
                tracing::warn!(user = %token.user, family = %token.family, "refresh token reused, its family is revoked");
                Err(REFUSED)
            }
        }
    }

    /// Ends the session a refresh token belongs to; a token that is none has no session to end.
    ///
    /// # Errors
    /// As [`super::Sequencer::submit`].
    pub async fn logout(&self, refresh_token: &str) -> Result<(), AppError> {
        let Some(hash) = SecretKind::Refresh.hash_of(refresh_token) else { return Ok(()) };
        let Some(known) = self.read(move |db| accounts::refresh_token(db, hash)).await? else { return Ok(()) };
        if known.revoked_at.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let side = Side { submission: None, before: None };
        self.sequencer.side(side, move |db, _| accounts::revoke_family(db, known.family, now).map_err(internal)).await
    }

    /// Returns a text of 256 random bits, for tokens that only their holder knows.
    ///
    /// # Errors
    /// [`AppError::Internal`] if the system has no randomness.
    pub fn nonce(&self) -> Result<String, AppError> {
        let bytes: [u8; 32] = self.ids.random()?;
        Ok(hex(&bytes))
    }

    async fn start_session(&self, user: User) -> Result<Tokens, AppError> {
        let now = self.clock.now();
        let minted = SecretKind::Refresh.mint(self.ids.random()?);
        let family: Uuid = self.ids.uuid(now)?;
        let first = RefreshToken {
            hash: minted.hash,
            family,
            user: user.id,
            created_at: now,
            expires_at: now.plus_millis(REFRESH_TOKEN_MS),
            used_at: None,
            revoked_at: None,
        };
        let side = Side { submission: None, before: None };
        let started = self.sequencer.side(side, move |db, _| start(db, &first).map_err(internal)).await?;
        let user = started.ok_or(WRONG)?;
        self.tokens(&user, minted.secret, now)
    }

    fn tokens(&self, user: &User, refresh_token: Secret, now: Timestamp) -> Result<Tokens, AppError> {
        let claims = Claims { user: user.id, organization: user.organization, role: user.role };
        let access_token = self.ring.sign(&claims, now).map_err(|error| AppError::Internal(error.to_string()))?;
        Ok(Tokens { access_token, expires_in_s: token::ACCESS_TOKEN_S, refresh_token })
    }
}

/// Writes the first token of a family, unless its user was shut out meanwhile.
fn start(db: &mut Db, first: &RefreshToken) -> Result<Option<User>, StoreError> {
    let user = accounts::user(db, first.user)?.filter(|user| !user.disabled);
    if user.is_some() {
        accounts::forget_expired_tokens(db, first.user, first.created_at)?;
        accounts::insert_refresh_token(db, first)?;
    }
    Ok(user)
}

/// Exchanges a token for the next of its family. Runs on the writer: of two at once the second is a reuse.
pub(super) fn rotate(db: &mut Db, hash: SecretHash, next: SecretHash, now: Timestamp) -> Result<Rotation, StoreError> {
    let Some(token) = accounts::refresh_token(db, hash)? else { return Ok(Rotation::Refused) };
    if token.revoked_at.is_some() || token.expires_at <= now {
        return Ok(Rotation::Refused);
    }
    if token.used_at.is_some() {
        accounts::revoke_family(db, token.family, now)?;
        return Ok(Rotation::Reused(token));
    }
    let Some(user) = accounts::user(db, token.user)?.filter(|user| !user.disabled) else {
        return Ok(Rotation::Refused);
    };
    accounts::use_refresh_token(db, hash, now)?;
    let next = RefreshToken { hash: next, created_at: now, used_at: None, ..token };
    accounts::insert_refresh_token(db, &next)?;
    Ok(Rotation::Rotated(Box::new(user)))
}
