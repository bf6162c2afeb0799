//! What a set of streams has really exercised, counted, and the least that will do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use gpubourse::exchange::entities::{Contract, Order, Trade};
use gpubourse::exchange::{AmendOrder, BidWindow, Command, Event, Outcome, Reject};
use gpubourse::types::{
    ContractStatus, Fault, OrderId, OrderReason, OrderStatus, SelfTrade, Side, SlaClass, Source, Tier, TimeInForce,
};

use super::view::View;

type Key = (&'static str, &'static str);

/// Occurrences by subject and case.
#[derive(Debug, Default)]
pub struct Coverage {
    counts: BTreeMap<Key, u64>,
    pub commands: u64,
    pub orders: u64,
    pub orders_traded: u64,
    /// Orders of the stream at hand that traded.
    traded: BTreeSet<OrderId>,
}

impl Coverage {
    pub fn add(&mut self, subject: &'static str, case: &'static str) {
        *self.counts.entry((subject, case)).or_default() += 1;
    }

    fn add_if(&mut self, applies: bool, subject: &'static str, case: &'static str) {
        if applies {
            self.add(subject, case);
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.commands += other.commands;
        self.orders += other.orders;
        self.orders_traded += other.orders_traded;
    }

    /// Closes the count of a stream's orders that traded.
    pub fn end_stream(&mut self) {
        self.orders_traded += u64::try_from(std::mem::take(&mut self.traded).len()).unwrap();
    }

    /// Returns the required cases that occurred less often than `least`.
    pub fn missing(&self, least: u64) -> Vec<(Key, u64)> {
        let count = |key: &Key| self.counts.get(key).copied().unwrap_or(0);
        required().into_iter().map(|key| (key, count(&key))).filter(|(_, count)| *count < least).collect()
    }

    pub fn rejected(&mut self, reject: Reject) {
        self.add("refused", reject.code());
    }

    /// Counts an accepted command; `before` is the exchange as it was.
    pub fn accepted(&mut self, before: &Facts, command: &Command, outcome: &Outcome) {
        self.add("command", command.kind());
        if outcome.replayed {
            let order = matches!(command, Command::PlaceAsk(_) | Command::PlaceBid(_));
            return self.add("repeat", if order { "client_order_id" } else { "idempotency_key" });
        }
        match command {
            Command::PlaceAsk(_) | Command::PlaceBid(_) => self.placed(command, outcome),
            Command::AmendOrder(amend) => self.amended(before, amend, outcome),
            Command::AmendListing { gpus, start, end, .. } => {
                self.add_if(gpus.is_some(), "listing lowered", "gpus");
                self.add_if(start.is_some() || end.is_some(), "listing lowered", "window");
            }
            Command::HaltProduct { halted, .. } => self.add("halt", if *halted { "set" } else { "lifted" }),
            Command::SuspendOrganization { suspended, .. } => {
                self.add("suspension", if *suspended { "set" } else { "lifted" });
            }
            Command::SetTier { .. } | Command::PublishScores { .. } => {
                let trades = outcome.events.iter().any(|event| matches!(event, Event::Traded { .. }));
                self.add("rank rises", if trades { "and orders trade that rested" } else { "and nothing trades" });
            }
            Command::EndContract { status, fault, .. } => self.contract_ended(before, *status, *fault),
            _ => {}
        }
        if let Some(order) = &outcome.order {
            let met = |event: &&Event| matches!(event, Event::OrderEnded { reason: Some(OrderReason::SelfTrade), .. });
            self.add_if(outcome.events.iter().any(|event| met(&event)), "self-trade met", order.self_trade.as_str());
        }
        outcome.events.iter().for_each(|event| self.event(before, event));
    }

    fn placed(&mut self, command: &Command, outcome: &Outcome) {
        let Some(order) = &outcome.order else { return };
        self.orders += 1;
        let traded = order.fills > 0;
        self.add("time in force", order.time_in_force.as_str());
        self.add_if(traded, "time in force, traded", order.time_in_force.as_str());
        self.add("self-trade mode", order.self_trade.as_str());
        self.add_if(order.post_only, "attribute", "post_only");
        self.add_if(order.minutes.is_some(), "attribute", "minutes");
        if order.same_site {
            self.add("same_site", if traded { "traded" } else { "not filled" });
            let sites = outcome.events.iter().filter(|event| matches!(event, Event::Traded { .. })).count();
            self.add_if(sites > 1, "same_site", "several fills");
            self.add_if(traded, "same_site, traded", order.time_in_force.as_str());
        }
        if let Command::PlaceBid(bid) = command {
            self.add_if(matches!(bid.window, BidWindow::AtOnce { .. }), "bid window", "at once");
            self.add_if(traded, "bid traded on arrival", if bid.lot == bid.gpus { "whole" } else { "in lots" });
        }
        if traded && order.side == Side::Bid {
            self.requirements(order);
        }
    }

    fn requirements(&mut self, bid: &Order) {
        let asked = &bid.requirements;
        self.add_if(!asked.regions.is_empty(), "requirement, traded", "regions");
        self.add_if(!asked.countries.is_empty(), "requirement, traded", "countries");
        self.add_if(!asked.interconnects.is_empty(), "requirement, traded", "interconnects");
        self.add_if(!asked.site_ids.is_empty(), "requirement, traded", "site_ids");
        self.add_if(asked.min_sla_class > SlaClass::None, "requirement, traded", "min_sla_class");
        self.add_if(asked.primary_only, "requirement, traded", "primary_only");
        self.add_if(asked.min_tier > Tier::Unverified, "requirement, traded", "min_tier");
        self.add_if(asked.min_score_bps.is_some(), "requirement, traded", "min_score");
    }

    fn amended(&mut self, before: &Facts, amend: &AmendOrder, outcome: &Outcome) {
        let (Some(old), Some(new)) = (&before.order, &outcome.order) else { return };
        let subject = if old.side == Side::Ask { "ask amended" } else { "bid amended" };
        self.add_if(amend.price.is_some(), subject, "price");
        self.add_if(new.gpus > old.gpus, subject, "more gpus");
        self.add_if(new.gpus < old.gpus, subject, "fewer gpus");
        self.add_if(new.lot != old.lot, subject, "lot");
        self.add_if(old.fills > 0, subject, "with fills");
        self.add_if(new.sequence == old.sequence, subject, "keeps its place");
        self.add_if(new.fills > old.fills, subject, "trades on");
        let moved = amend.start.is_some() || amend.end.is_some();
        self.add_if(moved && old.window.contains(new.window), subject, "narrower window");
        self.add_if(moved && !old.window.contains(new.window), subject, "other window");
    }

    fn contract_ended(&mut self, before: &Facts, status: ContractStatus, fault: Option<Fault>) {
        let case = match (status, fault) {
            (ContractStatus::Terminated, Some(Fault::Buyer)) => "terminated by the buyer",
            (ContractStatus::Terminated, _) => "terminated by the seller",
            (ContractStatus::Defaulted, Some(Fault::Buyer)) => "defaulted by the buyer",
            (ContractStatus::Defaulted, _) => "defaulted by the seller",
            _ => "recalled",
        };
        self.add("contract ended", case);
        self.add_if(before.resold_levels > 0, "contract ended, resold", case);
        self.add_if(before.resold_levels > 1, "contract ended, resold twice or more", case);
        self.add_if(before.depth > 0, "contract ended, itself a resale", case);
    }

    fn event(&mut self, before: &Facts, event: &Event) {
        match event {
            Event::Traded { trade, contract } => self.traded(before, trade, contract),
            Event::OrderEnded { order, status, reason } => {
                self.add("order status", status.as_str());
                if let Some(reason) = reason {
                    self.add("order ended", reason.as_str());
                }
                self.ended_by_time(before, *order, *status);
            }
            Event::ContractMoved { status, .. } => self.add("contract", status.as_str()),
            Event::ContractPassed { .. } => self.add("contract", "passed"),
            _ => {}
        }
    }

    fn ended_by_time(&mut self, before: &Facts, order: OrderId, status: OrderStatus) {
        let Some(asks) = &before.due_asks else { return };
        if let Some(min_minutes) = asks.get(&order) {
            let case = match (status, *min_minutes > 1) {
                (OrderStatus::Filled, _) => "filled",
                (_, true) => "expired, min_minutes",
                (_, false) => "expired",
            };
            self.add("ask ended by time", case);
        }
    }

    fn traded(&mut self, before: &Facts, trade: &Trade, contract: &Contract) {
        self.traded.extend([trade.ask, trade.bid]);
        let depth = ["0", "1", "2", "3"].get(usize::from(contract.depth)).copied().unwrap_or("4 or more");
        self.add("trade at depth", depth);
        self.add("aggressor", trade.aggressor.as_str());
        self.add_if(contract.lot > 1, "traded with", "lot");
        self.add_if(contract.min_minutes > 1, "traded with", "min_minutes");
        self.add_if(before.lead.contains(&trade.ask), "traded with", "lead_minutes");
    }
}

/// What counting needs to know of the exchange before a command.
#[derive(Debug, Default)]
pub struct Facts {
    /// The order to be amended.
    order: Option<Order>,
    /// How deep the contract to be ended was resold, and how deep it lies.
    resold_levels: usize,
    depth: u8,
    /// Open asks and their shortest rental, if time moves.
    due_asks: Option<BTreeMap<OrderId, u32>>,
    /// Asks with notice.
    lead: Vec<OrderId>,
}

impl Facts {
    pub fn of(view: &View, command: &Command) -> Self {
        let mut facts = Self::default();
        match command {
            Command::AmendOrder(amend) => facts.order = view.order(amend.order).cloned(),
            Command::EndContract { contract, .. } => {
                facts.resold_levels = view.levels_below(Source::Contract(*contract));
                facts.depth = view.contract(*contract).map_or(0, |row| row.depth);
            }
            Command::Advance { .. } => {
                let asks = view.orders.iter().filter(|row| row.side == Side::Ask);
                facts.due_asks = Some(asks.map(|row| (row.id, row.min_minutes)).collect());
            }
            Command::PlaceAsk(ask) if ask.lead_minutes > 0 => facts.lead.push(OrderId::new(view.counters.order)),
            _ => {}
        }
        facts.lead.extend(view.orders.iter().filter(|row| row.lead_minutes > 0).map(|row| row.id));
        facts
    }
}

/// Returns everything that must occur.
fn required() -> Vec<Key> {
    let mut keys: Vec<Key> = Reject::of_market().map(|reject| ("refused", reject.code())).collect();
    for tif in TimeInForce::ALL {
        keys.extend([("time in force", tif.as_str()), ("time in force, traded", tif.as_str())]);
    }
    for mode in SelfTrade::ALL {
        keys.push(("self-trade mode", mode.as_str()));
    }
    // A book of 64 orders has no 1,025 fills: tested by name in `scenarios` and with small limits in `books`.
    let reasons = OrderReason::ALL.iter().filter(|reason| **reason != OrderReason::FillLimit);
    keys.extend(reasons.map(|reason| ("order ended", reason.as_str())));
    for case in ["filled", "cancelled", "expired"] {
        keys.push(("order status", case));
    }
    for case in ["0", "1", "2", "3"] {
        keys.push(("trade at depth", case));
    }
    for case in [
        "terminated by the buyer",
        "terminated by the seller",
        "defaulted by the buyer",
        "defaulted by the seller",
        "recalled",
    ] {
        keys.extend([("contract ended", case), ("contract ended, resold", case)]);
        keys.extend([("contract ended, itself a resale", case), ("contract ended, resold twice or more", case)]);
    }
    for subject in ["ask amended", "bid amended"] {
        for case in ["price", "more gpus", "fewer gpus", "lot", "with fills", "keeps its place", "trades on"] {
            keys.push((subject, case));
        }
        keys.push((subject, "other window"));
    }
    keys.push(("ask amended", "narrower window"));
    for (subject, cases) in OTHERS {
        keys.extend(cases.iter().map(|case| (*subject, *case)));
    }
    keys
}

const OTHERS: &[(&str, &[&str])] = &[
    ("listing lowered", &["gpus", "window"]),
    ("halt", &["set", "lifted"]),
    ("suspension", &["set", "lifted"]),
    ("repeat", &["client_order_id", "idempotency_key"]),
    ("same_site", &["traded", "not filled", "several fills"]),
    ("same_site, traded", &["ioc", "fok"]),
    ("self-trade met", &["cancel_newest", "cancel_oldest", "cancel_both"]),
    ("attribute", &["post_only", "minutes"]),
    ("bid traded on arrival", &["whole", "in lots"]),
    ("traded with", &["lot", "min_minutes", "lead_minutes"]),
    (
        "requirement, traded",
        &[
            "regions",
            "countries",
            "interconnects",
            "site_ids",
            "min_sla_class",
            "primary_only",
            "min_tier",
            "min_score",
        ],
    ),
    ("rank rises", &["and nothing trades", "and orders trade that rested"]),
    ("aggressor", &["ask", "bid"]),
    ("contract", &["active", "completed", "passed"]),
    ("ask ended by time", &["filled", "expired", "expired, min_minutes"]),
    (
        "command",
        &[
            "advance",
            "register_organization",
            "suspend_organization",
            "set_tier",
            "publish_scores",
            "create_product",
            "halt_product",
            "create_site",
            "create_listing",
            "amend_listing",
            "place_ask",
            "place_bid",
            "amend_order",
            "cancel_order",
            "cancel_all",
            "deposit",
            "withdraw",
            "end_contract",
            "set_rules",
            "note",
        ],
    ),
];

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} commands, {} orders, {} of them traded", self.commands, self.orders, self.orders_traded)?;
        let mut last = "";
        for ((subject, case), count) in &self.counts {
            if *subject != last {
                write!(f, "\n  {subject}:")?;
                last = subject;
            }
            write!(f, " {case} {count},")?;
        }
        writeln!(f)
    }
}
