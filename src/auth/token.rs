//! Access tokens: JWTs signed with HS256 by a ring of keys.
//!
//! Invariant: one algorithm, one issuer, one audience; the header chooses among the ring's keys and nothing
//! else. Times are judged against the caller's `now`, never against the system's clock.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

use super::{AuthError, Role, Secret, hs256};
use crate::types::{OrganizationId, Timestamp, hex};

/// How long an access token is valid.
pub const ACCESS_TOKEN_S: i64 = 15 * 60;
/// Characters in the longest token looked at.
pub const TOKEN_CHARS_MAX: usize = 2_048;
/// Bytes in the shortest signing secret.
pub const SIGNING_SECRET_BYTES_MIN: usize = 32;

pub(super) const ISSUER: &str = "gpubourse";
const AUDIENCE: &str = "gpubourse-api";
const ALGORITHM: Algorithm = Algorithm::HS256;
/// How far the clock of the process that signed may be ahead.
const EARLY_S: i64 = 5;
pub(super) const MS_PER_S: i64 = 1_000;

/// What a valid token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Who.
    pub user: Uuid,
    /// For which organization.
    pub organization: Option<OrganizationId>,
    /// As what.
    pub role: Role,
}

/// The keys that sign and verify: the first signs, the others are on their way out.
pub struct KeyRing {
    signing: EncodingKey,
    header: Header,
    keys: Vec<(String, DecodingKey)>,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<i64>,
    role: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl KeyRing {
    /// Makes a ring of secrets, the current one first, then those whose tokens are still taken.
    ///
    /// # Errors
    /// [`AuthError::SigningSecretTooShort`] for a secret under 32 bytes; [`AuthError::SigningSecrets`] without
    /// any, or with one twice; [`AuthError::ProviderTaken`].
    pub fn new<S: AsRef<[u8]>>(secrets: &[S]) -> Result<Self, AuthError> {
        hs256::install()?;
        if secrets.iter().any(|secret| secret.as_ref().len() < SIGNING_SECRET_BYTES_MIN) {
            return Err(AuthError::SigningSecretTooShort);
        }
        let current = secrets.first().ok_or(AuthError::SigningSecrets)?.as_ref();
        let mut keys: Vec<(String, DecodingKey)> = Vec::new();
        for secret in secrets.iter().map(AsRef::as_ref) {
            let kid = key_id(secret);
            if keys.iter().any(|(other, _)| *other == kid) {
                return Err(AuthError::SigningSecrets);
            }
            keys.push((kid, DecodingKey::from_secret(secret)));
        }
        let mut header = Header::new(ALGORITHM);
        header.kid = Some(key_id(current));
        Ok(Self {
            signing: EncodingKey::from_secret(current),
            header,
            keys,
            validation: validation_for(AUDIENCE, &["exp", "nbf", "iss", "aud", "sub"]),
        })
    }

    /// Returns a token that is valid from now for [`ACCESS_TOKEN_S`].
    ///
    /// # Errors
    /// [`AuthError::Signing`] if the library cannot.
    pub fn sign(&self, claims: &Claims, now: Timestamp) -> Result<Secret, AuthError> {
        let now_s = now.millis().div_euclid(MS_PER_S);
        let wire = Wire {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user,
            org: claims.organization.map(OrganizationId::number),
            role: claims.role.as_str().to_owned(),
            iat: now_s,
            nbf: now_s,
            exp: now_s.saturating_add(ACCESS_TOKEN_S),
        };
        self.sign_wire(&wire).map(Secret::new)
    }

    /// Signs what a token says.
    pub(super) fn sign_wire(&self, wire: &impl Serialize) -> Result<String, AuthError> {
        jsonwebtoken::encode(&self.header, wire, &self.signing).map_err(|e| AuthError::Signing(e.to_string()))
    }

    /// Returns what a token says, if it is one of ours and valid now.
    ///
    /// # Errors
    /// The `Token...` kinds of [`AuthError`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, AuthError> {
        let wire: Wire = self.verify_wire(token, &self.validation)?;
        in_time(wire.nbf, wire.exp, now)?;
        let role = Role::parse(&wire.role).ok_or(AuthError::TokenInvalid)?;
        Ok(Claims { user: wire.sub, organization: wire.org.map(OrganizationId::new), role })
    }

    /// Returns what a token says, if one of the ring's keys signed it; of when it is valid, nothing is known then.
    pub(super) fn verify_wire<T: DeserializeOwned>(
        &self,
        token: &str,
        validation: &Validation,
    ) -> Result<T, AuthError> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(AuthError::TokenInvalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::TokenInvalid)?;
        if header.alg != ALGORITHM {
            return Err(AuthError::TokenInvalid);
        }
        let kid = header.kid.ok_or(AuthError::TokenKeyUnknown)?;
        let (_, key) = self.keys.iter().find(|(id, _)| *id == kid).ok_or(AuthError::TokenKeyUnknown)?;
        jsonwebtoken::decode::<T>(token, key, validation).map(|data| data.claims).map_err(|_| AuthError::TokenInvalid)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(kid, _)| kid)).finish()
    }
}

/// The library judges form, signature, issuer and audience; its clock is the system's, so times are not its business.
pub(super) fn validation_for(audience: &str, claims: &[&str]) -> Validation {
    let mut validation = Validation::new(ALGORITHM);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(claims);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

pub(super) fn in_time(nbf_s: i64, exp_s: i64, now: Timestamp) -> Result<(), AuthError> {
    let now_s = now.millis().div_euclid(MS_PER_S);
    if now_s >= exp_s {
        return Err(AuthError::TokenExpired);
    }
    if nbf_s > now_s.saturating_add(EARLY_S) {
        return Err(AuthError::TokenEarly);
    }
    Ok(())
}

/// Names a key by a hash of its secret, so that a configuration is a list of secrets and nothing more.
fn key_id(secret: &[u8]) -> String {
    let hash = Sha256::new().chain_update(b"gpubourse key id\0").chain_update(secret).finalize();
    hex(&hash).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::OrganizationKind;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    fn ring(secrets: &[[u8; 32]]) -> KeyRing {
        KeyRing::new(secrets).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            user: Uuid::from_u128(7),
            organization: Some(OrganizationId::new(3)),
            role: Role::Member(OrganizationKind::Renter),
        }
    }

    fn later(seconds: i64) -> Timestamp {
        NOW.plus_millis(seconds * 1_000)
    }

    /// Signs any header and body with a ring's key, as an insider could.
    fn forge(ring: &KeyRing, header: &Header, change: impl FnOnce(&mut Value)) -> String {
        let now_s = NOW.millis() / 1_000;
        let mut body = json!({"iss": "gpubourse", "aud": "gpubourse-api", "sub": Uuid::from_u128(7), "org": 3,
            "role": "renter", "iat": now_s, "nbf": now_s, "exp": now_s + 900});
        change(&mut body);
        jsonwebtoken::encode(header, &body, &ring.signing).unwrap()
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let ring = ring(&[NEW]);
        for said in [claims(), Claims { organization: None, role: Role::Admin, ..claims() }] {
            let token = ring.sign(&said, NOW).unwrap().expose().to_owned();
            assert_eq!(ring.verify(&token, NOW), Ok(said));
        }
        let forged = forge(&ring, &ring.header, |_| ());
        assert_eq!(ring.verify(&forged, NOW), Ok(claims()), "the forger of the other tests forges well");
    }

    #[test]
    fn a_token_lives_fifteen_minutes() {
        let ring = ring(&[NEW]);
        let token = ring.sign(&claims(), NOW).unwrap().expose().to_owned();
        assert_eq!(ring.verify(&token, later(899)), Ok(claims()));
        assert_eq!(ring.verify(&token, later(900)), Err(AuthError::TokenExpired));
        assert_eq!(ring.verify(&token, later(-5)), Ok(claims()));
        assert_eq!(ring.verify(&token, later(-6)), Err(AuthError::TokenEarly));
    }

    #[test]
    fn the_previous_key_verifies_until_it_leaves_the_ring() {
        let token = ring(&[OLD]).sign(&claims(), NOW).unwrap().expose().to_owned();
        assert_eq!(ring(&[NEW, OLD]).verify(&token, NOW), Ok(claims()));
        assert_eq!(ring(&[NEW]).verify(&token, NOW), Err(AuthError::TokenKeyUnknown));
        let token = ring(&[NEW, OLD]).sign(&claims(), NOW).unwrap().expose().to_owned();
        assert_eq!(ring(&[NEW]).verify(&token, NOW), Ok(claims()), "the first key signs");
    }

    #[test]
    fn rejects_another_key_under_a_known_name() {
        let other = ring(&[OLD]);
        let ours = ring(&[NEW]);
        let token = forge(&other, &ours.header, |_| ());
        assert_eq!(ours.verify(&token, NOW), Err(AuthError::TokenInvalid));
    }

    #[test]
    fn rejects_a_token_without_a_key_name() {
        let ring = ring(&[NEW]);
        assert_eq!(ring.verify(&forge(&ring, &Header::new(ALGORITHM), |_| ()), NOW), Err(AuthError::TokenKeyUnknown));
    }

    #[test]
    fn rejects_other_algorithms_and_none() {
        let ring = ring(&[NEW]);
        let token = ring.sign(&claims(), NOW).unwrap().expose().to_owned();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (_, body) = message.split_once('.').unwrap();
        let kid = key_id(&NEW);
        for algorithm in ["none", "None", "HS384", "HS512", "RS256", "ES256"] {
            let header = base64url(format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{kid}"}}"#).as_bytes());
            for signature in [signature, ""] {
                let forged = format!("{header}.{body}.{signature}");
                assert_eq!(ring.verify(&forged, NOW), Err(AuthError::TokenInvalid), "{algorithm}");
            }
        }
        let header = base64url(format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#).as_bytes());
        assert_ne!(ring.verify(&format!("{header}.{body}."), NOW), Ok(claims()), "no signature");
    }

    #[test]
    fn rejects_every_changed_character() {
        let ring = ring(&[NEW]);
        let token = ring.sign(&claims(), NOW).unwrap().expose().to_owned();
        for position in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(ring.verify(&changed, NOW).is_err(), "at {position}");
        }
    }

    #[test]
    fn rejects_another_role_under_the_old_signature() {
        let ring = ring(&[NEW]);
        let renter = ring.sign(&claims(), NOW).unwrap().expose().to_owned();
        let admin = ring.sign(&Claims { role: Role::Admin, ..claims() }, NOW).unwrap().expose().to_owned();
        let (_, signature) = renter.rsplit_once('.').unwrap();
        let (message, _) = admin.rsplit_once('.').unwrap();
        assert_eq!(ring.verify(&format!("{message}.{signature}"), NOW), Err(AuthError::TokenInvalid));
    }

    #[test]
    fn rejects_wrong_and_missing_claims() {
        let ring = ring(&[NEW]);
        let wrong = [
            ("iss", json!("somebody")),
            ("aud", json!("another-api")),
            ("aud", json!(["gpubourse-api", "another-api"])),
            ("sub", json!("nobody")),
            ("role", json!("emperor")),
            ("exp", json!("tomorrow")),
            ("exp", json!(1e300)),
            ("nbf", json!(-1)),
        ];
        for (claim, value) in wrong {
            let token = forge(&ring, &ring.header, |body| body[claim] = value.clone());
            assert_eq!(ring.verify(&token, NOW), Err(AuthError::TokenInvalid), "{claim} = {value}");
        }
        for claim in ["iss", "aud", "sub", "role", "exp", "nbf"] {
            let token = forge(&ring, &ring.header, |body| {
                body.as_object_mut().unwrap().remove(claim);
            });
            assert_eq!(ring.verify(&token, NOW), Err(AuthError::TokenInvalid), "no {claim}");
        }
    }

    #[test]
    fn rejects_what_is_no_token() {
        let ring = ring(&[NEW]);
        for text in ["", ".", "..", "...", "a.b.c", "é.é.é", &"a".repeat(TOKEN_CHARS_MAX + 1)] {
            assert_eq!(ring.verify(text, NOW), Err(AuthError::TokenInvalid), "{text}");
        }
    }

    #[test]
    fn a_ring_needs_secrets_that_cannot_be_guessed() {
        let none: [[u8; 32]; 0] = [];
        assert_eq!(KeyRing::new(&none).unwrap_err(), AuthError::SigningSecrets);
        assert_eq!(KeyRing::new(&[NEW, NEW]).unwrap_err(), AuthError::SigningSecrets);
        assert_eq!(KeyRing::new(&[vec![1; 31]]).unwrap_err(), AuthError::SigningSecretTooShort);
        assert!(!format!("{:?}", ring(&[NEW])).contains("\u{2}"));
    }

    fn base64url(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
        let digit = |chunk: &[char]| {
            let text: String = chunk.iter().collect();
            char::from(DIGITS[usize::from_str_radix(&format!("{text:0<6}"), 2).unwrap()])
        };
        bits.chars().collect::<Vec<_>>().chunks(6).map(digit).collect()
    }
}
