use super::*;
use crate::importers::plan::{Assumptions, Plan, plan};
use crate::types::{Country, Interconnect, Minute, Price, Region, SlaClass, Symbol};

fn offer(provider: &str, site: &str) -> Offer {
    Offer {
        row: 1,
        provider: provider.to_owned(),
        site: site.to_owned(),
        product: Symbol::new("h100-sxm-80gb").unwrap(),
        region: Region::new("italy"),
        country: Country::new("IT"),
        gpus: Some(8),
        start: None,
        end: Some(Minute::parse("2026-05-01T00:00:00Z").unwrap()),
        price: Price::from_micros(1_940_001),
        lot: 2,
        gpus_per_node: Some(8),
        interconnect: Interconnect::Unspecified,
        sla_class: SlaClass::P98,
        external_id: format!("{provider}/{site}"),
    }
}

fn assumptions(gpus: Option<u32>, days: Option<u32>) -> Assumptions {
    let now = Timestamp::parse("2026-03-01T12:00:30Z").unwrap();
    Assumptions { gpus, days, now, tick: Price::from_micros(1_000) }
}

fn refused(plan: &Plan) -> Vec<RefusalCode> {
    plan.refused.iter().map(|refused| refused.refusal.code).collect()
}

#[test]
fn offers_become_listings_and_asks_at_shared_sites() {
    let offers = [offer("a", "x"), offer("b", "x"), offer("a", "x"), offer("a", "y")];
    let plan = plan(&offers, &assumptions(None, None));
    assert_eq!(plan.organizations, ["a", "b"]);
    let sites: Vec<_> = plan.sites.iter().map(|site| (site.organization, site.name.as_str())).collect();
    assert_eq!(sites, [(0, "x"), (1, "x"), (0, "y")]);
    assert_eq!(plan.listings.iter().map(|listing| listing.site).collect::<Vec<_>>(), [0, 1, 0, 2]);
    let listing = &plan.listings[0];
    assert_eq!((listing.gpus, listing.lot, listing.price.micros()), (8, 2, 1_941_000));
    assert_eq!(listing.start.to_rfc3339(), "2026-03-01T12:01:00Z");
    assert_eq!(listing.end.to_rfc3339(), "2026-05-01T00:00:00Z");
    assert_eq!((plan.used.rounded, plan.used.gpus, plan.used.days, plan.products.len()), (4, 0, 0, 1));
}

#[test]
fn what_is_lacking_is_assumed_only_if_allowed() {
    let no_gpus = Offer { gpus: None, ..offer("a", "x") };
    let no_end = Offer { end: None, ..offer("a", "x") };
    let bare = Offer { region: None, country: None, gpus_per_node: None, ..offer("a", "z") };
    let offers = [no_gpus, no_end, bare];
    let strict = plan(&offers, &assumptions(None, None));
    assert_eq!(refused(&strict), [RefusalCode::NoQuantity, RefusalCode::NoEnd]);
    assert_eq!((strict.used.place_unstated, strict.used.node_unstated), (1, 1));
    assert_eq!((strict.sites[0].region.as_str(), strict.sites[0].country.as_str()), ("unspecified", "ZZ"));

    let lax = plan(&offers, &assumptions(Some(16), Some(30)));
    assert!(lax.refused.is_empty());
    assert_eq!((lax.used.gpus, lax.used.days), (1, 1));
    let lines = lax.used.lines(&assumptions(Some(16), Some(30)));
    assert_eq!(
        lines[..2],
        ["1 offers state no quantity: 16 GPUs assumed, in whole lots", "1 offers state no end: 30 days assumed"]
    );
    assert_eq!(lines.len(), 5);
    assert_eq!((lax.listings[0].gpus, lax.listings[1].gpus), (16, 8));
    assert_eq!(lax.listings[1].end.to_rfc3339(), "2026-03-31T12:01:00Z");
}

#[test]
fn an_assumed_quantity_is_whole_lots_or_nothing() {
    let lots_of = |lot| Offer { gpus: None, lot, ..offer("a", "x") };
    let plan = plan(&[lots_of(3), lots_of(10)], &assumptions(Some(8), None));
    assert_eq!(plan.listings.iter().map(|listing| listing.gpus).collect::<Vec<_>>(), [6]);
    assert_eq!(refused(&plan), [RefusalCode::QuantityBelowLot]);
}

#[test]
fn what_is_over_is_refused() {
    let now = Minute::parse("2026-03-01T12:01:00Z").unwrap();
    let ends = |end| Offer { end: Some(end), ..offer("a", "x") };
    let plan = plan(&[ends(now), ends(now.plus(1))], &assumptions(None, Some(30)));
    assert_eq!((refused(&plan), plan.listings.len()), (vec![RefusalCode::Ended], 1));
    assert_eq!(plan.organizations.len(), 1);
}
