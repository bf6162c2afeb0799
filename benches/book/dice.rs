//! Random orders: one seed, the same orders in every run.

use std::sync::Arc;

use gpubourse::exchange::Requirements;
use gpubourse::exchange::book::{BookAsk, BookBid, Place};
use gpubourse::types::{
    Country, Interconnect, Minute, OrderId, OrganizationId, Price, Region, SiteId, SlaClass, Steps, Window,
};

/// The minute it is.
pub const NOW: u32 = 29_000_040;
const HOUR: u32 = 60;
const YEAR_HOURS: u32 = 365 * 24;
pub const WINDOW_HOURS_MAX: u32 = 90 * 24;
const TICKS: u32 = 1_000;
const SITES: u32 = 100;

/// A small generator (xorshift64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u32) -> u32 {
        ((self.next() >> 33) % u64::from(bound)) as u32
    }

    /// A window on the hour within a year from now; lengths are log-uniform between an hour and 90 days.
    pub fn window(&mut self) -> Window {
        let share = f64::from(self.below(1 << 30)) / f64::from(1 << 30);
        let hours = f64::from(WINDOW_HOURS_MAX).powf(share) as u32;
        let start = Minute::new(NOW + HOUR * self.below(YEAR_HOURS - hours));
        Window::new(start, start.plus(hours.max(1) * HOUR))
    }

    fn price(&mut self) -> Price {
        Price::from_micros(i64::from(1 + self.below(TICKS)) * 1_000)
    }
}

/// Orders, numbered as they come.
pub struct Orders {
    pub dice: Dice,
    last: i64,
    places: Vec<Arc<Place>>,
    nothing: Arc<Requirements>,
}

impl Orders {
    pub fn new() -> Self {
        let place = |site| Place {
            site: SiteId::new(i64::from(site)),
            region: Region::new("us-central1").unwrap(),
            country: Country::new("US").unwrap(),
            interconnect: Interconnect::Infiniband,
            sla_class: SlaClass::P99,
            primary: true,
            novation: false,
            host: OrganizationId::new(1),
        };
        Self {
            dice: Dice(0x9E37_79B9_7F4A_7C15),
            last: 0,
            places: (0..SITES).map(|site| Arc::new(place(site))).collect(),
            nothing: Arc::default(),
        }
    }

    fn number(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    pub fn ask(&mut self) -> BookAsk {
        let number = self.number();
        BookAsk {
            id: OrderId::new(number),
            organization: OrganizationId::new(1),
            sequence: number,
            price: self.dice.price(),
            gpus: 1 + self.dice.below(64),
            window: self.dice.window(),
            sold: Steps::new(),
            lot: 1,
            min_minutes: 1,
            lead_minutes: 0,
            place: Arc::clone(&self.places[self.dice.below(SITES) as usize]),
        }
    }

    pub fn bid(&mut self) -> BookBid {
        let number = self.number();
        BookBid {
            id: OrderId::new(number),
            organization: OrganizationId::new(2),
            sequence: number,
            price: self.dice.price(),
            remaining: 1 + self.dice.below(64),
            window: self.dice.window(),
            lot: 1,
            requirements: Arc::clone(&self.nothing),
            monthly: false,
        }
    }
}
