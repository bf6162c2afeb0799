use std::collections::BTreeSet;

use super::cancels::{CANCELLED_MIN, Cancelling, Placed, cancellings};
use super::fixes::{Inputs, LEFT_OUT_MAX, Left, MOVED_BPS, Mover, movers};
use super::pairs::{ROUND_TRIP_MS, WashPair, wash_pairs};
use super::*;
use crate::market::index::{RestingAsk, fix};
use crate::market::{Day, Ratio};
use crate::types::{Money, OrderId, OrganizationId, Price, Side, TradeId};
use proptest::prelude::*;

const HOUR: i64 = 60 * 60 * 1_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_millis(hours * HOUR)
}

fn cents(cents: i64) -> Price {
    Price::from_micros(cents * 10_000)
}

fn organization(number: i64) -> OrganizationId {
    OrganizationId::new(number)
}

fn day_trade(number: i64, seller: i64, buyer: i64, gpu_hours: u64, price: Price) -> DayTrade {
    DayTrade {
        trade: TradeId::new(number),
        seller: organization(seller),
        buyer: organization(buyer),
        gpu_minutes: gpu_hours * 60,
        price,
        recalled: false,
    }
}

/// (product, seller, buyer, GPU-hours, cents, hour), numbered from 1.
fn deals(rows: &[(i64, i64, i64, u64, i64, i64)]) -> Vec<Deal> {
    let deal = |(number, (product, seller, buyer, hours, price, hour)): (i64, &(i64, i64, i64, u64, i64, i64))| Deal {
        at: at(*hour),
        product: ProductId::new(*product),
        trade: day_trade(number, *seller, *buyer, *hours, cents(*price)),
        contract: ContractId::new(number),
    };
    (1..).zip(rows).map(deal).collect()
}

#[test]
fn a_pair_sells_both_ways_and_takes_back() {
    // 1 sells 10 h to 2, which sells 4 h and then 8 h back within a day; 3 buys from both and sells to nobody.
    let all = deals(&[
        (1, 1, 2, 10, 200, 0),
        (1, 2, 1, 4, 210, 5),
        (1, 2, 1, 8, 190, 20),
        (1, 1, 3, 12, 200, 21),
        (1, 2, 3, 6, 200, 22),
        (2, 2, 1, 100, 200, 23),
    ]);
    let found = wash_pairs(&all).unwrap();
    let [pair] = found.as_slice() else { panic!("{found:?}") };
    let WashPair { product, first, second, sold, bought, round_trips, returned, share, contracts } = pair.clone();
    assert_eq!((product, first, second), (ProductId::new(1), organization(1), organization(2)));
    assert_eq!(
        (sold.trades, sold.amount.hours(), sold.value),
        (1, "10.0000".to_owned(), Money::from_micros(20_000_000))
    );
    // 4 h at $2.10 and 8 h at $1.90.
    assert_eq!(
        (bought.trades, bought.amount.hours(), bought.value),
        (2, "12.0000".to_owned(), Money::from_micros(23_600_000))
    );
    // 4 h and then 6 of the 8 h are what 1 had sold.
    assert_eq!((round_trips, returned.hours()), (2, "10.0000".to_owned()));
    // 22 h with each other, of 22 h and 18 h sold to 3.
    assert_eq!(share.unwrap().to_string(), "0.5500");
    assert_eq!(contracts, [3, 2, 1].map(ContractId::new));
}

#[test]
fn what_comes_back_later_than_a_day_is_no_round_trip() {
    let after = |hours: i64| {
        let pair = wash_pairs(&deals(&[(1, 1, 2, 10, 200, 0), (1, 2, 1, 10, 200, hours)])).unwrap();
        (pair[0].round_trips, pair[0].returned.hours())
    };
    assert_eq!(ROUND_TRIP_MS, 24 * HOUR);
    assert_eq!((after(24), after(25)), ((1, "10.0000".to_owned()), (0, "0.0000".to_owned())));
}

#[test]
fn recalled_trades_and_one_way_trade_make_no_pair() {
    let mut both = deals(&[(1, 1, 2, 10, 200, 0), (1, 2, 1, 10, 200, 1)]);
    assert_eq!(wash_pairs(&both).unwrap().len(), 1);
    both[1].trade.recalled = true;
    assert_eq!(wash_pairs(&both), Ok(vec![]));
    assert_eq!(wash_pairs(&deals(&[(1, 1, 2, 10, 200, 0), (2, 2, 1, 10, 200, 1)])), Ok(vec![]), "not one product");
    assert_eq!(wash_pairs(&[]), Ok(vec![]));
}

/// Round trips, each found by looking back over all deals of a pair.
fn naive_returned(deals: &[Deal], product: ProductId, one: OrganizationId, other: OrganizationId) -> (u64, u64) {
    let parties = BTreeSet::from([one, other]);
    let of_pair = |deal: &&Deal| {
        deal.product == product
            && !deal.trade.recalled
            && BTreeSet::from([deal.trade.seller, deal.trade.buyer]) == parties
    };
    let mine: Vec<&Deal> = deals.iter().filter(of_pair).collect();
    let mut out: Vec<u64> = mine.iter().map(|deal| deal.trade.gpu_minutes).collect();
    let (mut trips, mut returned) = (0, 0);
    for later in 0..mine.len() {
        let before = returned;
        for earlier in 0..later {
            let is_opposite = mine[earlier].trade.seller != mine[later].trade.seller;
            if is_opposite && mine[later].at.millis() - mine[earlier].at.millis() <= ROUND_TRIP_MS {
                let back = out[earlier].min(out[later]);
                out[earlier] -= back;
                out[later] -= back;
                returned += back;
            }
        }
        trips += u64::from(returned > before);
    }
    (trips, returned)
}

proptest! {
    #[test]
    fn pairs_are_what_looking_back_finds(
        rows in prop::collection::vec((1i64..3, 1i64..4, 1i64..4, 1u64..6, 100i64..300, 0i64..14, any::<bool>()), 0..40),
    ) {
        let mut hour = 0;
        let mut all: Vec<Deal> = Vec::new();
        for (product, seller, buyer, hours, price, passed, recalled) in rows {
            hour += passed;
            if seller != buyer {
                let mut deal = deals(&[(product, seller, buyer, hours, price, hour)])[0];
                deal.trade.recalled = recalled && hours == 1;
                all.push(deal);
            }
        }
        let found = wash_pairs(&all).unwrap();
        let mut expected = 0;
        for product in [1, 2].map(ProductId::new) {
            for (one, other) in [(1, 2), (1, 3), (2, 3)].map(|(one, other)| (organization(one), organization(other))) {
                let sold = |seller, buyer| {
                    let rows = all.iter().filter(move |deal| {
                        (deal.product, deal.trade.seller, deal.trade.buyer, deal.trade.recalled) == (product, seller, buyer, false)
                    });
                    (rows.clone().count(), rows.map(|deal| deal.trade.gpu_minutes).sum::<u64>())
                };
                let ways = [sold(one, other), sold(other, one)];
                if ways.iter().any(|(count, _)| *count == 0) {
                    continue;
                }
                expected += 1;
                let pair = found.iter().find(|pair| (pair.product, pair.first, pair.second) == (product, one, other)).unwrap();
                let counted = [pair.sold, pair.bought].map(|sold| (usize::try_from(sold.trades).unwrap(), sold.amount.get()));
                prop_assert_eq!(counted, ways);
                prop_assert_eq!((pair.round_trips, pair.returned.get()), naive_returned(&all, product, one, other));
            }
        }
        prop_assert_eq!(found.len(), expected);
        prop_assert!(found.is_sorted_by_key(|pair| std::cmp::Reverse(pair.returned)));
    }
}

/// Organization, side, cents, placed, ended, cancelled, fills.
type Row = (i64, Side, i64, i64, Option<i64>, bool, u32);

/// Numbers rows from 1.
fn placed(rows: &[Row]) -> Vec<Placed> {
    let order = |(number, (owner, side, price, placed, ended, is_cancelled, fills)): (i64, &Row)| Placed {
        order: OrderId::new(number),
        organization: organization(*owner),
        product: ProductId::new(1),
        side: *side,
        price: cents(*price),
        placed_at: at(*placed),
        ended_at: ended.map(at),
        is_cancelled: *is_cancelled,
        fills: *fills,
    };
    (1..).zip(rows).map(order).collect()
}

#[test]
fn orders_near_the_best_are_counted_by_what_became_of_them() {
    let mut rows = vec![(9, Side::Ask, 200, 0, None, false, 0)];
    // At most 1.05 times $2: five at $2.10 that were cancelled after 1, 2, 3, 4 and 5 hours, one that was filled in part first,
    // one that expired.
    rows.extend((1..=5).map(|hours| (1, Side::Ask, 210, hours, Some(2 * hours), true, 0)));
    rows.push((1, Side::Ask, 205, 6, Some(7), true, 2));
    rows.push((1, Side::Ask, 205, 6, Some(7), false, 0));
    // Too dear to be near.
    rows.extend((1..=9).map(|_| (2, Side::Ask, 211, 8, Some(9), true, 0)));
    let found = cancellings(&placed(&rows), at(0));
    let [row] = found.as_slice() else { panic!("{found:?}") };
    let Cancelling { organization: owner, near, cancelled, filled, ratio, median_minutes, orders, .. } = row.clone();
    assert_eq!((owner, near, cancelled, filled), (organization(1), 7, 5, 1));
    assert_eq!(
        (ratio.unwrap().to_string(), median_minutes.unwrap().to_string()),
        ("5.0000".to_owned(), "180.0000".to_owned())
    );
    assert_eq!(orders, [6, 5, 4, 3, 2].map(OrderId::new));
    // From the second hour on there are four: too few for a hint.
    assert_eq!(cancellings(&placed(&rows), at(2)), []);
}

#[test]
fn the_best_is_what_rests_then() {
    // The only bid is the best; once it has ended, so is a bid at half its price. A side of its own for each product.
    let spoof = |from: i64| {
        (0..i64::try_from(CANCELLED_MIN).unwrap()).map(move |n| (1, Side::Bid, 100, from + n, Some(from + n), true, 0))
    };
    let mut rows = vec![(9, Side::Bid, 200, 0, Some(10), false, 0), (9, Side::Ask, 90, 0, None, false, 0)];
    rows.extend(spoof(5));
    assert_eq!(cancellings(&placed(&rows), at(0)), []);
    rows.extend(spoof(10));
    let found = cancellings(&placed(&rows), at(0));
    assert_eq!((found.len(), found[0].cancelled, found[0].ratio), (1, CANCELLED_MIN, None));
    // 0.95 times $2 is near it.
    let near = |price| {
        let mut rows = vec![(9, Side::Bid, 200, 0, None, false, 0)];
        rows.extend((0..5).map(|_| (1, Side::Bid, price, 1, Some(1), true, 0)));
        cancellings(&placed(&rows), at(0)).len()
    };
    assert_eq!((near(190), near(189)), (1, 0));
}

proptest! {
    #[test]
    fn near_orders_are_what_looking_at_all_others_finds(
        rows in prop::collection::vec((1i64..3, any::<bool>(), 90i64..110, 0i64..3, prop::option::of(0i64..6), any::<bool>(), 0u32..2), 0..60),
        since in 0i64..20,
    ) {
        let mut hour = 0;
        let rows: Vec<_> = rows.into_iter().map(|(owner, is_ask, price, passed, stood, cancelled, fills)| {
            hour += passed;
            (owner, if is_ask { Side::Ask } else { Side::Bid }, price, hour, stood.map(|stood| hour + stood), cancelled, fills)
        }).collect();
        let orders = placed(&rows);
        let found = cancellings(&orders, at(since));
        for owner in [1, 2].map(organization) {
            let near = |order: &&Placed| {
                let resting = orders.iter().filter(|other| {
                    other.order < order.order && other.side == order.side && other.ended_at.is_none_or(|end| end > order.placed_at)
                });
                let prices = resting.map(|other| other.price.micros());
                order.organization == owner && order.placed_at >= at(since) && match order.side {
                    Side::Ask => prices.min().is_none_or(|best| order.price.micros() * 100 <= best * 105),
                    Side::Bid => prices.max().is_none_or(|best| order.price.micros() * 100 >= best * 95),
                }
            };
            let near: Vec<&Placed> = orders.iter().filter(near).collect();
            let filled = near.iter().filter(|order| order.fills > 0).count();
            let gone = near.iter().filter(|order| order.fills == 0 && order.is_cancelled && order.ended_at.is_some()).count();
            let row = found.iter().find(|row| row.organization == owner);
            if u64::try_from(gone).unwrap() < CANCELLED_MIN {
                prop_assert_eq!(row, None);
                continue;
            }
            let counted = row.map(|row| (row.near, row.cancelled, row.filled));
            prop_assert_eq!(counted, Some((near.len(), gone, filled)).map(|(a, b, c)| {
                (u64::try_from(a).unwrap(), u64::try_from(b).unwrap(), u64::try_from(c).unwrap())
            }));
        }
    }
}

const TODAY: Day = Day::new(20_000);

fn inputs<'a>(trades: &'a [DayTrade], asks: &'a [RestingAsk], previous: Option<i64>) -> Inputs<'a> {
    let before = Day::new(TODAY.get() - 1);
    Inputs { day: TODAY, trades, asks, previous: previous.map(|price| (before, cents(price))) }
}

#[test]
fn a_trade_that_moved_the_fix_is_named_with_the_fix_without_it() {
    // Five trades of 10 GPU-hours at $2 and one of 10 at $2.06, the most that is not dropped: (5 * 2 + 2.06) / 6 = 2.01.
    let mut trades: Vec<DayTrade> = (1..=5).map(|n| day_trade(n, 9, n, 10, cents(200))).collect();
    trades.push(day_trade(6, 9, 6, 10, cents(206)));
    let (found, is_cut) = movers(&inputs(&trades, &[], None)).unwrap();
    assert!(!is_cut);
    let shape =
        |mover: &Mover| (mover.left_out, mover.without.map(Price::micros), mover.moved.map(|moved| moved.to_string()));
    let half = Some("0.0050".to_owned());
    // Without the seller of all there is no trade, no ask and no day before: nothing to fix the day from.
    assert_eq!(
        found.iter().map(shape).collect::<Vec<_>>(),
        [
            (Left::Organization(organization(9)), None, None),
            (Left::Organization(organization(6)), Some(2_000_000), half.clone()),
            (Left::Trade(TradeId::new(6)), Some(2_000_000), half),
        ]
    );
    assert!(found.iter().all(|mover| mover.index == Price::from_micros(2_010_000)));
    assert_eq!((found[2].trades, found[2].amount.hours(), found[2].is_thin), (1, "10.0000".to_owned(), false));
    // With a day before, the same day without its seller would have carried $2.50: thin.
    let (found, _) = movers(&inputs(&trades, &[], Some(250))).unwrap();
    let all = found.iter().find(|mover| mover.left_out == Left::Organization(organization(9))).unwrap();
    assert_eq!((all.trades, all.without, all.is_thin), (6, Some(cents(250)), true));
    assert_eq!(all.moved.unwrap().to_string(), "-0.1960");
}

#[test]
fn a_day_without_trades_or_moves_has_no_hint() {
    let asks = [RestingAsk { order: OrderId::new(1), price: cents(300), gpus: 8, primary: true }];
    assert_eq!(movers(&inputs(&[], &asks, None)), Ok((vec![], false)));
    // A thin day takes the asks, with and without any of its trades.
    let thin = [day_trade(1, 9, 1, 10, cents(900))];
    assert_eq!(movers(&inputs(&thin, &asks, Some(200))), Ok((vec![], false)));
    let many: Vec<DayTrade> = (1..=60).map(|n| day_trade(n, 100 + n % 3, n % 10, 10, cents(200))).collect();
    assert_eq!(movers(&inputs(&many, &[], Some(200))), Ok((vec![], true)), "more than {LEFT_OUT_MAX} trades");
}

proptest! {
    #[test]
    fn movers_are_what_fixing_without_each_finds(
        rows in prop::collection::vec((0i64..4, 4i64..9, 1u64..40, 190i64..215, any::<bool>()), 0..30),
        previous in prop::option::of(150i64..250),
        ask in prop::option::of(150i64..250),
    ) {
        let trade = |(number, (seller, buyer, hours, price, recalled)): (i64, (i64, i64, u64, i64, bool))| {
            DayTrade { recalled: recalled && hours < 4, ..day_trade(number, seller, buyer, hours, cents(price)) }
        };
        let trades: Vec<DayTrade> = (1..).zip(rows).map(trade).collect();
        let asks: Vec<RestingAsk> =
            ask.iter().map(|price| RestingAsk { order: OrderId::new(1), price: cents(*price), gpus: 4, primary: true }).collect();
        let inputs = inputs(&trades, &asks, previous);
        let (found, is_cut) = movers(&inputs).unwrap();
        prop_assert!(!is_cut);
        let of = |trades: &[DayTrade]| fix(TODAY, trades, &asks, inputs.previous).unwrap().map(|fix| fix.price);
        let whole = of(&trades);
        let mut expected = Vec::new();
        let standing: Vec<&DayTrade> = trades.iter().filter(|trade| !trade.recalled).collect();
        let parties: BTreeSet<_> = standing.iter().flat_map(|trade| [trade.buyer, trade.seller]).collect();
        let lefts = parties.into_iter().map(Left::Organization).chain(standing.iter().map(|trade| Left::Trade(trade.trade)));
        for left in lefts {
            let mut rest = trades.clone();
            rest.retain(|trade| match left {
                Left::Trade(id) => trade.trade != id,
                Left::Organization(id) => trade.buyer != id && trade.seller != id,
            });
            let without = of(&rest);
            let Some(whole) = whole else { continue };
            let moved = without.and_then(|without| Ratio::change(without.micros(), whole.micros()));
            if moved.is_none_or(|moved| moved.ten_thousandths().abs() >= MOVED_BPS) {
                expected.push((left, whole, without));
            }
        }
        expected.sort_by_key(|(left, ..)| *left);
        let mut named: Vec<_> = found.iter().map(|mover| (mover.left_out, mover.index, mover.without)).collect();
        named.sort_by_key(|(left, ..)| *left);
        prop_assert_eq!(named, expected);
        prop_assert!(found.is_sorted_by_key(|mover| std::cmp::Reverse(mover.size())));
    }
}
