//! Commands that are wrong in one way, for each refusal.

use gpubourse::exchange::entities::Order;
use gpubourse::exchange::{AmendOrder, BidWindow, Command, Envelope, PlaceAsk, PlaceBid, Reject, Requirements, Terms};
use gpubourse::types::{
    ContractId, ContractStatus, Country, Funding, Interconnect, ListingId, Minute, Money, OrderId, OrganizationId,
    OrganizationKind, Price, ProductId, Region, SelfTrade, Side, SiteId, SlaClass, Source, Symbol, TimeInForce,
    Timestamp, Window,
};

use super::{Generator, TICK_MICROS, View};

/// Returns a command that is meant to be refused, if the state allows one.
pub fn envelope(from: &mut Generator, view: &View) -> Option<Envelope> {
    let rejects: Vec<Reject> = Reject::of_market().collect();
    let reject = from.rng.pick(&rejects);
    match reject {
        Reject::IdempotencyKeyReused => {
            let keyed: Vec<_> =
                from.repeatable.iter().rev().filter(|row| row.idempotency_key.is_some()).take(9).cloned().collect();
            let sent = from.rng.pick_if_any(&keyed)?;
            let command = Command::Note { subject: from.name("other"), id: "1".to_owned(), verb: "made".to_owned() };
            let mut envelope = from.wrap(view, command, sent.idempotency_key);
            envelope.actor = sent.actor;
            Some(envelope)
        }
        _ => {
            let command = from.wrong(view, reject)?;
            let key = from.rng.chance(10).then(|| from.name("key"));
            Some(from.wrap(view, command, key))
        }
    }
}

impl Generator {
    fn wrong(&mut self, view: &View, reject: Reject) -> Option<Command> {
        match reject {
            Reject::RoleRequired
            | Reject::SymbolTaken
            | Reject::InvalidText
            | Reject::InvalidAmount
            | Reject::InvalidTerms
            | Reject::TimeBackwards
            | Reject::ContractNotLive
            | Reject::UnknownRules => self.wrong_elsewhere(view, reject),
            Reject::NotFound => self.not_found(view),
            Reject::SourceNotLive
            | Reject::ResaleNotAllowed
            | Reject::ChainTooDeep
            | Reject::OutsideSourceWindow
            | Reject::InsufficientCapacity
            | Reject::BelowMinMinutes
            | Reject::InvalidMinMinutes => self.wrong_ask(view, reject).map(Command::PlaceAsk),
            Reject::WindowFixed | Reject::BelowSold | Reject::OrderNotOpen => self.wrong_amendment(view, reject),
            Reject::MarketHalted => {
                let halted = view.products.iter().find(|row| row.halted)?.id;
                let Some(Command::PlaceBid(bid)) = self.bid(view) else { return None };
                Some(Command::PlaceBid(PlaceBid { product: halted, ..bid }))
            }
            Reject::OrganizationSuspended => {
                let organization = view.organizations.iter().find(|row| row.suspended)?.id;
                let Some(Command::PlaceBid(bid)) = self.bid(view) else { return None };
                Some(Command::PlaceBid(PlaceBid { organization, ..bid }))
            }
            _ if self.rng.chance(25) => self.wrong_ask(view, reject).map(Command::PlaceAsk),
            _ => self.wrong_bid(view, reject).map(Command::PlaceBid),
        }
    }

    fn wrong_bid(&mut self, view: &View, reject: Reject) -> Option<PlaceBid> {
        let Some(Command::PlaceBid(mut bid)) = self.bid(view) else { return None };
        let first_open = view.first_open();
        let BidWindow::Fixed { start, end } = bid.window else { return None };
        match reject {
            Reject::UnknownProduct => bid.product = ProductId::new(99),
            Reject::UnknownRequirement => bid.requirements = self.unknown_requirement(),
            Reject::InvalidGpus => bid.gpus = self.rng.pick(&[0, 2_000_000]),
            Reject::InvalidLot => bid.lot = self.rng.pick(&[0, bid.gpus + 1]),
            Reject::InvalidPrice => bid.price = Price::from_micros(-i64::from(self.rng.below(2))),
            Reject::OffTick => bid.price = Price::from_micros(bid.price.micros() + 1),
            Reject::InvalidWindow => bid.window = BidWindow::Fixed { start: end, end: start },
            Reject::WindowInPast => bid.window = BidWindow::Fixed { start: first_open.minus(1), end },
            Reject::OutOfRange => {
                bid.gpus = 1_000_000;
                bid.lot = 1;
                bid.price = Price::from_micros(1_000_000_000_000);
                bid.window = BidWindow::Fixed { start, end: start.plus(10_000) };
            }
            Reject::InvalidCombination => {
                bid.same_site = true;
                bid.terms.self_trade = SelfTrade::CancelBoth;
            }
            Reject::InvalidExpiry => bid.terms = self.wrong_expiry(view),
            Reject::PostOnlyWouldTrade => return self.crossing_post_only(view),
            Reject::InsufficientFunds => {
                bid.gpus = 400_000;
                bid.lot = 1;
            }
            Reject::ClientOrderIdReused => {
                bid.terms.client_order_id = Some(self.used_name(bid.organization)?);
            }
            _ => return None,
        }
        Some(bid)
    }

    fn unknown_requirement(&mut self) -> Requirements {
        let mut asked = Requirements::default();
        match self.rng.below(3) {
            0 => asked.regions = vec!["US East".to_owned()],
            1 => asked.countries = vec!["us".to_owned()],
            _ => asked.site_ids = vec![SiteId::new(1_000)],
        }
        asked
    }

    fn wrong_expiry(&mut self, view: &View) -> Terms {
        let now = view.counters.now;
        let (time_in_force, expires_at) = self.rng.pick(&[
            (TimeInForce::Gtd, None),
            (TimeInForce::Gtd, Some(now)),
            (TimeInForce::Gtc, Some(now.plus_millis(1_000))),
        ]);
        Terms { time_in_force, expires_at, ..Terms::default() }
    }

    fn crossing_post_only(&mut self, view: &View) -> Option<PlaceBid> {
        let asks: Vec<&Order> = view.orders.iter().copied().filter(|order| order.side == Side::Ask).collect();
        let ask = self.rng.pick_if_any(&asks)?;
        let open = ask.window.from_minute(view.first_open().plus(ask.lead_minutes + 1));
        let buyers: Vec<_> = view.organizations.iter().map(|row| row.id).filter(|id| *id != ask.organization).collect();
        Some(PlaceBid {
            organization: self.rng.pick(&buyers),
            product: ask.product,
            gpus: ask.lot,
            window: BidWindow::Fixed { start: open.start, end: open.end },
            price: ask.price,
            lot: ask.lot,
            requirements: Requirements::default(),
            same_site: false,
            cover: None,
            funding: Funding::Full,
            terms: Terms { post_only: true, ..Terms::default() },
        })
    }

    /// Returns a name that the organization gave to another order.
    fn used_name(&mut self, organization: OrganizationId) -> Option<String> {
        let terms = |row: &Envelope| match &row.command {
            Command::PlaceAsk(ask) if ask.organization == organization => ask.terms.client_order_id.clone(),
            Command::PlaceBid(bid) if bid.organization == organization => bid.terms.client_order_id.clone(),
            _ => None,
        };
        self.repeatable.iter().rev().find_map(terms)
    }

    fn wrong_ask(&mut self, view: &View, reject: Reject) -> Option<PlaceAsk> {
        let base = match reject {
            Reject::ResaleNotAllowed | Reject::ChainTooDeep => return self.ask_out_of_barred(view, reject),
            Reject::InvalidMinMinutes | Reject::OutsideSourceWindow if self.rng.chance(50) => {
                self.ask_from_contract(view)
            }
            _ => self.ask_from_listing(view),
        };
        let Some(Command::PlaceAsk(mut ask)) = base else { return None };
        let first_open = view.first_open();
        match reject {
            Reject::InvalidGpus => ask.gpus = 0,
            Reject::InvalidLot => ask.lot = Some(self.rng.pick(&[0, ask.gpus + 1])),
            Reject::InvalidMinMinutes => ask.min_minutes = Some(0),
            Reject::InvalidPrice => ask.price = Price::from_micros(0),
            Reject::OffTick => ask.price = Price::from_micros(ask.price.micros() - 1),
            Reject::InvalidWindow => (ask.start, ask.end) = (Some(first_open.plus(9)), Some(first_open.plus(9))),
            Reject::WindowInPast => (ask.start, ask.end) = (Some(first_open.minus(9)), Some(first_open)),
            Reject::OutOfRange => {
                ask.price = Price::from_micros(1_000_000_000_000);
                (ask.gpus, ask.lot) = (1_000_000, Some(1));
                (ask.start, ask.end) = (Some(first_open), Some(first_open.plus(10_000)));
            }
            Reject::InvalidCombination => ask.terms.time_in_force = TimeInForce::Fok,
            Reject::InvalidExpiry => ask.terms = self.wrong_expiry(view),
            Reject::OutsideSourceWindow => ask.end = Some(first_open.plus(100_000)),
            Reject::InsufficientCapacity => ask.gpus = 1_000 * ask.lot.unwrap_or(1),
            Reject::BelowMinMinutes => {
                (ask.start, ask.end) = self.short_window(view, ask.source)?;
                ask.min_minutes = Some(100_000);
                (ask.gpus, ask.lot) = (1, None);
            }
            Reject::SourceNotLive => {
                let ended = self.rng.pick_if_any(&self.ended_contracts.clone())?;
                ask.organization = ended.buyer;
                ask.source = Source::Contract(ended.id);
            }
            Reject::ClientOrderIdReused => ask.terms.client_order_id = Some(self.used_name(ask.organization)?),
            Reject::PostOnlyWouldTrade => {
                ask.price = Price::from_micros(TICK_MICROS);
                ask.terms = Terms { post_only: true, ..Terms::default() };
            }
            _ => return None,
        }
        Some(ask)
    }

    /// Returns the window in which the source has a GPU free.
    fn short_window(&mut self, view: &View, source: Source) -> Option<(Option<Minute>, Option<Minute>)> {
        let Source::Listing(id) = source else { return None };
        let listing = view.listing(id)?;
        let open = listing.window.from_minute(view.first_open());
        let used = view.used(Source::Listing(listing.id));
        let (piece, _) = used.pieces(open).find(|(_, used)| *used < listing.gpus)?;
        Some((Some(piece.start), Some(piece.end)))
    }

    fn ask_out_of_barred(&mut self, view: &View, reject: Reject) -> Option<PlaceAsk> {
        let barred = |source: ContractId| {
            let contract = view.contract(source)?;
            let allowed = view.listing(contract.listing)?.resale_allowed;
            let hit = match reject {
                Reject::ChainTooDeep => allowed && contract.depth >= 7,
                _ => !allowed,
            };
            (hit && contract.window.end > view.first_open()).then_some(contract)
        };
        let rows: Vec<_> = view.contracts.iter().filter_map(|row| barred(row.id)).collect();
        let contract = self.rng.pick_if_any(&rows)?;
        Some(PlaceAsk {
            organization: contract.buyer,
            source: Source::Contract(contract.id),
            gpus: contract.lot,
            start: None,
            end: None,
            price: self.price(1, 5),
            lot: None,
            min_minutes: None,
            lead_minutes: 0,
            terms: Terms::default(),
        })
    }

    fn wrong_amendment(&mut self, view: &View, reject: Reject) -> Option<Command> {
        if reject == Reject::OrderNotOpen {
            let (organization, order) = self.rng.pick_if_any(&self.ended_orders.clone())?;
            return Some(match self.rng.chance(50) {
                true => Command::CancelOrder { organization, order },
                false => {
                    Command::AmendOrder(AmendOrder { gpus: Some(4), ..AmendOrder::unchanged(organization, order) })
                }
            });
        }
        let side = if reject == Reject::WindowFixed { Side::Bid } else { Side::Ask };
        let rows: Vec<_> = view.orders.iter().filter(|row| row.side == side && row.filled_gpus > 0).copied().collect();
        let Some(order) = self.rng.pick_if_any(&rows) else {
            return if reject == Reject::BelowSold { self.listing_below_used(view) } else { None };
        };
        let mut amend = AmendOrder::unchanged(order.organization, order.id);
        match reject {
            Reject::WindowFixed => amend.end = Some(order.window.end.plus(1)),
            _ => {
                if self.rng.chance(50) {
                    return self.listing_below_used(view);
                }
                let sold = order.sold.max_over(order.window.from_minute(view.first_open()));
                amend.gpus = Some(sold.checked_sub(order.lot).filter(|gpus| *gpus > 0)?);
            }
        }
        Some(Command::AmendOrder(amend))
    }

    fn listing_below_used(&mut self, view: &View) -> Option<Command> {
        let used = |window: Window| window.from_minute(view.first_open());
        let rows: Vec<_> = view
            .listings
            .iter()
            .filter(|row| view.used(Source::Listing(row.id)).max_over(used(row.window)) > 1)
            .copied()
            .collect();
        let row = self.rng.pick_if_any(&rows)?;
        Some(Command::AmendListing {
            organization: row.organization,
            listing: row.id,
            gpus: Some(1),
            start: None,
            end: None,
        })
    }

    fn not_found(&mut self, view: &View) -> Option<Command> {
        Some(match self.rng.below(5) {
            0 => Command::CancelOrder { organization: OrganizationId::new(1), order: OrderId::new(1_000_000) },
            1 => {
                let order = self.rng.pick_if_any(&view.orders)?;
                let others: Vec<_> =
                    view.organizations.iter().map(|row| row.id).filter(|id| *id != order.organization).collect();
                Command::CancelOrder { organization: self.rng.pick(&others), order: order.id }
            }
            2 => Command::HaltProduct { product: ProductId::new(99), halted: true },
            3 => Command::EndContract {
                contract: ContractId::new(1_000_000),
                status: ContractStatus::Recalled,
                fault: None,
                reason: "no such contract".to_owned(),
            },
            _ => {
                let Some(Command::PlaceAsk(ask)) = self.ask_from_listing(view) else { return None };
                Command::PlaceAsk(PlaceAsk { source: Source::Listing(ListingId::new(1_000)), ..ask })
            }
        })
    }

    fn wrong_elsewhere(&mut self, view: &View, reject: Reject) -> Option<Command> {
        let organization = self.organization(view);
        let first_open = view.first_open();
        Some(match reject {
            Reject::RoleRequired => Command::CreateListing {
                organization: view.organizations.iter().find(|row| row.kind != OrganizationKind::Provider)?.id,
                site: SiteId::new(1),
                product: ProductId::new(1),
                gpus: 8,
                start: first_open,
                end: first_open.plus(60),
                gpus_per_node: 8,
                interconnect: Interconnect::Roce,
                sla_class: SlaClass::None,
                resale_allowed: true,
                rights: gpubourse::exchange::rights::Rights::default(),
            },
            Reject::SymbolTaken => Command::CreateProduct {
                symbol: Symbol::new("h100-sxm-80gb").unwrap(),
                name: "again".to_owned(),
                tick: Price::from_micros(TICK_MICROS),
                fee_bps: 0,
            },
            Reject::InvalidText => self.wrong_text(organization),
            Reject::InvalidAmount => {
                let amount = Money::from_micros(-i64::from(self.rng.below(2)));
                let reference = "nothing".to_owned();
                match self.rng.chance(50) {
                    true => Command::Deposit { organization, amount, reference },
                    false => Command::Withdraw { organization, amount, reference },
                }
            }
            Reject::InvalidTerms => self.wrong_terms(view),
            Reject::TimeBackwards => Command::Advance { now: Timestamp::from_millis(view.counters.now.millis() - 1) },
            Reject::ContractNotLive => Command::EndContract {
                contract: self.rng.pick_if_any(&self.ended_contracts.clone())?.id,
                status: ContractStatus::Recalled,
                fault: None,
                reason: "again".to_owned(),
            },
            _ => Command::SetRules { rules: 99 },
        })
    }

    fn wrong_text(&mut self, organization: OrganizationId) -> Command {
        match self.rng.below(3) {
            0 => Command::RegisterOrganization { name: " ".to_owned(), organization_kind: OrganizationKind::Renter },
            1 => Command::Deposit { organization, amount: Money::from_micros(5), reference: "x".repeat(300) },
            _ => Command::Note { subject: "a\nb".to_owned(), id: "1".to_owned(), verb: "made".to_owned() },
        }
    }

    fn wrong_terms(&mut self, view: &View) -> Command {
        let symbol = Symbol::new("new-product").unwrap();
        let name = "new".to_owned();
        match (self.rng.below(3), view.sites.first()) {
            (0, _) => Command::CreateProduct { symbol, name, tick: Price::from_micros(0), fee_bps: 0 },
            (1, Some(site)) => Command::CreateSite {
                organization: site.organization,
                name,
                region: Region::new("us-east").unwrap(),
                country: Country::new("US").unwrap(),
                power_w: Some(-1),
                pue_milli: None,
            },
            _ => Command::CreateProduct { symbol, name, tick: Price::from_micros(1_000), fee_bps: 10_001 },
        }
    }
}
