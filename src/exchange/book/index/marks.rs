//! What capacity is like, in 64 bits: enough to pass by subtrees in which nothing meets a bid's requirements.
//!
//! Names are hashed to a few bits, so a mark may say yes where the order says no, never the other way round.

use super::super::{BookAsk, Place};
use crate::exchange::command::Requirements;
use crate::types::SlaClass;

/// Each quality has its own bits.
#[derive(Debug, Clone, Copy)]
struct Field {
    shift: u32,
    bits: u32,
}

const SITE: Field = Field { shift: 0, bits: 24 };
const REGION: Field = Field { shift: 24, bits: 12 };
const COUNTRY: Field = Field { shift: 36, bits: 10 };
const INTERCONNECT: Field = Field { shift: 46, bits: 8 };
const SLA_CLASS: Field = Field { shift: 54, bits: 8 };
const PRIMARY: Field = Field { shift: 62, bits: 1 };

impl Field {
    fn mark(self, value: u64) -> u64 {
        let within = u32::try_from(value % u64::from(self.bits)).unwrap_or(0);
        1u64 << self.shift.saturating_add(within)
    }
}

/// Returns the marks of an ask.
pub fn of_ask(ask: &BookAsk) -> u64 {
    // No bid wants a certain host.
    let Place { site, region, country, interconnect, sla_class, primary, novation: _, host: _ } = &*ask.place;
    let primary = if *primary { PRIMARY.mark(0) } else { 0 };
    SITE.mark(site.number().unsigned_abs())
        | REGION.mark(hash(region.as_str()))
        | COUNTRY.mark(hash(country.as_str()))
        | INTERCONNECT.mark(hash(interconnect.as_str()))
        | SLA_CLASS.mark(hash(sla_class.as_str()))
        | primary
}

/// What a bid wants of an ask's marks: one bit at least of every set.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    sets: [u64; 6],
    asks_nothing: bool,
}

impl Wanted {
    /// Returns what any capacity meets.
    pub const fn anything() -> Self {
        Self { sets: [u64::MAX; 6], asks_nothing: true }
    }

    pub fn of(requirements: &Requirements) -> Self {
        // Ranks change while asks rest: marks say nothing of them.
        let Requirements { regions, countries, interconnects, site_ids, min_sla_class, primary_only, .. } =
            requirements;
        if *requirements == Requirements::default() {
            return Self::anything();
        }
        let classes = SlaClass::ALL.iter().filter(|class| *class >= min_sla_class);
        let sets = [
            set(site_ids.iter().map(|site| SITE.mark(site.number().unsigned_abs()))),
            set(regions.iter().map(|region| REGION.mark(hash(region)))),
            set(countries.iter().map(|country| COUNTRY.mark(hash(country)))),
            set(interconnects.iter().map(|wiring| INTERCONNECT.mark(hash(wiring.as_str())))),
            set(classes.map(|class| SLA_CLASS.mark(hash(class.as_str())))),
            if *primary_only { PRIMARY.mark(0) } else { u64::MAX },
        ];
        Self { sets, asks_nothing: false }
    }

    /// Tells whether something with these marks, or something under a child with them, may be wanted.
    pub fn may_be(&self, marks: u64) -> bool {
        self.asks_nothing || self.sets.iter().all(|set| set & marks != 0)
    }
}

/// Joins the values of a list; an empty list asks nothing.
fn set(marks: impl Iterator<Item = u64>) -> u64 {
    marks.reduce(|all, mark| all | mark).unwrap_or(u64::MAX)
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
