//! The rules of the market, scenario by scenario, as text.

mod refusals;
mod script;

use script::{Market, check};

#[test]
fn the_earlier_order_sets_the_price_and_the_improvement_is_returned() {
    check(
        "ask A 8 @3 60..120
         = order 1 open
         bid X 4 @5 60..120
         = ask 1 sells bid 2: 4 @ 3.00
         = order 2 frees 8.00
         = order 2 filled
         bid Y 8 @4 200..260
         = order 3 open
         ask A 8 @3 200..260
         = ask 4 sells bid 3: 8 @ 4.00
         = order 3 filled
         = order 4 filled",
    );
}

#[test]
fn bids_walk_by_price_then_sequence_and_what_is_left_of_an_ask_keeps_its_place() {
    check(
        "ask A 8 @3 60..120
         = order 1 open
         ask B 8 @2 60..120
         = order 2 open
         ask B 8 @3 60..120
         = order 3 open
         bid X 10 @3 60..120
         = ask 2 sells bid 4: 8 @ 2.00
         = order 2 filled
         = ask 1 sells bid 4: 2 @ 3.00
         = order 4 frees 8.00
         = order 4 filled
         bid X 4 @3 60..90
         = ask 1 sells bid 5: 4 @ 3.00
         = order 5 filled
         bid X 4 @3 90..120
         = ask 1 sells bid 6: 4 @ 3.00
         = order 6 filled
         bid X 4 @3 60..120
         = ask 1 sells bid 7: 2 @ 3.00
         = order 1 filled
         = ask 3 sells bid 7: 2 @ 3.00
         = order 7 filled",
    );
}

#[test]
fn asks_visit_bids_by_price_then_sequence() {
    check(
        "bid X 2 @3 60..120
         = order 1 open
         bid Y 2 @4 60..120
         = order 2 open
         bid X 2 @3 60..120
         = order 3 open
         ask A 5 @3 60..120
         = ask 4 sells bid 2: 2 @ 4.00
         = order 2 filled
         = ask 4 sells bid 1: 2 @ 3.00
         = order 1 filled
         = ask 4 sells bid 3: 1 @ 3.00
         = order 4 filled
         ask B 1 @3 60..120
         = ask 5 sells bid 3: 1 @ 3.00
         = order 3 filled
         = order 5 filled",
    );
}

#[test]
fn fewer_gpus_keep_the_place_and_any_other_amendment_loses_it() {
    check(
        "ask A 8 @3 60..120
         = order 1 open
         ask B 8 @3 60..120
         = order 2 open
         amend A 1 gpus=6 start=70
         = order 1 open
         bid X 1 @3 70..120
         = ask 1 sells bid 3: 1 @ 3.00
         = order 3 filled
         amend A 1 gpus=7
         = order 1 partially_filled 1 of 7
         bid X 1 @3 70..120
         = ask 2 sells bid 4: 1 @ 3.00
         = order 4 filled
         bid X 4 @2 60..120
         = order 5 open
         amend X 5 gpus=2
         = order 5 frees 4.00
         = order 5 open
         amend X 5 price=3
         = ask 2 sells bid 5: 2 @ 3.00
         = order 5 filled",
    );
}

#[test]
fn a_fok_is_greedy_and_all_or_nothing() {
    check(
        "ask A 4 @3 60..120
         = order 1 open
         bid X 5 @3 60..120 fok
         = order 2 frees 15.00
         = order 2 cancelled: fok_incomplete
         ask A 3 @3 60..120 lot=3
         = order 3 open
         bid X 6 @3 60..120 fok
         = order 4 frees 18.00
         = order 4 cancelled: fok_incomplete
         bid X 7 @3 60..120 fok
         = ask 1 sells bid 5: 4 @ 3.00
         = order 1 filled
         = ask 3 sells bid 5: 3 @ 3.00
         = order 3 filled
         = order 5 filled",
    );
}

#[test]
fn an_ioc_takes_what_it_can() {
    check(
        "bid X 4 @3 60..120 ioc
         = order 1 frees 12.00
         = order 1 cancelled: ioc_remainder
         ask A 3 @2 60..120
         = order 2 open
         bid X 4 @3 60..120 ioc
         = ask 2 sells bid 3: 3 @ 2.00
         = order 2 filled
         = order 3 frees 6.00
         = order 3 cancelled: ioc_remainder
         bid X 1 @3 200..260
         = order 4 open
         ask A 4 @3 200..260 ioc
         = ask 5 sells bid 4: 1 @ 3.00
         = order 4 filled
         = order 5 cancelled: ioc_remainder",
    );
}

#[test]
fn same_site_takes_the_site_that_fills_most_then_the_cheapest_then_the_earliest() {
    check(
        "ask A 4 @1 60..120 from=L1
         = order 1 open
         ask A 8 @3 60..120 from=L2
         = order 2 open
         ask B 8 @2 60..120 from=L3
         = order 3 open
         bid X 8 @3 60..120 ioc same_site
         = ask 3 sells bid 4: 8 @ 2.00
         = order 3 filled
         = order 4 frees 8.00
         = order 4 filled
         ask B 8 @3 60..120 from=L3
         = order 5 open
         bid X 8 @3 60..120 fok same_site
         = ask 2 sells bid 6: 8 @ 3.00
         = order 2 filled
         = order 6 filled
         bid X 9 @3 60..120 fok same_site
         = order 7 frees 27.00
         = order 7 cancelled: fok_incomplete
         bid X 4 @3 60..120 fok same_site
         = ask 1 sells bid 8: 4 @ 1.00
         = order 1 filled
         = order 8 frees 8.00
         = order 8 filled",
    );
}

#[test]
fn an_arriving_bid_treats_own_asks_by_its_mode() {
    check(
        "ask A 2 @1 60..120
         = order 1 open
         ask B 2 @2 60..120
         = order 2 open
         bid A 1 @3 60..120 ioc
         = ask 2 sells bid 3: 1 @ 2.00
         = order 3 frees 1.00
         = order 3 filled
         bid A 1 @3 60..120 cancel_newest
         = order 4 frees 3.00
         = order 4 cancelled: self_trade
         bid A 1 @3 60..120 cancel_oldest
         = order 1 cancelled: self_trade
         = ask 2 sells bid 5: 1 @ 2.00
         = order 2 filled
         = order 5 frees 1.00
         = order 5 filled
         ask B 1 @1 60..120
         = order 6 open
         ask A 1 @2 60..120
         = order 7 open
         bid A 3 @3 60..120 cancel_both
         = ask 6 sells bid 8: 1 @ 1.00
         = order 6 filled
         = order 7 cancelled: self_trade
         = order 8 frees 8.00
         = order 8 cancelled: self_trade",
    );
}

#[test]
fn an_arriving_ask_treats_own_bids_by_its_mode() {
    check(
        "bid A 2 @4 60..120
         = order 1 open
         bid X 2 @3 60..120
         = order 2 open
         ask A 1 @3 60..120 ioc
         = ask 3 sells bid 2: 1 @ 3.00
         = order 3 filled
         ask A 1 @3 60..120 cancel_newest
         = order 4 cancelled: self_trade
         ask A 2 @3 60..120 cancel_oldest
         = order 1 frees 8.00
         = order 1 cancelled: self_trade
         = ask 5 sells bid 2: 1 @ 3.00
         = order 2 filled
         = order 5 partially_filled 1 of 2
         bid A 2 @2 60..120
         = order 6 open
         ask A 2 @2 60..120 cancel_both
         = order 6 frees 4.00
         = order 6 cancelled: self_trade
         = order 7 cancelled: self_trade",
    );
}

#[test]
fn the_1025th_fill_is_not_made() {
    let mut market = Market::new();
    for _ in 0..1_026 {
        assert_eq!(market.play("ask A 1 @3 60..120").len(), 1);
    }
    let fok = market.play("bid X 1025 @3 60..120 fok");
    assert_eq!(fok, ["order 1027 frees 3075.00", "order 1027 cancelled: fok_incomplete"]);
    let told = market.play("bid X 1025 @3 60..120");
    assert_eq!(told.iter().filter(|line| line.contains("sells")).count(), 1_024);
    assert_eq!(told[told.len() - 2..], ["order 1028 frees 3.00", "order 1028 cancelled: fill_limit"]);
    assert_eq!(market.play("bid X 2 @3 60..120 fok").last().unwrap(), "order 1029 filled");
}

#[test]
fn a_post_only_order_rests_or_is_refused() {
    check(
        "ask A 8 @3 60..120 post_only
         = order 1 open
         bid X 1 @3 60..120 post_only
         = refused: post_only_would_trade
         bid X 1 @2.999 60..120 post_only
         = order 2 open
         amend X 2 price=3
         = refused: post_only_would_trade
         bid A 1 @3 60..120 post_only
         = order 3 open",
    );
}

#[test]
fn time_ends_what_it_must() {
    check(
        "bid X 1 @2 60..120 gtd until=30
         = order 1 open
         bid X 1 @2 60..120
         = order 2 open
         advance 29
         advance 30
         = order 1 frees 2.00
         = order 1 expired: expired
         advance 59
         advance 60
         = order 2 frees 2.00
         = order 2 expired: expired
         bid X 1 @2 60..120
         = refused: window_in_past
         bid X 1 @2 minutes=60
         = order 3 open
         advance 61
         = order 3 frees 2.00
         = order 3 expired: expired",
    );
}

#[test]
fn an_ask_ends_when_no_rental_fits_any_more() {
    check(
        "ask A 4 @3 10..50 min=20
         = order 1 open
         bid X 4 @3 20..50
         = ask 1 sells bid 2: 4 @ 3.00
         = order 1 expired: expired
         = order 2 filled",
    );
    check(
        "ask A 4 @3 10..100 min=20
         = order 1 open
         bid X 4 @3 50..100
         = ask 1 sells bid 2: 4 @ 3.00
         = order 2 filled
         advance 29
         advance 30
         = order 1 expired: expired
         ask B 4 @3 40..100 min=20
         = order 3 open
         bid X 4 @3 60..100
         = ask 3 sells bid 4: 4 @ 3.00
         = order 4 filled
         advance 40
         = order 3 expired: expired
         advance 50
         = contract 1 active",
    );
}

#[test]
fn an_ask_that_sold_all_it_was_left_with_is_filled() {
    check(
        "ask A 4 @3 10..40
         = order 1 open
         bid X 4 @3 20..40
         = ask 1 sells bid 2: 4 @ 3.00
         = order 2 filled
         advance 18
         advance 19
         = order 1 filled
         advance 20
         = contract 1 active
         advance 40
         = contract 1 completed",
    );
}

#[test]
fn notice_is_counted_in_milliseconds() {
    check(
        "ask A 4 @3 10..100 lead=10
         = order 1 open
         bid X 1 @3 10..100
         = ask 1 sells bid 2: 1 @ 3.00
         = order 2 filled
         advance_ms 1
         bid X 1 @3 10..100
         = order 3 open
         bid X 1 @3 11..100
         = ask 1 sells bid 4: 1 @ 3.00
         = order 4 filled",
    );
}

#[test]
fn lots_must_fit_each_other() {
    check(
        "ask A 8 @3 60..120 lot=4
         = order 1 open
         bid X 6 @3 60..120 lot=3
         = order 2 open
         bid X 6 @3 60..120 lot=2
         = ask 1 sells bid 3: 4 @ 3.00
         = order 3 partially_filled 4 of 6
         bid X 8 @3 60..120 lot=8
         = order 4 open
         bid X 5 @3 60..120
         = ask 1 sells bid 5: 4 @ 3.00
         = order 1 filled
         = order 5 partially_filled 4 of 5",
    );
}

#[test]
fn requirements_choose_the_capacity() {
    check(
        "ask A 1 @1 60..120 from=L1
         = order 1 open
         ask A 1 @1 60..120 from=L2
         = order 2 open
         ask B 1 @1 60..120 from=L3
         = order 3 open
         bid X 1 @1 60..120 ioc countries=SE,DE
         = ask 2 sells bid 4: 1 @ 1.00
         = order 2 filled
         = order 4 filled
         bid X 1 @1 60..120 ioc sla=98 wired=ethernet
         = order 5 frees 1.00
         = order 5 cancelled: ioc_remainder
         bid X 1 @1 60..120 ioc regions=us-east wired=ethernet,roce
         = ask 3 sells bid 6: 1 @ 1.00
         = order 3 filled
         = order 6 filled
         bid Y 1 @1 60..120 ioc sites=1 sla=99.9
         = ask 1 sells bid 7: 1 @ 1.00
         = order 1 filled
         = order 7 filled
         ask Y 1 @0.5 60..120 from=C3
         = order 8 open
         bid X 1 @1 60..120 ioc primary
         = order 9 frees 1.00
         = order 9 cancelled: ioc_remainder",
    );
}

#[test]
fn a_halt_stops_orders_and_nothing_else() {
    check(
        "bid X 1 @2 60..120
         = order 1 open
         bid X 1 @2 60..120
         = order 2 open
         halt 1
         ask A 1 @2 60..120
         = refused: market_halted
         amend X 1 gpus=2
         = refused: market_halted
         cancel X 1
         = order 1 frees 2.00
         = order 1 cancelled: requested
         bid X 1 @2 60..120 product=2
         = order 3 open
         lift 1
         ask A 1 @2 60..120
         = ask 4 sells bid 2: 1 @ 2.00
         = order 2 filled
         = order 4 filled",
    );
}

#[test]
fn a_suspension_cancels_and_refuses() {
    check(
        "bid X 1 @2 60..120
         = order 1 open
         bid X 1 @2 60..120
         = order 2 open
         suspend X
         = order 1 frees 2.00
         = order 1 cancelled: organization_suspended
         = order 2 frees 2.00
         = order 2 cancelled: organization_suspended
         bid X 1 @2 60..120
         = refused: organization_suspended
         reinstate X
         bid X 1 @2 60..120
         = order 3 open",
    );
}

#[test]
fn repeats_do_nothing_twice() {
    check(
        "bid X 1 @2 60..120 id=mine
         = order 1 open
         bid X 1 @2.000 60..120 id=mine
         = replayed
         = order 1 open
         bid Y 1 @2 60..120 id=mine
         = order 2 open
         cancel X 1
         = order 1 frees 2.00
         = order 1 cancelled: requested
         bid X 1 @2 60..120 id=mine
         = replayed
         bid X 2 @2 60..120 id=mine
         = refused: client_order_id_reused
         deposit X 5 key=k
         deposit X 5 key=k
         = replayed
         deposit X 6 key=k
         = refused: idempotency_key_reused
         advance 1439
         = order 2 frees 2.00
         = order 2 expired: expired
         deposit X 6 key=k
         = refused: idempotency_key_reused
         advance 1440
         deposit X 6 key=k
         advance 10079
         bid X 1 @2 10100..10120 id=mine
         = refused: client_order_id_reused
         advance 10080
         bid X 1 @2 10100..10120 id=mine
         = order 3 open",
    );
}

#[test]
fn a_listing_is_lowered_to_no_less_than_what_is_used() {
    check(
        "ask A 8 @3 60..120
         = order 1 open
         bid X 4 @3 60..90
         = ask 1 sells bid 2: 4 @ 3.00
         = order 2 filled
         lower A 1 gpus=7
         = refused: below_sold
         lower A 1 gpus=8
         lower A 1 gpus=9
         = refused: invalid_gpus
         lower A 1 start=61
         = refused: below_sold
         lower A 1 start=60 end=120
         ask A 1 @3 60..120
         = refused: insufficient_capacity
         ask A 1 @3 60..121
         = refused: outside_source_window
         cancel A 1
         = order 1 cancelled: requested
         lower A 1 gpus=4
         lower A 1 end=90
         lower A 1 gpus=3
         = refused: below_sold",
    );
}

/// A sells to R, R to X, X to Y and Y offers; the price falls from 3 to 1.
const CHAIN: &str = "ask A 8 @3 60..120
    = order 1 open
    bid R 8 @3 60..120
    = ask 1 sells bid 2: 8 @ 3.00
    = order 1 filled
    = order 2 filled
    ask R 6 @2 60..120 from=C1
    = order 3 open
    bid X 6 @2 60..120
    = ask 3 sells bid 4: 6 @ 2.00
    = order 3 filled
    = order 4 filled
    ask X 4 @1 60..120 from=C2
    = order 5 open
    bid Y 4 @1 60..120
    = ask 5 sells bid 6: 4 @ 1.00
    = order 5 filled
    = order 6 filled
    ask R 2 @9 60..120 from=C1
    = order 7 open
    ask X 2 @9 60..120 from=C2
    = order 8 open
    ask Y 1 @9 60..120 from=C3
    = order 9 open
    ";

fn check_chain(rest: &str) {
    check(&format!("{CHAIN}{rest}"));
}

#[test]
fn a_buyer_at_fault_passes_what_it_resold_to_its_seller() {
    // R's ended contract gives A back 2 GPUs; the 6 resold pay $2 instead of $3 an hour.
    check_chain(
        "end 1 defaulted buyer
         = contract 2 passes to A out of listing 1
         = order 7 cancelled: source_ended
         = contract 1 refunds 18.00
         = contract 1 defaulted
         = contract 1 owes A a gap of 6.00
         ask R 1 @1 60..120 from=C1
         = refused: source_not_live
         lower A 1 gpus=5
         = refused: below_sold
         lower A 1 gpus=6
         end 2 terminated buyer
         = contract 3 passes to A out of listing 1
         = order 8 cancelled: source_ended
         = contract 2 refunds 8.00
         = contract 2 terminated
         = contract 2 owes A a gap of 4.00
         lower A 1 gpus=4
         end 3 terminated buyer
         = order 9 cancelled: source_ended
         = contract 3 refunds 4.00
         = contract 3 terminated
         lower A 1 gpus=1",
    );
}

#[test]
fn a_seller_at_fault_ends_everything_below_deepest_first() {
    check_chain(
        "end 1 defaulted seller
         = order 9 cancelled: source_ended
         = contract 3 refunds 4.00
         = contract 3 defaulted
         = order 8 cancelled: source_ended
         = contract 2 refunds 12.00
         = contract 2 defaulted
         = order 7 cancelled: source_ended
         = contract 1 refunds 24.00
         = contract 1 defaulted
         lower A 1 gpus=1",
    );
}

#[test]
fn a_recall_in_the_middle_ends_what_is_below_and_gives_back_above() {
    check_chain(
        "advance 89
         = contract 1 active
         = contract 2 active
         = contract 3 active
         end 2 recalled
         = order 9 cancelled: source_ended
         = contract 3 refunds 2.00
         = contract 3 recalled
         = order 8 cancelled: source_ended
         = contract 2 refunds 6.00
         = contract 2 recalled
         ask R 7 @1 90..120 from=C1
         = refused: insufficient_capacity
         ask R 6 @1 90..120 from=C1
         = order 10 open
         advance 119
         = order 7 expired: expired
         = order 10 expired: expired
         advance 120
         = contract 1 completed
         end 1 recalled
         = refused: contract_not_live",
    );
}

#[test]
fn a_passed_contract_is_resold_one_step_higher() {
    check_chain(
        "end 1 terminated buyer
         = contract 2 passes to A out of listing 1
         = order 7 cancelled: source_ended
         = contract 1 refunds 18.00
         = contract 1 terminated
         = contract 1 owes A a gap of 6.00
         end 2 recalled
         = order 9 cancelled: source_ended
         = contract 3 refunds 4.00
         = contract 3 recalled
         = order 8 cancelled: source_ended
         = contract 2 refunds 12.00
         = contract 2 recalled
         lower A 1 gpus=1",
    );
}

/// A book is quiet when it is halted and stays so, so nothing trades when a halt is lifted. That bids would be
/// walked in their order all the same takes a state that no command leads to.
#[test]
fn a_lifted_halt_walks_the_bids_in_their_order() {
    let mut market = Market::new();
    for line in [
        "bid X 4 @4 60..120",
        "bid Y 4 @5 60..120",
        "bid A 4 @3 60..120 cancel_newest",
        "ask A 6 @9 60..120",
        "ask A 6 @9 60..120 from=L2",
        "halt 1",
    ] {
        market.play(line);
    }
    let told = market.lift_with_asks_at("2");
    assert_eq!(
        told,
        [
            "ask 4 sells bid 2: 4 @ 5.00",
            "order 2 filled",
            "ask 4 sells bid 1: 2 @ 4.00",
            "order 4 filled",
            "ask 5 sells bid 1: 2 @ 4.00",
            "order 1 filled",
            "order 5 cancelled: self_trade",
        ]
    );
}

#[test]
fn a_bid_that_asks_for_a_rank_waits_until_the_provider_has_it() {
    check(
        "ask A 8 @3 60..120
         = order 1 open
         bid X 4 @5 60..120 tier=verified
         = order 2 open
         bid Y 4 @4 60..120 score=9800
         = order 3 open
         bid R 2 @4 60..120 score=9700
         = ask 1 sells bid 4: 2 @ 3.00
         = order 4 frees 2.00
         = order 4 filled
         tier A verified
         = ask 1 sells bid 2: 4 @ 3.00
         = order 2 frees 8.00
         = order 2 filled
         score A 9800
         = ask 1 sells bid 3: 2 @ 3.00
         = order 1 filled
         = order 3 frees 2.00
         score A 9799
         ask A 2 @3 60..120
         = order 5 open
         tier A unverified
         bid X 2 @5 60..120 tier=verified ioc
         = order 6 frees 10.00
         = order 6 cancelled: ioc_remainder
         ask B 2 @4 60..120
         = order 7 open
         score B 9800
         = ask 7 sells bid 3: 2 @ 4.00
         = order 7 filled
         = order 3 filled
         bid X 2 @5 60..120 score=10001
         = refused: unknown_requirement
         tier Z trusted
         score Z 10001
         = refused: invalid_combination",
    );
}

#[test]
fn a_halted_product_takes_no_notice_of_ranks_until_it_trades_again() {
    check(
        "ask A 4 @3 60..120
         = order 1 open
         bid X 4 @5 60..120 tier=trusted
         = order 2 open
         halt 1
         tier A trusted
         lift 1
         = ask 1 sells bid 2: 4 @ 3.00
         = order 1 filled
         = order 2 frees 8.00
         = order 2 filled",
    );
}
