//! What is owed for a contract that passed to another seller, on both databases: recovered, verified, and told by its bundle.

use diesel::connection::SimpleConnection;
use gpubourse::app::bundle::{Bundle, Sealed, check, export};
use gpubourse::app::verify::verify;
use gpubourse::exchange::Exchange;
use gpubourse::exchange::delivery::Delivery;
use gpubourse::store::db::Db;
use gpubourse::types::Money;

use super::scene::write;
use crate::backend::for_each_backend;
use crate::delivery::credits::passed_in_debt;

#[test]
fn who_owes_what_is_recovered_verified_and_told_by_a_bundle() {
    let (mut life, [_, child]) = passed_in_debt();
    life.settle();
    for_each_backend(|backend| {
        let written = write(backend, &life);
        let again: Exchange = Exchange::restore(written.store.writer().unwrap().load().unwrap().snapshot).unwrap();
        assert_eq!(again.recomputed_digest().unwrap(), life.exchange.recomputed_digest().unwrap());
        assert_eq!(again.delivery(child), life.exchange.delivery(child));
        let verdict = verify(&written.store, None).unwrap();
        assert!(verdict.is_clean(), "{verdict:?}");

        let bundle = export(&written.store, child).unwrap();
        let forge = |change: &dyn Fn(&mut Delivery)| {
            let mut other = Bundle { delivery: bundle.delivery.clone(), ..bundle.clone() };
            other.delivery.iter_mut().for_each(change);
            check(&Sealed::of(other).unwrap(), &[])
        };
        assert_eq!(forge(&|_| {}), Vec::<String>::new());
        // As if the seller above had paid it.
        let found = forge(&|delivery| delivery.earlier[0].leg.credited = Money::ZERO);
        assert!(found.iter().any(|found| found.contains("credits")), "{found:?}");

        let forged = format!(
            "UPDATE deliveries SET state = replace(state, '\"owed\":', '\"owed\":1') WHERE contract = {}",
            child.number()
        );
        match &mut backend.raw() {
            Db::Sqlite(conn) => conn.batch_execute(&forged).unwrap(),
            Db::Pg(conn) => conn.batch_execute(&forged).unwrap(),
        }
        let verdict = verify(&written.store, None).unwrap();
        assert!(verdict.mismatches.iter().any(|found| format!("{found:?}").contains("deliveries")), "{verdict:?}");
    });
}
