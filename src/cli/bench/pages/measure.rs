//! How long answers take: the first of each, and then again and again while the exchange moves on between.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::asked::{Asked, Askers};
use super::known::Known;
use crate::cli::Failure;
use crate::cli::bench::client::ask;
use crate::cli::bench::figure::Goal;
use crate::cli::bench::http::server::Server;
use crate::cli::bench::stream::Dice;
use crate::cli::bench::{at, hundredths, micros};
use crate::cli::report::Table;

/// In hundredths of a millisecond: no answer may take longer.
const GOAL: Goal = Goal::at_most(10_000, 5_000);
/// Tokens are made anew after so long.
const TOKENS: Duration = Duration::from_secs(10 * 60);
/// Orders before anything is asked for.
const ORDERS_FIRST: u64 = 300;
/// Of so many requests one is about the product that is traded most.
const FIRST_PRODUCT: u32 = 2;
/// Products that the others are about, those that are traded most after it.
const OTHER_PRODUCTS: u32 = 10;

/// What was measured of one thing to ask for, in microseconds.
#[derive(Debug, Default, Clone)]
struct Took {
    first: u64,
    bytes: usize,
    /// The first answers about other products.
    others: Vec<u64>,
    again: Vec<u64>,
}

/// Asks for everything once, then so many times over; prints what it took, and returns how many were too slow.
pub(super) async fn measure(server: &Server, known: &Known, rounds: u64) -> Result<usize, Failure> {
    let all = Asked::all(known);
    let mut askers = Askers::new(known)?;
    let (mut took, mut renewed, mut orders) = (vec![Took::default(); all.len()], Instant::now(), 0_u64);
    let (mut dice, mut seen) = (Dice::of(1), BTreeSet::new());
    // So that the newest rows are those of a market that trades, and not those with which its history ended.
    for number in 0..ORDERS_FIRST {
        place(server, &askers, number).await?;
    }
    for round in 0..=rounds {
        for (asked, took) in all.iter().zip(&mut took) {
            if renewed.elapsed() > TOKENS {
                askers.renew()?;
                renewed = Instant::now();
            }
            place(server, &askers, orders).await?;
            orders = orders.saturating_add(1);
            let is_first = round == 0 || dice.below(FIRST_PRODUCT) == 0;
            let product = if is_first { 0 } else { dice.below(OTHER_PRODUCTS).saturating_add(1) };
            let request = askers.get(asked, usize::try_from(product).unwrap_or_default());
            let began = Instant::now();
            let (status, body) = ask(server.address, &request).await?;
            let time = micros(began.elapsed());
            if status != 200 {
                let body = String::from_utf8_lossy(&body).chars().take(500).collect::<String>();
                return Err(Failure::new(format!("{}: {status} {body}", asked.name())));
            }
            if round == 0 {
                (took.first, took.bytes) = (time, body.len());
            } else if is_first || !asked.path.contains("{symbol}") || !seen.insert((asked.name(), product)) {
                took.again.push(time);
            } else {
                took.others.push(time);
            }
        }
    }
    Ok(print(&all, &mut took))
}

/// Has the exchange move on.
async fn place(server: &Server, askers: &Askers, number: u64) -> Result<(), Failure> {
    let (status, body) = ask(server.address, &askers.order(number)).await?;
    if status == 201 {
        return Ok(());
    }
    Err(Failure::new(format!("an order was refused: {status} {}", String::from_utf8_lossy(&body))))
}

fn print(all: &[Asked], took: &mut [Took]) -> usize {
    let mut table =
        Table::new(&["asked for", "kB", "first ms", "others", "p50", "p99", "max", "must", "aim", "reached"]);
    let mut missed = 0_usize;
    for (asked, took) in all.iter().zip(took) {
        took.again.sort_unstable();
        let at = |per_mille| at(&took.again, per_mille) / 10;
        let reached = GOAL.reached(at(990));
        missed = missed.saturating_add(usize::from(reached == "missed"));
        table.row(vec![
            asked.name(),
            (took.bytes / 1_000).to_string(),
            hundredths(took.first / 10),
            hundredths(took.others.iter().max().copied().unwrap_or_default() / 10),
            hundredths(at(500)),
            hundredths(at(990)),
            hundredths(at(1_000)),
            hundredths(GOAL.must),
            hundredths(GOAL.aim),
            reached.to_owned(),
        ]);
    }
    table.print();
    missed
}
