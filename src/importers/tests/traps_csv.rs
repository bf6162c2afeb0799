//! One invented file per trap of CSV catalogues.

use proptest::prelude::*;

use super::*;

const SKYPILOT: &str = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,Region,SpotPrice\n";

fn skypilot(rows: &str) -> Imported {
    read(Format::Skypilot, format!("{SKYPILOT}{rows}"), &fetched())
}

fn mapped(mapping: &str, unit: PriceUnit, file: impl AsRef<[u8]>) -> Imported {
    let options = Options { csv: Some(mapping.parse().unwrap()), price_unit: Some(unit), ..fetched() };
    read(Format::Csv, file, &options)
}

#[test]
fn prices_of_machines_are_divided_by_their_gpus() {
    let got = skypilot("m8,H100-80G-SXM5,8,192,1800,,19.2,NORTH-1,10.00\n");
    assert_eq!(prices(&got), ["h100-sxm-80gb spot 1.25", "h100-sxm-80gb on_demand 2.40"]);
    let quote = &got.quotes[1];
    assert_eq!((quote.raw_price.as_str(), quote.raw_unit, quote.raw_count), ("19.2", PriceUnit::PerMachine, Some(8)));
    assert_eq!((quote.source.as_str(), quote.region.as_deref()), ("skypilot/file", Some("NORTH-1")));
    assert_eq!((got.offers[0].lot, got.offers[0].gpus, got.offers[0].gpus_per_node), (8, None, Some(8)));
    assert_eq!(got.offers[0].region.as_ref().unwrap().as_str(), "north-1");
}

#[test]
fn crlf_bom_and_a_missing_final_newline_change_nothing() {
    let plain = skypilot("m1,L40,1,28,58.0,,1.0,A,\nm2,L40,2,60,116.0,,2.0,A,\ncpu,,0,4,16,,0.1,A,\n");
    let unix = format!("{SKYPILOT}m1,L40,1,28,58.0,,1.0,A,\nm2,L40,2,60,116.0,,2.0,A,\ncpu,,0,4,16,,0.1,A,");
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    assert_eq!(read(Format::Skypilot, &unix, &fetched()), plain);
    assert_eq!(read(Format::Skypilot, windows, &fetched()), plain);
    assert_eq!(codes(&plain), [(4, RefusalCode::NoGpu)]);
}

#[test]
fn lines_are_counted_over_blank_lines_and_breaks_in_cells() {
    let got = skypilot("\n\nm1,\"L40\n\",1,28,58.0,,1.0,A,\ncpu,,0,4,16,,0.1,A,\n");
    assert_eq!(codes(&got), [(6, RefusalCode::NoGpu)]);
    assert_eq!(got.refused[0].raw, "cpu,,0,4,16,,0.1,A,");
}

#[test]
fn columns_may_come_in_any_order() {
    let got = read(
        Format::Skypilot,
        "Price,Region,AcceleratorCount,extra,AcceleratorName,InstanceType\n15.6,A,8,?,H100-80G-PCIe-NVLink,n3-H100x8-NVLink\n",
        &fetched(),
    );
    assert_eq!(prices(&got), ["h100-pcie-80gb on_demand 1.95"]);
}

#[test]
fn a_python_value_in_a_cell_is_one_cell() {
    let info = "\"{'Gpus': [{'Name': 'V100', 'Manufacturer': null, 'Count': 2, 'MemoryInfo': {'SizeInMiB': 32768}}], 'TotalGpuMemoryInMiB': 65536}\"";
    let got = skypilot(&format!("m2,V100,2,16,200,{info},1.1,A,\n"));
    assert_eq!(prices(&got), ["v100-unspecified-32gb on_demand 0.55"]);
}

#[test]
fn host_memory_under_the_name_of_gpu_memory_is_not_taken_for_it() {
    let info = |mib| format!("\"{{'Gpus': [{{'Name': 'H100', 'Count': 8, 'MemoryInfo': {{'SizeInMiB': {mib}}}}}]}}\"");
    let got = skypilot(&format!("gpu-h100-sxm_8gpu-128vcpu-1600gb,H100,8,128,1600,{},23.60,A,\n", info(204_800)));
    assert_eq!(prices(&got), ["h100-sxm-80gb on_demand 2.95"]);
    // The same figure where it is not the machine's memory is a contradiction.
    let got = skypilot(&format!("gpu-h100-sxm_8gpu,H100,8,128,999,{},23.60,A,\n", info(204_800)));
    assert_eq!(codes(&got), [(2, RefusalCode::MemoryMismatch)]);
}

#[test]
fn counts_that_disagree_are_refused() {
    let info = "\"{'Gpus': [{'Name': 'RTX5090', 'Count': 1, 'MemoryInfo': {'SizeInMiB': 32607}}]}\"";
    let got = skypilot(&format!(
        "8x112v952g_RTX_5090,RTX5090,8.0,112,952,{info},5.2,A,\n8x112v952g_RTX_5090,RTX5090,1,112,952,,5.2,A,\n1x14v119g_RTX_5090,RTX5090,1.0,14,119,{info},0.65,A,\n"
    ));
    assert_eq!(codes(&got), [(2, RefusalCode::AmbiguousCount), (3, RefusalCode::AmbiguousCount)]);
    assert_eq!(prices(&got), ["rtx-5090-32gb on_demand 0.65"]);
}

#[test]
fn rows_without_a_usable_price_are_refused_one_by_one() {
    let got = skypilot(concat!(
        "a,L40,1,1,1,,,A,\n",
        "b,L40,1,1,1,,0.00,A,\n",
        "c,L40,1,1,1,,-1,A,\n",
        "d,L40,1,1,1,,Enquire for pricing,A,\n",
        "e,L40,1,1,1,,n/a,A,\n",
        "f,L40,0,1,1,,1.0,A,\n",
        "g,L40,many,1,1,,1.0,A,\n",
        "h,K2000,1,1,1,,1.0,A,\n",
        "i,L40,1,1,1,,1e17,A,\n",
        "j,L40,1,1,1,,1.0,A,\n",
    ));
    use RefusalCode::*;
    let expected = [
        NoPrice,
        PriceNotPositive,
        PriceNotPositive,
        PriceOnRequest,
        NotAPrice,
        InvalidCount,
        InvalidCount,
        UnknownGpu,
        OutOfRange,
    ];
    assert_eq!(codes(&got), (2..).zip(expected).collect::<Vec<_>>());
    assert_eq!((got.rows, got.quotes.len(), got.offers.len()), (10, 1, 1));
}

#[test]
fn a_bad_spot_price_does_not_cost_the_row_its_price() {
    let got = skypilot("a,L40,1,1,1,,1.0,A,soon\n");
    assert_eq!(
        (prices(&got), codes(&got)),
        (vec!["l40-48gb on_demand 1.00".to_owned()], vec![(2, RefusalCode::NotAPrice)])
    );
}

#[test]
fn broken_rows_do_not_end_the_file() {
    let mut file = SKYPILOT.as_bytes().to_vec();
    file.extend_from_slice(b"a,L40,1,1,1,,1.0\nb,L40,1,1,1,,1.0,A,,,\nc,L4\xff0,1,1,1,,1.0,A,\nd,L40,1,1,1,,1.5,A,\n");
    let got = read(Format::Skypilot, file, &fetched());
    use RefusalCode::{BadEncoding, WrongColumns};
    assert_eq!(codes(&got), [(2, WrongColumns), (3, WrongColumns), (4, BadEncoding)]);
    assert_eq!(prices(&got), ["l40-48gb on_demand 1.50"]);
}

#[test]
fn files_that_are_something_else_are_refused_as_a_whole() {
    let missing = |name: &str| Err(ImportError::MissingColumn(name.to_owned()));
    assert_eq!(import(Format::Skypilot, "f", b"", &fetched()), missing("InstanceType"));
    assert_eq!(import(Format::GcpSeries, "f", b"date,gpu\n", &fetched()), missing("machine_type"));
    let twice = SKYPILOT.replace("vCPUs", "Price");
    assert_eq!(import(Format::Skypilot, "f", twice.as_bytes(), &fetched()), missing("Price"));
    assert_eq!(import(Format::Skypilot, "f", SKYPILOT.as_bytes(), &Options::default()), Err(ImportError::NoTime));
    assert!(matches!(import(Format::Csv, "f", b"a,b\n", &fetched()), Err(ImportError::MissingOption(_))));
    let no_count =
        Options { csv: Some("gpu=g,price=p".parse().unwrap()), price_unit: Some(PriceUnit::PerMachine), ..fetched() };
    assert!(matches!(import(Format::Csv, "f", b"g,p\n", &no_count), Err(ImportError::MissingOption(_))));
    assert_eq!(import(Format::GcpSeries, "f", b"\xff\xfe,b\n", &fetched()), Err(ImportError::NotUtf8));
}

#[test]
fn a_mapping_says_what_columns_and_prices_mean() {
    let file = "Cloud,GPU Type,GPUs,On-demand,Spot\nAWS,A100 (80 GB),8,$40.97,\nAWS,T4 (16 GB),4,,1.21\nAWS,A100 (80 GB),,40.97,\n";
    let mapping = "gpu=GPU Type,price=On-demand,spot=Spot,count=GPUs,provider=Cloud";
    let got = mapped(mapping, PriceUnit::PerMachine, file);
    assert_eq!(prices(&got), ["a100-unspecified-80gb on_demand 5.12125", "t4-16gb spot 0.3025"]);
    assert_eq!((got.quotes[0].raw_price.as_str(), got.quotes[0].source.as_str()), ("$40.97", "csv/AWS"));
    assert_eq!(codes(&got), [(4, RefusalCode::InvalidCount)]);
    assert_eq!((got.offers.len(), got.offers[0].lot), (1, 8));

    let got = mapped(mapping, PriceUnit::PerGpu, file);
    assert_eq!(prices(&got)[0], "a100-unspecified-80gb on_demand 40.97");
    assert!("gpu=A".parse::<CsvMapping>().is_err());
    assert!("gpu=A,price=B,colour=C".parse::<CsvMapping>().is_err());
}

#[test]
fn a_mapping_may_name_kinds_times_and_memory() {
    let file = "gpu,usd,kind,when,gb,where\nA100,1.5,spot,2026-03-11 04:17:38,80,\"Iowa, US\"\nA100,1.5,weekly,2026-03-11,80,\nA100,1.5,spot,someday,80,\nA100,1.5,spot,2026-03-11,x,\n";
    let got = mapped("gpu=gpu,price=usd,kind=kind,observed_at=when,memory_gb=gb,region=where", PriceUnit::PerGpu, file);
    assert_eq!(prices(&got), ["a100-unspecified-80gb spot 1.50"]);
    assert_eq!(got.quotes[0].observed_at.to_rfc3339(), "2026-03-11T04:17:38.000Z");
    assert_eq!(
        codes(&got),
        [(3, RefusalCode::UnknownKind), (4, RefusalCode::NoTime), (5, RefusalCode::MemoryMismatch)]
    );
    assert!(got.offers.is_empty());
}

#[test]
fn the_series_divides_by_gpus_and_by_hours() {
    let file = "date,machine_type,gpu,gpu_count,region,hour,hour_spot,month_1y,month_3y\n2024-05-17,a3-highgpu-8g,H100-80GB,8,us-central1,87.832465656,61.94814684,44507.68066464,\n";
    let got = read(Format::GcpSeries, file, &Options::default());
    let expected = [
        "h100-unspecified-80gb on_demand 10.979058",
        "h100-unspecified-80gb spot 7.743518",
        "h100-unspecified-80gb committed 7.621178",
    ];
    assert_eq!(prices(&got), expected);
    assert_eq!(got.quotes[2].term.as_deref(), Some("1y"));
    assert!(got.refused.is_empty() && got.offers.is_empty());
}

#[test]
fn press_quotes_are_dated_by_the_start_of_their_period() {
    let file = "from,to,gpu,usd_per_gpu_hour,provider,kind,wording,source\n2023-01,2023-12,H100,8.00,,peak scarcity,w,s\n2025-10,2025-10,H100,1.70,,1-year contract,w,s\n2026-06-26,2026-06-26,H100 SXM,2.42,,spot,w,s\n";
    let got = read(Format::Press, file, &Options::default());
    let expected =
        ["h100-unspecified-80gb on_demand 8.00", "h100-unspecified-80gb committed 1.70", "h100-sxm-80gb spot 2.42"];
    assert_eq!(prices(&got), expected);
    assert_eq!(got.quotes[0].observed_at.to_rfc3339(), "2023-01-01T00:00:00.000Z");
    assert_eq!(got.quotes[0].note, "peak scarcity");
}

#[test]
fn filtered_vast_files_are_quotes_only() {
    let header = "listing_id,gpu_name,num_gpus,dph_total,dph_per_gpu,reliability,geolocation,datacenter,last_seen,gpu_ram_gb,collected_utc";
    let row = "31,H200,2,4.655913978494624,2.327957,0.99,\", US\",False,,143771,2026-02-27T13:36:32.227767+00:00";
    let got = read(Format::Vast, format!("{header}\r\n{row}\r\n"), &Options::default());
    assert_eq!(prices(&got), ["h200-unspecified-141gb ask 2.327957"]);
    assert_eq!((got.quotes[0].raw_unit, got.offers.len()), (PriceUnit::PerOffer, 0));
    assert_eq!(read(Format::Vast, format!("{header}\r\n"), &Options::default()).rows, 0);
}

#[test]
fn importing_a_file_twice_gives_the_same_keys_under_any_name() {
    let file = format!("{SKYPILOT}m1,L40,1,28,58.0,,1.0,A,\nm1,L40,1,28,58.0,,1.0,A,\nm1,L40,1,28,58.0,,1.0,B,\n");
    let options = Options { provider: Some("north".to_owned()), ..fetched() };
    let first = import(Format::Skypilot, "a.csv", file.as_bytes(), &options).unwrap();
    let second = import(Format::Skypilot, "b/c.csv", file.as_bytes(), &options).unwrap();
    assert_eq!(first, second);
    assert_eq!((first.rows, first.quotes.len(), first.repeated, first.offers.len()), (3, 2, 1, 2));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..Format::ALL.len()) {
        let options = Options {
            csv: Some("gpu=gpu,price=price,count=n".parse().unwrap()),
            price_unit: Some(PriceUnit::PerMachine),
            ..fetched()
        };
        let _ = import(Format::ALL[at], "f", &bytes, &options);
    }

    #[test]
    fn arbitrary_rows_are_taken_or_refused(tail in "[a-zA-Z0-9.,\"'\r\nx{}: -]{0,300}", cut in 0usize..200) {
        let mut file = format!("{SKYPILOT}m8,H100-80G-SXM5,8,192,1800,,19.2,A,10\n{tail}").into_bytes();
        file.truncate(file.len() - cut.min(tail.len()));
        let got = read(Format::Skypilot, file, &fetched());
        let rows = counts(got.refused.iter().map(|refused| refused.row)).len();
        prop_assert!(got.rows <= u64::try_from(got.quotes.len() + rows).unwrap() + got.repeated);
        prop_assert!(got.quotes.iter().all(|quote| quote.price.micros() > 0));
    }
}
