//! The write path alone: what the writer thread does for each batch, without HTTP and without waiting callers.

use std::time::{Duration, Instant};

use clap::Args;

use super::market::{Place, Resting, submission};
use super::stream::Cast;
use super::{Scratch, hundredths, micros};
use crate::app::View;
use crate::app::clock::{Clock, SystemClock};
use crate::app::sequencer::{Core, Stop};
use crate::cli::Failure;
use crate::cli::report::Table;
use crate::store::{Store, Writer};

/// Executes orders in batches of a fixed size and commits each: the ceiling of what the database takes, with every
/// table and projection written, and where the time goes.
#[derive(Debug, Args)]
pub(super) struct Write {
    /// Orders in a batch, one measurement for each number.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    batch: Vec<u64>,
    /// Orders in each measurement.
    #[arg(long, default_value_t = 100_000)]
    orders: u64,
    /// Resting asks before the first order.
    #[arg(long, default_value_t = 100_000)]
    resting: u64,
    #[command(flatten)]
    place: Place,
}

/// Where the time of a measurement went.
#[derive(Debug, Default)]
struct Spent {
    execute: Duration,
    settle: Duration,
    commit: Duration,
    publish: Duration,
    /// Batches by how long they took, ascending.
    batches_us: Vec<u64>,
}

impl Write {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let folder = Scratch::new()?;
        let url = self.place.url(&folder);
        let cast = self.place.open(&url, Resting::Asks(self.resting)).await?;
        let store = Store::open(&url)?;
        let mut writer = store.writer()?;
        let recovered = writer.load()?;
        let mut view = View::of(recovered.snapshot.clone(), recovered.sequence);
        let mut core = Core::restore(recovered)?;
        let mut table = Table::new(&[
            "batch",
            "orders/s",
            "us/order",
            "execute",
            "settle",
            "commit",
            "publish",
            "batch p50 ms",
            "p99",
            "max",
        ]);
        let mut number = 0;
        for batch in &self.batch {
            let orders = number..number + self.orders;
            number = orders.end;
            let began = Instant::now();
            let spent = measure(&cast, orders, *batch, (&mut core, &mut writer, &mut view))?;
            table.row(spent.row(*batch, self.orders, began.elapsed()));
        }
        println!("microseconds for each order, one thread");
        table.print();
        Ok(())
    }
}

fn measure(
    cast: &Cast,
    orders: std::ops::Range<u64>,
    batch: u64,
    (core, writer, view): (&mut Core, &mut Writer, &mut View),
) -> Result<Spent, Failure> {
    let mut spent = Spent::default();
    let mut numbers = orders;
    while !numbers.is_empty() {
        // What a request would bring with it is made outside the measured time.
        let drafts = numbers.by_ref().take(usize::try_from(batch.max(1)).unwrap_or(usize::MAX));
        let commands: Vec<_> = drafts.filter_map(|number| cast.draft(number)).map(|draft| draft.command()).collect();
        let began = Instant::now();
        let now = SystemClock.now();
        core.advance(now).map_err(broken)?;
        for command in commands {
            core.execute(submission(command), now).map_err(broken)?;
        }
        let executed = Instant::now();
        let batch = core.batch().map_err(Failure::new)?.ok_or_else(|| Failure::new("an empty batch"))?;
        let settled = Instant::now();
        writer.commit::<crate::store::StoreError>(&batch, None)?;
        let committed = Instant::now();
        let crate::store::Batch { journal, mut changes } = batch;
        view.apply(&mut changes, journal.last().map_or(0, |row| row.sequence));
        drop((journal, changes));
        writer.between()?;
        let published = Instant::now();
        spent.execute += executed - began;
        spent.settle += settled - executed;
        spent.commit += committed - settled;
        spent.publish += published - committed;
        spent.batches_us.push(micros(published - began));
    }
    spent.batches_us.sort_unstable();
    Ok(spent)
}

impl Spent {
    fn row(&self, batch: u64, orders: u64, elapsed: Duration) -> Vec<String> {
        let each =
            |part: Duration| hundredths(micros(part).saturating_mul(100).checked_div(orders).unwrap_or_default());
        let all = self.execute + self.settle + self.commit + self.publish;
        let per_second = orders.saturating_mul(1_000_000).checked_div(micros(all)).unwrap_or_default();
        let at = |per_mille| hundredths(super::at(&self.batches_us, per_mille) / 10);
        tracing::debug!(?elapsed, "with making the orders");
        vec![
            batch.to_string(),
            per_second.to_string(),
            each(all),
            each(self.execute),
            each(self.settle),
            each(self.commit),
            each(self.publish),
            at(500),
            at(990),
            at(1_000),
        ]
    }
}

pub(super) fn broken(stop: Stop) -> Failure {
    match stop {
        Stop::Refused(error) => Failure::from(error),
        Stop::Broken(name) => Failure::new(name),
    }
}
