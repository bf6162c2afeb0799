//! What was promised and what was delivered: every minute of every contract by itself, however the exchange adds them up.
//!
//! Each contract under terms has a [`Book`] from its trade on. A minute that closes is looked at once: who was up for it,
//! down its chain, and who sold it then. What is due follows from the sums alone, as if everything were settled at once.

use std::collections::BTreeMap;

use super::facts::{Contract, Flow, Pocket, Report, Request, Terms};
use super::market::{Market, out_of_range};
use super::replies::Made;
use super::{Rule, Violation, ensure, violation};
use crate::types::limits::BPS_WHOLE;
use crate::types::{Minute, Money, Price, SlaClass, Source, Window};

const SLOT_MINUTES: u32 = 5;
/// So many minutes up accept what was handed over.
const ACCEPTING_MINUTES: u32 = 15;
const EXCHANGE: i64 = 0;

/// A contract under terms.
#[derive(Debug, Clone)]
pub(super) struct Book {
    /// As it was made.
    made: Contract,
    /// Who sold it, the first one first.
    sellers: Vec<Seller>,
    /// The first minute it does not cover.
    end: Minute,
    /// Whether there is anything to settle: its window has begun, or something was said of it.
    begun: bool,
    over: bool,
    settled: bool,
    handed_over: bool,
    /// Heartbeats count from here on.
    delivered_at: Option<Minute>,
    accepted: Option<Minute>,
    /// GPUs up, as reported, by minute.
    up: BTreeMap<u32, u32>,
    /// Minutes before it were looked at.
    closed: Minute,
    escrow: i64,
    refunded: i64,
    credited: bool,
}

/// Somebody's time as the seller of a contract.
#[derive(Debug, Clone, Default)]
struct Seller {
    id: i64,
    source: Option<Source>,
    since: Minute,
    /// GPU-minutes.
    delivered: u64,
    undelivered: u64,
    paid: i64,
    fee: i64,
    owed: i64,
}

impl Book {
    fn new(made: &Contract) -> Self {
        let seller = Seller { id: made.seller, source: Some(made.source), ..Seller::default() };
        Self {
            sellers: vec![seller],
            end: made.window.end,
            begun: false,
            over: false,
            settled: false,
            handed_over: false,
            delivered_at: None,
            accepted: None,
            up: BTreeMap::new(),
            closed: made.window.start,
            escrow: made.escrow_micros,
            refunded: 0,
            credited: false,
            made: made.clone(),
        }
    }

    /// What has left its escrow for good.
    pub(super) fn spent(&self) -> i64 {
        self.sellers.iter().map(|seller| seller.paid).fold(self.refunded, i64::saturating_add)
    }

    /// Tells whether it is in use.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted.is_some()
    }

    fn covers(&self, minute: Minute) -> bool {
        self.made.window.start <= minute && minute < self.end
    }

    fn seller_at(&self, minute: Minute) -> Option<&Seller> {
        self.sellers.iter().rev().find(|seller| seller.since <= minute)
    }

    /// Tells whether all of it is closed.
    fn is_closed(&self) -> bool {
        self.closed >= self.end || self.end <= self.made.window.start
    }

    fn worth(&self, gpu_minutes: u64) -> Result<i64, Violation> {
        let worth = Price::from_micros(self.made.price_micros).due(gpu_minutes);
        worth.map(|worth| worth.micros()).map_err(|_| out_of_range("a contract"))
    }

    /// The first of so many reported minutes up in a row after the access was handed over, of those that are not closed.
    fn accepting_minute(&self) -> Option<Minute> {
        let handed_over = self.delivered_at.filter(|_| self.handed_over)?;
        let has_closed = self.closed > self.made.window.start;
        let since = if has_closed { handed_over.max(self.closed) } else { handed_over };
        let mut run: Option<(u32, u32)> = None;
        for (minute, up) in self.up.range(since.get()..) {
            run = match run {
                _ if *up == 0 => None,
                Some((first, last)) if last.saturating_add(1) == *minute => Some((first, *minute)),
                _ => Some((*minute, *minute)),
            };
            if let Some((first, last)) = run
                && last.saturating_sub(first).saturating_add(1) >= ACCEPTING_MINUTES
            {
                return Some(Minute::new(first));
            }
        }
        None
    }

    /// What the sellers owe for what they did not deliver, if all of it is closed: of the whole, each by its own minutes.
    fn credits(&self, promised_bps: u32, terms: &Terms) -> Result<Vec<i64>, Violation> {
        let sum = |part: fn(&Seller) -> u64| self.sellers.iter().map(part).fold(0, u64::saturating_add);
        let (delivered, undelivered) = (sum(|seller| seller.delivered), sum(|seller| seller.undelivered));
        let covered = delivered.saturating_add(undelivered);
        let reaches = |bps: u32| {
            u128::from(delivered).saturating_mul(BPS_WHOLE.into())
                >= u128::from(covered).saturating_mul(u128::from(bps))
        };
        let step = terms.credits.iter().find(|(bps, _)| reaches(*bps)).map_or(0, |(_, times)| *times);
        let times = if reaches(promised_bps) { 0 } else { i64::from(step) };
        let credit = self.worth(undelivered)?.saturating_mul(times).min(self.worth(covered)?);
        let (mut until, mut before) = (0_u64, 0_i64);
        let mut parts = Vec::new();
        for seller in &self.sellers {
            until = until.saturating_add(seller.undelivered);
            let up_to = i128::from(credit).saturating_mul(until.into()).checked_div(undelivered.max(1).into());
            let up_to = i64::try_from(up_to.unwrap_or(0)).unwrap_or(i64::MAX);
            parts.push(up_to.saturating_sub(before));
            before = up_to;
        }
        Ok(parts)
    }
}

impl Market {
    /// Does what an accepted command about deliveries must have done; returns what it made.
    pub(super) fn accepted_delivery(&mut self, request: &Request) -> Result<Made, Violation> {
        match request {
            Request::Publish(terms) => self.terms = Some(terms.clone()),
            Request::Ready { contract } => {
                self.live_book(*contract, "readiness")?.begun = true;
                return Ok(Some(("contract", *contract)));
            }
            Request::HandOver { contract } => {
                self.hand_over(*contract)?;
                return Ok(Some(("contract", *contract)));
            }
            Request::Accept { organization, contract } => {
                self.accept(*organization, *contract)?;
                return Ok(Some(("contract", *contract)));
            }
            Request::Meter { organization, reports } => self.meter(*organization, reports)?,
            Request::Settle => self.settle_books()?,
            _ => {}
        }
        Ok(None)
    }

    /// Keeps a book of a contract just made, if there are terms.
    pub(super) fn keep_book(&mut self, made: &Contract) {
        if self.terms.is_some() {
            self.books.insert(made.id, Book::new(made));
        }
    }

    /// Contracts begin with their windows.
    pub(super) fn begin_books(&mut self) {
        let now = self.now.minute();
        for book in self.books.values_mut().filter(|book| !book.over && book.made.window.start <= now) {
            book.begun = true;
        }
    }

    /// Notes that a contract covers nothing from a minute on.
    pub(super) fn end_book(&mut self, id: i64, end: Minute, escrow: i64) {
        if let Some(book) = self.books.get_mut(&id) {
            (book.end, book.escrow, book.over) = (end, escrow, true);
            // Nothing had begun, so nothing is left to settle.
            book.settled = !book.begun;
        }
    }

    /// Notes that somebody else sells a contract from a minute on.
    pub(super) fn pass_book(&mut self, id: i64, since: Minute, (seller, source): (i64, Source)) {
        if let Some(book) = self.books.get_mut(&id) {
            book.sellers.push(Seller { id: seller, source: Some(source), since, ..Seller::default() });
        }
    }

    fn live_book(&mut self, id: i64, what: &str) -> Result<&mut Book, Violation> {
        let is_live = self.contracts.contains_key(&id);
        match self.books.get_mut(&id).filter(|_| is_live) {
            Some(book) => Ok(book),
            None => violation(Rule::WronglyAccepted, format!("{what} of contract {id}, which is not live")),
        }
    }

    /// The provider hands access over: heartbeats count from the first whole slot to come on.
    fn hand_over(&mut self, id: i64) -> Result<(), Violation> {
        let first_open = self.first_open().get();
        let book = self.live_book(id, "access")?;
        (book.begun, book.handed_over) = (true, true);
        if book.accepted.is_none() {
            let slots = first_open.div_ceil(SLOT_MINUTES);
            book.delivered_at = Some(Minute::new(slots.saturating_mul(SLOT_MINUTES)));
        }
        Ok(())
    }

    /// The buyer accepts: the next minute is the first paid one.
    fn accept(&mut self, organization: i64, id: i64) -> Result<(), Violation> {
        let first_open = self.first_open();
        let book = self.live_book(id, "acceptance")?;
        let waits = book.handed_over && book.accepted.is_none() && book.made.buyer == organization;
        ensure(waits, Rule::WronglyAccepted, || format!("acceptance by {organization}: {book:?}"))?;
        book.accepted = Some(first_open);
        Ok(())
    }

    /// The provider reports what was up. Reports that cannot be are left out; all of them cannot.
    fn meter(&mut self, organization: i64, reports: &[Report]) -> Result<(), Violation> {
        let mut taken = 0_u32;
        for report in reports.iter().filter(|report| self.fits(organization, report)).cloned().collect::<Vec<_>>() {
            let Some(book) = self.books.get_mut(&report.contract) else { continue };
            taken = taken.saturating_add(1);
            for (window, up) in report.runs {
                book.up.extend((window.start.get()..window.end.get()).map(|minute| (minute, up)));
            }
            book.accepted = book.accepted.or_else(|| book.accepting_minute());
        }
        ensure(taken > 0, Rule::WronglyAccepted, || format!("none of {reports:?} of {organization} could be taken"))
    }

    /// Tells whether a report can be: of what has passed and is not closed, from the access on, of no more than there is.
    fn fits(&self, organization: i64, report: &Report) -> bool {
        let (now, line) = (self.now.minute(), self.line());
        let Some(book) = self.books.get(&report.contract).filter(|book| !book.settled) else { return false };
        let host = self.listings.get(&book.made.listing).map(|listing| listing.organization);
        let Some(since) = book.delivered_at.filter(|_| host == Some(organization)) else { return false };
        let slot = |minute: Minute| minute.get().div_euclid(SLOT_MINUTES).saturating_mul(SLOT_MINUTES);
        let first = since.get().min(slot(book.made.window.start));
        let last = book.end.get().div_ceil(SLOT_MINUTES).saturating_mul(SLOT_MINUTES);
        let fits = |(window, up): &(Window, u32)| {
            let inside = window.start.get() >= first && window.end.get() <= last;
            inside && !window.is_empty() && window.end <= now && window.start >= line && *up <= book.made.gpus
        };
        !report.runs.is_empty() && report.runs.iter().all(fits)
    }

    /// Slots before it are closed.
    fn line(&self) -> Minute {
        let after = self.terms.as_ref().map_or(0, |terms| terms.close_after_minutes);
        let slots = self.now.minute().minus(after).get().div_euclid(SLOT_MINUTES);
        Minute::new(slots.saturating_mul(SLOT_MINUTES))
    }

    /// Settles everything, what was sold last first.
    fn settle_books(&mut self) -> Result<(), Violation> {
        let open = self.books.iter().rev().filter(|(_, book)| book.begun && !book.settled);
        let ids: Vec<i64> = open.map(|(id, _)| *id).collect();
        for id in ids {
            self.close_minutes(id);
            self.pay_sellers(id)?;
            self.pay_credits(id)?;
            self.finish_book(id)?;
        }
        Ok(())
    }

    /// Looks at the minutes of a contract that have closed since the last time, one by one.
    fn close_minutes(&mut self, id: i64) {
        let line = self.line();
        let Some(book) = self.books.get(&id) else { return };
        let window = Window::new(book.closed, line.min(book.end));
        let gpus = book.made.gpus;
        let minutes = window.start.get()..window.end.get();
        let looked: Vec<(Minute, u32)> =
            minutes.map(Minute::new).map(|minute| (minute, self.up_at(id, minute))).collect();
        let Some(book) = self.books.get_mut(&id) else { return };
        for (minute, up) in looked {
            if let Some(seller) = book.sellers.iter_mut().rev().find(|seller| seller.since <= minute) {
                seller.delivered = seller.delivered.saturating_add(up.into());
                seller.undelivered = seller.undelivered.saturating_add(gpus.saturating_sub(up).into());
            }
        }
        book.closed = book.closed.max(window.end);
    }

    /// GPUs up for a contract in a minute: those its buyer kept, and those of the contracts sold out of it.
    fn up_at(&self, id: i64, minute: Minute) -> u32 {
        let Some(book) = self.books.get(&id) else { return 0 };
        let source = Some(Source::Contract(crate::types::ContractId::new(id)));
        let is_child =
            |child: &&Book| child.covers(minute) && child.seller_at(minute).is_some_and(|row| row.source == source);
        let children: Vec<&Book> = self.books.values().filter(is_child).collect();
        let sold = children.iter().map(|child| child.made.gpus).fold(0, u32::saturating_add);
        let kept = book.made.gpus.saturating_sub(sold);
        let paid = book.accepted.is_some_and(|from| from <= minute);
        let own = book.up.get(&minute.get()).copied().unwrap_or(0).min(kept);
        let below = children.iter().map(|child| self.up_at(child.made.id, minute)).fold(0, u32::saturating_add);
        below.saturating_add(if paid { own } else { 0 })
    }

    /// Pays each seller what one payment for all of its minutes would leave due, and the buyer what was not delivered.
    fn pay_sellers(&mut self, id: i64) -> Result<(), Violation> {
        let Some(mut book) = self.books.get(&id).cloned() else { return Ok(()) };
        let mut payments = Vec::new();
        for seller in &mut book.sellers {
            let due = Price::from_micros(book.made.price_micros).due(seller.delivered);
            let due = due.map_err(|_| out_of_range("a contract"))?;
            let fee = due.share(book.made.fee_bps).map_err(|_| out_of_range("a fee"))?.micros();
            let due = due.micros();
            let (more, more_fee) = (due.saturating_sub(seller.paid), fee.saturating_sub(seller.fee));
            (seller.paid, seller.fee) = (due, fee);
            payments.push((seller.id, more.saturating_sub(more_fee)));
            payments.push((EXCHANGE, more_fee));
        }
        let undelivered = book.sellers.iter().map(|seller| seller.undelivered).fold(0, u64::saturating_add);
        let worth = book.worth(undelivered)?;
        payments.push((book.made.buyer, worth.saturating_sub(book.refunded)));
        book.refunded = worth;
        self.books.insert(id, book);
        payments.into_iter().try_for_each(|(to, micros)| self.pay_from_escrow(id, to, micros))
    }

    fn pay_from_escrow(&mut self, id: i64, to: i64, micros: i64) -> Result<(), Violation> {
        let Some(book) = self.books.get_mut(&id) else { return Ok(()) };
        book.escrow = book.escrow.saturating_sub(micros);
        let (buyer, escrow) = (book.made.buyer, book.escrow);
        ensure(escrow >= 0, Rule::Overdrawn, || format!("escrow of contract {id} would be {escrow}"))?;
        if let Some(row) = self.contracts.get_mut(&id) {
            row.escrow_micros = escrow;
        }
        self.pay((buyer, Pocket::Escrow), (to, Pocket::Available), micros)
    }

    /// Charges what was promised and not delivered once all of it is closed; each seller pays as far as it can.
    fn pay_credits(&mut self, id: i64) -> Result<(), Violation> {
        let Some(mut book) = self.books.get(&id).cloned() else { return Ok(()) };
        let class = self.listings.get(&book.made.listing).map_or(SlaClass::None, |listing| listing.sla_class);
        if let (true, false, Some(terms)) = (book.is_closed(), book.credited, &self.terms) {
            book.credited = true;
            let credits = book.credits(promised_bps(class), terms)?;
            for (seller, credit) in book.sellers.iter_mut().zip(credits) {
                seller.owed = seller.owed.saturating_add(credit);
            }
        }
        let buyer = (book.made.buyer, Pocket::Available);
        for seller in &mut book.sellers {
            let has = self.purses.get(&seller.id).map_or(0, |purse| purse.available);
            let paid = seller.owed.min(has);
            seller.owed = seller.owed.saturating_sub(paid);
            self.pay((seller.id, Pocket::Available), buyer, paid)?;
        }
        self.books.insert(id, book);
        Ok(())
    }

    /// What is left of the escrow goes back when every minute is closed.
    fn finish_book(&mut self, id: i64) -> Result<(), Violation> {
        let Some(book) = self.books.get_mut(&id).filter(|book| book.over && book.is_closed()) else { return Ok(()) };
        book.settled = true;
        let (buyer, rest) = (book.made.buyer, book.escrow);
        let (passed, paid) = (book.sellers.len() > 1, book.sellers.iter().any(|seller| seller.paid > 0));
        self.tally.settled = self.tally.settled.saturating_add(u64::from(paid));
        self.tally.settled_passed = self.tally.settled_passed.saturating_add(u64::from(passed));
        self.finished.push(id);
        self.pay_from_escrow(id, buyer, rest)
    }

    /// Compares what the transfers say was paid for contracts with what was delivered: never more, and in the end neither
    /// more nor less than one settlement would have paid; what was set aside is all accounted for.
    pub(super) fn compare_deliveries(&mut self) -> Result<(), Violation> {
        for id in std::mem::take(&mut self.told_of) {
            let Some(book) = self.books.get(&id) else { continue };
            let told = |flow| self.told.get(&(id, flow)).copied().unwrap_or(0);
            let paid = told(Flow::Payment).saturating_add(told(Flow::Fee));
            let worth = book
                .sellers
                .iter()
                .try_fold(0_i64, |sum, seller| Ok::<_, Violation>(sum.saturating_add(book.worth(seller.delivered)?)))?;
            ensure(paid <= worth, Rule::PaidForNothing, || format!("{paid} was paid, {worth} delivered: {book:?}"))?;
        }
        for id in std::mem::take(&mut self.finished) {
            let Some(book) = self.books.get(&id) else { continue };
            let told = |flow| self.told.get(&(id, flow)).copied().unwrap_or(0);
            let (paid, fee) = (told(Flow::Payment), told(Flow::Fee));
            let (mut worth, mut fees) = (0_i64, 0_i64);
            for seller in &book.sellers {
                let due = Money::from_micros(book.worth(seller.delivered)?);
                let own = due.share(book.made.fee_bps).map_err(|_| out_of_range("a fee"))?;
                (worth, fees) = (worth.saturating_add(due.micros()), fees.saturating_add(own.micros()));
            }
            let same = (paid.saturating_add(fee), fee) == (worth, fees);
            ensure(same, Rule::Instalments, || {
                format!("{paid} and a fee of {fee} were paid, {worth} is due: {book:?}")
            })?;
            let out = [Flow::Payment, Flow::Fee, Flow::Refund, Flow::PriceGap].map(told);
            let out = out.into_iter().fold(0, i64::saturating_add);
            let aside = book.made.escrow_micros;
            ensure(out == aside, Rule::Instalments, || format!("{out} of {aside} set aside went somewhere: {book:?}"))?;
        }
        Ok(())
    }
}

/// The share of its GPU-minutes that a class promises.
const fn promised_bps(class: SlaClass) -> u32 {
    match class {
        SlaClass::None => 0,
        SlaClass::P98 => 9_800,
        SlaClass::P99 => 9_900,
        SlaClass::P999 => 9_990,
    }
}
