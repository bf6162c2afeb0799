use super::*;

const DAY: Day = Day::new(20_000);

/// (buyer, seller, GPU-hours, micro-USD)
fn trades(rows: &[(i64, i64, u64, i64)]) -> Vec<DayTrade> {
    let trade = |(number, (buyer, seller, hours, micros)): (i64, &(i64, i64, u64, i64))| DayTrade {
        trade: TradeId::new(number),
        buyer: OrganizationId::new(*buyer),
        seller: OrganizationId::new(*seller),
        gpu_minutes: hours * 60,
        price: Price::from_micros(*micros),
        recalled: false,
    };
    (1..).zip(rows).map(trade).collect()
}

fn asks(rows: &[(i64, u32, bool)]) -> Vec<RestingAsk> {
    let ask = |(number, (micros, gpus, primary)): (i64, &(i64, u32, bool))| RestingAsk {
        order: OrderId::new(number),
        price: Price::from_micros(*micros),
        gpus: *gpus,
        primary: *primary,
    };
    (1..).zip(rows).map(ask).collect()
}

fn micros(rows: &[(i64, i64, u64, i64)]) -> i64 {
    let fix = fix(DAY, &trades(rows), &[], None).unwrap().unwrap();
    assert!(!fix.thin);
    fix.price.micros()
}

#[test]
fn the_mean_is_weighted_by_gpu_hours() {
    // Five pairs of 20 GPU-hours each: no cut. (2.00 + 2.01 + 2.02 + 2.03 + 2.04) / 5
    let rows = [
        (1, 9, 20, 2_000_000),
        (2, 9, 20, 2_010_000),
        (3, 9, 20, 2_020_000),
        (4, 9, 20, 2_030_000),
        (5, 9, 20, 2_040_000),
    ];
    assert_eq!(micros(&rows), 2_020_000);
    // Weights 10, 20, 20, 25, 25 of 100, none above a quarter: (20 + 40.2 + 40.4 + 50.75 + 51) / 100
    let rows = [
        (1, 9, 10, 2_000_000),
        (2, 9, 20, 2_010_000),
        (3, 9, 20, 2_020_000),
        (4, 9, 25, 2_030_000),
        (5, 9, 25, 2_040_000),
    ];
    assert_eq!(micros(&rows), 2_023_500);
}

#[test]
fn a_price_far_from_the_median_is_out() {
    // m = 2.00, |p - m| = 0, 0, 0.01, 0.01, 0.02, 6: MAD 0.01, 1 % of m 0.02, so d = 0.02 and the limit 0.06.
    let mut rows = vec![
        (1, 9, 10, 2_000_000),
        (2, 9, 10, 2_000_000),
        (3, 9, 10, 1_990_000),
        (4, 9, 10, 2_010_000),
        (5, 9, 10, 2_020_000),
    ];
    rows.push((6, 9, 1_000, 8_000_000));
    let found = fix(DAY, &trades(&rows), &[], None).unwrap().unwrap();
    assert_eq!(found.price.micros(), 2_004_000);
    let numbers = |from: i64, to: i64| (from..=to).map(TradeId::new).collect::<Vec<_>>();
    assert_eq!(found.inputs, Inputs::Trades { used: numbers(1, 5), dropped: numbers(6, 6) });
    assert_eq!((found.rule_version, found.thin, found.day), (1, false, DAY));
}

#[test]
fn exactly_three_deviations_stay_in() {
    let with_last = |last: i64| {
        let rows = [
            (1, 9, 1, 1_000_000),
            (2, 9, 1, 1_000_000),
            (3, 9, 1, 1_000_000),
            (4, 9, 1, 1_000_000),
            (5, 9, 1, 1_000_000),
            (6, 9, 1, last),
        ];
        match fix(DAY, &trades(&rows), &[], None).unwrap().unwrap().inputs {
            Inputs::Trades { dropped, .. } => dropped.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((with_last(1_030_000), with_last(1_030_001)), (0, 1));
    assert_eq!((with_last(970_000), with_last(969_999)), (0, 1));
}

#[test]
fn one_pair_weighs_no_more_than_a_quarter() {
    // 160 GPU-hours, a quarter is 40. The pair (1, 9) has 120 at a mean of (60 * 2.00 + 60 * 2.02) / 120 = 2.01 and
    // counts 40; the others count 10 each: (40 * 2.01 + 10 * (2.00 + 2.02 + 2.04 + 2.00)) / 80 = 161.0 / 80
    let rows = [
        (1, 9, 60, 2_000_000),
        (1, 9, 60, 2_020_000),
        (2, 9, 10, 2_000_000),
        (3, 9, 10, 2_020_000),
        (4, 9, 10, 2_040_000),
        (5, 9, 10, 2_000_000),
    ];
    assert_eq!(micros(&rows), 2_012_500);
    // Buyer and seller changed round are another pair.
    let rows = [
        (1, 9, 60, 2_000_000),
        (9, 1, 60, 2_020_000),
        (2, 9, 10, 2_000_000),
        (3, 9, 10, 2_020_000),
        (4, 9, 10, 2_040_000),
        (5, 9, 10, 2_000_000),
    ];
    // (40 * 2.00 + 40 * 2.02 + 80.6) / 120 = 241.4 / 120 = 2.0116666...
    assert_eq!(micros(&rows), 2_011_667);
}

#[test]
fn a_mean_rounds_half_up() {
    let rows = [
        (1, 9, 1, 1_000_000),
        (2, 9, 1, 1_000_000),
        (3, 9, 1, 1_000_000),
        (4, 9, 1, 1_000_001),
        (5, 9, 1, 1_000_001),
        (6, 9, 1, 1_000_001),
    ];
    assert_eq!(micros(&rows), 1_000_001);
}

#[test]
fn thin_days_look_at_asks_and_then_back() {
    let four = [(1, 9, 1, 2_000_000), (2, 9, 1, 2_000_000), (3, 9, 1, 2_000_000), (4, 9, 1, 2_000_000)];
    let book = asks(&[(3_000_000, 8, true), (2_500_000, 4, true), (1_000_000, 100, false), (4_000_000, 2, true)]);
    let thin = fix(DAY, &trades(&four), &book, None).unwrap().unwrap();
    assert_eq!((thin.price.micros(), thin.thin), (3_000_000, true));
    assert_eq!(thin.inputs, Inputs::Asks(vec![OrderId::new(1), OrderId::new(2), OrderId::new(4)]));

    let carried =
        fix(DAY.next(), &trades(&four), &asks(&[(1, 1, false)]), Some((thin.day, thin.price))).unwrap().unwrap();
    assert_eq!((carried.price, carried.thin, carried.inputs), (thin.price, true, Inputs::Carried(DAY)));
    assert_eq!(fix(DAY, &[], &[], None), Ok(None));
}

#[test]
fn two_pairs_or_recalled_trades_make_a_thin_day() {
    let two_pairs =
        [(1, 9, 1, 2_000_000), (1, 9, 1, 2_000_000), (1, 9, 1, 2_000_000), (2, 9, 1, 2_000_000), (2, 9, 1, 2_000_000)];
    assert_eq!(fix(DAY, &trades(&two_pairs), &[], None), Ok(None));

    let mut five = trades(&[
        (1, 9, 1, 2_000_000),
        (2, 9, 1, 2_000_000),
        (3, 9, 1, 2_000_000),
        (4, 9, 1, 2_000_000),
        (5, 9, 1, 2_000_000),
    ]);
    assert!(fix(DAY, &five, &[], None).unwrap().is_some());
    five[0].recalled = true;
    assert_eq!(fix(DAY, &five, &[], None), Ok(None));
}

#[test]
fn the_largest_trades_there_are_do_not_overflow() {
    let largest = |buyer| (buyer, 9, 1_000_000 * 10 * 366 * 24, 1_000_000_000_000);
    assert_eq!(micros(&[largest(1), largest(2), largest(3), largest(4), largest(5)]), 1_000_000_000_000);
}
