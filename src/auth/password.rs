//! Passwords: argon2id with the parameters OWASP names, kept as PHC strings.
//!
//! Hashing costs some 20 MB and 15 ms on purpose; whoever calls this must bound how many run at once.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::AuthError;

/// Characters in the shortest password taken.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Characters in the longest password taken.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Random bytes in a salt.
pub const SALT_BYTES: usize = 16;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash of no password, checked in place of an unknown user's: the work, and so the time, is the same.
pub const DECOY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Checks a new password's length; no other rule makes passwords better.
///
/// # Errors
/// [`AuthError::PasswordTooShort`] and [`AuthError::PasswordTooLong`].
pub fn check(password: &str) -> Result<(), AuthError> {
    match password.chars().count() {
        0..PASSWORD_CHARS_MIN => Err(AuthError::PasswordTooShort),
        PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX => Ok(()),
        _ => Err(AuthError::PasswordTooLong),
    }
}

/// Returns the PHC string of a password under a salt.
///
/// # Errors
/// [`AuthError::PasswordHash`] if memory runs out.
pub fn hash(password: &str, salt: &[u8; SALT_BYTES]) -> Result<String, AuthError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| AuthError::PasswordHash(e.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2.hash_password_with_salt(password.as_bytes(), salt).map_err(failure)?;
    Ok(hash.to_string())
}

/// Tells whether a password is the one behind a PHC string.
///
/// # Errors
/// [`AuthError::PasswordHash`] if the string is none, or memory runs out.
pub fn verify(password: &str, phc: &str) -> Result<bool, AuthError> {
    let expected = PasswordHash::new(phc).map_err(|e| AuthError::PasswordHash(e.to_string()))?;
    match Argon2::default().verify_password(password.as_bytes(), &expected) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(other) => Err(failure(other)),
    }
}

fn failure(error: HashError) -> AuthError {
    AuthError::PasswordHash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery";

    #[test]
    fn a_password_is_the_one_behind_its_hash_and_no_other() {
        let phc = hash(PASSWORD, &[7; SALT_BYTES]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_eq!(verify(PASSWORD, &phc), Ok(true));
        assert_eq!(verify("correct horse batterz", &phc), Ok(false));
        assert_ne!(hash(PASSWORD, &[8; SALT_BYTES]).unwrap(), phc, "the salt counts");
    }

    #[test]
    fn the_decoy_costs_what_a_hash_costs_and_fits_nobody() {
        let phc = hash(PASSWORD, &[7; SALT_BYTES]).unwrap();
        let shape = |text: &str| (text.split('$').take(4).collect::<Vec<_>>().join("$"), text.len());
        assert_eq!(shape(DECOY_HASH), shape(&phc));
        assert_eq!(verify(PASSWORD, DECOY_HASH), Ok(false));
    }

    #[test]
    fn a_text_that_is_no_hash_is_an_error() {
        assert!(matches!(verify(PASSWORD, "plain"), Err(AuthError::PasswordHash(_))));
    }

    #[test]
    fn lengths_count_characters() {
        assert_eq!(check(&"ä".repeat(11)), Err(AuthError::PasswordTooShort));
        assert_eq!(check(&"ä".repeat(12)), Ok(()));
        assert_eq!(check(&"ä".repeat(256)), Ok(()));
        assert_eq!(check(&"ä".repeat(257)), Err(AuthError::PasswordTooLong));
    }
}
