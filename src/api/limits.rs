//! Rate limits: per API key or user, and per address for whoever shows no valid credentials.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

use super::problem::Problem;
use crate::app::Principal;

const SWEEP_EVERY: u64 = 4_096;
const KEYS_KEPT_MAX: usize = 10_000;

/// Requests a second with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// How much is allowed; `None` is no limit (benchmarks).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one API key or user.
    pub per_key: Option<Rate>,
    /// Of one address, without valid credentials.
    pub per_address: Option<Rate>,
}

impl Limits {
    /// No limits at all.
    pub const OFF: Self = Self { per_key: None, per_address: None };
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |per_second, burst| {
            NonZeroU32::new(per_second)
                .zip(NonZeroU32::new(burst))
                .map(|(per_second, burst)| Rate { per_second, burst })
        };
        Self { per_key: rate(5_000, 10_000), per_address: rate(200, 400) }
    }
}

/// The limiters in force; shared by all workers.
#[derive(Debug)]
pub struct Gate {
    keys: Option<Limiter<Uuid>>,
    addresses: Option<Limiter<IpAddr>>,
}

#[derive(Debug)]
struct Limiter<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    checks: AtomicU64,
}

impl Gate {
    /// Returns the limiters of these limits.
    pub fn new(limits: Limits) -> Self {
        Self { keys: limits.per_key.map(Limiter::new), addresses: limits.per_address.map(Limiter::new) }
    }

    /// Charges a request to the key, or the user, it came with.
    ///
    /// # Errors
    /// 429.
    pub fn charge(&self, principal: &Principal) -> Result<(), Problem> {
        let who = principal.key.unwrap_or(principal.user);
        self.keys.as_ref().map_or(Ok(()), |limiter| limiter.check(&who))
    }

    /// Charges a request without valid credentials to its address (IPv6: to its /64).
    ///
    /// # Errors
    /// 429.
    pub fn charge_address(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let address = network_of(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        self.addresses.as_ref().map_or(Ok(()), |limiter| limiter.check(&address))
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(rate: Rate) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default(), checks: AtomicU64::new(0) }
    }

    fn check(&self, key: &K) -> Result<(), Problem> {
        // Keys that have recovered their whole burst are forgotten, so that the map stays bounded.
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) && self.limiter.len() > KEYS_KEPT_MAX
        {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::too_many(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)))
        })
    }
}

/// Returns what stands for an address where addresses are counted.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(burst: u32) -> Gate {
        let one = NonZeroU32::new(1).unwrap();
        let rate = Some(Rate { per_second: one, burst: NonZeroU32::new(burst).unwrap() });
        Gate::new(Limits { per_key: rate, per_address: rate })
    }

    #[test]
    fn a_burst_is_allowed_and_no_more() {
        let gate = gate(2);
        let home: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(gate.charge_address(Some(home)).is_ok());
        assert!(gate.charge_address(Some(home)).is_ok());
        let problem = gate.charge_address(Some(home)).unwrap_err();
        assert_eq!(problem.respond("r").headers().get("retry-after").unwrap(), "1");
        assert!(gate.charge_address(Some("192.0.2.2".parse().unwrap())).is_ok());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_limit() {
        let gate = gate(1);
        assert!(gate.charge_address(Some("2001:db8::1".parse().unwrap())).is_ok());
        assert!(gate.charge_address(Some("2001:db8::2".parse().unwrap())).is_err());
        assert!(gate.charge_address(Some("2001:db8:0:1::1".parse().unwrap())).is_ok());
    }

    #[test]
    fn off_is_off() {
        let gate = Gate::new(Limits::OFF);
        assert!((0..100_000).all(|_| gate.charge_address(None).is_ok()));
    }
}
