//! Whether somebody who reads slows those who write: orders at a quarter of what the server takes, alone and beside a reader who asks for
//! everything in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::asked::{Asked, Askers};
use super::known::Known;
use crate::cli::Failure;
use crate::cli::bench::client::{Load, Round, Until, ask};
use crate::cli::bench::figure::{self, Figure, Goal, ratio};
use crate::cli::bench::http::server::Server;
use crate::cli::bench::milliseconds;

const CONNECTIONS: usize = 16;

/// Measures both in turn, some rounds of so long.
pub(super) async fn measure(server: &Server, known: &Known, rounds: u64, duration: Duration) -> Result<(), Failure> {
    let askers = Arc::new(Askers::new(known)?);
    let requests = Arc::new(askers.writers()?);
    let load = Load {
        address: server.address,
        connections: CONNECTIONS,
        until: Until::Elapsed(duration),
        requests,
        numbers: Arc::new(AtomicU64::new(0)),
        pace: None,
        wanted: None,
    };
    let full = load.clone().run().await?;
    let pace = (full.per_second() / 4).max(1);
    let (mut rates, mut middles, mut tails) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let paced = Load { pace: Some(pace), ..load.clone() };
        let alone = paced.clone().run().await?;
        let is_over = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(read(server.address, Arc::clone(&askers), Asked::all(known), Arc::clone(&is_over)));
        let beside = paced.run().await?;
        is_over.store(true, Ordering::Relaxed);
        let answers = reader.await.map_err(|error| Failure::new(error.to_string()))??;
        say("alone", &alone);
        say(&format!("beside a reader who had {answers} answers"), &beside);
        rates.push(ratio(beside.per_second(), alone.per_second()));
        middles.push(ratio(beside.latency_us(500), alone.latency_us(500)));
        tails.push(ratio(beside.latency_us(990), alone.latency_us(990)));
    }
    println!("{CONNECTIONS} connections, {pace} orders/s of {}/s that are taken at most", full.per_second());
    figure::print(&[
        Figure::new("orders/s beside a reader / alone", Some(Goal::at_least(95, 99)), rates),
        Figure::new("p50 of an order beside a reader / alone", Some(Goal::at_most(200, 130)), middles),
        Figure::new("p99 of an order beside a reader / alone", Some(Goal::at_most(300, 150)), tails),
    ]);
    Ok(())
}

/// Asks for everything in turn until it is over; returns how many answers came.
async fn read(
    address: std::net::SocketAddr,
    askers: Arc<Askers>,
    all: Vec<Asked>,
    is_over: Arc<AtomicBool>,
) -> Result<u64, Failure> {
    let mut answers = 0_u64;
    for (number, asked) in all.iter().cycle().enumerate() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let product = number.checked_rem(PRODUCTS_READ).unwrap_or_default();
        let (status, _) = ask(address, &askers.get(asked, product)).await?;
        if status == 200 {
            answers = answers.saturating_add(1);
        }
    }
    Ok(answers)
}

/// Products that the reader asks about.
const PRODUCTS_READ: usize = 5;

fn say(how: &str, round: &Round) {
    println!(
        "{how}: {} orders/s, p50 {} ms, p99 {} ms, {} refused",
        round.per_second(),
        milliseconds(round.latency_us(500)),
        milliseconds(round.latency_us(990)),
        round.failed
    );
    if let Some(body) = &round.failure {
        println!("  {body}");
    }
}
