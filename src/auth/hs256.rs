//! HMAC-SHA-256 for the token library, and nothing else.
//!
//! The library's own backends bring RSA, elliptic curves or a C build; one keyed hash is all that is used here,
//! and an algorithm that is not there cannot be confused with the one that is.

use std::sync::OnceLock;

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult, new_error};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

use super::AuthError;

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// Makes this the process's one implementation; harmless when repeated.
///
/// # Errors
/// [`AuthError::ProviderTaken`] if another one was installed before.
pub fn install() -> Result<(), AuthError> {
    let ours = *INSTALLED.get_or_init(|| PROVIDER.install_default().is_ok());
    if ours { Ok(()) } else { Err(AuthError::ProviderTaken) }
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, family: AlgorithmFamily, secret: &[u8]) -> JwtResult<Self> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(new_error(ErrorKind::UnsupportedAlgorithm));
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| new_error(ErrorKind::InvalidKeyFormat))
    }

    fn of(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.of(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // In constant time, and only for the whole 32 bytes.
        self.of(message).verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    Ok(Box::new(Hs256::new(*algorithm, key.family(), key.as_bytes())?))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    Ok(Box::new(Hs256::new(*algorithm, key.family(), key.try_get_as_bytes()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn signs_as_the_standard_says() {
        let mac = signer(&Algorithm::HS256, &EncodingKey::from_secret(b"Jefe")).unwrap();
        let hex: String =
            mac.try_sign(b"what do ya want for nothing?").unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn verifies_only_the_whole_signature() {
        let key = DecodingKey::from_secret(b"Jefe");
        let mac = signer(&Algorithm::HS256, &EncodingKey::from_secret(b"Jefe")).unwrap();
        let signature = mac.try_sign(b"message").unwrap();
        let check = verifier(&Algorithm::HS256, &key).unwrap();
        assert!(check.verify(b"message", &signature).is_ok());
        assert!(check.verify(b"massage", &signature).is_err());
        assert!(check.verify(b"message", &signature[..16].to_vec()).is_err());
        assert!(check.verify(b"message", &Vec::new()).is_err());
    }

    #[test]
    fn offers_no_other_algorithm() {
        let key = EncodingKey::from_secret(b"Jefe");
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(signer(&algorithm, &key).is_err(), "{algorithm:?}");
        }
    }
}
