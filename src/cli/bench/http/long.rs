//! A long run: whether the last tenth of its orders is taken as fast as the first.

use super::super::client::{Load, Until};
use super::super::figure::{Figure, Goal, ratio};
use super::request::ORDERS;
use super::{Run, complain};
use crate::cli::Failure;
use crate::cli::report::Table;

const PARTS: usize = 10;

pub(super) async fn measure(run: &Run) -> Result<Vec<Figure>, Failure> {
    let server = run.serve()?;
    let connections = run.connections();
    let before = run.echo(&server, connections).await?;
    let load = Load { until: Until::Sent(run.orders), ..run.load(&server, connections, ORDERS) };
    let round = load.run().await?;
    complain("orders", &round);
    let after = run.echo(&server, connections).await?;
    server.stop()?;
    let rates = round.rates(PARTS);
    let mut table = Table::new(&["tenth", "orders/s"]);
    for (number, rate) in (1_u64..).zip(&rates) {
        table.row(vec![number.to_string(), rate.to_string()]);
    }
    println!(
        "{} orders without a break, {connections} connections; echo {}/s before, {}/s after",
        run.orders,
        before.per_second(),
        after.per_second()
    );
    table.print();
    let (first, last) = (rates.first().copied(), rates.last().copied());
    let ratios = vec![ratio(last.unwrap_or_default(), first.unwrap_or_default())];
    let name = format!("the last of {PARTS} parts of {} orders / the first", run.orders);
    Ok(vec![Figure::new(name, Some(Goal::at_least(80, 95)), ratios)])
}
