//! A day of many delivered contracts: what its heartbeats and its settlement cost, and what orders notice of it.

use std::time::Instant;

use clap::Args;

use super::market::submission;
use super::{Scratch, at, hundredths, micros, milliseconds};
use crate::app::sequencer::Core;
use crate::app::settlement::STRIDE;
use crate::cli::Failure;
use crate::exchange::terms::ContractTerms;
use crate::exchange::{Access, Command, Event, MeterReport, MeterRun, PlaceAsk, PlaceBid, canonical_command};
use crate::store::{Store, StoreError, Writer};
use crate::types::limits::SETTLE_CONTRACTS_MAX;
use crate::types::{
    ContractId, Country, Interconnect, ListingId, Minute, Money, OrganizationId, OrganizationKind, Price, ProductId,
    Region, SiteId, SlaClass, Slot, Source, Symbol, Timestamp, Window,
};

const HOST: OrganizationId = OrganizationId::new(1);
const BUYERS: u32 = 1_000;
/// GPUs of a contract; more contracts than a listing has room for need another listing.
const GPUS: u32 = 8;
const CONTRACTS_PER_LISTING: u32 = 100_000;
/// The exchange's minute at which everything begins, and the day of delivery after it.
const BEGINNING: u32 = 30_000_000;
const DAY_MINUTES: u32 = 24 * 60;
/// Commands of one batch while the market is set up.
const BATCH: usize = 256;
const REPORTS: usize = 1_000;
const KEY: &str = "age1bench";
const PRICE: Price = Price::from_micros(2_000_000);

/// Delivers contracts for a day, reports on them every five minutes as far as bytes go, and settles the day, a few
/// contracts a command, with an order after each.
#[derive(Debug, Args)]
pub(super) struct Settle {
    /// Contracts.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    contracts: u32,
    /// Contracts of one command of the settlement; the server's own if not given.
    #[arg(long, default_value_t = STRIDE, value_parser = clap::value_parser!(u32).range(1..=i64::from(SETTLE_CONTRACTS_MAX)))]
    stride: u32,
    /// An empty database to use; a temporary SQLite file if not given.
    #[arg(long)]
    database_url: Option<String>,
}

/// The exchange on a database, at a time of the benchmark's own.
struct Bench {
    core: Core,
    writer: Writer,
    minute: u32,
}

impl Settle {
    pub(super) fn run(self) -> Result<(), Failure> {
        let folder = Scratch::new()?;
        let url = self.database_url.clone().unwrap_or_else(|| folder.database());
        let mut writer = Store::open(&url)?.writer()?;
        let core = Core::restore(writer.load()?)?;
        let mut bench = Bench { core, writer, minute: BEGINNING };
        println!("making {} contracts in {url}", self.contracts);
        bench.open(self.contracts)?;
        bench.hand_over(self.contracts)?;
        bench.report(self.contracts)?;
        bench.minute = bench.minute.saturating_add(DAY_MINUTES).saturating_add(10);
        bench.commit(Vec::new())?;
        let alone = bench.orders(1_000, |_| Ok(()))?;
        let mut after = None;
        let (mut commands, mut done) = (0_u64, false);
        let began = Instant::now();
        let beside = bench.orders(usize::MAX, |bench| {
            if done {
                return Err(Failure::new("settled"));
            }
            let events = bench.execute(Command::Settle { after, limit: self.stride })?;
            after = events
                .iter()
                .find_map(|event| match event {
                    Event::SettledThrough { next } => Some(*next),
                    _ => None,
                })
                .flatten();
            commands += 1;
            done = after.is_none();
            Ok(())
        })?;
        let elapsed = began.elapsed();
        println!(
            "settled {} contracts by {commands} commands of {} in {} s, an order committed with each",
            self.contracts,
            self.stride,
            hundredths(u64::try_from(elapsed.as_millis() / 10).unwrap_or(u64::MAX))
        );
        let show = |took: &[u64], per_mille| milliseconds(at(took, per_mille));
        println!(
            "an order and its commit, alone:              p50 {} ms, p99 {} ms",
            show(&alone, 500),
            show(&alone, 990)
        );
        println!(
            "behind a settlement's command in its batch: p50 {} ms, p99 {} ms",
            show(&beside, 500),
            show(&beside, 990)
        );
        bench.check(self.contracts)
    }
}

impl Bench {
    fn now(&self) -> Timestamp {
        Minute::new(self.minute).start()
    }

    fn execute(&mut self, command: Command) -> Result<Vec<Event>, Failure> {
        let now = self.now();
        self.core.advance(now).map_err(super::write::broken)?;
        Ok(self.core.execute(submission(command), now).map_err(super::write::broken)?.outcome.events)
    }

    fn commit(&mut self, commands: Vec<Command>) -> Result<(), Failure> {
        for command in commands {
            self.execute(command)?;
        }
        let now = self.now();
        self.core.advance(now).map_err(super::write::broken)?;
        if let Some(batch) = self.core.batch().map_err(Failure::new)? {
            self.writer.commit::<StoreError>(&batch, None)?;
            self.writer.between()?;
        }
        Ok(())
    }

    fn commit_all(&mut self, commands: impl Iterator<Item = Command>) -> Result<(), Failure> {
        let mut commands = commands.peekable();
        while commands.peek().is_some() {
            let some = commands.by_ref().take(BATCH).collect();
            self.commit(some)?;
        }
        Ok(())
    }

    /// Sells the contracts: one window, a day from now on.
    fn open(&mut self, contracts: u32) -> Result<(), Failure> {
        let broken = || Failure::new("the benchmark's market cannot be made");
        let register = |name: String, organization_kind| Command::RegisterOrganization { name, organization_kind };
        let buyers = (0..BUYERS).map(|number| register(format!("buyer {number}"), OrganizationKind::Renter));
        self.commit_all(std::iter::once(register("host".to_owned(), OrganizationKind::Provider)).chain(buyers))?;
        let amount = Money::from_micros(1_000_000_000_000_000);
        self.commit_all((0..BUYERS).flat_map(|number| {
            let organization = buyer(number);
            [
                Command::Deposit { organization, amount, reference: "bench".to_owned() },
                Command::RegisterAccessKey { organization, key: KEY.to_owned() },
            ]
        }))?;
        self.commit(vec![
            Command::PublishTerms(ContractTerms::default()),
            Command::CreateProduct {
                symbol: Symbol::new("bench-gpu").ok_or_else(broken)?,
                name: "Bench".to_owned(),
                tick: Price::from_micros(1_000),
                fee_bps: 100,
            },
            Command::CreateSite {
                organization: HOST,
                name: "hall".to_owned(),
                region: Region::new("us-central1").ok_or_else(broken)?,
                country: Country::new("US").ok_or_else(broken)?,
                power_w: None,
                pue_milli: None,
            },
        ])?;
        let listings = contracts.div_ceil(CONTRACTS_PER_LISTING);
        self.commit_all((0..listings).map(|_| self::listing()))?;
        self.commit_all((0..listings).map(|number| ask(ListingId::new(i64::from(number) + 1))))?;
        self.commit_all((0..contracts).map(|number| bid(buyer(number % BUYERS), window(), GPUS)))
    }

    /// Hands everything over; heartbeats accept it.
    fn hand_over(&mut self, contracts: u32) -> Result<(), Failure> {
        let each = move |number: u32| {
            let contract = ContractId::new(i64::from(number) + 1);
            let access = Access {
                host: "gpu.example.net".to_owned(),
                port: 22,
                host_key: "ssh-ed25519 AAAA".to_owned(),
                user: "renter".to_owned(),
                sealed_secret: "sealed".to_owned(),
                recipient: KEY.to_owned(),
            };
            [
                Command::DeclareReady { organization: HOST, contract },
                Command::DeliverAccess { organization: HOST, contract, access },
            ]
        };
        self.commit_all((0..contracts).flat_map(each))
    }

    /// Reports a day of heartbeats of every contract; says what they are in the journal, and would be every five minutes.
    fn report(&mut self, contracts: u32) -> Result<(), Failure> {
        self.minute = window().1.get();
        let began = Instant::now();
        let ids: Vec<i64> = (1..=i64::from(contracts)).collect();
        let (mut bytes, mut five_minutes) = (0_usize, 0_usize);
        for ids in ids.chunks(REPORTS) {
            let first = Slot::of(window().0).number();
            let meter = |slots| Command::Meter {
                organization: HOST,
                reports: ids
                    .iter()
                    .map(|id| MeterReport { contract: ContractId::new(*id), runs: vec![MeterRun(first, slots, GPUS)] })
                    .collect(),
            };
            let length = |command: &Command| canonical_command(command).map(|text| text.len());
            five_minutes += length(&meter(1)).map_err(|error| Failure::new(error.to_string()))?;
            let command = meter(DAY_MINUTES / Slot::MINUTES);
            bytes += length(&command).map_err(|error| Failure::new(error.to_string()))?;
            self.commit(vec![command])?;
        }
        let each = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX) / u64::from(contracts);
        println!(
            "reports of a day: {} bytes of journal each, {} s; of five minutes: {} bytes each, {} MB a day",
            each(bytes),
            hundredths(u64::try_from(began.elapsed().as_millis() / 10).unwrap_or(u64::MAX)),
            each(five_minutes),
            u64::try_from(five_minutes).unwrap_or(u64::MAX).saturating_mul(288) / 1_000_000
        );
        Ok(())
    }

    /// Commits orders one by one, each behind something else; returns how long they took in microseconds, ascending.
    /// Ends when what comes before says so by an error.
    fn orders(
        &mut self,
        most: usize,
        mut before: impl FnMut(&mut Self) -> Result<(), Failure>,
    ) -> Result<Vec<u64>, Failure> {
        let mut took = Vec::new();
        while took.len() < most {
            let began = Instant::now();
            if before(self).is_err() {
                break;
            }
            let number = u32::try_from(took.len()).unwrap_or_default();
            let start = Minute::new(self.minute.saturating_add(DAY_MINUTES).saturating_add(number));
            self.commit(vec![bid(buyer(number % BUYERS), (start, start.plus(60)), 1)])?;
            took.push(micros(began.elapsed()));
        }
        took.sort_unstable();
        Ok(took)
    }

    /// Refuses figures of a settlement that did not pay.
    fn check(&mut self, contracts: u32) -> Result<(), Failure> {
        let paid = self.core.available(HOST);
        let price = i64::from(GPUS) * 24 * PRICE.micros();
        let due = price.saturating_sub(price / 100).saturating_mul(i64::from(contracts));
        let missing = due.saturating_sub(paid.micros());
        // The minutes up to the first slot after the hand-over are not delivered.
        if missing < 0 || missing > due / 50 {
            return Err(Failure::new(format!("the host was paid {paid}, of {}", Money::from_micros(due))));
        }
        println!("the host was paid {paid}");
        Ok(())
    }
}

fn buyer(number: u32) -> OrganizationId {
    OrganizationId::new(i64::from(number) + 2)
}

const fn window() -> (Minute, Minute) {
    let start = Minute::new(BEGINNING + DAY_MINUTES);
    (start, Minute::new(BEGINNING + 2 * DAY_MINUTES))
}

fn listing() -> Command {
    Command::CreateListing {
        organization: HOST,
        site: SiteId::new(1),
        product: ProductId::new(1),
        gpus: CONTRACTS_PER_LISTING * GPUS,
        start: window().0,
        end: window().1,
        gpus_per_node: 8,
        interconnect: Interconnect::Infiniband,
        sla_class: SlaClass::P99,
        resale_allowed: true,
        rights: crate::exchange::rights::Rights::default(),
    }
}

fn ask(listing: ListingId) -> Command {
    let (source, gpus) = (Source::Listing(listing), CONTRACTS_PER_LISTING * GPUS);
    let (start, end) = window();
    Command::PlaceAsk(PlaceAsk::plain(HOST, source, gpus, Window::new(start, end), PRICE))
}

fn bid(organization: OrganizationId, (start, end): (Minute, Minute), gpus: u32) -> Command {
    let bid = PlaceBid::plain(organization, ProductId::new(1), gpus, Window::new(start, end), PRICE);
    Command::PlaceBid(PlaceBid { lot: gpus, ..bid })
}
