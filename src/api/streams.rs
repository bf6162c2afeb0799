//! Who follows: how many streams there are, of whom, and their end when the server stops.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

use super::limits::network_of;
use super::problem::Problem;
use crate::app::Principal;
use crate::types::limits::{STREAMS_MAX, STREAMS_OF_ONE_MAX};

/// When to come back where there is no seat, in seconds.
const RETRY_AFTER_S: u64 = 30;

/// Whose a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// An API key's, or a user's.
    Key(Uuid),
    /// Of whoever shows no credentials: an address (IPv6: its /64).
    Address(Option<IpAddr>),
}

/// The streams of a process; shared by all workers.
#[derive(Debug)]
pub struct Streams {
    seats: Mutex<BTreeMap<Holder, usize>>,
    stopping: watch::Sender<bool>,
}

/// The right to a stream, given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    streams: Arc<Streams>,
    holder: Holder,
}

impl Default for Streams {
    fn default() -> Self {
        Self { seats: Mutex::default(), stopping: watch::channel(false).0 }
    }
}

impl Holder {
    /// Returns whose a stream of a caller is.
    pub fn of(principal: Option<&Principal>, address: Option<IpAddr>) -> Self {
        match principal {
            Some(principal) => Self::Key(principal.key.unwrap_or(principal.user)),
            None => Self::Address(address.map(network_of)),
        }
    }
}

impl Streams {
    /// Returns how many there are.
    pub fn count(&self) -> usize {
        self.seats().values().sum()
    }

    /// Gives a holder one more.
    ///
    /// # Errors
    /// 429 if it has, or all together have, as many as may be.
    pub fn sit(self: &Arc<Self>, holder: Holder) -> Result<Seat, Problem> {
        let mut seats = self.seats();
        let own = seats.get(&holder).copied().unwrap_or_default();
        if own >= STREAMS_OF_ONE_MAX || seats.values().sum::<usize>() >= STREAMS_MAX {
            return Err(Problem::too_many(RETRY_AFTER_S));
        }
        seats.insert(holder, own.saturating_add(1));
        Ok(Seat { streams: Arc::clone(self), holder })
    }

    /// Ends all of them: a server that stops waits for what it has begun to answer.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns what tells that they end.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<Holder, usize>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.streams.seats();
        let left = seats.get(&self.holder).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            seats.remove(&self.holder);
        } else {
            seats.insert(self.holder, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_has_so_many_and_gets_them_back() {
        let streams = Arc::new(Streams::default());
        let home = Holder::Address("192.0.2.1".parse().ok());
        let mut seats: Vec<Seat> = (0..STREAMS_OF_ONE_MAX).map(|_| streams.sit(home).unwrap()).collect();
        assert_eq!(streams.sit(home).unwrap_err().code(), "too_many_requests");
        let other = streams.sit(Holder::Key(Uuid::nil())).unwrap();
        seats.pop();
        seats.push(streams.sit(home).unwrap());
        assert_eq!(streams.count(), STREAMS_OF_ONE_MAX + 1);
        drop((seats, other));
        assert_eq!(streams.count(), 0);
    }

    #[test]
    fn all_together_have_so_many() {
        let streams = Arc::new(Streams::default());
        let holder = |number: usize| Holder::Key(Uuid::from_u128(number as u128 / STREAMS_OF_ONE_MAX as u128));
        let seats: Vec<Seat> = (0..STREAMS_MAX).map(|number| streams.sit(holder(number)).unwrap()).collect();
        assert!(streams.sit(Holder::Key(Uuid::max())).is_err());
        drop(seats);
        assert!(streams.sit(Holder::Key(Uuid::max())).is_ok());
    }
}
