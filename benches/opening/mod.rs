//! The market both benchmarks of the whole exchange begin with.

use gpubourse::exchange::Command;
use gpubourse::types::{
    Country, Interconnect, Money, OrganizationId, OrganizationKind, Price, ProductId, Region, SiteId, SlaClass, Symbol,
    Window,
};

pub const PROVIDER: OrganizationId = OrganizationId::new(1);
pub const RENTER: OrganizationId = OrganizationId::new(2);

/// Returns the commands that register a provider with 1,000 listings over a window and a renter with money.
pub fn opening(window: Window) -> Vec<Command> {
    let register = |kind| Command::RegisterOrganization { name: "bench".to_owned(), organization_kind: kind };
    let mut commands = vec![
        register(OrganizationKind::Provider),
        register(OrganizationKind::Renter),
        Command::CreateProduct {
            symbol: Symbol::new("h100-sxm-80gb").unwrap(),
            name: "H100 SXM 80 GB".to_owned(),
            tick: Price::from_micros(1_000),
            fee_bps: 100,
        },
        Command::CreateSite {
            organization: PROVIDER,
            name: "bench".to_owned(),
            region: Region::new("us-central1").unwrap(),
            country: Country::new("US").unwrap(),
            power_w: None,
            pue_milli: None,
        },
        Command::Deposit {
            organization: RENTER,
            amount: Money::from_micros(1_000_000_000_000_000),
            reference: "bench".to_owned(),
        },
    ];
    commands.extend((0..1_000).map(|_| Command::CreateListing {
        organization: PROVIDER,
        site: SiteId::new(1),
        product: ProductId::new(1),
        gpus: 1_000_000,
        start: window.start,
        end: window.end,
        gpus_per_node: 8,
        interconnect: Interconnect::Infiniband,
        sla_class: SlaClass::None,
        resale_allowed: true,
        rights: gpubourse::exchange::rights::Rights::default(),
    }));
    commands
}
