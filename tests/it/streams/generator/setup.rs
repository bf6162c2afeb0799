//! The market a stream begins with.

use std::collections::VecDeque;

use gpubourse::exchange::Command;
use gpubourse::types::{
    Country, Interconnect, Money, OrganizationId, OrganizationKind, Price, ProductId, Region, SiteId, SlaClass, Symbol,
};

use super::{BEGINNING, HORIZON_MINUTES, Rng, TICK_MICROS};

const ORGANIZATIONS: i64 = 6;
const REGIONS: [(&str, &str); 3] = [("us-east", "US"), ("eu-north", "SE"), ("us-west", "US")];

/// Returns the commands that make two products, six organizations, four sites and eight listings.
pub fn commands(rng: &mut Rng) -> VecDeque<Command> {
    let mut commands = VecDeque::from([Command::Advance { now: BEGINNING }]);
    for (symbol, fee_bps) in [("h100-sxm-80gb", 250), ("rtx-4090-24gb", 0)] {
        commands.push_back(Command::CreateProduct {
            symbol: Symbol::new(symbol).unwrap(),
            name: symbol.to_uppercase(),
            tick: Price::from_micros(TICK_MICROS),
            fee_bps,
        });
    }
    for number in 1..=ORGANIZATIONS {
        let organization_kind = match number {
            1 | 2 => OrganizationKind::Provider,
            3 => OrganizationKind::Reseller,
            _ => OrganizationKind::Renter,
        };
        commands.push_back(Command::RegisterOrganization { name: format!("Organization {number}"), organization_kind });
        let amount = if rng.chance(80) { 50_000_000 } else { 60_000 };
        commands.push_back(Command::Deposit {
            organization: OrganizationId::new(number),
            amount: Money::from_micros(amount),
            reference: format!("wire {number}"),
        });
    }
    for number in 1..=4 {
        let (region, country) = rng.pick(&REGIONS);
        commands.push_back(Command::CreateSite {
            organization: OrganizationId::new(1 + number % 2),
            name: format!("Site {number}"),
            region: Region::new(region).unwrap(),
            country: Country::new(country).unwrap(),
            power_w: (number == 1).then_some(40_000),
            pue_milli: (number == 1).then_some(1_150),
        });
    }
    for number in 0..8 {
        let site = 1 + number % 4;
        commands.push_back(listing(rng, site, 1 + number / 4));
    }
    commands
}

fn listing(rng: &mut Rng, site: i64, product: i64) -> Command {
    let start = BEGINNING.first_open_minute().plus(rng.below(60));
    Command::CreateListing {
        organization: OrganizationId::new(1 + site % 2),
        site: SiteId::new(site),
        product: ProductId::new(product),
        gpus: 16 * rng.between(1, 4),
        start,
        end: start.plus(if rng.chance(20) { 5 * HORIZON_MINUTES } else { HORIZON_MINUTES }),
        gpus_per_node: 8,
        interconnect: rng.pick(Interconnect::ALL),
        sla_class: rng.pick(SlaClass::ALL),
        resale_allowed: rng.chance(85),
        rights: gpubourse::exchange::rights::Rights::default(),
    }
}
