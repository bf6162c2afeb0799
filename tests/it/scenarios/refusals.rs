//! One row for each refusal: the last line is refused with it.

use std::collections::BTreeSet;

use gpubourse::exchange::Reject;

use super::script::Market;

const ROWS: &[(Reject, &str)] = &[
    (Reject::RoleRequired, "list X 1 8 0..100 roce none"),
    (Reject::NotFound, "ask A 8 @3 60..120; cancel B 1"),
    (Reject::UnknownProduct, "bid X 1 @3 60..120 product=9"),
    (Reject::UnknownRequirement, "bid X 1 @3 60..120 countries=us"),
    (Reject::InvalidGpus, "bid X 0 @3 60..120"),
    (Reject::InvalidLot, "bid X 3 @3 60..120 lot=2"),
    (Reject::InvalidMinMinutes, "ask A 8 @3 60..120 min=0"),
    (Reject::InvalidPrice, "bid X 1 @0 60..120"),
    (Reject::OffTick, "bid X 1 @3.0001 60..120"),
    (Reject::InvalidWindow, "bid X 1 @3 120..60"),
    (Reject::WindowInPast, "bid X 1 @3 0..60"),
    (Reject::OutOfRange, "bid X 1000000 @1000000 60..9000"),
    (Reject::InvalidCombination, "bid X 1 @3 60..120 same_site"),
    (Reject::InvalidExpiry, "bid X 1 @3 60..120 gtd until=0"),
    (Reject::MarketHalted, "halt 1; bid X 1 @3 60..120"),
    (Reject::OrganizationSuspended, "suspend X; bid X 1 @3 60..120"),
    (Reject::SourceNotLive, "ask A 8 @3 60..120; bid X 8 @3 60..120; end 1 recalled; ask X 8 @3 60..120 from=C1"),
    (Reject::ResaleNotAllowed, "ask B 8 @3 60..120 from=L4; bid X 8 @3 60..120; ask X 8 @3 60..120 from=C1"),
    (
        Reject::ChainTooDeep,
        "ask A 8 @3 60..120; bid X 8 @3 60..120; ask X 8 @3 60..120 from=C1; bid Y 8 @3 60..120;
         ask Y 8 @3 60..120 from=C2; bid X 8 @3 60..120; ask X 8 @3 60..120 from=C3; bid Y 8 @3 60..120;
         ask Y 8 @3 60..120 from=C4; bid X 8 @3 60..120; ask X 8 @3 60..120 from=C5; bid Y 8 @3 60..120;
         ask Y 8 @3 60..120 from=C6; bid X 8 @3 60..120; ask X 8 @3 60..120 from=C7; bid Y 8 @3 60..120;
         ask Y 8 @3 60..120 from=C8",
    ),
    (Reject::OutsideSourceWindow, "ask A 8 @3 60..10001"),
    (Reject::InsufficientCapacity, "ask A 1500 @3 60..120; ask A 501 @3 119..200"),
    (Reject::BelowMinMinutes, "ask A 8 @3 60..120 min=61"),
    (Reject::WindowFixed, "ask A 1 @3 60..120; bid X 2 @3 60..120; amend X 2 end=121"),
    (Reject::BelowSold, "ask A 8 @3 60..120; bid X 4 @3 60..90; amend A 1 gpus=3"),
    (Reject::PostOnlyWouldTrade, "ask A 8 @3 60..120; bid X 1 @3 60..120 post_only"),
    (Reject::InsufficientFunds, "bid Z 1 @3 60..120"),
    (Reject::ClientOrderIdReused, "bid X 1 @3 60..120 id=mine; bid X 1 @4 60..120 id=mine"),
    (Reject::OrderNotOpen, "bid X 1 @3 60..120; cancel X 1; cancel X 1"),
    (Reject::IdempotencyKeyReused, "deposit X 5 key=k; deposit X 6 key=k"),
    (Reject::SymbolTaken, "product gpu 0.01 0"),
    (Reject::InvalidText, "deposit X 5 reference="),
    (Reject::InvalidAmount, "deposit X 0"),
    (Reject::InvalidTerms, "product new 0 0"),
    (Reject::TimeBackwards, "advance 5; advance 4"),
    (Reject::ContractNotLive, "ask A 8 @3 60..120; bid X 8 @3 60..120; end 1 recalled; end 1 recalled"),
    (Reject::UnknownRules, "rules 2"),
];

#[test]
fn every_refusal_is_given_and_changes_nothing() {
    for (reject, script) in ROWS {
        let mut market = Market::new();
        let lines: Vec<&str> = script.split(';').map(str::trim).collect();
        let (last, first) = lines.split_last().unwrap();
        for line in first {
            let told = market.play(line);
            assert!(!told.iter().any(|line| line.starts_with("refused")), "{reject:?}: {line}: {told:?}");
        }
        assert_eq!(market.play(last), [format!("refused: {}", reject.code())], "{script}");
    }
    let rows: BTreeSet<Reject> = ROWS.iter().map(|(reject, _)| *reject).collect();
    assert_eq!(rows, Reject::of_market().collect());
}

/// Where two refusals apply, the earlier one in the order of design 3.3 is given.
#[test]
fn the_first_refusal_that_applies_is_given() {
    for (script, code) in [
        ("bid X 0 @0 120..60 product=9", "unknown_product"),
        ("bid X 0 @0 120..60 sites=77", "unknown_requirement"),
        ("bid X 0 @0 120..60 lot=2", "invalid_gpus"),
        ("bid X 3 @0 120..60 lot=2", "invalid_lot"),
        ("bid X 3 @0.0001 120..60", "off_tick"),
        ("bid X 3 @1 120..60 same_site", "invalid_window"),
        ("bid Z 3 @1 0..60 same_site", "window_in_past"),
        ("bid Z 3 @1 60..120 same_site gtd", "invalid_combination"),
        ("bid Z 3 @1 60..120 gtd", "invalid_expiry"),
        ("ask A 0 @0 60..20000 min=0", "invalid_gpus"),
        ("ask A 8 @0 60..20000 min=0", "invalid_min_minutes"),
        ("ask A 9000 @1 60..20000 min=30000", "outside_source_window"),
        ("ask A 9000 @1 60..120 min=30000", "insufficient_capacity"),
    ] {
        assert_eq!(Market::new().play(script), [format!("refused: {code}")], "{script}");
    }
}
