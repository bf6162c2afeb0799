//! The market a run begins with.

use super::rng::Rng;
use crate::exchange::Command;
use crate::exchange::terms::ContractTerms;
use crate::types::{
    Country, Interconnect, Minute, Money, OrganizationId, OrganizationKind, Price, ProductId, Region, SiteId, SlaClass,
    Symbol, Timestamp,
};

/// Where time begins: some minute that is not round, some milliseconds into it.
pub(super) const BEGINNING: Timestamp = Timestamp::from_millis(1_795_000_123_456);
/// The price grid.
pub(super) const TICK_MICROS: i64 = 100_000;
/// Two providers, a reseller, three renters.
pub(super) const ORGANIZATIONS: i64 = 6;
/// Products.
pub(super) const PRODUCTS: i64 = 2;
const SITES: i64 = 3;
/// A slot closes so many minutes after its end, in runs with terms of delivery.
pub(super) const CLOSE_AFTER_MINUTES: u32 = 45;
/// In a thousand runs, how many have terms of delivery; in the others contracts live by the calendar.
const UNDER_TERMS: u32 = 500;

/// Returns who asks for what, in this order.
pub(super) fn commands(rng: &mut Rng) -> Vec<Command> {
    let mut commands = Vec::new();
    for (symbol, fee_bps) in [("h100-sxm-80gb", 250), ("rtx-4090-24gb", 0)] {
        let Some(symbol) = Symbol::new(symbol) else { continue };
        let name = symbol.as_str().to_uppercase();
        commands.push(Command::CreateProduct { symbol, name, tick: Price::from_micros(TICK_MICROS), fee_bps });
    }
    for number in 1..=ORGANIZATIONS {
        let organization_kind = match number {
            1 | 2 => OrganizationKind::Provider,
            3 => OrganizationKind::Reseller,
            _ => OrganizationKind::Renter,
        };
        commands.push(Command::RegisterOrganization { name: format!("Organization {number}"), organization_kind });
        // The last one is poor.
        let usd = if number == ORGANIZATIONS { 40 } else { 3_000 };
        commands.push(Command::Deposit {
            organization: OrganizationId::new(number),
            amount: Money::from_micros(1_000_000_i64.saturating_mul(usd)),
            reference: format!("wire {number}"),
        });
    }
    if rng.chance(UNDER_TERMS) {
        commands.push(Command::PublishTerms(terms()));
        let organizations = (1..=ORGANIZATIONS).map(OrganizationId::new);
        commands.extend(
            organizations.map(|organization| Command::RegisterAccessKey { organization, key: key_of(organization) }),
        );
    }
    for number in 1..=SITES {
        let (region, country) = rng.pick_or(&[("us-east", "US"), ("eu-north", "SE")], ("us-east", "US"));
        let (Some(region), Some(country)) = (Region::new(region), Country::new(country)) else { continue };
        commands.push(Command::CreateSite {
            organization: provider_of(number),
            name: format!("Site {number}"),
            region,
            country,
            power_w: None,
            pue_milli: None,
        });
    }
    for number in 1..=SITES.saturating_mul(PRODUCTS) {
        let product = 1_i64.saturating_add(number.rem_euclid(PRODUCTS));
        commands.push(listing(rng, number, product, BEGINNING.first_open_minute()));
    }
    commands
}

/// Returns terms by which slots close soon and nothing defaults by itself.
fn terms() -> ContractTerms {
    let never = 100_000;
    ContractTerms {
        default_after_minutes: never,
        outage_default_minutes: never,
        close_after_minutes: CLOSE_AFTER_MINUTES,
        notice_minutes: 0,
        ..ContractTerms::default()
    }
}

/// Returns the public key of an organization.
pub(super) fn key_of(organization: OrganizationId) -> String {
    format!("age1organization{organization}")
}

/// Returns a listing at one of the sites.
pub(super) fn listing(rng: &mut Rng, number: i64, product: i64, from: Minute) -> Command {
    let site = 1_i64.saturating_add(number.rem_euclid(SITES));
    let start = from.plus(rng.between(2, 40));
    Command::CreateListing {
        organization: provider_of(site),
        site: SiteId::new(site),
        product: ProductId::new(product),
        gpus: 8_u32.saturating_mul(rng.between(1, 4)),
        start,
        end: start.plus(rng.between(120, 400)),
        gpus_per_node: 8,
        interconnect: rng.pick_or(Interconnect::ALL, Interconnect::Unspecified),
        sla_class: rng.pick_or(SlaClass::ALL, SlaClass::None),
        resale_allowed: rng.chance(900),
        rights: crate::exchange::rights::Rights::default(),
    }
}

const fn provider_of(site: i64) -> OrganizationId {
    OrganizationId::new(1_i64.saturating_add(site.rem_euclid(2)))
}
