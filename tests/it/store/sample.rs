//! A hand-built batch that touches every table.

use std::sync::Arc;

use gpubourse::exchange::bonds::AskBond;
use gpubourse::exchange::delivery::{Cover, Delivery, Standing};
use gpubourse::exchange::entities::*;
use gpubourse::exchange::fixes::{IndexFix, PublishedFix};
use gpubourse::exchange::funding::{Draw, Monthly};
use gpubourse::exchange::novation::{Novation, TakenOver};
use gpubourse::exchange::terms::ContractTerms;
use gpubourse::exchange::{Changes, Made, Requirements};
use gpubourse::store::{Batch, JournalRow, chain_hash};
use gpubourse::types::*;

pub const NOW: i64 = 1_795_000_000_000;

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(NOW + ms)
}

pub fn window(start: u32, end: u32) -> Window {
    Window::new(Minute::new(30_000_000 + start), Minute::new(30_000_000 + end))
}

pub fn organization(number: i64) -> OrganizationId {
    OrganizationId::new(number)
}

pub fn ask(number: i64) -> Order {
    Order {
        id: OrderId::new(number),
        created_at: at(number),
        placed_at: at(0),
        organization: organization(1),
        side: Side::Ask,
        product: ProductId::new(1),
        source: Some(Source::Listing(ListingId::new(1))),
        sequence: number,
        gpus: 16,
        window: window(0, 600),
        minutes: None,
        price: Price::from_micros(2_000_000),
        lot: 8,
        min_minutes: 60,
        lead_minutes: 5,
        requirements: Requirements::default(),
        same_site: false,
        time_in_force: TimeInForce::Gtc,
        expires_at: None,
        post_only: true,
        self_trade: SelfTrade::Skip,
        client_order_id: None,
        fingerprint: None,
        status: OrderStatus::Open,
        reason: None,
        ended_at: None,
        filled_gpus: 0,
        fills: 0,
        filled_gpu_minutes: 0,
        turnover: Turnover::ZERO,
        sold: Steps::new(),
        held: Money::ZERO,
        previous: None,
        last_trade: None,
        cover: None,
        funding: Funding::Full,
        bond: Some(AskBond {
            bps: 500,
            amount: Money::from_micros(8_000_000),
            gpu_minutes: 4_800,
            from: Minute::new(30_000_300),
        }),
    }
}

pub fn bid(number: i64) -> Order {
    Order {
        organization: organization(2),
        side: Side::Bid,
        source: None,
        gpus: 8,
        window: window(60, 120),
        minutes: Some(60),
        price: Price::from_micros(2_500_000),
        min_minutes: 1,
        lead_minutes: 0,
        requirements: Requirements {
            regions: vec!["us-central1".into()],
            site_ids: vec![SiteId::new(1)],
            min_sla_class: SlaClass::P99,
            ..Requirements::default()
        },
        same_site: true,
        time_in_force: TimeInForce::Gtd,
        expires_at: Some(at(60_000)),
        post_only: false,
        self_trade: SelfTrade::CancelBoth,
        client_order_id: Some(format!("bid-{number} é")),
        fingerprint: Some(u128::MAX - 7),
        held: Money::from_micros(20_000_000),
        cover: Some(Price::from_micros(2_750_000)),
        funding: Funding::Monthly,
        bond: None,
        ..ask(number)
    }
}

pub fn trade() -> Trade {
    Trade {
        id: TradeId::new(1),
        created_at: at(2),
        product: ProductId::new(1),
        ask: OrderId::new(1),
        bid: OrderId::new(2),
        contract: ContractId::new(1),
        seller: organization(1),
        buyer: organization(2),
        aggressor: Side::Bid,
        gpus: 8,
        window: window(60, 120),
        price: Price::from_micros(2_000_000),
        previous_of_ask: None,
        previous_of_bid: None,
        previous_of_product: None,
    }
}

pub fn contract(number: i64) -> Contract {
    Contract {
        id: ContractId::new(number),
        created_at: at(2),
        trade: TradeId::new(number),
        product: ProductId::new(1),
        site: SiteId::new(1),
        listing: ListingId::new(1),
        source: Source::Listing(ListingId::new(1)),
        seller: organization(1),
        buyer: organization(2),
        gpus: 8,
        window: window(60, 120),
        price: Price::from_micros(2_000_000),
        lot: 8,
        min_minutes: 60,
        fee_bps: 150,
        terms: 1,
        depth: 0,
        status: ContractStatus::Scheduled,
        ended_at: None,
        escrow: Money::from_micros(16_000_000),
        previous_of_seller: None,
        previous_of_buyer: None,
        previous_of_parent: None,
        last_child: None,
        monthly: Some(monthly()),
        bond: Money::from_micros(800_000),
        novation: Some(Box::new(Novation {
            taken_over: Some(TakenOver {
                contract: ContractId::new(2),
                seller: OrganizationId::new(3),
                price: Price::from_micros(2_100_000),
            }),
            given_up: Steps::block(Window::new(Minute::new(20), Minute::new(30)), 4),
        })),
    }
}

/// How far a contract is paid for.
fn monthly() -> Monthly {
    let minute = |after| window(0, after).end;
    let next = Draw { at: minute(50), until: minute(120), amount: Money::from_micros(8_000_000) };
    Monthly { funded_until: minute(90), next: Some(next) }
}

pub fn transfer(number: i64, cause: Cause, reference: Option<&str>) -> Transfer {
    let account = |organization, kind| Account { organization, kind };
    Transfer {
        id: TransferId::new(number),
        created_at: at(number),
        debit: account(OrganizationId::EXCHANGE, AccountKind::External),
        credit: account(organization(2), AccountKind::Available),
        amount: Money::from_micros(100_000_000 + number),
        cause,
        reference: reference.map(str::to_owned),
        previous_of_debit: (number > 1).then(|| TransferId::new(number - 1)),
        previous_of_credit: (number > 1).then(|| TransferId::new(number - 1)),
    }
}

pub fn purse(available: i64) -> Purse {
    Purse { available: Money::from_micros(available), escrow: Money::from_micros(16_000_000), ..Purse::default() }
}

fn by<K: Ord, V>(rows: impl IntoIterator<Item = V>, key: impl Fn(&V) -> K) -> std::collections::BTreeMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn parties(changes: &mut Changes) {
    let party = |number, kind| Organization {
        id: organization(number),
        created_at: at(0),
        name: format!("Organization {number} 'é"),
        kind,
        suspended: number == 2,
        access_key: (number == 2).then(|| "age1abc".into()),
        tier: if number == 2 { Tier::Verified } else { Tier::Unverified },
        score_bps: (number == 2).then_some(9_850),
    };
    changes.organizations =
        by([party(1, OrganizationKind::Provider), party(2, OrganizationKind::Renter)], |row| row.id);
    let product = Product {
        id: ProductId::new(1),
        created_at: at(0),
        symbol: Symbol::new("h100-sxm-80gb").unwrap(),
        name: "H100".into(),
        tick: Price::from_micros(1_000),
        fee_bps: 150,
        halted: false,
    };
    changes.products = by([product], |row| row.id);
    let site = Site {
        id: SiteId::new(1),
        created_at: at(0),
        organization: organization(1),
        name: "Hall".into(),
        region: Region::new("us-central1").unwrap(),
        country: Country::new("US").unwrap(),
        power_w: Some(1_500_000),
        pue_milli: None,
    };
    changes.sites = by([site], |row| row.id);
    let listing = Listing {
        id: ListingId::new(1),
        created_at: at(0),
        organization: organization(1),
        site: SiteId::new(1),
        product: ProductId::new(1),
        gpus: 64,
        window: window(0, 6_000),
        gpus_per_node: 8,
        interconnect: Interconnect::Infiniband,
        sla_class: SlaClass::P999,
        resale_allowed: true,
        rights: gpubourse::exchange::rights::Rights::default(),
    };
    changes.listings = by([listing], |row| row.id);
}

fn fix() -> IndexFix {
    IndexFix {
        product: ProductId::new(1),
        region: Some(Region::new("us-east").unwrap()),
        tenor: Some(Tenor::Week),
        primary: Some(true),
        day: 20_000,
        price: Some(Price::from_micros(2_000_000)),
        thin: false,
        rule_version: 1,
        origin: FixOrigin::Trades,
        inputs: 5,
        between: Some((3, 9)),
        dropped: vec![4, 7],
        hash: "ab".repeat(32),
    }
}

/// An ask and a bid that trade once; the bid is then filled.
pub fn changes() -> Changes {
    let mut changes = Changes::default();
    parties(&mut changes);
    changes.placed = vec![ask(1).into(), bid(2).into()];
    changes.trades = vec![trade().into()];
    changes.contracted = vec![contract(1).into()];
    changes.transfers = vec![
        transfer(1, Cause::Deposit, Some("wire 'ü'")),
        transfer(2, Cause::Hold(OrderId::new(2)), None),
        transfer(3, Cause::Escrow(ContractId::new(1)), None),
    ];
    changes.passed = vec![Pass {
        id: PassId::new(1),
        created_at: at(2),
        contract: ContractId::new(1),
        seller: organization(1),
        source: Source::Listing(ListingId::new(1)),
        previous_of_seller: None,
        previous_of_parent: None,
    }];
    changes.fixes = vec![PublishedFix { id: FixId::new(1), created_at: at(2), as_of: 1, fix: fix() }];
    let sold = Steps::block(window(60, 120), 8);
    let last_trade = Some(TradeId::new(1));
    let filled = Order {
        status: OrderStatus::Filled,
        ended_at: Some(at(2)),
        filled_gpus: 8,
        fills: 1,
        filled_gpu_minutes: 480,
        turnover: Turnover::new(16_000_000 * 60),
        held: Money::ZERO,
        last_trade,
        ..bid(2)
    };
    let partial = Order { status: OrderStatus::PartiallyFilled, filled_gpus: 8, fills: 1, sold, last_trade, ..ask(1) };
    changes.orders = by([Arc::new(partial), Arc::new(filled)], |row| row.id);
    changes.contracts = by([Arc::new(contract(1))], |row| row.id);
    changes.terms = [(1, ContractTerms::default())].into();
    let Order { requirements, lot, same_site, .. } = bid(2);
    let cover = Some(Box::new(Cover { limit: Price::from_micros(2_750_000), requirements, lot, same_site }));
    let accepted_from = Some(Minute::new(61));
    let delivery = Delivery { accepted_from, cover, ..Delivery::new(&contract(1), Steps::new()) };
    changes.deliveries = [(ContractId::new(1), Standing { delivery: delivery.into(), open: true })].into();
    changes.tapes = [(ProductId::new(1), Tape { last_trade })].into();
    let made = Some(Holding::Made(ContractId::new(1)));
    let last = |order| Purse { last_order: Some(OrderId::new(order)), last_holding: made, ..purse(order) };
    let transfers = Some(TransferId::new(3));
    changes.purses = [
        (OrganizationId::EXCHANGE, Purse { last_transfer: transfers, ..Purse::default() }),
        (organization(1), last(1)),
        (organization(2), Purse { last_transfer: transfers, ..last(2) }),
    ]
    .into();
    let key = RememberedKey { fingerprint: 7, used_at: at(1), made: Made::Transfer(TransferId::new(1), Money::ZERO) };
    changes.keys.insert(("user:1".into(), "k".into()), Some(key));
    changes.counters = Counters { now: at(0), sequence: 3, order: 3, trade: 2, contract: 2, ..Counters::default() };
    changes.digest = 0xabc;
    changes
}

/// Chains journal rows for a batch behind `previous`.
pub fn batch(first: i64, previous: [u8; 32], commands: &[&str], changes: Changes) -> Batch {
    let mut batch = Batch { journal: Vec::new(), changes };
    let mut previous = previous;
    for (index, command) in commands.iter().enumerate() {
        let last = index + 1 == commands.len();
        let mut row = JournalRow {
            sequence: first + i64::try_from(index).unwrap(),
            at: at(first),
            actor: "system".into(),
            request_id: "r-1".into(),
            idempotency_key: (index == 0).then(|| "key".into()),
            command: (*command).into(),
            outcome: "ok".into(),
            digest: last.then_some(batch.changes.digest),
            hash: [0; 32],
        };
        row.hash = chain_hash(&previous, &row);
        previous = row.hash;
        batch.journal.push(row);
    }
    batch
}

pub fn first() -> Batch {
    batch(1, [0; 32], &["{\"kind\":\"a\",\"v\":1}", "{\"kind\":\"b\",\"v\":1}"], changes())
}
