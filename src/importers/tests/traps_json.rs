//! One invented file per trap of JSON snapshots.

use proptest::prelude::*;

use super::*;
use crate::types::SlaClass;

fn snapshot(offers: &str) -> Imported {
    let file = format!(
        r#"{{"date":"2026-07-29","generated_at":"2026-07-29T08:01:01.861Z","offers":[{offers}],
        "providers":{{"old":{{"ok":false,"stale":true}},"new":{{"ok":true}}}}}}"#
    );
    read(Format::Gpurentalprices, file, &Options::default())
}

fn posted(provider: &str, gpu: &str, gb: &str, price: &str, kind: &str) -> String {
    format!(
        r#"{{"provider":"{provider}","gpu":"{gpu}","vram_gb":{gb},"usd_hr":{price},"kind":"{kind}","fetched_at":"2026-07-29T08:00:50.692Z"}}"#
    )
}

fn vast(offers: &str) -> Imported {
    let file = format!(
        r#"{{"collected_utc":"2026-02-27T15:22:46.407407+00:00","offers_by_model":{{"A":[],"H100 SXM":[{offers}]}}}}"#
    );
    read(Format::Vast, file, &Options::default())
}

fn machine(id: u32, machine: u32, gpus: u32, price: &str, rest: &str) -> String {
    format!(
        r#"{{"id":{id},"machine_id":{machine},"host_id":7,"gpu_name":"H100 SXM","gpu_ram":81559,"num_gpus":{gpus},"dph_total":{price},"rentable":true,"rented":false,"end_date":1780238607.5{rest}}}"#
    )
}

#[test]
fn posted_rates_keep_their_kind_staleness_and_text() {
    let rows = [
        posted("new", "h100-sxm", "80", "2.50", "secure"),
        posted("old", "h100-sxm", "80", "1", "community"),
        posted("new", "h100", "80", "2.0987999999999998", "on-demand"),
        posted("new", "h100", "80", "0.94", "spot"),
    ];
    let got = snapshot(&rows.join(","));
    let expected = [
        "h100-sxm-80gb on_demand 2.50",
        "h100-sxm-80gb on_demand 1.00",
        "h100-unspecified-80gb on_demand 2.0988",
        "h100-unspecified-80gb spot 0.94",
    ];
    assert_eq!(prices(&got), expected);
    let raw: Vec<_> = got.quotes.iter().map(|quote| quote.raw_price.as_str()).collect();
    assert_eq!(raw, ["2.50", "1", "2.0987999999999998", "0.94"]);
    let stale: Vec<_> = got.quotes.iter().map(|quote| quote.stale).collect();
    assert_eq!(stale, [false, true, false, false]);
    let terms: Vec<_> = got.quotes.iter().map(|quote| quote.term.as_deref().unwrap_or_default()).collect();
    assert_eq!(terms, ["secure", "community", "", ""]);
    let quote = &got.quotes[0];
    assert_eq!((quote.source.as_str(), quote.note.as_str()), ("gpurentalprices/new", "secure"));
    assert_eq!(quote.observed_at.to_rfc3339(), "2026-07-29T08:00:50.692Z");
    assert_eq!(quote.fetched_at.unwrap().to_rfc3339(), "2026-07-29T08:01:01.861Z");
    // Spot capacity can be taken away and stale rates may be gone: nobody offers them firmly.
    let offered: Vec<_> = got.offers.iter().map(|offer| (offer.row, offer.gpus)).collect();
    assert_eq!(offered, [(1, None), (3, None)]);
}

#[test]
fn posted_rates_that_cannot_be_taken_are_refused() {
    let rows = [
        posted("new", "h100", "80", "3.99", "serverless"),
        posted("new", "h100", "80", "3.99", "weekly"),
        posted("new", "h100", "80", "null", "secure"),
        posted("new", "h100", "80", "\"Enquire for pricing\"", "secure"),
        posted("new", "h100", "80", "0.00", "secure"),
        posted("new", "a100-pcie-80", "40", "1.0", "secure"),
        posted("new", "a100", "null", "1.0", "secure"),
        posted("new", "warp-core", "80", "1.0", "secure"),
        "7".to_owned(),
        posted("new", "h100", "80", "1.0", "secure").replace("2026-07-29T", "someday "),
        posted("new", "h100", "80", "\"2.75\"", "secure"),
    ];
    let got = snapshot(&rows.join(","));
    use RefusalCode::*;
    let expected = [
        Serverless,
        UnknownKind,
        NoPrice,
        PriceOnRequest,
        PriceNotPositive,
        MemoryMismatch,
        MemoryNotStated,
        UnknownGpu,
        NotARecord,
        NoTime,
    ];
    assert_eq!(codes(&got), (1..).zip(expected).collect::<Vec<_>>());
    assert_eq!((prices(&got), got.rows), (vec!["h100-unspecified-80gb on_demand 2.75".to_owned()], 11));
}

#[test]
fn equal_names_of_offers_are_told_apart() {
    let rows = [posted("new", "h100", "80", "2.5", "secure"), posted("new", "h100", "80", "3.5", "secure")];
    let got = snapshot(&rows.join(","));
    let names: Vec<_> = got.offers.iter().map(|offer| offer.external_id.as_str()).collect();
    let name = "gpurentalprices/new/h100-unspecified-80gb/secure";
    assert_eq!(names, [name.to_owned(), format!("{name}#2")]);
}

#[test]
fn overlapping_offers_of_a_machine_become_one() {
    let rows = [
        machine(1, 50, 1, "1.60", r#","reliability2":0.9995,"geolocation":"Italy, IT","min_bid":0.8"#),
        machine(2, 50, 2, "3.00", r#","reliability2":0.9995,"geolocation":"Italy, IT""#),
        machine(3, 50, 4, "6.00", r#","reliability2":0.9995,"geolocation":"Italy, IT""#),
        machine(4, 51, 8, "12.00", r#","reliability2":0.995,"geolocation":", US""#),
        machine(5, 52, 2, "4.00", r#","reliability2":0.5,"geolocation":null"#),
        machine(6, 52, 3, "6.00", ""),
    ];
    let got = vast(&rows.join(","));
    assert_eq!((got.rows, got.quotes.len(), got.offers.len(), got.merged, got.refused.len()), (6, 7, 3, 3, 0));
    let [italy, us, nowhere] = &got.offers[..] else { panic!("{:?}", got.offers) };
    // The whole machine, in parts as small as were offered, at no less than the host asks for any part.
    assert_eq!((italy.gpus, italy.lot, italy.price.to_string()), (Some(4), 1, "1.60".to_owned()));
    assert_eq!(italy.region.as_ref().unwrap().as_str(), "italy");
    assert_eq!(italy.country.as_ref().unwrap().as_str(), "IT");
    assert_eq!(
        (italy.sla_class, italy.provider.as_str(), italy.site.as_str()),
        (SlaClass::P99, "vast-host-7", "machine-50")
    );
    assert_eq!(italy.end.unwrap().to_rfc3339(), "2026-05-31T14:43:00Z");
    assert_eq!((us.gpus, us.lot, us.sla_class), (Some(8), 8, SlaClass::P98));
    assert_eq!((us.region.is_none(), us.country.is_some()), (true, true));
    // 2 and 3 of the same GPUs: only the whole is sure to be for sale.
    assert_eq!((nowhere.gpus, nowhere.lot, nowhere.sla_class), (Some(3), 3, SlaClass::None));
    assert!(nowhere.region.is_none() && nowhere.country.is_none());
}

#[test]
fn vast_prices_are_for_the_whole_offer() {
    let got = vast(&machine(1, 50, 2, "3.124444444444444", r#","min_bid":1.0"#));
    assert_eq!(prices(&got), ["h100-sxm-80gb spot 0.50", "h100-sxm-80gb ask 1.562222"]);
    let quote = &got.quotes[1];
    assert_eq!(
        (quote.raw_price.as_str(), quote.raw_unit, quote.raw_count),
        ("3.124444444444444", PriceUnit::PerOffer, Some(2))
    );
}

#[test]
fn what_cannot_be_rented_is_no_offer() {
    let rented = machine(1, 50, 2, "3.0", "").replace(r#""rented":false"#, r#""rented":true"#);
    let closed = machine(2, 51, 2, "3.0", "").replace(r#""rentable":true"#, r#""rentable":false"#);
    let got = vast(&format!("{rented},{closed}"));
    assert_eq!((got.quotes.len(), got.offers.len()), (2, 0));
}

#[test]
fn two_models_of_one_machine_are_two_offers() {
    let other = machine(2, 50, 2, "3.0", "").replace("H100 SXM", "H200 NVL").replace("81559", "143771");
    let got = vast(&format!("{},{other}", machine(1, 50, 1, "1.5", "")));
    assert_eq!((got.offers.len(), got.merged), (2, 0));
}

#[test]
fn an_answer_of_the_api_itself_needs_the_time_it_was_fetched() {
    let file = format!(r#"{{"offers":[{}]}}"#, machine(1, 50, 1, "1.5", ""));
    assert_eq!(import(Format::Vast, "f", file.as_bytes(), &Options::default()), Err(ImportError::NoTime));
    assert_eq!(read(Format::Vast, file, &fetched()).quotes.len(), 1);
}

#[test]
fn a_byte_order_mark_is_not_part_of_the_file() {
    let file = format!("\u{feff}{{\"offers\":[{}]}}", machine(1, 50, 1, "1.5", ""));
    assert_eq!(read(Format::Vast, file, &fetched()).quotes.len(), 1);
}

#[test]
fn files_that_are_no_snapshot_are_refused_as_a_whole() {
    for file in [&b""[..], b"{}", b"[]", b"{\"offers\":{}}", b"{\"offers\":[", b"\xff"] {
        assert!(import(Format::Gpurentalprices, "f", file, &fetched()).is_err());
    }
    let deep = "[".repeat(100_000);
    assert!(import(Format::Gpurentalprices, "f", format!("{{\"offers\":[{deep}").as_bytes(), &fetched()).is_err());
}

proptest! {
    #[test]
    fn a_damaged_snapshot_never_panics(at in 0usize..400, byte in any::<u8>()) {
        let row = machine(1, 50, 2, "3.1e0", r#","min_bid":1.0,"geolocation":"Italy, IT""#);
        let mut file = format!(r#"{{"collected_utc":"2026-02-27T15:22:46+00:00","offers":[{row}]}}"#).into_bytes();
        let at = at % file.len();
        file[at] = byte;
        let _ = import(Format::Vast, "f", &file, &fetched());
        file.truncate(at);
        let _ = import(Format::Vast, "f", &file, &fetched());
    }
}
