use super::*;
use crate::types::Minute;

const DAY: Day = Day::new(20_000);

/// Hours counted from the start of the day.
fn window(from: u32, to: u32) -> Window {
    let start = DAY.window().start;
    Window::new(start.plus(from * 60), start.plus(to * 60))
}

fn hours(amount: GpuMinutes) -> u64 {
    amount.get() / 60
}

fn text(ratio: Option<Ratio>) -> String {
    ratio.map(|ratio| ratio.to_string()).unwrap_or_default()
}

#[test]
fn every_figure_of_a_day() {
    // Primary: 8 GPUs for 48 h at 2.00 (24 h in this day) and 2 GPUs for 6 h at 4.00. Resale: 4 GPUs for 12 h at 1.50.
    let residuals = [Steps::block(window(0, 48), 8), Steps::block(window(18, 24), 2), Steps::block(window(6, 18), 4)];
    let ask = |at: usize, micros, primary| OfferedAsk {
        residual: &residuals[at],
        price: Price::from_micros(micros),
        primary,
    };
    let asks = [ask(0, 2_000_000, true), ask(1, 4_000_000, true), ask(2, 1_500_000, false)];
    let contract = |from, to, gpus, primary| Contracted { window: window(from, to), gpus, primary };
    let contracts = [contract(0, 10, 6, true), contract(20, 30, 10, true), contract(0, 5, 2, false)];
    let bids = [Wanted { window: window(12, 36), gpus: 3 }];
    let passed = [Steps::block(window(0, 5), 4), Steps::block(window(1, 2), 7)];
    let unsold = [Unsold { free: &passed[0], primary: true }, Unsold { free: &passed[1], primary: false }];
    let inputs = Inputs {
        asks: &asks,
        contracts: &contracts,
        bids: &bids,
        unsold: &unsold,
        sold_last_30_days: GpuMinutes::new(1_500 * 60),
    };
    let days = supply(&inputs, DAY, DAY.next());
    let first = days[0];
    assert_eq!((hours(first.offered), hours(first.resale_offered)), (8 * 24 + 2 * 6 + 4 * 12, 48));
    assert_eq!((hours(first.contracted), hours(first.resale_contracted)), (6 * 10 + 10 * 4, 10));
    assert_eq!((hours(first.bid), hours(first.expired_unsold), hours(first.resale_expired_unsold)), (36, 20, 7));
    assert_eq!(text(first.sell_through), "0.8333"); // 100 / 120
    assert_eq!(text(first.days_of_supply), "5.0400"); // 252 / (1,500 / 30)
    assert_eq!(text(first.resale_share), "0.1905"); // 48 / 252
    assert_eq!(text(first.resale_discount), "-0.2500"); // 1.50 / 2.00 - 1

    let second = days[1];
    assert_eq!(
        (second.day, hours(second.offered), hours(second.contracted), hours(second.bid)),
        (DAY.next(), 192, 60, 36)
    );
    assert_eq!(text(second.sell_through), "1.0000");
    assert_eq!((text(second.resale_share), second.resale_discount), ("0.0000".to_owned(), None));
}

#[test]
fn nothing_divided_by_nothing_is_nothing() {
    let inputs = Inputs { asks: &[], contracts: &[], bids: &[], unsold: &[], sold_last_30_days: GpuMinutes::ZERO };
    let day = supply(&inputs, DAY, DAY)[0];
    assert_eq!((day.sell_through, day.days_of_supply, day.resale_share, day.resale_discount), (None, None, None, None));
    assert_eq!(day.offered, GpuMinutes::ZERO);
    assert!(supply(&inputs, DAY.next(), DAY).is_empty());
}

#[test]
fn windows_that_end_before_they_start_count_nothing() {
    let start = Minute::new(10);
    let contracts = [Contracted { window: Window::new(start, Minute::new(5)), gpus: 8, primary: true }];
    let inputs =
        Inputs { asks: &[], contracts: &contracts, bids: &[], unsold: &[], sold_last_30_days: GpuMinutes::ZERO };
    assert_eq!(supply(&inputs, Day::new(0), Day::new(0))[0].contracted, GpuMinutes::ZERO);
}
