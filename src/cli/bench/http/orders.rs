//! Orders, one in each request, beside the echo.

use super::super::figure::{Figure, Goal, ratio};
use super::super::{hundredths, median, milliseconds};
use super::request::ORDERS;
use super::{Round, Run, complain};
use crate::cli::Failure;
use crate::cli::report::Table;

pub(super) async fn measure(run: &Run) -> Result<Vec<Figure>, Failure> {
    let server = run.serve()?;
    let mut table =
        Table::new(&["connections", "echo/s", "orders/s", "ratio", "spread", "p50 ms", "p99 ms", "refused"]);
    let mut figures = Vec::new();
    for &connections in &run.connections {
        let mut rounds = Vec::new();
        for _ in 0..run.rounds {
            let bare = run.echo(&server, connections).await?;
            let durable = run.load(&server, connections, ORDERS).run().await?;
            complain("orders", &durable);
            rounds.push((bare, durable));
        }
        table.row(row(connections, &rounds));
        let ratios = rounds.iter().map(|(bare, durable)| ratio(durable.per_second(), bare.per_second()));
        let tails = rounds.iter().map(|(_, durable)| ratio(durable.latency_us(990), durable.latency_us(500)));
        let name = format!("orders / echo, {connections} connections");
        figures.push(Figure::new(name, share(run, connections), ratios.collect()));
        let name = format!("latency p99 / p50, {connections} connections");
        let goal = (connections == 256).then_some(Goal::at_most(400, 200));
        figures.push(Figure::new(name, goal, tails.collect()));
    }
    table.print();
    server.stop()?;
    Ok(figures)
}

/// Returns what the share of the echo must be.
fn share(run: &Run, connections: usize) -> Option<Goal> {
    match (run.is_sqlite(), connections) {
        (true, 64) => Some(Goal::at_least(30, 50)),
        (true, 256) => Some(Goal::at_least(38, 65)),
        (false, 256) => Some(Goal::at_least(22, 40)),
        _ => None,
    }
}

fn row(connections: usize, rounds: &[(Round, Round)]) -> Vec<String> {
    let ratios: Vec<u64> =
        rounds.iter().map(|(bare, durable)| ratio(durable.per_second(), bare.per_second())).collect();
    let (low, high) = (ratios.iter().min().copied(), ratios.iter().max().copied());
    let of = |value: &dyn Fn(&(Round, Round)) -> u64| median(rounds.iter().map(value).collect());
    vec![
        connections.to_string(),
        of(&|(bare, _)| bare.per_second()).to_string(),
        of(&|(_, durable)| durable.per_second()).to_string(),
        hundredths(median(ratios)),
        format!("{}-{}", hundredths(low.unwrap_or_default()), hundredths(high.unwrap_or_default())),
        milliseconds(of(&|(_, durable)| durable.latency_us(500))),
        milliseconds(of(&|(_, durable)| durable.latency_us(990))),
        rounds.iter().map(|(_, durable)| durable.failed).sum::<u64>().to_string(),
    ]
}
