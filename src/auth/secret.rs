//! Secrets that are handed out once and kept as their SHA-256: API keys and refresh tokens.
//!
//! They carry 256 random bits, so a plain hash is enough: there is nothing to guess.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::types::hex;

/// Random bytes behind a secret.
pub const SECRET_BYTES: usize = 32;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Digits of base 62 that 256 bits take.
const DIGITS: usize = 43;
const LAST_CHARS: usize = 4;

/// What a secret is for; the prefix lets people and scanners tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// `gpb_...`
    ApiKey,
    /// `gpr_...`
    Refresh,
}

/// A secret in clear, on its way to its owner.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The SHA-256 of a secret: all that is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash([u8; 32]);

/// A new secret with what is kept of it.
#[derive(Debug, Clone)]
pub struct Minted {
    /// For its owner, once.
    pub secret: Secret,
    /// For the store.
    pub hash: SecretHash,
    /// The last characters, so that its owner can tell it from others.
    pub last_four: String,
}

impl SecretKind {
    /// Returns what every secret of the kind begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "gpb_",
            Self::Refresh => "gpr_",
        }
    }

    /// Makes a secret of random bytes.
    pub fn mint(self, random: [u8; SECRET_BYTES]) -> Minted {
        let digits = base62(random);
        let last_four = digits.chars().skip(DIGITS - LAST_CHARS).collect();
        let secret = format!("{}{digits}", self.prefix());
        Minted { hash: SecretHash::of(&secret), last_four, secret: Secret(secret) }
    }

    /// Returns the hash of a text that has the form of such a secret, without saying that it is one.
    pub fn hash_of(self, text: &str) -> Option<SecretHash> {
        let digits = text.strip_prefix(self.prefix())?;
        let fits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| SecretHash::of(text))
    }
}

impl Secret {
    /// Wraps a text that only its owner may see.
    pub(super) const fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the secret in clear: for its owner, never for a log, a journal or a table.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl SecretHash {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Returns the hash as it is stored: lower-case hexadecimal.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Returns the hash written by [`SecretHash::to_hex`], or nothing for any other text.
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = (0..SECRET_BYTES).map(|n| {
            let pair = text.get(n.checked_mul(2)?..)?.get(..2)?;
            u8::from_str_radix(pair, 16).ok()
        });
        let hash = Self(bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()?);
        (hash.to_hex() == text).then_some(hash)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// Writes a number of 256 bits in base 62, with leading zeros: always 43 digits.
fn base62(mut number: [u8; SECRET_BYTES]) -> String {
    let mut digits: Vec<char> = (0..DIGITS).map(|_| divide_by_62(&mut number)).collect();
    digits.reverse();
    digits.into_iter().collect()
}

/// Divides a big-endian number in place and returns the remainder's digit.
fn divide_by_62(number: &mut [u8]) -> char {
    let mut remainder = 0_u16;
    for byte in number {
        let value = remainder * 256 + u16::from(*byte);
        // Below 256, because the remainder is below 62.
        *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
        remainder = value % 62;
    }
    ALPHABET.get(usize::from(remainder)).copied().map_or('0', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_fixed() {
        assert_eq!(base62([0; 32]), "0".repeat(43));
        let mut one_more_than_a_digit = [0; 32];
        one_more_than_a_digit[31] = 62;
        assert_eq!(base62(one_more_than_a_digit), format!("{}10", "0".repeat(41)));
        // 2^256 - 1, worked out with another tool's big integers.
        assert_eq!(base62([0xff; 32]), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    }

    #[test]
    fn a_secret_is_found_by_its_hash() {
        for kind in [SecretKind::ApiKey, SecretKind::Refresh] {
            let minted = kind.mint([9; 32]);
            assert_eq!(minted.secret.expose().len(), 47);
            assert!(minted.secret.expose().starts_with(kind.prefix()));
            assert!(minted.secret.expose().ends_with(&minted.last_four));
            assert_eq!(minted.last_four.len(), 4);
            assert_eq!(kind.hash_of(minted.secret.expose()), Some(minted.hash));
            assert_eq!(SecretHash::from_hex(&minted.hash.to_hex()), Some(minted.hash));
        }
        assert_ne!(SecretKind::ApiKey.mint([1; 32]).hash, SecretKind::ApiKey.mint([2; 32]).hash);
    }

    #[test]
    fn other_forms_are_not_even_hashed() {
        let key = SecretKind::ApiKey.mint([9; 32]).secret;
        assert_eq!(SecretKind::Refresh.hash_of(key.expose()), None);
        for text in ["", "gpb_", "gpb_short", &format!("{}x", key.expose()), &key.expose().replace("gpb_", "gpb_-")] {
            assert_eq!(SecretKind::ApiKey.hash_of(text), None, "{text}");
        }
        for text in ["", "zz", &"A".repeat(64), &"0".repeat(63), &"0".repeat(65)] {
            assert_eq!(SecretHash::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn secrets_and_hashes_do_not_show_themselves() {
        let minted = SecretKind::ApiKey.mint([9; 32]);
        let shown = format!("{:?} {:?}", minted.secret, minted.hash);
        assert_eq!(shown, "Secret(..) SecretHash(..)");
    }
}
