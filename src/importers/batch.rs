//! The gathering of what rows give.

use std::collections::{BTreeMap, BTreeSet};

use super::decimal::Decimal;
use super::quote::{Imported, Offer, PriceUnit, Quote, QuoteKind, Refusal, RefusalCode, Refused};
use crate::types::{Price, Symbol, Timestamp};

const RAW_CHARS_MAX: usize = 1_000;

/// What one row gives.
#[derive(Debug, Default)]
pub(super) struct Found {
    quotes: Vec<Quote>,
    offers: Vec<Offer>,
    refusals: Vec<Refusal>,
}

impl Found {
    /// Adds a price, or the refusal of this one price; returns the price per GPU-hour.
    pub(super) fn quote(&mut self, draft: Result<Draft<'_>, Refusal>) -> Option<Price> {
        match draft.and_then(Draft::finish) {
            Ok(quote) => {
                let price = quote.price;
                self.quotes.push(quote);
                Some(price)
            }
            Err(refusal) => {
                self.refusals.push(refusal);
                None
            }
        }
    }

    /// Adds an offer.
    pub(super) fn offer(&mut self, offer: Offer) {
        self.offers.push(offer);
    }
}

/// A price on its way to a quote.
pub(super) struct Draft<'a> {
    pub(super) source: String,
    pub(super) kind: QuoteKind,
    pub(super) term: Option<&'a str>,
    pub(super) product: Symbol,
    pub(super) region: Option<&'a str>,
    pub(super) observed_at: Timestamp,
    pub(super) fetched_at: Option<Timestamp>,
    /// The price as written.
    pub(super) raw_price: Option<&'a str>,
    pub(super) raw_unit: PriceUnit,
    pub(super) raw_count: Option<u32>,
    /// Hours the raw price is for.
    pub(super) hours: u32,
    pub(super) stale: bool,
    pub(super) note: &'a str,
    /// What tells the row from others of the same source, product and time: an id, a machine type.
    pub(super) identity: &'a str,
}

impl Draft<'_> {
    fn finish(self) -> Result<Quote, Refusal> {
        let price = Decimal::price(self.raw_price)?;
        let gpus = match self.raw_unit {
            PriceUnit::PerGpu => 1,
            PriceUnit::PerMachine | PriceUnit::PerOffer => self.raw_count.ok_or_else(|| {
                Refusal::new(RefusalCode::InvalidCount, "the price is for several GPUs and their number is not stated")
            })?,
        };
        let parts = u64::from(gpus).saturating_mul(u64::from(self.hours));
        let price = price.per(parts)?;
        let raw_price = self.raw_price.unwrap_or_default().to_owned();
        let content_key = format!(
            "{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
            self.source,
            self.kind,
            self.term.unwrap_or_default(),
            self.product,
            self.region.unwrap_or_default(),
            self.observed_at.millis(),
            self.raw_unit,
            self.raw_count.map(|count| count.to_string()).unwrap_or_default(),
            raw_price,
            self.identity,
        );
        Ok(Quote {
            source: self.source,
            kind: self.kind,
            term: self.term.map(str::to_owned),
            product: self.product,
            region: self.region.map(str::to_owned),
            observed_at: self.observed_at,
            fetched_at: self.fetched_at,
            raw_price,
            raw_unit: self.raw_unit,
            raw_count: self.raw_count,
            price,
            stale: self.stale,
            outlier: false,
            note: self.note.to_owned(),
            content_key,
        })
    }
}

/// What the rows read so far gave.
#[derive(Debug, Default)]
pub(super) struct Batch {
    imported: Imported,
    keys: BTreeSet<String>,
    /// How often each offer's name occurred: the second is "name#2".
    names: BTreeMap<String, u32>,
}

impl Batch {
    /// Takes what a row gave, or its refusal as a whole.
    pub(super) fn row(&mut self, row: u64, raw: &str, read: impl FnOnce(&mut Found) -> Result<(), Refusal>) {
        self.imported.rows = self.imported.rows.saturating_add(1);
        let mut found = Found::default();
        if let Err(refusal) = read(&mut found) {
            found.refusals.push(refusal);
        }
        if found.quotes.is_empty() && found.refusals.is_empty() {
            found.refusals.push(Refusal::new(RefusalCode::NoPrice, "no price is given"));
        }
        let mut is_new = false;
        for quote in found.quotes {
            match self.keys.insert(quote.content_key.clone()) {
                true => {
                    is_new = true;
                    self.imported.quotes.push(quote);
                }
                false => self.imported.repeated = self.imported.repeated.saturating_add(1),
            }
        }
        // A row that repeats another in every price repeats its capacity too.
        if is_new {
            self.offers(found.offers, 0);
        }
        let raw: String = raw.chars().take(RAW_CHARS_MAX).collect();
        let refused = found.refusals.into_iter().map(|refusal| Refused { row, refusal, raw: raw.clone() });
        self.imported.refused.extend(refused);
    }

    /// Adds offers that several rows gave together; so many others became one with them.
    pub(super) fn offers(&mut self, offers: impl IntoIterator<Item = Offer>, merged: u64) {
        for mut offer in offers {
            let times = self.names.entry(offer.external_id.clone()).or_insert(0);
            *times = times.saturating_add(1);
            if *times > 1 {
                offer.external_id = format!("{}#{times}", offer.external_id);
            }
            self.imported.offers.push(offer);
        }
        self.imported.merged = self.imported.merged.saturating_add(merged);
    }

    /// Returns everything.
    pub(super) fn finish(self) -> Imported {
        self.imported
    }
}
