//! The story of `docs/contract-life.md`: played here, and shown there as it was printed here.

use std::fmt::Write;

use gpubourse::exchange::Command;
use gpubourse::exchange::rights::{HostFee, Owner, Rights};
use gpubourse::types::{Money, OrganizationId, Price, Source};

use super::life::{DAY, Life, P, R, X, Y};

/// The contracts begin a day after the story.
const START: u32 = DAY;
const NAMES: [(&str, OrganizationId); 5] =
    [("host", P), ("owner", Y), ("reseller", R), ("renter", X), ("exchange", OrganizationId::EXCHANGE)];

/// Writes who has what, and refuses anything but what was worked out by hand: available and escrow.
fn balances(out: &mut String, life: &Life, title: &str, expected: [(&str, &str); 5]) {
    writeln!(out, "{title}").unwrap();
    for ((name, id), (available, escrow)) in NAMES.iter().zip(expected) {
        let purse = life.exchange.purses().find(|(who, _)| who == id).map(|(_, purse)| *purse).unwrap_or_default();
        writeln!(out, "  {name:<9} available {:>13}   escrow {:>10}", purse.available, purse.escrow).unwrap();
        let usd = |text| Money::parse(text).unwrap();
        assert_eq!((purse.available, purse.escrow), (usd(available), usd(escrow)), "{title}: {name}");
    }
    life.check_money();
}

fn play() -> String {
    let host_fee = HostFee::PerGpuHour(Price::parse("0.50").unwrap());
    let owner = Owner { organization: Y, host_fee };
    let mut life = Life::with_rights(Rights { owner: Some(owner), royalty_bps: 1_000, chain_max: None });
    let out = &mut String::new();
    let (from, until) = (START, START + 90 * DAY);
    let first = life.sell(Life::listing(), R, 64, (from, until), "4.00");
    let second = life.sell(Source::Contract(first), X, 48, (from, START + 60 * DAY), "2.10");
    balances(
        out,
        &life,
        "bought and resold",
        [("1000000", "0"), ("1000000", "0"), ("447040", "552960"), ("854848", "145152"), ("0", "0")],
    );
    life.hand_over(first);
    life.hand_over(second);
    life.advance(START);
    life.operate((from, START + 9 * DAY), &[(first, 16), (second, 48)]);
    life.operate((START + 9 * DAY, START + 9 * DAY + 360), &[(first, 16), (second, 0)]);
    life.operate((START + 9 * DAY + 360, START + 32 * DAY), &[(first, 16), (second, 48)]);
    life.settle();
    balances(
        out,
        &life,
        "day 32: 31 days closed, the first month credited",
        [("1022512", "0"), ("1160915.20", "0"), ("521269.84", "362496"), ("856057.60", "70156.80"), ("6592.56", "0")],
    );
    life.operate((START + 32 * DAY, START + 60 * DAY), &[(first, 16), (second, 48)]);
    life.operate((START + 60 * DAY, START + 70 * DAY - 5), &[(first, 64)]);
    // Notice runs from the next minute on.
    life.advance(START + 70 * DAY - 1);
    life.done(Command::GiveNotice { organization: R, contract: first, reason: "the market fell".into() });
    life.operate((START + 70 * DAY - 5, START + 77 * DAY), &[(first, 64)]);
    life.advance(START + 79 * DAY);
    life.settle();
    balances(
        out,
        &life,
        "day 79: ended by notice on day 77, everything settled",
        [("1065827.20", "0"), ("1401145.60", "0"), ("661557.52", "0"), ("856057.60", "0"), ("15412.08", "0")],
    );
    for (name, id) in [("first ", first), ("second", second)] {
        let sum = |cause| life.sum(id, cause);
        writeln!(
            out,
            "{name} contract: due {} (seller {}, owner {}, royalty {}, fee {}), refunded {}, credited {}, notice {}",
            ["payment", "owner", "royalty", "fee"].map(sum).into_iter().fold(Money::ZERO, |a, b| a.plus(b).unwrap()),
            sum("payment"),
            sum("owner"),
            sum("royalty"),
            sum("fee"),
            sum("refund"),
            sum("credit"),
            sum("buyer's notice"),
        )
        .unwrap();
    }
    out.clone()
}

#[test]
fn the_document_shows_what_happens() {
    let told = play();
    println!("{told}");
    let document = include_str!("../../../docs/contract-life.md");
    let shown = document.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(shown, Some(told.as_str()), "docs/contract-life.md shows something else");
}
