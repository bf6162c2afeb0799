//! Why credentials are not taken.

/// A failure of authentication. None of them says anything about the secret it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Fewer characters than a password needs.
    #[error("the password is too short")]
    PasswordTooShort,
    /// More characters than a password may have.
    #[error("the password is too long")]
    PasswordTooLong,
    /// The hash function failed, or a stored hash is not one.
    #[error("password hash: {0}")]
    PasswordHash(String),
    /// A signing secret that could be guessed.
    #[error("a signing secret has at least 32 bytes")]
    SigningSecretTooShort,
    /// No signing secret at all, or one twice.
    #[error("signing secrets must be there and differ")]
    SigningSecrets,
    /// Something else in the process has set up the token library.
    #[error("the token library has been set up by something else")]
    ProviderTaken,
    /// The token library could not sign.
    #[error("signing: {0}")]
    Signing(String),
    /// Not a token of ours: form, algorithm, signature, issuer or audience.
    #[error("the token is not valid")]
    TokenInvalid,
    /// Signed with a key that is not, or no longer, in the ring.
    #[error("the token's key is not known")]
    TokenKeyUnknown,
    /// Its time has passed.
    #[error("the token has expired")]
    TokenExpired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    TokenEarly,
}
