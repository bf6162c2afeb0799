//! Time, catalogue, wallet, suspensions, halts and ends of contracts.

use gpubourse::exchange::entities::{Contract, Organization};
use gpubourse::exchange::ranks::Score;
use gpubourse::exchange::{Command, Requirements};
use gpubourse::types::limits::SCORE_PRIOR_BPS;
use gpubourse::types::{
    ContractStatus, Country, Fault, Interconnect, Money, OrganizationKind, ProductId, Region, Side, SlaClass, Source,
    Symbol, Tier,
};

use super::{Generator, HORIZON_MINUTES, TICK_MICROS, View};

const DAY_MS: u32 = 24 * 60 * 60 * 1_000;

impl Generator {
    /// Most often a few minutes, at times some milliseconds, a day, or more than a week.
    pub(super) fn advance(&mut self, view: &View) -> Command {
        let ms = match self.rng.below(1_000) {
            0..3 => 8 * DAY_MS,
            3..8 => DAY_MS + self.rng.below(DAY_MS),
            8..200 => self.rng.below(60_000),
            200..300 => 60_000 * self.rng.between(10, 40),
            _ => self.rng.between(30_000, 300_000),
        };
        let due = view.orders.iter().filter_map(|order| order.expires_at).min();
        let now = match due {
            // Exactly when an order expires.
            Some(due) if self.rng.chance(20) => due.max(view.counters.now),
            _ => view.counters.now.plus_millis(i64::from(ms)),
        };
        Command::Advance { now }
    }

    /// Ends suspensions and halts before long, and lists anew when everything has passed.
    pub(super) fn calm_down(&mut self, view: &View) -> Option<Command> {
        if let Some(row) = view.organizations.iter().find(|row| row.suspended)
            && self.rng.chance(12)
        {
            return Some(Command::SuspendOrganization { organization: row.id, suspended: false });
        }
        if let Some(row) = view.products.iter().find(|row| row.halted)
            && self.rng.chance(15)
        {
            return Some(Command::HaltProduct { product: row.id, halted: false });
        }
        let live = view.listings.iter().filter(|row| row.window.end > view.first_open().plus(60)).count();
        if live < 5 && self.rng.chance(50) { self.list(view) } else { None }
    }

    pub(super) fn suspend(&mut self, view: &View) -> Option<Command> {
        Some(Command::SuspendOrganization { organization: self.organization(view), suspended: true })
    }

    /// Gives a host what some bid waits for, if one waits for that alone.
    pub(super) fn raise(&mut self, view: &View) -> Option<Command> {
        let (host, asked) = self.waiting(view)?;
        let organization = host.id;
        Some(match asked.min_score_bps {
            Some(score_bps) if host.tier >= asked.min_tier => {
                Command::PublishScores { scores: vec![Score { organization, score_bps }] }
            }
            _ => Command::SetTier { organization, tier: asked.min_tier },
        })
    }

    pub(super) fn rank(&mut self, view: &View) -> Command {
        // Most often whoever has listings.
        let hosts: Vec<_> = view.listings.iter().map(|row| row.organization).collect();
        let host = self.rng.pick_if_any(&hosts).filter(|_| self.rng.chance(85));
        let organization = host.unwrap_or_else(|| self.organization(view));
        if self.rng.chance(50) {
            return Command::SetTier { organization, tier: self.rng.pick(Tier::ALL) };
        }
        let score = Score { organization, score_bps: self.rng.between(9_500, 10_000) };
        let other = Score { organization: self.organization(view), score_bps: self.rng.between(9_500, 10_000) };
        Command::PublishScores { scores: vec![score, other] }
    }

    /// Picks a host that offers what a resting bid would take, and what the bid asks of it.
    fn waiting(&mut self, view: &View) -> Option<(Organization, Requirements)> {
        let bids = view.orders.iter().filter(|bid| bid.side == Side::Bid && bid.requirements.ask_for_rank());
        let mut pairs = Vec::new();
        for bid in bids {
            let asks = view.orders.iter().filter(|ask| {
                let fits = ask.product == bid.product && ask.price <= bid.price && ask.window.contains(bid.window);
                ask.side == Side::Ask && ask.organization != bid.organization && fits
            });
            let listings = asks.filter_map(|ask| view.origin(ask.source?));
            let hosts = listings.filter_map(|row| view.organizations.iter().find(|host| host.id == row.organization));
            pairs.extend(
                hosts.filter(|host| ranks_below(host, &bid.requirements)).map(|host| (host, &bid.requirements)),
            );
        }
        self.rng.pick_if_any(&pairs).map(|(host, asked)| (Organization::clone(host), Requirements::clone(asked)))
    }

    pub(super) fn halt(&mut self, view: &View) -> Option<Command> {
        let row = self.rng.pick_if_any(&view.products)?;
        Some(Command::HaltProduct { product: row.id, halted: !row.halted })
    }

    pub(super) fn list(&mut self, view: &View) -> Option<Command> {
        let site = self.rng.pick_if_any(&view.sites)?;
        let start = view.first_open().plus(self.rng.below(60)).minus(self.rng.below(30));
        Some(Command::CreateListing {
            organization: site.organization,
            site: site.id,
            product: ProductId::new(1 + i64::from(self.rng.below(2))),
            gpus: 8 * self.rng.between(1, 8),
            start,
            end: start.plus(self.rng.between(60, HORIZON_MINUTES)),
            gpus_per_node: 8,
            interconnect: self.rng.pick(Interconnect::ALL),
            sla_class: self.rng.pick(SlaClass::ALL),
            resale_allowed: self.rng.chance(85),
            rights: gpubourse::exchange::rights::Rights::default(),
        })
    }

    pub(super) fn amend_listing(&mut self, view: &View) -> Option<Command> {
        let first_open = view.first_open();
        let rows: Vec<_> = view.listings.iter().filter(|row| row.window.end > first_open).copied().collect();
        let row = self.rng.pick_if_any(&rows)?;
        let used = view.used(Source::Listing(row.id)).max_over(row.window.from_minute(first_open));
        let (mut gpus, mut start, mut end) = (None, None, None);
        match self.rng.below(4) {
            0 => gpus = Some(self.rng.between(used.clamp(1, row.gpus), row.gpus)),
            1 => gpus = Some(self.rng.between(1, row.gpus)),
            2 => start = Some(row.window.start.plus(self.rng.between(1, 20)).min(row.window.end.minus(1))),
            _ => end = Some(row.window.end.minus(self.rng.between(1, 20)).max(row.window.start.plus(1))),
        }
        Some(Command::AmendListing { organization: row.organization, listing: row.id, gpus, start, end })
    }

    /// Prefers contracts that were resold.
    pub(super) fn end_contract(&mut self, view: &View) -> Option<Command> {
        let levels = |row: &&Contract| view.levels_below(Source::Contract(row.id));
        let resold: Vec<&Contract> = view.contracts.iter().copied().filter(|row| levels(row) > 0).collect();
        let inner: Vec<&Contract> = resold.iter().copied().filter(|row| row.depth > 0).collect();
        let tall: Vec<&Contract> = resold.iter().copied().filter(|row| levels(row) > 1).collect();
        let row = match self.rng.below(10) {
            0..3 => self.rng.pick_if_any(&inner),
            3..6 => self.rng.pick_if_any(&tall),
            6..8 => self.rng.pick_if_any(&resold),
            _ => None,
        };
        let row = row.or_else(|| self.rng.pick_if_any(&view.contracts))?;
        let (status, fault) = self.rng.pick(&[
            (ContractStatus::Terminated, Some(Fault::Buyer)),
            (ContractStatus::Terminated, Some(Fault::Seller)),
            (ContractStatus::Defaulted, Some(Fault::Buyer)),
            (ContractStatus::Defaulted, Some(Fault::Seller)),
            (ContractStatus::Recalled, None),
        ]);
        Some(Command::EndContract { contract: row.id, status, fault, reason: "notice given".to_owned() })
    }

    pub(super) fn wallet(&mut self, view: &View) -> Option<Command> {
        let organization = self.organization(view);
        let amount = Money::from_micros(i64::from(self.rng.between(1, 400_000)));
        let reference = self.name("payment");
        Some(match self.rng.chance(70) {
            true => Command::Deposit { organization, amount, reference },
            false => Command::Withdraw { organization, amount, reference },
        })
    }

    pub(super) fn catalogue(&mut self, view: &View) -> Option<Command> {
        let few = view.organizations.len() < 9 && view.sites.len() < 7 && view.products.len() < 4;
        let name = self.name("name");
        Some(match self.rng.below(if few { 5 } else { 2 }) {
            0 => Command::Note { subject: "user".to_owned(), id: name, verb: "created".to_owned() },
            1 => Command::SetRules { rules: view.counters.rules },
            2 => Command::RegisterOrganization { name, organization_kind: self.rng.pick(OrganizationKind::ALL) },
            3 => Command::CreateProduct {
                symbol: Symbol::new(format!("gpu-{name}")).unwrap(),
                name,
                tick: gpubourse::types::Price::from_micros(TICK_MICROS),
                fee_bps: self.rng.below(500),
            },
            _ => Command::CreateSite {
                organization: gpubourse::types::OrganizationId::new(1 + i64::from(self.rng.below(2))),
                name,
                region: Region::new("us-east").unwrap(),
                country: Country::new("US").unwrap(),
                power_w: None,
                pue_milli: None,
            },
        })
    }
}

fn ranks_below(host: &Organization, asked: &Requirements) -> bool {
    let score = host.score_bps.unwrap_or(SCORE_PRIOR_BPS);
    host.tier < asked.min_tier || asked.min_score_bps.is_some_and(|least| score < least)
}
