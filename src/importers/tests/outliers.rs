use super::*;

const HEADER: &str = "gpu,price,when\n";

fn flags(rows: &str) -> Vec<bool> {
    let csv = "gpu=gpu,price=price,observed_at=when".parse().unwrap();
    let options = Options { csv: Some(csv), price_unit: Some(PriceUnit::PerGpu), ..Options::default() };
    read(Format::Csv, format!("{HEADER}{rows}"), &options).quotes.iter().map(|quote| quote.outlier).collect()
}

#[test]
fn beyond_four_times_the_median_or_below_a_quarter_is_flagged() {
    // The lower median of the six is 2.00.
    let rows = "H100,1.9,2026-01-01\nH100,2.1,2026-01-01\nH100,2,2026-01-01\nH100,2.2,2026-01-01\nH100,8.0,2026-01-01\nH100,0.5,2026-01-01\n";
    assert_eq!(flags(rows), [false; 6]);
    let rows = rows.replace("8.0", "8.000001").replace("0.5,", "0.499999,");
    assert_eq!(flags(&rows), [false, false, false, false, true, true]);
}

#[test]
fn few_quotes_other_products_and_other_days_judge_nobody() {
    assert_eq!(flags("H100,2,2026-01-01\nH100,3,2026-01-01\nH100,4,2026-01-01\nH100,40,2026-01-01\n"), [false; 4]);
    let four = "H100,2,2026-01-01\nH100,3,2026-01-01\nH100,4,2026-01-01\nH100,5,2026-01-01\n";
    assert_eq!(flags(&format!("{four}H100,40,2026-01-02\n")), [false; 5]);
    assert_eq!(flags(&format!("{four}L4,40,2026-01-01\n")), [false; 5]);
}
