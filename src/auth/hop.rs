//! What one node of the exchange tells another about a request it passes on: who sent it, under the nodes' common
//! secret. Without it, everybody behind a node would share one address and one rate limit, and anybody could claim one.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::token::{ISSUER, MS_PER_S, in_time, validation_for};
use super::{AuthError, KeyRing};
use crate::types::Timestamp;

const AUDIENCE: &str = "gpubourse-node";
/// How long it takes a request from one node to another, at most.
const HOP_S: i64 = 60;

#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    address: Option<IpAddr>,
    nbf: i64,
    exp: i64,
}

impl KeyRing {
    /// Returns a token by which another node believes where a request came from.
    ///
    /// # Errors
    /// [`AuthError::Signing`] if the library cannot.
    pub fn sign_hop(&self, address: Option<IpAddr>, now: Timestamp) -> Result<String, AuthError> {
        let now_s = now.millis().div_euclid(MS_PER_S);
        let exp = now_s.saturating_add(HOP_S);
        let wire = Wire { iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), address, nbf: now_s, exp };
        self.sign_wire(&wire)
    }

    /// Returns where a request came from that another node passed on.
    ///
    /// # Errors
    /// The `Token...` kinds of [`AuthError`].
    pub fn verify_hop(&self, token: &str, now: Timestamp) -> Result<Option<IpAddr>, AuthError> {
        let wire: Wire = self.verify_wire(token, &validation_for(AUDIENCE, &["exp", "nbf", "iss", "aud"]))?;
        in_time(wire.nbf, wire.exp, now)?;
        Ok(wire.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Claims, Role};
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn a_hop_is_believed_for_a_minute_and_only_under_the_common_secret() {
        let (ours, theirs) = (KeyRing::new(&[[1_u8; 32]]).unwrap(), KeyRing::new(&[[2_u8; 32]]).unwrap());
        let from: IpAddr = "192.0.2.7".parse().unwrap();
        let token = ours.sign_hop(Some(from), NOW).unwrap();
        assert_eq!(ours.verify_hop(&token, NOW), Ok(Some(from)));
        assert_eq!(ours.verify_hop(&token, NOW.plus_millis(60_000)), Err(AuthError::TokenExpired));
        assert_eq!(theirs.verify_hop(&token, NOW), Err(AuthError::TokenKeyUnknown));
    }

    #[test]
    fn a_hop_is_no_access_token_and_an_access_token_no_hop() {
        let ring = KeyRing::new(&[[1_u8; 32]]).unwrap();
        let claims = Claims { user: Uuid::from_u128(7), organization: None, role: Role::Admin };
        let access = ring.sign(&claims, NOW).unwrap().expose().to_owned();
        assert_eq!(ring.verify_hop(&access, NOW), Err(AuthError::TokenInvalid));
        let hop = ring.sign_hop(None, NOW).unwrap();
        assert_eq!(ring.verify(&hop, NOW), Err(AuthError::TokenInvalid));
    }
}
