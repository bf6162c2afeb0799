//! The story of `docs/contract-life.md`: played here, and shown there as it was printed here.

use std::fmt::Write;

use gpubourse::exchange::Command;
use gpubourse::exchange::rights::{HostFee, Owner, Rights};
use gpubourse::types::{Funding, Money, OrganizationId, Price, Source};

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

/// A minute of the story, so many days after the contracts begin.
const fn day(days: u32) -> u32 {
    START + days * DAY
}

fn play() -> String {
    let host_fee = HostFee::PerGpuHour(Price::parse("0.50").unwrap());
    let owner = Owner { organization: Y, host_fee };
    let mut life = Life::with_rights(Rights { owner: Some(owner), royalty_bps: 1_000, ..Rights::default() });
    let out = &mut String::new();
    life.funding = Funding::Monthly;
    let first = life.sell(Life::listing(), R, 64, (day(0), day(90)), "4.00");
    life.hand_over(first);
    life.advance(day(0));
    life.operate((day(0), day(5)), &[(first, 64)]);
    life.funding = Funding::Full;
    let second = life.sell(Source::Contract(first), X, 48, (day(10), day(70)), "2.10");
    life.hand_over(second);
    balances(
        out,
        &life,
        "day 5: bought by the month, and resold",
        [("1000000", "0"), ("1000000", "0"), ("631360", "368640"), ("854848", "145152"), ("0", "0")],
    );
    let both = [(first, 16), (second, 48)];
    life.operate((day(5), day(10)), &[(first, 64)]);
    life.operate((day(10), day(19)), &both);
    life.operate((day(19), day(19) + 360), &[(first, 16), (second, 0)]);
    life.operate((day(19) + 360, day(27)), &both);
    balances(
        out,
        &life,
        "day 27: the second month is drawn",
        [("1000000", "0"), ("1000000", "0"), ("447040", "552960"), ("854848", "145152"), ("0", "0")],
    );
    life.operate((day(27), day(32)), &both);
    life.settle();
    balances(
        out,
        &life,
        "day 32: 31 days closed, the host credits the reseller's first month",
        [("1022512", "0"), ("1160915.20", "0"), ("498287.44", "362496"), ("855452.80", "94348.80"), ("5987.76", "0")],
    );
    life.operate((day(32), day(42)), &both);
    life.settle();
    balances(
        out,
        &life,
        "day 42: 41 days closed, the reseller credits the renter's first month",
        [("1030192", "0"), ("1213139.20", "0"), ("521269.84", "301056"), ("856057.60", "70156.80"), ("8128.56", "0")],
    );
    life.operate((day(42), day(45)), &both);
    let amount = Money::parse("400000").unwrap();
    life.done(Command::Withdraw { organization: R, amount, reference: "a loan falls due".into() });
    life.operate((day(45), day(59)), &both);
    life.settle();
    balances(
        out,
        &life,
        "day 59: 58 days closed, the draw for the third month missing since day 57",
        [("1043248", "0"), ("1301920", "0"), ("161368.08", "196608"), ("856057.60", "29030.40"), ("11767.92", "0")],
    );
    life.operate((day(59), day(60)), &both);
    balances(
        out,
        &life,
        "day 60: the draw is missed, the first contract ends, the second passes to the host",
        [("1227568", "0"), ("1301920", "0"), ("161368.08", "12288"), ("856057.60", "29030.40"), ("11767.92", "0")],
    );
    life.operate((day(60), day(70)), &[(second, 48)]);
    life.advance(day(72));
    life.settle();
    balances(
        out,
        &life,
        "day 72: everything settled",
        [("1234864", "0"), ("1330192", "0"), ("166085.52", "0"), ("856057.60", "0"), ("12800.88", "0")],
    );
    for (name, id) in [("first ", first), ("second", second)] {
        let sum = |cause| life.sum(id, cause);
        writeln!(
            out,
            "{name} contract: due {} (seller {}, owner {}, royalty {}, fee {}), refunded {}, credited {}, gap {}, forfeit {}",
            ["payment", "owner", "royalty", "fee"].map(sum).into_iter().fold(Money::ZERO, |a, b| a.plus(b).unwrap()),
            sum("payment"),
            sum("owner"),
            sum("royalty"),
            sum("fee"),
            sum("refund"),
            sum("credit"),
            sum("gap"),
            sum("forfeit"),
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
