use super::*;
use proptest::prelude::*;

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

fn by_days(hours: &[u64]) -> ByDay {
    (DAY.get()..).map(Day::new).zip(hours.iter().map(|hours| GpuMinutes::new(hours * 60))).collect()
}

#[test]
fn every_figure_of_a_day() {
    // Primary: 8 GPUs for 48 h at 2.00 (24 h in this day) and 2 GPUs for 6 h at 4.00. Resale: 4 GPUs for 12 h at 1.50.
    let residuals = [[(window(0, 48), 8)], [(window(18, 24), 2)], [(window(6, 18), 4)]];
    let ask = |at: usize, micros, primary| OfferedAsk {
        residual: &residuals[at],
        price: Price::from_micros(micros),
        primary,
    };
    let asks = [ask(0, 2_000_000, true), ask(1, 4_000_000, true), ask(2, 1_500_000, false)];
    let inputs = Inputs {
        asks: &asks,
        bids: &[Wanted { window: window(12, 36), gpus: 3 }],
        contracted: Apart { primary: by_days(&[100, 60]), resale: by_days(&[10]) },
        unsold: Apart { primary: by_days(&[20]), resale: by_days(&[7]) },
        sold_last_30_days: GpuMinutes::new(1_500 * 60),
    };
    let days = supply(&inputs, DAY, DAY.next());
    let first = days[0];
    assert_eq!((hours(first.offered), hours(first.resale_offered)), (8 * 24 + 2 * 6 + 4 * 12, 48));
    assert_eq!((hours(first.contracted), hours(first.resale_contracted)), (100, 10));
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
    let day = supply(&Inputs::default(), DAY, DAY)[0];
    assert_eq!((day.sell_through, day.days_of_supply, day.resale_share, day.resale_discount), (None, None, None, None));
    assert_eq!(day.offered, GpuMinutes::ZERO);
    assert!(supply(&Inputs::default(), DAY.next(), DAY).is_empty());
}

proptest! {
    /// Looking at each order once gives what looking at all of them for each day gives.
    #[test]
    fn every_day_is_what_its_orders_come_to_by_themselves(
        asks in prop::collection::vec((0u32..90, 1u32..90, 1u32..9, 1i64..6, any::<bool>()), 0..12),
        bids in prop::collection::vec((0u32..90, 1u32..90, 1u32..9), 0..12),
    ) {
        let residuals: Vec<_> = asks.iter().map(|(from, hours, gpus, ..)| [(window(*from, from + hours), *gpus)]).collect();
        let offered = asks.iter().zip(&residuals).map(|((.., price, primary), residual)| OfferedAsk {
            residual,
            price: Price::from_micros(*price),
            primary: *primary,
        });
        let wanted = bids.iter().map(|(from, hours, gpus)| Wanted { window: window(*from, from + hours), gpus: *gpus });
        let (offered, wanted): (Vec<_>, Vec<_>) = (offered.collect(), wanted.collect());
        let inputs = Inputs { asks: &offered, bids: &wanted, ..Inputs::default() };
        for found in supply(&inputs, DAY, Day::new(DAY.get() + 5)) {
            let on = |window: Window, gpus| GpuMinutes::block(window.shared(found.day.window()), gpus);
            let of = |primary: Option<bool>| {
                let asks = offered.iter().filter(|ask| primary.is_none_or(|primary| primary == ask.primary));
                asks.map(|ask| (ask.price.micros(), on(ask.residual[0].0, ask.residual[0].1).get())).collect::<Vec<_>>()
            };
            prop_assert_eq!(found.offered, total(&of(None)));
            prop_assert_eq!(found.resale_offered, total(&of(Some(false))));
            prop_assert_eq!(found.resale_discount, discount(of(Some(true)), of(Some(false))));
            let bid = wanted.iter().fold(GpuMinutes::ZERO, |sum, bid| sum.plus(on(bid.window, bid.gpus)));
            prop_assert_eq!(found.bid, bid);
        }
    }
}
