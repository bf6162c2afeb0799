use super::*;
use crate::types::{ContractId, ListingId};
use proptest::prelude::*;

const HOUR: i64 = 60 * 60 * 1_000;
const PRODUCT: ProductId = ProductId::new(1);

fn at(hours: i64) -> Timestamp {
    Timestamp::from_millis(hours * HOUR)
}

fn price(cents: i64) -> Price {
    Price::from_micros(cents * 10_000)
}

fn placed(order: i64, owner: i64, listing: i64, cents: i64, hours: i64) -> Step {
    let quote = Quote {
        organization: OrganizationId::new(owner),
        source: Source::Listing(ListingId::new(listing)),
        product: PRODUCT,
        site: SiteId::new(listing),
        price: price(cents),
        since: at(hours),
    };
    Step::Placed(OrderId::new(order), quote)
}

fn amended(order: i64, cents: i64, hours: i64) -> Step {
    Step::Amended(OrderId::new(order), price(cents), at(hours))
}

fn cancelled(order: i64, hours: i64) -> Step {
    Step::Cancelled(OrderId::new(order), at(hours))
}

fn found(steps: &[Step]) -> Vec<(i64, i64, i64)> {
    let mut spells = Spells::default();
    steps.iter().for_each(|step| spells.take(*step));
    let all = spells.repricings(PRODUCT, Timestamp::from_millis(-1));
    all.map(|(_, row)| (row.stood_ms / HOUR, row.from.micros() / 10_000, row.to.micros() / 10_000)).collect()
}

#[test]
fn a_price_stands_until_it_is_amended_to_another() {
    let steps = [placed(1, 1, 1, 200, 0), amended(1, 200, 10), amended(1, 190, 24), amended(1, 210, 36)];
    assert_eq!(found(&steps), [(24, 200, 190), (12, 190, 210)]);
    assert_eq!(found(&[amended(9, 100, 1), cancelled(9, 2)]), []);
}

#[test]
fn an_ask_replaces_one_that_was_cancelled_within_a_day() {
    let later = |hours: i64| [placed(1, 1, 1, 200, 0), cancelled(1, 30), placed(2, 1, 1, 180, 30 + hours)];
    assert_eq!(found(&later(0)), [(30, 200, 180)]);
    assert_eq!(found(&later(24)), [(54, 200, 180)]);
    assert_eq!(found(&later(25)), []);
    // Somebody else's ask, or one on another listing, replaces nothing; nor does a second ask beside the first.
    for other in [placed(2, 2, 1, 180, 31), placed(2, 1, 2, 180, 31)] {
        assert_eq!(found(&[placed(1, 1, 1, 200, 0), cancelled(1, 30), other]), []);
    }
    assert_eq!(found(&[placed(1, 1, 1, 200, 0), placed(2, 1, 1, 180, 30)]), []);
    // A ladder taken down and put up again one rung lower: $2 goes on standing, $2.10 became $1.90.
    let ladder = [
        placed(1, 1, 1, 200, 0),
        placed(2, 1, 1, 210, 0),
        cancelled(1, 5),
        cancelled(2, 5),
        placed(3, 1, 1, 200, 6),
        placed(4, 1, 1, 190, 6),
        amended(3, 180, 10),
    ];
    assert_eq!(found(&ladder), [(6, 210, 190), (10, 200, 180)]);
}

#[test]
fn what_is_older_than_the_days_that_count_is_forgotten() {
    let days = 24 * REPRICED_DAYS;
    let steps = [placed(1, 1, 1, 200, 0), amended(1, 190, 1), amended(1, 180, 2), amended(1, 170, 1 + days + 1)];
    assert_eq!(found(&steps), [(1, 190, 180), (days, 180, 170)]);
}

#[test]
fn stickiness_by_hand() {
    let change =
        |hours: i64, from, to| Repricing { at: at(0), stood_ms: hours * HOUR, from: price(from), to: price(to) };
    let ask = |owner: i64, cents, paid: Option<i64>, hours: i64| StandingAsk {
        ask: SourcedAsk {
            organization: OrganizationId::new(owner),
            price: price(cents),
            offered: GpuMinutes::new(60),
            bought_at: paid.map(price),
        },
        stood_ms: hours * HOUR,
    };
    let asks =
        [ask(1, 241, None, 24), ask(2, 300, Some(300), 48), ask(3, 250, Some(300), 72), ask(4, 220, Some(190), 96)];
    let changes = [change(12, 200, 190), change(36, 200, 210), change(60, 100, 50), change(90, 200, 100)];
    let found = stickiness(&changes, &asks, Some(price(200)));
    let text = |ratio: Option<Ratio>| ratio.unwrap().to_string();
    assert_eq!((found.repricings, found.cuts, text(found.median_days)), (4, 3, "1.5000".to_owned()));
    // -50 %, -50 %, -5 %, +5 %: the lower middle. Standing: 1, 2, 3 and 4 days.
    assert_eq!(
        (text(found.median_change), text(found.median_standing_days)),
        ("-0.5000".to_owned(), "2.0000".to_owned())
    );
    // Above $2.40: $2.41, $3 and $2.50. Two resellers paid more than $2, and one of them asks what it paid.
    assert_eq!(found.sources.above_index.unwrap().get(), 180);
    assert_eq!((found.held_at_cost.unwrap().get(), text(found.held_at_cost_share)), (60, "0.5000".to_owned()));
    let nothing = stickiness(&[], &[], None);
    assert_eq!((nothing.median_days, nothing.median_change, nothing.held_at_cost), (None, None, None));
    assert_eq!((nothing.median_standing_days, nothing.held_at_cost_share), (None, None));
}

/// The repricings of steps, each found by looking back over all of them.
fn naive(steps: &[Step]) -> Vec<(i64, Price, Price)> {
    let mut found = Vec::new();
    let mut used: Vec<OrderId> = Vec::new();
    // Since when each ask placed stood at its first price.
    let mut since: Vec<(OrderId, Timestamp)> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let past = &steps[..place];
        let placing = |id: OrderId| {
            steps.iter().find_map(|step| match step {
                Step::Placed(order, quote) if *order == id => Some(*quote),
                _ => None,
            })
        };
        let ended =
            |id: OrderId, past: &[Step]| past.iter().any(|step| matches!(step, Step::Cancelled(o, _) if *o == id));
        let standing = |id: OrderId, past: &[Step], since: &[(OrderId, Timestamp)]| {
            let first = since.iter().find(|(order, _)| *order == id)?.1;
            let mut now = (placing(id)?.price, first);
            for step in past {
                if let Step::Amended(order, price, at) = step
                    && *order == id
                    && *price != now.0
                {
                    now = (*price, *at);
                }
            }
            Some(now)
        };
        match step {
            Step::Amended(id, to, at) if !ended(*id, past) => {
                if let Some((from, stood)) = standing(*id, past, &since)
                    && from != *to
                {
                    found.push((at.millis() - stood.millis(), from, *to));
                }
            }
            Step::Placed(id, quote) => {
                let mut candidates: Vec<(OrderId, Price, Timestamp)> = Vec::new();
                for (index, step) in past.iter().enumerate() {
                    let Step::Cancelled(old, at) = step else { continue };
                    let Some(was) = placing(*old) else { continue };
                    let twice = ended(*old, &past[..index]);
                    let before = past
                        .iter()
                        .position(|step| matches!(step, Step::Placed(o, _) if o == old))
                        .is_some_and(|at| at < index);
                    let fresh = at.millis() >= quote.since.millis() - REPLACED_WITHIN_MS;
                    let same = (was.organization, was.source) == (quote.organization, quote.source);
                    if before && !twice && fresh && same && !used.contains(old) {
                        let (price, stood) = standing(*old, &past[..index], &since).unwrap();
                        candidates.push((*old, price, stood));
                    }
                }
                let best = candidates.iter().find(|(_, price, _)| *price == quote.price).or(candidates.first());
                let mut stood = quote.since;
                if let Some((old, price, was_since)) = best {
                    used.push(*old);
                    if *price == quote.price {
                        stood = *was_since;
                    } else {
                        found.push((quote.since.millis() - was_since.millis(), *price, quote.price));
                    }
                }
                since.push((*id, stood));
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #[test]
    fn spells_are_what_looking_back_finds(
        steps in prop::collection::vec((0u8..3, 1i64..8, 1i64..3, 1i64..3, 1i64..5, 0i64..20), 1..60),
    ) {
        let (mut hours, mut next, mut made) = (0, 1, Vec::new());
        for (what, order, owner, listing, cents, passed) in steps {
            hours += passed;
            made.push(match what {
                0 => {
                    next += 1;
                    placed(next - 1, owner, listing, cents, hours)
                }
                // What was not placed yet is neither amended nor cancelled.
                1 if order < next => amended(order, cents, hours),
                2 if order < next => cancelled(order, hours),
                _ => continue,
            });
        }
        let mut spells = Spells::default();
        made.iter().for_each(|step| spells.take(*step));
        let all = spells.repricings(PRODUCT, Timestamp::from_millis(-1));
        let mut incremental: Vec<_> = all.map(|(_, row)| (row.stood_ms, row.from, row.to)).collect();
        let mut expected = naive(&made);
        incremental.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(incremental, expected);
    }

    #[test]
    fn a_source_of_resale_is_a_source_like_any_other(cents in 1i64..400, hours in 1i64..100) {
        let quote = |price, since| Quote {
            organization: OrganizationId::new(1),
            source: Source::Contract(ContractId::new(1)),
            product: PRODUCT,
            site: SiteId::new(1),
            price,
            since,
        };
        let mut spells = Spells::default();
        spells.take(Step::Placed(OrderId::new(1), quote(price(cents), at(0))));
        spells.take(cancelled(1, hours));
        spells.take(Step::Placed(OrderId::new(2), quote(price(cents + 1), at(hours))));
        let found: Vec<i64> = spells.repricings(PRODUCT, Timestamp::from_millis(-1)).map(|(_, row)| row.stood_ms).collect();
        prop_assert_eq!(found, [hours * HOUR]);
        prop_assert_eq!(spells.since(OrderId::new(2)), Some(at(hours)));
    }
}
