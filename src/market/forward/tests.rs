use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Minute {
    Minute::parse(text).unwrap()
}

fn dollars(cents: i64) -> Price {
    Price::from_micros(cents * 10_000)
}

#[test]
fn windows_are_cut_at_the_ends_of_months() {
    let window = Window::new(at("2026-12-31T23:00:00Z"), at("2027-02-01T01:00:00Z"));
    let cut: Vec<_> = by_month(window).map(|(month, piece)| (month.to_string(), piece.minutes())).collect();
    let expected = [("2026-12", 60), ("2027-01", 31 * 1_440), ("2027-02", 60)];
    assert_eq!(cut, expected.map(|(month, minutes)| (month.to_owned(), minutes)));
}

#[test]
fn a_curve_and_a_mark_by_hand() {
    let today = Day::of_minute(at("2026-12-10T00:00:00Z"));
    let hours = |from: &str, count: u32| Window::new(at(from), at(from).plus(count * 60));
    let mut fold = ForwardFold::default();
    // December: five trades of an hour, 4 at $2 and one of two GPUs at $3: (4 * 2 + 2 * 3) / 6 = 2.333333.
    for _ in 0..4 {
        fold.add(today, hours("2026-12-20T00:00:00Z", 1), 1, dollars(200));
    }
    fold.add(today, hours("2026-12-20T00:00:00Z", 1), 2, dollars(300));
    // March: one trade. February has asks, January nothing.
    fold.add(today, hours("2027-03-01T00:00:00Z", 1), 1, dollars(100));
    let february = Month::of(at("2027-02-01T00:00:00Z"));
    let ask = |cents, minutes| MonthAsk { month: february, price: dollars(cents), offered: GpuMinutes::new(minutes) };
    let curve = fold.curve(&[ask(180, 60), ask(150, 50), ask(900, 9)], today);
    let shape: Vec<_> = curve
        .iter()
        .map(|month| (month.month.to_string(), month.mark.map(|(price, basis)| (price.micros(), basis.as_str()))))
        .collect();
    let expected = [
        ("2026-12", Some((2_333_333, "trades"))),
        ("2027-01", Some((2_333_333, "carried"))),
        ("2027-02", Some((1_800_000, "asks"))),
        ("2027-03", Some((1_000_000, "few_trades"))),
    ];
    assert_eq!(shape, expected.map(|(month, mark)| (month.to_owned(), mark)));
    assert_eq!(curve[2].best_ask, Some(dollars(150)));

    // Two GPUs for the last hour of February and the first of March, bought at $2: worth 2 * (1.80 + 1.00).
    let contract = hours("2027-02-28T23:00:00Z", 2);
    let found = mark(&curve, contract, 2, dollars(200)).unwrap().unwrap();
    assert_eq!((found.cost.micros(), found.value.micros(), found.thin), (8_000_000, 5_600_000, true));
    let december = mark(&curve, hours("2026-12-20T00:00:00Z", 1), 1, dollars(200)).unwrap().unwrap();
    assert_eq!((december.value.micros(), december.thin), (2_333_333, false));
    let beyond = mark(&curve, hours("2028-01-01T00:00:00Z", 1), 1, dollars(200)).unwrap().unwrap();
    assert_eq!((beyond.value.micros(), beyond.thin), (1_000_000, true));
    assert_eq!(mark(&[], contract, 2, dollars(200)), Ok(None));
    // Thirty days later nothing is known but the asks.
    let later = fold.curve(&[], Day::new(today.get() + 30));
    assert_eq!(later, []);
}

proptest! {
    #[test]
    fn months_tile_a_window(start in 0u32..60_000_000, length in 1u32..1_000_000) {
        let window = Window::new(Minute::new(start), Minute::new(start + length));
        let mut next = window.start;
        for (month, piece) in by_month(window) {
            prop_assert_eq!(piece.start, next);
            prop_assert!(month.window().contains(piece) && !piece.is_empty());
            next = piece.end;
        }
        prop_assert_eq!(next, window.end);
    }

    #[test]
    fn folding_is_recomputing(
        mut trades in prop::collection::vec((20_000u32..20_080, 0u32..200_000, 1u32..100_000, 1u32..9, 1i64..5_000_000), 0..60),
    ) {
        trades.sort_by_key(|trade| trade.0);
        let today = trades.last().map_or(Day::new(20_000), |trade| Day::new(trade.0));
        let window = |trade: &(u32, u32, u32, u32, i64)| {
            let start = Minute::new(today.window().start.get() + trade.1);
            Window::new(start, start.plus(trade.2))
        };
        let mut fold = ForwardFold::default();
        for trade in &trades {
            fold.add(Day::new(trade.0), window(trade), trade.3, Price::from_micros(trade.4));
        }
        let recent: Vec<_> = trades.iter().filter(|trade| trade.0 + TRADE_DAYS > today.get()).collect();
        for month in fold.curve(&[], today) {
            let shared = |trade: &&(u32, u32, u32, u32, i64)| {
                let (window, of_month) = (window(trade), month.month.window());
                u64::from(Window::new(window.start.max(of_month.start), window.end.min(of_month.end)).minutes())
            };
            let in_month: Vec<_> = recent.iter().filter(|trade| shared(trade) > 0).collect();
            let minutes: u64 = in_month.iter().map(|trade| shared(trade) * u64::from(trade.3)).sum();
            let turnover: i128 =
                in_month.iter().map(|trade| i128::from(shared(trade) * u64::from(trade.3)) * i128::from(trade.4)).sum();
            prop_assert_eq!(month.traded.gpu_minutes, minutes);
            prop_assert_eq!(month.traded.turnover, turnover);
            prop_assert_eq!(month.traded.trades, u64::try_from(in_month.len()).unwrap());
        }
    }
}

#[test]
fn months_are_read_as_they_are_written() {
    for text in ["1970-01", "2026-12", "9999-12"] {
        assert_eq!(Month::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "2026", "2026-13", "2026-00", "1969-12", "2026-1", "+026-01", "2026-01-01", "2026-\u{661}"] {
        assert_eq!(Month::parse(text), None, "{text}");
    }
    let month = Month::parse("2026-01").unwrap();
    assert_eq!((month.previous().to_string().as_str(), month.previous().next()), ("2025-12", month));
}
