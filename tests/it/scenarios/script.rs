//! Scenarios as text: a line asks something, the lines beginning with `=` say what came of it.
//!
//! ```text
//! ask A 8 @3 60..120            A offers 8 GPUs out of its first listing at $3 over minutes 60 to 120
//! = order 1 open
//! bid X 4 @5 60..120 lot=4
//! = ask 1 sells bid 2: 4 @ 3.00
//! = order 2 filled
//! ```
//! A and B are providers, R resells, X, Y and Z rent; Z has no money. Listings L1 and L2 are A's at its
//! sites 1 and 2, L3 and L4 are B's at site 3, and L4 may not be resold: 2,000 GPUs each, minutes 0 to
//! 10,000, two regions. It is minute 0. Every command is judged by the auditor of the random streams.

use std::collections::BTreeMap;

use gpubourse::exchange::{
    AmendOrder, BidWindow, Command, Envelope, Event, Exchange, Failure, IndexedBook, NaiveBook, Outcome, PlaceAsk,
    PlaceBid, Requirements, Terms,
};
use gpubourse::types::{
    ContractId, ContractStatus, Country, Fault, Funding, Interconnect, ListingId, Minute, Money, OrderId,
    OrganizationId, OrganizationKind, Price, ProductId, Region, SelfTrade, Side, SiteId, SlaClass, Source, Symbol,
    Tier, TimeInForce, Timestamp,
};

use gpubourse::exchange::entities::Cause;
use gpubourse::exchange::ranks::Score;

use crate::streams::coverage::Coverage;
use crate::streams::runner::Stream;

const MINUTE_ZERO: u32 = 29_000_000;
const ORGANIZATIONS: &str = "ABRXYZ";

/// A market in which scripts are played.
pub struct Market {
    stream: Stream<IndexedBook, NaiveBook>,
    commands: u32,
}

/// Plays a script and compares what came of it with what it says.
pub fn check(script: &str) {
    let script: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut market = Market::new();
    let mut told = Vec::new();
    for line in script.iter().filter(|line| !line.starts_with('=')) {
        told.push((*line).to_owned());
        told.extend(market.play(line).into_iter().map(|line| format!("= {line}")));
    }
    assert_eq!(told.join("\n"), script.join("\n"), "\n--- came of it ---\n{}\n", told.join("\n"));
    market.stream.finish().unwrap_or_else(|violation| panic!("{violation}"));
}

impl Market {
    pub fn new() -> Self {
        // A restart comes early, so that every scenario also runs on a restored exchange.
        let mut market = Self { stream: Stream::new(0, 20), commands: 0 };
        for line in [
            "advance 0",
            "product gpu 0.001 250",
            "product other 0.001 0",
            "organization A provider",
            "organization B provider",
            "organization R reseller",
            "organization X renter",
            "organization Y renter",
            "organization Z renter",
            "deposit A 1000000",
            "deposit B 1000000",
            "deposit R 1000000",
            "deposit X 1000000",
            "deposit Y 1000000",
            "site A us-east US",
            "site A eu-north SE",
            "site B us-east US",
            "list A 1 2000 0..10000 infiniband 99.9 resale",
            "list A 2 2000 0..10000 roce 99 resale",
            "list B 3 2000 0..10000 ethernet none resale",
            "list B 3 2000 0..10000 ethernet none",
        ] {
            market.play(line);
        }
        market
    }

    /// Executes one line and tells what came of it.
    pub fn play(&mut self, line: &str) -> Vec<String> {
        let (command, key) = parse(line);
        let at = self.exchange().counters().now;
        let request_id = format!("request-{}", self.commands);
        let envelope = Envelope { at, actor: "user:1".to_owned(), request_id, idempotency_key: key, command };
        let refusal = match self.exchange().preview(&envelope.command) {
            Err(Failure::Reject(reject)) if places(&envelope.command) => Some(reject),
            _ => None,
        };
        let result = self.stream.step(self.commands, &envelope, &mut Coverage::default());
        self.commands += 1;
        match result.unwrap_or_else(|violation| panic!("{line}\n{violation}")) {
            Some(outcome) => self.tell(&outcome),
            None => {
                let mut copy = Exchange::<NaiveBook>::restore(self.exchange().snapshot()).unwrap();
                let Err(Failure::Reject(reject)) = copy.execute(&envelope) else { panic!("{line}: not refused twice") };
                assert!(refusal.is_none_or(|refusal| refusal == reject), "{line}: previewed otherwise");
                vec![format!("refused: {}", reject.code())]
            }
        }
    }

    fn exchange(&self) -> &Exchange<IndexedBook> {
        &self.stream.exchange
    }

    /// Lifts the halt of product 1 on a copy whose asks all have another price; both books must agree.
    pub fn lift_with_asks_at(&self, price: &str) -> Vec<String> {
        let mut snapshot = self.exchange().snapshot();
        for order in snapshot.orders.iter_mut().filter(|order| order.side == Side::Ask) {
            std::sync::Arc::make_mut(order).price = Price::parse(price).unwrap();
        }
        let (command, _) = parse("lift 1");
        let (at, actor) = (snapshot.counters.now, "user:1".to_owned());
        let envelope = Envelope { at, actor, request_id: "lift".to_owned(), idempotency_key: None, command };
        let mut fast = Exchange::<IndexedBook>::restore(snapshot.clone()).unwrap();
        let mut naive = Exchange::<NaiveBook>::restore(snapshot).unwrap();
        let outcome = fast.execute(&envelope).unwrap();
        assert_eq!(naive.execute(&envelope).as_ref(), Ok(&outcome));
        assert_eq!(fast.settle().unwrap().digest, naive.recomputed_digest().unwrap());
        self.tell(&outcome)
    }

    fn tell(&self, outcome: &Outcome) -> Vec<String> {
        let mut lines: Vec<String> = outcome.events.iter().filter_map(told).collect();
        if let Some(order) = outcome.order.as_ref().filter(|order| order.status.is_open()) {
            let filled =
                if order.fills > 0 { format!(" {} of {}", order.filled_gpus, order.gpus) } else { String::new() };
            lines.push(format!("order {} {}{filled}", order.id, order.status));
        }
        lines
    }
}

fn places(command: &Command) -> bool {
    matches!(command, Command::PlaceAsk(_) | Command::PlaceBid(_))
}

fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::Traded { trade, .. } => {
            format!("ask {} sells bid {}: {} @ {}", trade.ask, trade.bid, trade.gpus, trade.price)
        }
        Event::OrderEnded { order, status, reason: Some(reason) } => format!("order {order} {status}: {reason}"),
        Event::OrderEnded { order, status, reason: None } => format!("order {order} {status}"),
        Event::ContractMoved { contract, status } => format!("contract {contract} {status}"),
        Event::ContractPassed { contract, seller, source } => {
            let (word, number) = source.parts();
            format!("contract {contract} passes to {} out of {word} {number}", letter(*seller))
        }
        Event::Transferred { transfer } => match transfer.cause {
            Cause::Refund(id) => format!("contract {id} refunds {}", transfer.amount),
            Cause::PriceGap(id) => {
                format!("contract {id} owes {} a gap of {}", letter(transfer.credit.organization), transfer.amount)
            }
            Cause::Release(id) => format!("order {id} frees {}", transfer.amount),
            _ => return None,
        },
        Event::Replayed { .. } => "replayed".to_owned(),
        _ => return None,
    })
}

fn letter(organization: OrganizationId) -> char {
    ORGANIZATIONS.chars().nth(usize::try_from(organization.number() - 1).unwrap()).unwrap()
}

/// The words of a line: those in a place of their own, and the options by name.
struct Words<'a> {
    places: Vec<&'a str>,
    options: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        let (options, places): (Vec<_>, Vec<_>) = line.split_whitespace().partition(|word| word.contains('='));
        Self { places, options: options.into_iter().map(|word| word.split_once('=').unwrap()).collect() }
    }

    fn has(&self, word: &str) -> bool {
        self.places.contains(&word)
    }

    fn option<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.options.get(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
    }

    fn number<T: std::str::FromStr>(&self, place: usize) -> T {
        self.places[place].parse().unwrap_or_else(|_| panic!("{}", self.places[place]))
    }

    fn minute(&self, name: &str) -> Option<Minute> {
        self.option(name).map(minute)
    }

    fn organization(&self) -> OrganizationId {
        organization(self.places[1])
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.options.get(name).map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default()
    }
}

fn minute(number: i64) -> Minute {
    Minute::new(u32::try_from(i64::from(MINUTE_ZERO) + number).unwrap())
}

fn organization(letter: &str) -> OrganizationId {
    let number = ORGANIZATIONS.find(letter).map_or(99, |at| at + 1);
    OrganizationId::new(i64::try_from(number).unwrap())
}

fn window(text: &str) -> (Minute, Minute) {
    let (start, end) = text.split_once("..").unwrap();
    (minute(start.parse().unwrap()), minute(end.parse().unwrap()))
}

fn parse(line: &str) -> (Command, Option<String>) {
    let words = Words::of(line);
    let command = match words.places[0] {
        "ask" => Command::PlaceAsk(ask(&words)),
        "bid" => Command::PlaceBid(bid(&words)),
        "amend" => Command::AmendOrder(AmendOrder {
            organization: words.organization(),
            order: OrderId::new(words.number(2)),
            gpus: words.option("gpus"),
            price: words.options.get("price").map(|text| Price::parse(text).unwrap()),
            start: words.minute("start"),
            end: words.minute("end"),
            lot: words.option("lot"),
        }),
        "cancel" => Command::CancelOrder { organization: words.organization(), order: OrderId::new(words.number(2)) },
        "cancel_all" => Command::CancelAll { organization: words.organization(), product: None, side: None },
        "end" => end(&words),
        _ => return (catalogue(&words), words.option("key")),
    };
    (command, words.option("key"))
}

fn terms(words: &Words) -> Terms {
    let expires_at = words.option::<i64>("until").map(|at| minute(at).start());
    let named = TimeInForce::ALL.iter().copied().find(|tif| words.has(tif.as_str()));
    Terms {
        time_in_force: named.unwrap_or(TimeInForce::Gtc),
        expires_at,
        post_only: words.has("post_only"),
        self_trade: SelfTrade::ALL.iter().copied().find(|mode| words.has(mode.as_str())).unwrap_or(SelfTrade::Skip),
        client_order_id: words.option("id"),
    }
}

fn ask(words: &Words) -> PlaceAsk {
    let organization = words.organization();
    let first = if words.places[1] == "B" { "L3" } else { "L1" };
    let from = words.options.get("from").copied().unwrap_or(first);
    let number = from[1..].parse().unwrap();
    let span = words.places.get(4).filter(|text| text.contains("..")).map(|text| window(text));
    PlaceAsk {
        organization,
        source: match from.starts_with('L') {
            true => Source::Listing(ListingId::new(number)),
            false => Source::Contract(ContractId::new(number)),
        },
        gpus: words.number(2),
        start: span.map(|span| span.0),
        end: span.map(|span| span.1),
        price: Price::parse(words.places[3].trim_start_matches('@')).unwrap(),
        lot: words.option("lot"),
        min_minutes: words.option("min"),
        lead_minutes: words.option("lead").unwrap_or(0),
        terms: terms(words),
    }
}

fn bid(words: &Words) -> PlaceBid {
    let (start, end) = match words.options.get("minutes") {
        Some(_) => (minute(0), minute(0)),
        None => window(words.places[4]),
    };
    PlaceBid {
        organization: words.organization(),
        product: ProductId::new(words.option("product").unwrap_or(1)),
        gpus: words.number(2),
        window: words
            .option("minutes")
            .map_or(BidWindow::Fixed { start, end }, |minutes| BidWindow::AtOnce { minutes }),
        price: Price::parse(words.places[3].trim_start_matches('@')).unwrap(),
        lot: words.option("lot").unwrap_or(1),
        requirements: Requirements {
            regions: words.list("regions"),
            countries: words.list("countries"),
            interconnects: words.list("wired").iter().map(|text| Interconnect::parse(text).unwrap()).collect(),
            site_ids: words.list("sites").iter().map(|text| SiteId::new(text.parse().unwrap())).collect(),
            min_sla_class: words.options.get("sla").map_or(SlaClass::None, |text| SlaClass::parse(text).unwrap()),
            primary_only: words.has("primary"),
            min_tier: words.options.get("tier").map_or(Tier::Unverified, |text| Tier::parse(text).unwrap()),
            min_score_bps: words.option("score"),
        },
        same_site: words.has("same_site"),
        cover: None,
        funding: Funding::Full,
        terms: terms(words),
    }
}

fn end(words: &Words) -> Command {
    let fault = Fault::ALL.iter().copied().find(|fault| words.has(fault.as_str()));
    Command::EndContract {
        contract: ContractId::new(words.number(1)),
        status: ContractStatus::parse(words.places[2]).unwrap(),
        fault,
        reason: "notice given".to_owned(),
    }
}

fn catalogue(words: &Words) -> Command {
    let text = |place: usize| words.places[place].to_owned();
    let money = |place: usize| Money::parse(words.places[place]).unwrap();
    match words.places[0] {
        "advance" => Command::Advance { now: minute(words.number(1)).start() },
        "advance_ms" => {
            Command::Advance { now: Timestamp::from_millis(minute(0).start().millis() + words.number::<i64>(1)) }
        }
        "suspend" => Command::SuspendOrganization { organization: words.organization(), suspended: true },
        "reinstate" => Command::SuspendOrganization { organization: words.organization(), suspended: false },
        "tier" => Command::SetTier { organization: words.organization(), tier: Tier::parse(words.places[2]).unwrap() },
        "score" => Command::PublishScores {
            scores: vec![Score { organization: words.organization(), score_bps: words.number(2) }],
        },
        "halt" => Command::HaltProduct { product: ProductId::new(words.number(1)), halted: true },
        "lift" => Command::HaltProduct { product: ProductId::new(words.number(1)), halted: false },
        "deposit" => {
            let reference = words.option("reference").unwrap_or_else(|| "wire".to_owned());
            Command::Deposit { organization: words.organization(), amount: money(2), reference }
        }
        "withdraw" => {
            Command::Withdraw { organization: words.organization(), amount: money(2), reference: "wire".to_owned() }
        }
        "organization" => Command::RegisterOrganization {
            name: text(1),
            organization_kind: OrganizationKind::parse(words.places[2]).unwrap(),
        },
        "product" => Command::CreateProduct {
            symbol: Symbol::new(text(1)).unwrap(),
            name: text(1),
            tick: Price::parse(words.places[2]).unwrap(),
            fee_bps: words.number(3),
        },
        "site" => Command::CreateSite {
            organization: words.organization(),
            name: "site".to_owned(),
            region: Region::new(text(2)).unwrap(),
            country: Country::new(text(3)).unwrap(),
            power_w: None,
            pue_milli: None,
        },
        "list" => {
            let (start, end) = window(words.places[4]);
            Command::CreateListing {
                organization: words.organization(),
                site: SiteId::new(words.number(2)),
                product: ProductId::new(1),
                gpus: words.number(3),
                start,
                end,
                gpus_per_node: 8,
                interconnect: Interconnect::parse(words.places[5]).unwrap(),
                sla_class: SlaClass::parse(words.places[6]).unwrap(),
                resale_allowed: words.has("resale"),
                rights: gpubourse::exchange::rights::Rights::default(),
            }
        }
        "lower" => Command::AmendListing {
            organization: words.organization(),
            listing: ListingId::new(words.number(2)),
            gpus: words.option("gpus"),
            start: words.minute("start"),
            end: words.minute("end"),
        },
        "rules" => Command::SetRules { rules: words.number(1) },
        other => panic!("{other} is not a word of scripts"),
    }
}
