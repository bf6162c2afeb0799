//! A market in which contracts are delivered: P provides, R resells, X and Y rent; minute 0 is `ZERO`.

use std::collections::BTreeMap;
use std::sync::Arc;

use gpubourse::exchange::delivery::Delivery;
use gpubourse::exchange::entities::{Cause, Contract};
use gpubourse::exchange::rights::Rights;
use gpubourse::exchange::terms::ContractTerms;
use gpubourse::exchange::{
    Access, Command, Envelope, Event, Exchange, Failure, MeterReport, MeterRun, Outcome, PlaceAsk, PlaceBid, Terms,
};
use gpubourse::types::{
    AccountKind, ContractId, ContractStatus, Country, Funding, Interconnect, ListingId, Minute, Money, OrganizationId,
    OrganizationKind, Price, ProductId, Region, SiteId, SlaClass, Slot, Source, Steps, Symbol, TimeInForce, Timestamp,
    Window,
};

pub const ZERO: u32 = 29_000_000;
pub const DAY: u32 = 24 * 60;
pub const P: OrganizationId = OrganizationId::new(1);
pub const R: OrganizationId = OrganizationId::new(2);
pub const X: OrganizationId = OrganizationId::new(3);
pub const Y: OrganizationId = OrganizationId::new(4);
/// The fee of the one product, in basis points.
pub const FEE_BPS: u32 = 250;

pub struct Life {
    pub exchange: Exchange,
    pub minute: u32,
    /// What moved for contracts: (contract, cause, amount).
    pub moved: Vec<(ContractId, &'static str, Money)>,
    /// What was paid to each seller of each contract for what was delivered.
    pub paid: BTreeMap<(ContractId, OrganizationId), Money>,
    /// What each seller of each contract paid in credits.
    pub credited: BTreeMap<(ContractId, OrganizationId), Money>,
    /// What had become of contracts when the last of it was settled, as far as [`Life::collect`] was called since.
    pub finished: BTreeMap<ContractId, Arc<Delivery>>,
    /// What the events said, in order.
    pub events: Vec<Event>,
    /// What the journal must record: the commands and the words for what came of them.
    pub rows: Vec<(Envelope, &'static str)>,
    /// Whether the digest is worked out before every command, so that refusals are seen to change nothing.
    pub is_checked: bool,
    /// Who asks.
    pub actor: &'static str,
    /// The cover limit of the bids that [`Life::sell`] places, in USD micros.
    pub cover: Option<i64>,
    /// How the bids that [`Life::sell`] places pay.
    pub funding: Funding,
    commands: u32,
}

pub fn key(organization: OrganizationId) -> String {
    format!("age1key{organization}")
}

pub fn access(buyer: OrganizationId) -> Access {
    Access {
        host: "node-1.example".into(),
        port: 22,
        host_key: "ssh-ed25519 AAAA".into(),
        user: "ubuntu".into(),
        sealed_secret: "-----BEGIN AGE ENCRYPTED FILE-----\nsealed\n-----END AGE ENCRYPTED FILE-----".into(),
        recipient: key(buyer),
    }
}

/// An ask as its source gives it, over a window of minutes.
pub fn ask(seller: OrganizationId, source: Source, gpus: u32, window: (u32, u32), price: Price) -> PlaceAsk {
    PlaceAsk::plain(seller, source, gpus, Window::new(minute(window.0), minute(window.1)), price)
}

/// A bid that takes what it can at once, over a window of minutes.
pub fn bid(buyer: OrganizationId, gpus: u32, window: (u32, u32), price: Price) -> PlaceBid {
    let window = Window::new(minute(window.0), minute(window.1));
    PlaceBid {
        terms: Terms { time_in_force: TimeInForce::Ioc, ..Terms::default() },
        ..PlaceBid::plain(buyer, ProductId::new(1), gpus, window, price)
    }
}

impl Life {
    /// Opens the market, with terms in force: one listing of 64 GPUs over 200 days that promises 99.9 %.
    pub fn new() -> Self {
        let mut life = Self::without_terms();
        life.done(Command::PublishTerms(ContractTerms::default()));
        life
    }

    /// As [`Life::new`], with capacity of which more is agreed.
    pub fn with_rights(rights: Rights) -> Self {
        let mut life = Self::on(rights);
        life.done(Command::PublishTerms(ContractTerms::default()));
        life
    }

    /// As [`Life::new`], before any terms were published.
    pub fn without_terms() -> Self {
        Self::on(Rights::default())
    }

    fn on(rights: Rights) -> Self {
        let mut life = Self {
            exchange: Exchange::new(),
            minute: 0,
            moved: Vec::new(),
            paid: BTreeMap::new(),
            credited: BTreeMap::new(),
            finished: BTreeMap::new(),
            events: Vec::new(),
            rows: Vec::new(),
            is_checked: true,
            actor: "user:1",
            cover: None,
            funding: Funding::Full,
            commands: 0,
        };
        life.advance(0);
        for (name, kind) in [
            ("P", OrganizationKind::Provider),
            ("R", OrganizationKind::Reseller),
            ("X", OrganizationKind::Renter),
            ("Y", OrganizationKind::Renter),
        ] {
            life.done(Command::RegisterOrganization { name: name.into(), organization_kind: kind });
        }
        for organization in [P, R, X, Y] {
            let amount = Money::parse("1000000").unwrap();
            life.done(Command::Deposit { organization, amount, reference: "wire".into() });
            life.done(Command::RegisterAccessKey { organization, key: key(organization) });
        }
        life.done(Command::CreateProduct {
            symbol: Symbol::new("gpu").unwrap(),
            name: "GPU".into(),
            tick: Price::from_micros(1),
            fee_bps: FEE_BPS,
        });
        life.done(Command::CreateSite {
            organization: P,
            name: "Hall".into(),
            region: Region::new("us-east").unwrap(),
            country: Country::new("US").unwrap(),
            power_w: None,
            pue_milli: None,
        });
        life.done(Command::CreateListing {
            organization: P,
            site: SiteId::new(1),
            product: ProductId::new(1),
            gpus: 64,
            start: minute(0),
            end: minute(200 * DAY),
            gpus_per_node: 8,
            interconnect: Interconnect::Infiniband,
            sla_class: SlaClass::P999,
            resale_allowed: true,
            rights,
        });
        life
    }

    pub fn run(&mut self, command: Command) -> Result<Outcome, &'static str> {
        self.commands += 1;
        let envelope = Envelope {
            at: Timestamp::from_millis(i64::from(ZERO + self.minute) * 60_000),
            actor: self.actor.into(),
            request_id: self.commands.to_string(),
            idempotency_key: None,
            command,
        };
        let digest = |life: &Self| life.is_checked.then(|| life.exchange.recomputed_digest().unwrap());
        let before = digest(self);
        match self.exchange.execute(&envelope) {
            Ok(outcome) => {
                self.note(&outcome.events);
                self.rows.push((envelope, "ok"));
                Ok(outcome)
            }
            Err(Failure::Reject(reject)) => {
                assert_eq!(digest(self), before, "a refusal changed something");
                self.rows.push((envelope, reject.code()));
                Err(reject.code())
            }
            Err(Failure::Invariant(name)) => panic!("{name} at {:?}", envelope.command),
        }
    }

    pub fn done(&mut self, command: Command) -> Outcome {
        let shown = format!("{command:?}");
        self.run(command).unwrap_or_else(|code| panic!("{code}: {shown}"))
    }

    fn note(&mut self, events: &[Event]) {
        for event in events {
            if let Event::Transferred { transfer } = event {
                if let Cause::Payment(id) = transfer.cause {
                    let sum = self.paid.entry((id, transfer.credit.organization)).or_default();
                    *sum = sum.plus(transfer.amount).unwrap();
                }
                if let Cause::Credit(id) = transfer.cause {
                    let sum = self.credited.entry((id, transfer.debit.organization)).or_default();
                    *sum = sum.plus(transfer.amount).unwrap();
                }
                let moved = match transfer.cause {
                    Cause::Payment(id) => (id, "payment"),
                    Cause::Fee(id) => (id, "fee"),
                    Cause::Refund(id) => (id, "refund"),
                    Cause::Credit(id) => (id, "credit"),
                    Cause::PriceGap(id) if transfer.debit.kind == AccountKind::Escrow => (id, "gap"),
                    Cause::PriceGap(id) => (id, "gap beyond escrow"),
                    Cause::Draw(id) => (id, "draw"),
                    Cause::Forfeit(id) => (id, "forfeit"),
                    Cause::OwnerShare(id) => (id, "owner"),
                    Cause::Royalty(id) => (id, "royalty"),
                    Cause::Novation(id) if transfer.debit.kind == AccountKind::Escrow => (id, "novation"),
                    Cause::Novation(id) => (id, "novation back"),
                    Cause::NovationRoyalty(id) => (id, "novation royalty"),
                    Cause::Takeover(id) => (id, "takeover"),
                    Cause::NoticeFee(id) if transfer.debit.kind == AccountKind::Escrow => (id, "buyer's notice"),
                    Cause::NoticeFee(id) => (id, "seller's notice"),
                    Cause::Escrow(id) => (id, "escrow"),
                    Cause::BondReturn(id) => (id, "bond back"),
                    Cause::BondCover(id) if transfer.debit.kind == AccountKind::Bond => (id, "bond lent"),
                    Cause::BondCover(id) => (id, "bond refilled"),
                    _ => continue,
                };
                self.moved.push((moved.0, moved.1, transfer.amount));
            }
        }
        self.events.extend_from_slice(events);
    }

    /// Moves time to a minute, through every date on the way, as the sequencer does.
    pub fn advance(&mut self, to: u32) {
        while let Some(due) = self.exchange.next_due().filter(|due| *due < at(to)) {
            self.run(Command::Advance { now: due.max(at(self.minute)) }).unwrap();
        }
        self.minute = to;
        self.run(Command::Advance { now: at(to) }).unwrap();
    }

    /// Sells GPUs out of a source to somebody; returns the contract.
    pub fn sell(
        &mut self,
        source: Source,
        buyer: OrganizationId,
        gpus: u32,
        window: (u32, u32),
        price: &str,
    ) -> ContractId {
        let price = Price::parse(price).unwrap().micros();
        self.try_sell(source, buyer, gpus, window, price).expect("no trade")
    }

    /// As [`Life::sell`], if that can be.
    pub fn try_sell(
        &mut self,
        source: Source,
        buyer: OrganizationId,
        gpus: u32,
        window: (u32, u32),
        price: i64,
    ) -> Option<ContractId> {
        let seller = match source {
            Source::Listing(_) => P,
            Source::Contract(id) => self.exchange.contract(id)?.buyer,
        };
        let price = Price::from_micros(price);
        let placed = self.run(Command::PlaceAsk(ask(seller, source, gpus, window, price)));
        let ask = placed.ok()?.order?.id;
        let bid = self.run(Command::PlaceBid(PlaceBid {
            lot: gpus,
            cover: self.cover.map(Price::from_micros),
            funding: self.funding,
            ..bid(buyer, gpus, window, price)
        }));
        // Nothing rests: the next sale is between these two alone.
        let _filled = self.run(Command::CancelOrder { organization: seller, order: ask });
        let made = |event: &Event| match event {
            Event::Traded { contract, .. } => Some(contract.id),
            _ => None,
        };
        bid.ok()?.events.iter().find_map(made)
    }

    pub fn listing() -> Source {
        Source::Listing(ListingId::new(1))
    }

    /// Plays the handshake up to the acceptance.
    pub fn hand_over(&mut self, contract: ContractId) {
        self.deliver(contract);
        let organization = self.contract(contract).buyer;
        self.done(Command::AcceptDelivery { organization, contract });
    }

    pub fn deliver(&mut self, contract: ContractId) {
        if self.contract(contract).status == ContractStatus::Scheduled {
            self.done(Command::DeclareReady { organization: P, contract });
        }
        let access = access(self.contract(contract).buyer);
        self.done(Command::DeliverAccess { organization: P, contract, access });
    }

    pub fn meter(
        &mut self,
        organization: OrganizationId,
        contract: ContractId,
        window: (u32, u32),
        up: u32,
    ) -> Result<Outcome, &'static str> {
        self.run(report(organization, contract, window, up))
    }

    /// Lets time pass over a window while the provider reports these GPUs up, twice a day.
    pub fn operate(&mut self, window: (u32, u32), up: &[(ContractId, u32)]) {
        let mut from = window.0;
        while from < window.1 {
            let to = (from + DAY / 2).min(window.1);
            self.advance(to);
            for (contract, up) in up {
                self.meter(P, *contract, (from, to), *up).unwrap();
            }
            from = to;
        }
    }

    pub fn settle(&mut self) {
        let mut after = None;
        loop {
            let outcome = self.done(Command::Settle { after, limit: 2 });
            after = outcome.events.iter().find_map(|event| match event {
                Event::SettledThrough { next } => *next,
                _ => None,
            });
            if after.is_none() {
                break;
            }
        }
    }

    pub fn contract(&self, id: ContractId) -> &Contract {
        self.exchange.contract(id).expect("contract is known")
    }

    /// What moved for a contract by one cause.
    pub fn sum(&self, id: ContractId, cause: &str) -> Money {
        let moved = self.moved.iter().filter(|(contract, of, _)| *contract == id && *of == cause);
        moved.fold(Money::ZERO, |sum, (_, _, amount)| sum.plus(*amount).unwrap())
    }

    /// All that moved for a contract, for comparison with texts.
    pub fn sums(&self, id: ContractId) -> String {
        let causes = ["escrow", "payment", "fee", "refund", "credit"];
        causes.map(|cause| format!("{cause} {}", self.sum(id, cause))).join(", ")
    }

    /// Nothing is lost or made, every customer's escrow is what lies behind its contracts, and its bonds are those behind
    /// its asks and what it sells.
    pub fn check_money(&self) {
        let mut total = Money::ZERO;
        let behind = self.exchange.snapshot();
        for (id, purse) in self.exchange.purses() {
            total = total.plus(purse.total().unwrap()).unwrap();
            let asks = behind.orders.iter().filter(|row| row.organization == id).map(|row| row.bonded());
            let sold = behind.contracts.iter().chain(&behind.unsettled).filter(|row| row.seller == id);
            let bonds = asks.chain(sold.map(|row| row.bond));
            let bonds = bonds.fold(Money::ZERO, |sum, bond| sum.plus(bond).unwrap());
            assert_eq!(purse.bond, bonds, "bonds of {id}");
            let rows = behind.contracts.iter().chain(&behind.unsettled).filter(|row| row.buyer == id);
            let escrow = rows.fold(Money::ZERO, |sum, row| sum.plus(row.escrow).unwrap());
            assert_eq!(purse.escrow, escrow, "escrow of {id}");
        }
        assert_eq!(total, Money::ZERO);
        self.check_funding();
        self.check_capacity();
        self.check_escrow();
        self.check_legs();
    }

    /// No minute of a listing or of a contract is sold twice; what was taken over from a contract is not its any more.
    fn check_capacity(&self) {
        let mut used: BTreeMap<Source, Steps> = BTreeMap::new();
        for row in self.exchange.contracts() {
            used.entry(row.source).or_default().add_steps(&row.held().unwrap()).unwrap();
            let own = used.entry(Source::Contract(row.id)).or_default();
            row.given_up().map_or(Ok(()), |gone| own.add_steps(gone)).unwrap();
        }
        for (source, used) in used {
            let most = used.steps().iter().map(|(_, gpus)| *gpus).max().unwrap_or(0);
            let has = match source {
                Source::Listing(_) => 64,
                Source::Contract(id) => self.contract(id).gpus,
            };
            assert!(most <= has, "{most} are sold out of {source:?}, which has {has}");
        }
    }

    /// What was paid for at once has all in escrow that can still fall due.
    fn check_escrow(&self) {
        for row in self.exchange.contracts().filter(|row| row.monthly.is_none()) {
            let mut must = row.price.due(row.covered_gpu_minutes()).unwrap();
            if let Some(delivery) = self.exchange.delivery(row.id) {
                must = must.minus(delivery.paid).and_then(|rest| rest.minus(delivery.refunded)).unwrap();
            }
            assert!(row.escrow >= must, "{} lies behind {}, {must} can fall due", row.escrow, row.id);
        }
    }

    /// What each seller owes and has its part in is a part of the whole.
    fn check_legs(&self) {
        for (id, delivery) in self.exchange.snapshot().deliveries {
            let earlier = delivery.earlier.iter().map(|row| row.leg);
            for leg in earlier.chain([delivery.present_leg().unwrap()]) {
                assert!(leg.owed >= Money::ZERO && leg.credited >= Money::ZERO, "a leg of {id}: {leg:?}");
            }
            for (number, month) in &delivery.months {
                let parts = delivery.earlier.iter().filter_map(|row| row.months.get(number));
                let (up, down) = parts.fold((0, 0), |sum, part| (sum.0 + part.delivered, sum.1 + part.undelivered));
                assert!(up <= month.delivered && down <= month.undelivered, "month {number} of {id}");
            }
            let known = delivery.earlier.iter().flat_map(|row| row.months.keys());
            assert!(known.into_iter().all(|number| delivery.months.contains_key(number)), "a month of {id} has closed");
        }
    }

    /// Notes what has become of contracts that are settled.
    pub fn collect(&mut self) {
        let changes = self.exchange.settle().unwrap();
        let finished = changes.deliveries.into_iter().filter(|(_, standing)| !standing.open);
        self.finished.extend(finished.map(|(id, standing)| (id, standing.delivery)));
    }

    /// Rebuilds the exchange from what a store keeps; nothing may differ.
    pub fn restart(&mut self) {
        self.collect();
        let digest = self.exchange.recomputed_digest().unwrap();
        self.exchange = Exchange::restore(self.exchange.snapshot()).unwrap();
        assert_eq!(self.exchange.recomputed_digest().unwrap(), digest);
    }

    /// What is live and paid for by the month has its deposit in escrow, and all that can fall due of the minutes that are
    /// paid for; no other minute has begun.
    fn check_funding(&self) {
        for row in self.exchange.contracts() {
            let Some(monthly) = row.monthly else { continue };
            let funded = row.price.cost(row.gpus, monthly.funded_until.get() - row.window.start.get()).unwrap();
            let mut must = row.price.cost(row.gpus, 30 * DAY).unwrap().plus(funded).unwrap();
            if let Some(delivery) = self.exchange.delivery(row.id) {
                must = must.minus(delivery.paid).and_then(|rest| rest.minus(delivery.refunded)).unwrap();
            }
            assert_eq!(row.escrow, must, "escrow of {}", row.id);
            let ahead = monthly.funded_until > minute(self.minute) || monthly.funded_until == row.window.end;
            assert!(ahead, "{} is live in a minute that is not paid for", row.id);
        }
    }
}

pub fn minute(minute: u32) -> Minute {
    Minute::new(ZERO + minute)
}

pub fn at(minute: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(ZERO + minute) * 60_000)
}

/// A report of `up` GPUs over the slots of a window.
pub fn report(organization: OrganizationId, contract: ContractId, window: (u32, u32), up: u32) -> Command {
    let (first, last) = (Slot::of(minute(window.0)), Slot::of(Slot::end_of(minute(window.1))));
    let run = MeterRun(first.number(), last.number() - first.number(), up);
    Command::Meter { organization, reports: vec![MeterReport { contract, runs: vec![run] }] }
}
