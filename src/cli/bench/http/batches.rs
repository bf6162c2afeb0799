//! Orders in batches beside what the database takes of the same rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::ceiling::ceiling;
use super::super::client::Load;
use super::super::figure::{Figure, Goal, ratio};
use super::{Run, complain, request};
use crate::cli::Failure;
use crate::types::limits::BATCH_ORDERS_MAX;

/// How often an answer says that an order of its batch was placed.
const PLACED: &[u8] = br#""status":201"#;

/// Measures both in turn, on one database: so the server is stopped while the store is alone with it.
pub(super) async fn measure(run: &Run) -> Result<Vec<Figure>, Failure> {
    let (connections, each) = (run.connections(), u64::try_from(BATCH_ORDERS_MAX).unwrap_or(1));
    let mut ratios = Vec::new();
    for _ in 0..run.rounds {
        let server = run.serve()?;
        let cast = Arc::clone(&run.cast);
        let requests = Arc::new(move |number| request::batch(&cast, number, each));
        let load = Load { wanted: Some((PLACED, each)), ..run.load_of(&server, connections, requests) };
        let round = load.run().await?;
        complain("batches", &round);
        server.stop()?;
        let rate = round.per_second().saturating_mul(each);
        let first = run.numbers.fetch_add(CEILING_ORDERS_MAX, Ordering::Relaxed);
        let alone = ceiling(&run.url, &run.cast, first..first.saturating_add(CEILING_ORDERS_MAX), run.duration)?;
        println!("batches of {each}, {connections} connections: {rate} orders/s; the store alone: {alone}/s");
        ratios.push(ratio(rate, alone));
    }
    let name = format!("orders in batches of {each} / the database's ceiling");
    Ok(vec![Figure::new(name, Some(Goal::at_least(60, 85)), ratios)])
}

/// Orders that the store is given at most in a round.
const CEILING_ORDERS_MAX: u64 = 1_000_000;
