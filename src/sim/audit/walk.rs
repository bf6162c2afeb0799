//! Who trades with whom: a plain walk over a plain list, beside the trades that are durable.

use super::facts::{Contract, Pocket, Trade};
use super::market::{Market, next, out_of_range};
use super::order::{Order, gives};
use super::{Rule, Violation, ensure, violation};
use crate::types::{OrderReason, OrderStatus, Price, SelfTrade, Side, Source, TimeInForce};

/// What happens where the arriving order meets another.
enum Step {
    Fill { maker: i64, gpus: u32 },
    Cancel { maker: i64 },
}

/// What an arriving order does.
struct Plan {
    steps: Vec<Step>,
    /// Whether it is cancelled where it met one of its own organization.
    cancelled: bool,
}

impl Market {
    /// Lets an order in that is in no list: it meets the others, then rests or ends.
    pub(super) fn arrive(&mut self, taker: Order) -> Result<(), Violation> {
        let plan = self.plan(&taker)?;
        let fills = plan.steps.iter().any(|step| matches!(step, Step::Fill { .. }));
        let wrong = taker.post_only && fills;
        ensure(!wrong, Rule::WronglyAccepted, || format!("post-only would trade: {taker:?}"))?;
        self.carry_out(taker, plan)
    }

    /// Lifts or imposes a halt; resting bids walk in their order when it is lifted.
    pub(super) fn halt(&mut self, product: i64, halted: bool) -> Result<(), Violation> {
        let Some(row) = self.products.get_mut(&product) else {
            return violation(Rule::WronglyAccepted, format!("there is no product {product}"));
        };
        let was = std::mem::replace(&mut row.halted, halted);
        self.tally.halts = self.tally.halts.saturating_add(u64::from(halted && !was));
        if !was || halted {
            return Ok(());
        }
        let resting = self.orders.values().filter(|order| order.side == Side::Bid && order.product == product);
        let mut bids: Vec<_> = resting.map(|bid| (bid.rank(), bid.id)).collect();
        bids.sort_unstable();
        for (_, id) in bids {
            if let Some(bid) = self.orders.remove(&id) {
                let plan = self.plan(&bid)?;
                if plan.steps.is_empty() && !plan.cancelled {
                    self.orders.insert(id, bid);
                } else {
                    self.carry_out(bid, plan)?;
                }
            }
        }
        Ok(())
    }

    fn plan(&self, taker: &Order) -> Result<Plan, Violation> {
        let met = |row: &&Order| row.side != taker.side && row.product == taker.product && row.id != taker.id;
        let mut makers: Vec<&Order> = self.orders.values().filter(met).collect();
        makers.sort_by_key(|maker| maker.rank());
        let mut left = taker.clone();
        let mut plan = Plan { steps: Vec::new(), cancelled: false };
        for maker in makers {
            let (ask, bid) = if taker.side == Side::Bid { (maker, &left) } else { (&left, maker) };
            let gpus = gives(ask, bid, self.now);
            if gpus == 0 {
                continue;
            }
            if maker.organization != taker.organization {
                plan.steps.push(Step::Fill { maker: maker.id, gpus });
                let window = bid.window;
                left.filled = left.filled.saturating_add(if taker.side == Side::Bid { gpus } else { 0 });
                if taker.side == Side::Ask {
                    left.sold.add(window, gpus).map_err(|_| out_of_range("an ask"))?;
                }
                continue;
            }
            let older = maker.sequence < taker.sequence;
            let (cancels_maker, cancels_taker) = match taker.self_trade {
                SelfTrade::Skip => (false, false),
                SelfTrade::CancelOldest => (older, !older),
                SelfTrade::CancelNewest => (!older, older),
                SelfTrade::CancelBoth => (true, true),
            };
            if cancels_maker {
                plan.steps.push(Step::Cancel { maker: maker.id });
            }
            if cancels_taker {
                plan.cancelled = true;
                break;
            }
        }
        let incomplete = taker.side == Side::Bid && left.wanted() > 0;
        if taker.time_in_force == TimeInForce::Fok && incomplete {
            plan = Plan { steps: Vec::new(), cancelled: false };
        }
        Ok(plan)
    }

    fn carry_out(&mut self, mut taker: Order, plan: Plan) -> Result<(), Violation> {
        self.touched.insert(taker.id);
        for step in plan.steps {
            match step {
                Step::Cancel { maker } => {
                    self.finish(maker, OrderStatus::Cancelled, Some(OrderReason::SelfTrade))?;
                }
                Step::Fill { maker, gpus } => self.fill(&mut taker, maker, gpus)?,
            }
        }
        self.settle(taker, plan.cancelled)
    }

    fn fill(&mut self, taker: &mut Order, maker: i64, gpus: u32) -> Result<(), Violation> {
        let Some(mut maker) = self.orders.remove(&maker) else {
            return violation(Rule::LeftOver, format!("order {maker} met {} twice", taker.id));
        };
        let (ask, bid) = if taker.side == Side::Bid { (&maker, &*taker) } else { (&*taker, &maker) };
        let price_micros = if maker.sequence < taker.sequence { maker.price_micros } else { taker.price_micros };
        let due = self.contract(ask, bid, gpus, price_micros)?;
        self.judge(ask, bid, &due)?;
        let (window, buyer) = (bid.window, bid.organization);
        let set_aside = Price::from_micros(bid.price_micros).cost(gpus, window.minutes());
        let set_aside = set_aside.map_err(|_| out_of_range("a bid"))?.micros();
        self.pay((buyer, Pocket::Held), (buyer, Pocket::Escrow), due.escrow_micros)?;
        let saved = set_aside.saturating_sub(due.escrow_micros);
        self.pay((buyer, Pocket::Held), (buyer, Pocket::Available), saved)?;
        self.tally.trades = self.tally.trades.saturating_add(1);
        self.tally.resales = self.tally.resales.saturating_add(u64::from(due.depth > 0));
        self.keep_book(&due);
        self.contracts.insert(due.id, due);
        for order in [&mut *taker, &mut maker] {
            order.fills = order.fills.saturating_add(1);
            match order.side {
                Side::Bid => order.filled = order.filled.saturating_add(gpus),
                Side::Ask => order.sold.add(window, gpus).map_err(|_| out_of_range("an ask"))?,
            }
        }
        self.settle(maker, false)
    }

    fn contract(&mut self, ask: &Order, bid: &Order, gpus: u32, price_micros: i64) -> Result<Contract, Violation> {
        let title = ask.source.and_then(|source| Some((source, self.title(ask.organization, source)?)));
        let Some((source, title)) = title else {
            return violation(Rule::BrokenChain, format!("nothing is behind {ask:?}"));
        };
        let escrow = Price::from_micros(price_micros).cost(gpus, bid.window.minutes());
        Ok(Contract {
            id: next(&mut self.last_contract),
            product: ask.product,
            site: ask.place.as_ref().map_or(0, |place| place.site),
            listing: title.listing,
            source,
            seller: ask.organization,
            buyer: bid.organization,
            gpus,
            window: bid.window,
            price_micros,
            lot: ask.lot,
            min_minutes: ask.min_minutes,
            fee_bps: self.products.get(&ask.product).map_or(0, |product| product.fee_bps),
            depth: title.depth,
            escrow_micros: escrow.map_err(|_| out_of_range("a contract"))?.micros(),
        })
    }

    /// Compares the trade that is due with the next one that is durable.
    fn judge(&mut self, ask: &Order, bid: &Order, due: &Contract) -> Result<(), Violation> {
        let Some(made) = self.trades.pop_front() else {
            return violation(Rule::LeftOver, format!("{due:?} is due for {ask:?} and {bid:?}, nothing was traded"));
        };
        let Trade { contract, .. } = &made;
        let told = || format!("{made:?}, due is {due:?}");
        ensure(contract.seller != contract.buyer, Rule::TradedWithItself, told)?;
        ensure((made.ask, made.bid) == (ask.id, bid.id), Rule::PassedOver, told)?;
        let free = ask.free(bid.window);
        ensure(made.gpus <= free && contract.gpus <= free, Rule::Oversold, told)?;
        ensure(made.gpus == due.gpus && contract.gpus == due.gpus, Rule::WrongSize, told)?;
        let priced = (made.price_micros, contract.price_micros) == (due.price_micros, due.price_micros);
        ensure(priced, Rule::WrongPrice, told)?;
        ensure(self.hangs(contract), Rule::BrokenChain, told)?;
        ensure(contract == due, Rule::WrongTerms, told)
    }

    /// Tells whether a contract lies within what it was sold out of, one step below it. A listing that was lowered may
    /// lack minutes gone.
    pub(super) fn hangs(&self, contract: &Contract) -> bool {
        let above = match contract.source {
            Source::Listing(id) => self.listings.get(&id.number()).map(|row| {
                let same = (row.organization, row.site, row.product);
                (same, id.number(), row.window, row.gpus, 0)
            }),
            Source::Contract(id) => self.contracts.get(&id.number()).map(|row| {
                let same = (row.buyer, row.site, row.product);
                (same, row.listing, row.window, row.gpus, row.depth.saturating_add(1))
            }),
        };
        let to_come = contract.window.from_minute(self.first_open());
        above.is_some_and(|(same, listing, window, gpus, depth)| {
            same == (contract.seller, contract.site, contract.product)
                && listing == contract.listing
                && (to_come.is_empty() || (window.contains(to_come) && contract.gpus <= gpus))
                && depth == contract.depth
        })
    }

    /// Puts an order to rest, or ends it if nothing is left of it or it does not rest.
    pub(super) fn settle(&mut self, order: Order, cancelled: bool) -> Result<(), Violation> {
        let ended = if cancelled {
            Some((OrderStatus::Cancelled, Some(OrderReason::SelfTrade)))
        } else if !order.can_trade(self.first_open()) {
            Some(order.how_spent(self.first_open()))
        } else {
            match order.time_in_force {
                TimeInForce::Gtc | TimeInForce::Gtd => None,
                TimeInForce::Ioc => Some((OrderStatus::Cancelled, Some(OrderReason::IocRemainder))),
                TimeInForce::Fok => Some((OrderStatus::Cancelled, Some(OrderReason::FokIncomplete))),
            }
        };
        let id = order.id;
        self.touched.insert(id);
        self.orders.insert(id, order);
        match ended {
            Some((status, reason)) => self.finish(id, status, reason),
            None => Ok(()),
        }
    }

    /// Ends an order and frees what is behind it.
    pub(super) fn finish(
        &mut self,
        id: i64,
        status: OrderStatus,
        reason: Option<OrderReason>,
    ) -> Result<(), Violation> {
        let Some(mut order) = self.orders.remove(&id) else {
            return violation(Rule::WrongEnd, format!("order {id} is not open"));
        };
        let hold = order.hold().map_err(|_| out_of_range("a bid"))?.micros();
        self.pay((order.organization, Pocket::Held), (order.organization, Pocket::Available), hold)?;
        self.tally.expiries = self.tally.expiries.saturating_add(u64::from(status == OrderStatus::Expired));
        order.ended = Some((status, reason));
        self.touched.insert(id);
        self.ended.insert(id, order);
        Ok(())
    }
}
