//! Refusals, and the end of a transaction: what must stand in the tables.

use super::delivery::Book;
use super::facts::{Facts, Request, Row, Standing};
use super::market::Market;
use super::{Rule, Violation, ensure, violation};
use crate::types::{Price, Side};

impl Market {
    /// Judges a refusal, as far as it can be told without the whole command.
    pub(super) fn refused(&self, row: &Row, code: &str) -> Result<(), Violation> {
        let wrong = || format!("{code}: {}", row.text);
        let right = match (code, &row.request) {
            ("insufficient_funds", Request::Money { organization, micros }) => {
                self.available(*organization) < micros.saturating_neg()
            }
            ("insufficient_funds", Request::Place(place)) if place.side == Side::Bid => {
                let window = (place.start, place.end);
                let minutes = match (place.minutes, window) {
                    (Some(minutes), _) => minutes,
                    (None, (Some(start), Some(end))) => end.get().saturating_sub(start.get()),
                    _ => return violation(Rule::WronglyRefused, wrong()),
                };
                let hold = Price::from_micros(place.price_micros).cost(place.gpus, minutes);
                hold.map_or(true, |hold| self.available(place.organization) < hold.micros())
            }
            ("insufficient_capacity", Request::Place(place)) => {
                let title = place.source.and_then(|source| Some((source, self.title(place.organization, source)?)));
                let Some((source, title)) = title else { return violation(Rule::WronglyRefused, wrong()) };
                let first_open = self.first_open();
                let start = place.start.unwrap_or(title.window.start).max(first_open);
                let window = crate::types::Window::new(start, place.end.unwrap_or(title.window.end));
                self.used(source)?.max_over(window).saturating_add(place.gpus) > title.gpus
            }
            ("post_only_would_trade", Request::Amend(amend)) => {
                // Where it would arrive with what it has now is told by the book alone.
                self.orders.get(&amend.order).is_some_and(|order| order.post_only)
            }
            ("post_only_would_trade", Request::Place(place)) => place.post_only,
            ("order_not_open", Request::Cancel { order, .. }) => !self.orders.contains_key(order),
            ("order_not_open", Request::Amend(amend)) => !self.orders.contains_key(&amend.order),
            ("market_halted", _) => self.products.values().any(|product| product.halted),
            ("organization_suspended", Request::Place(place)) => self.suspended.contains(&place.organization),
            ("time_backwards", _) => false,
            _ => true,
        };
        ensure(right, Rule::WronglyRefused, wrong)
    }

    fn available(&self, organization: i64) -> i64 {
        self.purses.get(&organization).map_or(0, |purse| purse.available)
    }

    /// Ends a transaction: everything that changed stands as it must, and nothing else changed.
    pub(super) fn end(&mut self, facts: &Facts) -> Result<(), Violation> {
        let left = self.trades.front();
        ensure(left.is_none(), Rule::UnexpectedTrade, || format!("{left:?}"))?;
        self.add_transfers(facts)?;
        self.compare_deliveries()?;
        for standing in &facts.orders {
            self.compare_order(standing)?;
        }
        let missing = self.touched.first();
        ensure(missing.is_none(), Rule::WrongOrder, || format!("order {missing:?} changed, and nothing says so"))?;
        for (contract, active) in &facts.live {
            let due = self.contracts.get(&contract.id);
            let told = || format!("{contract:?}, in use: {active}, due is {due:?}");
            ensure(due == Some(contract), Rule::WrongContract, told)?;
            let accepted = self.books.get(&contract.id).is_none_or(Book::is_accepted);
            let in_use = accepted && contract.window.start <= self.now.minute();
            ensure(*active == in_use, Rule::WrongContract, told)?;
        }
        self.completed.sort_unstable();
        // What was over before may have been settled.
        let over: Vec<i64> = facts.completed.iter().copied().filter(|id| !self.over.contains(id)).collect();
        let completed = &self.completed;
        ensure(over == *completed, Rule::WrongContract, || format!("over are {over:?}, due are {completed:?}"))?;
        self.over.extend(over);
        self.compare_money(facts)
    }

    fn compare_order(&mut self, standing: &Standing) -> Result<(), Violation> {
        let order = self.orders.get(&standing.id).or_else(|| self.ended.get(&standing.id));
        let Some(order) = order else {
            return violation(Rule::WrongOrder, format!("nothing was to happen to {standing:?}"));
        };
        let Ok(due) = order.standing() else { return violation(Rule::WrongOrder, format!("{order:?}")) };
        let told = || format!("{standing:?}, due is {due:?}");
        ensure((standing.status, standing.reason) == (due.status, due.reason), Rule::WrongEnd, told)?;
        ensure(standing.held_micros == due.held_micros, Rule::WrongHold, told)?;
        ensure(*standing == due, Rule::WrongOrder, told)?;
        self.touched.remove(&standing.id);
        Ok(())
    }
}
