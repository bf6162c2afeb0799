//! The writer: what is acknowledged survives a restart, and a batch is one.

mod clock;
mod failures;
mod following;

use std::sync::Arc;

use gpubourse::app::clock::{Clock, ManualClock};
use gpubourse::app::sequencer::{self, Running, Side, Submission};
use gpubourse::app::{AppError, Receipt};
use gpubourse::exchange::{BidWindow, Command, Made, PlaceAsk, PlaceBid, Reject, Requirements, Terms};
use gpubourse::store::Store;
use gpubourse::types::{
    Country, Funding, Interconnect, ListingId, Minute, Money, OrderStatus, OrganizationId, OrganizationKind, Price,
    ProductId, Region, SiteId, SlaClass, Source, Symbol, Timestamp,
};

const PROVIDER: OrganizationId = OrganizationId::new(1);
const RENTER: OrganizationId = OrganizationId::new(2);

struct Bench {
    store: Store,
    market: Market,
    _folder: tempfile::TempDir,
}

/// A running sequencer and what it takes for the time.
struct Market {
    clock: Arc<ManualClock>,
    running: Running,
}

impl std::ops::Deref for Bench {
    type Target = Market;

    fn deref(&self) -> &Market {
        &self.market
    }
}

impl Bench {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("market.db").display())).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let running = sequencer::start(&store, clock.clone()).unwrap();
        Self { store, market: Market { clock, running }, _folder: folder }
    }

    fn restart(self) -> Self {
        let Self { store, market: Market { clock, running }, _folder } = self;
        running.join();
        let running = sequencer::start(&store, clock.clone()).unwrap();
        Self { store, market: Market { clock, running }, _folder }
    }
}

impl Market {
    async fn submit(&self, command: Command) -> Result<Receipt, AppError> {
        self.running.sequencer.submit(submission(command)).await
    }

    async fn open_market(&self) {
        let register = |kind| Command::RegisterOrganization { name: "n".to_owned(), organization_kind: kind };
        let day = self.clock.now().minute().plus(60);
        for command in [
            register(OrganizationKind::Provider),
            register(OrganizationKind::Renter),
            Command::CreateProduct {
                symbol: Symbol::new("h100-sxm-80gb").unwrap(),
                name: "H100".to_owned(),
                tick: Price::from_micros(1_000),
                fee_bps: 100,
            },
            Command::CreateSite {
                organization: PROVIDER,
                name: "site".to_owned(),
                region: Region::new("us-central1").unwrap(),
                country: Country::new("US").unwrap(),
                power_w: None,
                pue_milli: None,
            },
            Command::CreateListing {
                organization: PROVIDER,
                site: SiteId::new(1),
                product: ProductId::new(1),
                gpus: 64,
                start: day,
                end: day.plus(60 * 24),
                gpus_per_node: 8,
                interconnect: Interconnect::Infiniband,
                sla_class: SlaClass::P99,
                resale_allowed: true,
                rights: gpubourse::exchange::rights::Rights::default(),
            },
            Command::Deposit {
                organization: RENTER,
                amount: Money::from_micros(10_000_000_000),
                reference: "wire 1".to_owned(),
            },
        ] {
            self.submit(command).await.unwrap();
        }
    }
}

fn submission(command: Command) -> Submission {
    Submission { actor: "system".to_owned(), request_id: "test".to_owned(), idempotency_key: None, command }
}

fn ask(gpus: u32) -> Command {
    Command::PlaceAsk(PlaceAsk {
        organization: PROVIDER,
        source: Source::Listing(ListingId::new(1)),
        gpus,
        start: None,
        end: None,
        price: Price::from_micros(2_000_000),
        lot: None,
        min_minutes: None,
        lead_minutes: 0,
        terms: Terms::default(),
    })
}

fn bid(start: Minute, client_order_id: &str) -> Command {
    Command::PlaceBid(PlaceBid {
        organization: RENTER,
        product: ProductId::new(1),
        gpus: 8,
        window: BidWindow::Fixed { start, end: start.plus(120) },
        price: Price::from_micros(2_500_000),
        lot: 8,
        requirements: Requirements::default(),
        same_site: false,
        cover: None,
        funding: Funding::Full,
        terms: Terms { client_order_id: Some(client_order_id.to_owned()), ..Terms::default() },
    })
}

#[actix_web::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let bench = Bench::start();
    bench.open_market().await;
    bench.submit(ask(64)).await.unwrap();
    let start = bench.clock.now().minute().plus(120);
    let first = bench.submit(bid(start, "a")).await.unwrap();
    let order = first.outcome.order.unwrap();
    assert_eq!((order.status, order.filled_gpus), (OrderStatus::Filled, 8));
    let before = bench.running.view.read().unwrap().purses[&RENTER];
    assert_eq!(before.escrow, Money::from_micros(32_000_000));

    let bench = bench.restart();
    {
        let view = bench.running.view.read().unwrap();
        assert_eq!(view.purses[&RENTER], before);
        assert_eq!(view.orders.len(), 1);
    }
    let again = bench.submit(bid(start, "a")).await.unwrap();
    assert!(again.outcome.replayed);
    assert_eq!(again.outcome.made, Made::Order(order.id));
    let other = bench.submit(bid(start.plus(1), "a")).await;
    assert!(matches!(other, Err(AppError::Reject(Reject::ClientOrderIdReused))));
}

#[actix_web::test]
async fn a_side_write_that_refuses_takes_its_command_back() {
    let bench = Bench::start();
    bench.open_market().await;
    let as_of = bench.running.view.read().unwrap().as_of;
    let note = Command::Note { subject: "user".to_owned(), id: "1".to_owned(), verb: "created".to_owned() };
    let side = Side { submission: Some(submission(note)), before: None };
    let refused = bench.running.sequencer.side(side, |_, _| Err::<(), _>(AppError::Conflict("email_taken"))).await;
    assert!(matches!(refused, Err(AppError::Conflict("email_taken"))));
    assert_eq!(bench.running.view.read().unwrap().as_of, as_of);
    bench.submit(ask(64)).await.unwrap();
    bench.restart();
}

#[actix_web::test]
async fn time_moves_before_the_first_command_of_a_minute() {
    let bench = Bench::start();
    bench.open_market().await;
    bench.clock.advance_ms(60_000);
    bench.submit(ask(8)).await.unwrap();
    let now = bench.running.view.read().unwrap().now;
    assert_eq!(now, bench.clock.now());
}
