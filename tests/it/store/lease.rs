//! The lease that says who writes to PostgreSQL: one holder, whatever happens to it.

use std::time::{Duration, Instant};

use gpubourse::store::{Store, StoreError, Tenure};

use super::{run, sample};
use crate::backend::Backend;

fn store(backend: &Backend, holder: &str, ttl_ms: u64) -> Store {
    backend.open().with_tenure(Tenure { holder: holder.to_owned(), ttl: Duration::from_millis(ttl_ms) })
}

/// Ends the lease as if its time had passed.
fn expire(backend: &Backend) {
    let mut db = backend.raw();
    run(&mut db, "UPDATE lease SET expires_at = 1").unwrap();
}

#[test]
fn a_lease_has_one_holder_whose_name_others_see() {
    let Some(backend) = Backend::postgres() else { return };
    let (first, second) = (store(&backend, "10.0.0.1:80", 60_000), store(&backend, "10.0.0.2:80", 60_000));
    assert!(!first.holder().unwrap().unwrap().holds);
    let writer = first.try_writer().unwrap().unwrap();
    let held = second.holder().unwrap().unwrap();
    assert_eq!((held.epoch, held.holder.as_str(), held.holds), (1, "10.0.0.1:80", true));
    assert!(second.try_writer().unwrap().is_none());
    assert!(matches!(second.writer().err(), Some(StoreError::Busy(_))));
    drop(writer);
    assert!(!second.holder().unwrap().unwrap().holds);
    let successor = second.try_writer().unwrap().unwrap();
    assert_eq!(second.holder().unwrap().unwrap().epoch, 2);
    drop(successor);
}

#[test]
fn a_holder_whose_time_has_passed_commits_until_somebody_takes_over_and_never_after() {
    let Some(backend) = Backend::postgres() else { return };
    let (first, second) = (store(&backend, "a", 60_000), store(&backend, "b", 60_000));
    let mut stale = first.writer().unwrap();
    expire(&backend);
    super::commit(&mut stale, &sample::first()).unwrap();
    assert!(second.try_writer().unwrap().is_none(), "the commit has renewed the lease");
    expire(&backend);
    let successor = second.try_writer().unwrap().unwrap();
    let refused = super::commit(&mut stale, &sample::first());
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    assert!(matches!(stale.side(|_| Ok(())), Err(StoreError::Fenced)));
    drop(stale);
    assert!(second.holder().unwrap().unwrap().holds, "what a stale holder gives back is not its successor's");
    drop(successor);
}

#[test]
fn a_holder_whose_session_is_gone_holds_nothing() {
    let Some(backend) = Backend::postgres() else { return };
    let (first, second) = (store(&backend, "a", 60_000), store(&backend, "b", 60_000));
    let mut stale = first.writer().unwrap();
    let mut db = backend.raw();
    let sessions = "SELECT pg_terminate_backend(split_part(session, '/', 1)::int) FROM lease";
    run(&mut db, sessions).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while second.holder().unwrap().unwrap().holds {
        assert!(Instant::now() < until, "the session does not end");
        std::thread::yield_now();
    }
    let successor = second.try_writer().unwrap().unwrap();
    assert!(super::commit(&mut stale, &sample::first()).is_err());
    drop(successor);
}

#[test]
fn a_holder_that_stands_still_inside_a_transaction_is_not_waited_for_longer_than_its_lease() {
    let Some(backend) = Backend::postgres() else { return };
    let (first, second) = (store(&backend, "a", 300), store(&backend, "b", 300));
    let mut stale = first.writer().unwrap();
    let taken = stale.side(|_| {
        // The row of the lease is locked by this very transaction.
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(writer) = second.try_writer()? {
                return Ok::<_, StoreError>(writer);
            }
            assert!(Instant::now() < until, "nobody takes over");
        }
    });
    assert!(taken.is_err(), "its session was ended, so its transaction was too");
    assert!(second.try_writer().unwrap().is_some());
}

#[test]
fn many_contenders_make_one_holder() {
    let Some(backend) = Backend::postgres() else { return };
    let stores: Vec<Store> = (0..8).map(|number| store(&backend, &number.to_string(), 60_000)).collect();
    for _ in 0..5 {
        let writers = std::thread::scope(|scope| {
            let contenders: Vec<_> = stores.iter().map(|store| scope.spawn(|| store.try_writer().unwrap())).collect();
            contenders.into_iter().filter_map(|contender| contender.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(writers.len(), 1);
    }
}

#[test]
fn on_sqlite_nobody_else_needs_to_know() {
    let backend = Backend::sqlite();
    let (first, second) = (backend.open(), backend.open());
    let writer = first.try_writer().unwrap().unwrap();
    assert!(second.try_writer().unwrap().is_none());
    assert_eq!(first.holder().unwrap(), None);
    drop(writer);
    assert!(second.try_writer().unwrap().is_some());
}
