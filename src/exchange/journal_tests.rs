//! One golden row per kind of command and version. Never edit a row: it is in somebody's journal.

use super::*;
use crate::exchange::fixes::IndexFix;
use crate::exchange::ranks::Score;
use crate::exchange::terms::ContractTerms;
use crate::exchange::{Access, AmendOrder, BidWindow, MeterReport, PlaceAsk, PlaceBid, Requirements, Terms};
use crate::types::*;

fn organization() -> OrganizationId {
    OrganizationId::new(7)
}

fn contract() -> ContractId {
    ContractId::new(3)
}

fn minute(minute: u32) -> Minute {
    Minute::new(minute)
}

fn ask() -> Command {
    Command::PlaceAsk(PlaceAsk {
        organization: organization(),
        source: Source::Contract(ContractId::new(3)),
        gpus: 16,
        start: Some(minute(100)),
        end: None,
        price: Price::from_micros(1_940_000),
        lot: Some(8),
        min_minutes: None,
        lead_minutes: 5,
        terms: Terms { post_only: true, ..Terms::default() },
    })
}

fn bid(window: BidWindow) -> Command {
    Command::PlaceBid(PlaceBid {
        organization: organization(),
        product: ProductId::new(1),
        gpus: 8,
        window,
        price: Price::from_micros(2_000_000),
        lot: 8,
        requirements: Requirements {
            regions: vec!["us-central1".into()],
            countries: vec!["US".into()],
            interconnects: vec![Interconnect::Roce],
            site_ids: vec![SiteId::new(2)],
            min_sla_class: SlaClass::P999,
            primary_only: true,
            min_tier: Tier::Unverified,
            min_score_bps: None,
        },
        same_site: true,
        cover: None,
        funding: Funding::Full,
        terms: Terms {
            time_in_force: TimeInForce::Gtd,
            expires_at: Some(Timestamp::from_millis(9)),
            post_only: false,
            self_trade: SelfTrade::CancelBoth,
            client_order_id: Some("a \"b\" é".into()),
        },
    })
}

fn covered() -> Command {
    match bid(BidWindow::AtOnce { minutes: 60 }) {
        Command::PlaceBid(bid) => Command::PlaceBid(PlaceBid { cover: Some(Price::from_micros(2_500_000)), ..bid }),
        other => panic!("{other:?}"),
    }
}

fn funded() -> Command {
    match bid(BidWindow::AtOnce { minutes: 60 }) {
        Command::PlaceBid(bid) => Command::PlaceBid(PlaceBid { funding: Funding::Monthly, ..bid }),
        other => panic!("{other:?}"),
    }
}

fn ranked() -> Command {
    match bid(BidWindow::AtOnce { minutes: 60 }) {
        Command::PlaceBid(mut bid) => {
            bid.requirements =
                Requirements { min_tier: Tier::Verified, min_score_bps: Some(9_850), ..Requirements::default() };
            Command::PlaceBid(bid)
        }
        other => panic!("{other:?}"),
    }
}

fn catalogue() -> Vec<(Command, &'static str)> {
    vec![
        (Command::Advance { now: Timestamp::from_millis(60_000) }, r#"{"kind":"advance","now":60000,"v":1}"#),
        (
            Command::RegisterOrganization { name: "Hall".into(), organization_kind: OrganizationKind::Provider },
            r#"{"kind":"register_organization","name":"Hall","organization_kind":"provider","v":1}"#,
        ),
        (
            Command::SuspendOrganization { organization: organization(), suspended: true },
            r#"{"kind":"suspend_organization","organization":7,"suspended":true,"v":1}"#,
        ),
        (
            Command::SetTier { organization: organization(), tier: Tier::Verified },
            r#"{"kind":"set_tier","organization":7,"tier":"verified","v":1}"#,
        ),
        (
            Command::PublishScores { scores: vec![Score { organization: organization(), score_bps: 9_850 }] },
            r#"{"kind":"publish_scores","scores":[{"organization":7,"score_bps":9850}],"v":1}"#,
        ),
        (
            Command::PublishFixes {
                as_of: 41,
                fixes: vec![IndexFix {
                    product: ProductId::new(2),
                    region: Some(Region::new("us-east").unwrap()),
                    tenor: Some(Tenor::Week),
                    primary: Some(true),
                    day: 20_000,
                    price: Some(Price::from_micros(2_000_000)),
                    thin: false,
                    rule_version: 1,
                    origin: FixOrigin::Trades,
                    inputs: 5,
                    between: Some((3, 9)),
                    dropped: vec![4],
                    hash: "ab".repeat(32),
                }],
            },
            concat!(
                r#"{"as_of":41,"fixes":[{"between":[3,9],"day":20000,"dropped":[4],"#,
                r#""hash":"abababababababababababababababababababababababababababababababab","inputs":5,"#,
                r#""origin":"trades","price":2000000,"primary":true,"product":2,"region":"us-east","rule_version":1,"#,
                r#""tenor":"week","thin":false}],"kind":"publish_fixes","v":1}"#
            ),
        ),
        (
            Command::CreateProduct {
                symbol: Symbol::new("h100-sxm-80gb").unwrap(),
                name: "H100".into(),
                tick: Price::from_micros(1_000),
                fee_bps: 150,
            },
            r#"{"fee_bps":150,"kind":"create_product","name":"H100","symbol":"h100-sxm-80gb","tick":1000,"v":1}"#,
        ),
        (
            Command::HaltProduct { product: ProductId::new(1), halted: false },
            r#"{"halted":false,"kind":"halt_product","product":1,"v":1}"#,
        ),
        (
            Command::CreateSite {
                organization: organization(),
                name: "Hall".into(),
                region: Region::new("us-central1").unwrap(),
                country: Country::new("US").unwrap(),
                power_w: Some(5),
                pue_milli: None,
            },
            r#"{"country":"US","kind":"create_site","name":"Hall","organization":7,"power_w":5,"pue_milli":null,"region":"us-central1","v":1}"#,
        ),
        (
            Command::CreateListing {
                organization: organization(),
                site: SiteId::new(2),
                product: ProductId::new(1),
                gpus: 64,
                start: minute(10),
                end: minute(20),
                gpus_per_node: 8,
                interconnect: Interconnect::Infiniband,
                sla_class: SlaClass::P98,
                resale_allowed: true,
                rights: crate::exchange::rights::Rights::default(),
            },
            r#"{"end":20,"gpus":64,"gpus_per_node":8,"interconnect":"infiniband","kind":"create_listing","organization":7,"product":1,"resale_allowed":true,"site":2,"sla_class":"98","start":10,"v":1}"#,
        ),
        (
            Command::CreateListing {
                organization: organization(),
                site: SiteId::new(2),
                product: ProductId::new(1),
                gpus: 64,
                start: minute(10),
                end: minute(20),
                gpus_per_node: 8,
                interconnect: Interconnect::Infiniband,
                sla_class: SlaClass::P98,
                resale_allowed: true,
                rights: crate::exchange::rights::Rights {
                    royalty_bps: 500,
                    resale: crate::types::ResaleForm::Novation,
                    ..crate::exchange::rights::Rights::default()
                },
            },
            r#"{"end":20,"gpus":64,"gpus_per_node":8,"interconnect":"infiniband","kind":"create_listing","organization":7,"product":1,"resale_allowed":true,"rights":{"chain_max":null,"owner":null,"resale":"novation","royalty_bps":500},"site":2,"sla_class":"98","start":10,"v":1}"#,
        ),
        (
            Command::AmendListing {
                organization: organization(),
                listing: ListingId::new(4),
                gpus: Some(32),
                start: None,
                end: Some(minute(15)),
            },
            r#"{"end":15,"gpus":32,"kind":"amend_listing","listing":4,"organization":7,"start":null,"v":1}"#,
        ),
        (
            ask(),
            r#"{"end":null,"gpus":16,"kind":"place_ask","lead_minutes":5,"lot":8,"min_minutes":null,"organization":7,"price":1940000,"source":{"contract":3},"start":100,"terms":{"client_order_id":null,"expires_at":null,"post_only":true,"self_trade":"skip","time_in_force":"gtc"},"v":1}"#,
        ),
        (
            bid(BidWindow::Fixed { start: minute(1), end: minute(2) }),
            r#"{"gpus":8,"kind":"place_bid","lot":8,"organization":7,"price":2000000,"product":1,"requirements":{"countries":["US"],"interconnects":["roce"],"min_sla_class":"99.9","primary_only":true,"regions":["us-central1"],"site_ids":[2]},"same_site":true,"terms":{"client_order_id":"a \"b\" é","expires_at":9,"post_only":false,"self_trade":"cancel_both","time_in_force":"gtd"},"v":1,"window":{"fixed":{"end":2,"start":1}}}"#,
        ),
        (
            bid(BidWindow::AtOnce { minutes: 60 }),
            r#"{"gpus":8,"kind":"place_bid","lot":8,"organization":7,"price":2000000,"product":1,"requirements":{"countries":["US"],"interconnects":["roce"],"min_sla_class":"99.9","primary_only":true,"regions":["us-central1"],"site_ids":[2]},"same_site":true,"terms":{"client_order_id":"a \"b\" é","expires_at":9,"post_only":false,"self_trade":"cancel_both","time_in_force":"gtd"},"v":1,"window":{"at_once":{"minutes":60}}}"#,
        ),
        (
            ranked(),
            r#"{"gpus":8,"kind":"place_bid","lot":8,"organization":7,"price":2000000,"product":1,"requirements":{"countries":[],"interconnects":[],"min_score_bps":9850,"min_sla_class":"none","min_tier":"verified","primary_only":false,"regions":[],"site_ids":[]},"same_site":true,"terms":{"client_order_id":"a \"b\" é","expires_at":9,"post_only":false,"self_trade":"cancel_both","time_in_force":"gtd"},"v":1,"window":{"at_once":{"minutes":60}}}"#,
        ),
        (
            covered(),
            r#"{"cover":2500000,"gpus":8,"kind":"place_bid","lot":8,"organization":7,"price":2000000,"product":1,"requirements":{"countries":["US"],"interconnects":["roce"],"min_sla_class":"99.9","primary_only":true,"regions":["us-central1"],"site_ids":[2]},"same_site":true,"terms":{"client_order_id":"a \"b\" é","expires_at":9,"post_only":false,"self_trade":"cancel_both","time_in_force":"gtd"},"v":1,"window":{"at_once":{"minutes":60}}}"#,
        ),
        (
            funded(),
            r#"{"funding":"monthly","gpus":8,"kind":"place_bid","lot":8,"organization":7,"price":2000000,"product":1,"requirements":{"countries":["US"],"interconnects":["roce"],"min_sla_class":"99.9","primary_only":true,"regions":["us-central1"],"site_ids":[2]},"same_site":true,"terms":{"client_order_id":"a \"b\" é","expires_at":9,"post_only":false,"self_trade":"cancel_both","time_in_force":"gtd"},"v":1,"window":{"at_once":{"minutes":60}}}"#,
        ),
        (
            Command::AmendOrder(AmendOrder {
                organization: organization(),
                order: OrderId::new(5),
                gpus: None,
                price: Some(Price::from_micros(-1)),
                start: None,
                end: None,
                lot: Some(2),
            }),
            r#"{"end":null,"gpus":null,"kind":"amend_order","lot":2,"order":5,"organization":7,"price":-1,"start":null,"v":1}"#,
        ),
        (
            Command::CancelOrder { organization: organization(), order: OrderId::new(5) },
            r#"{"kind":"cancel_order","order":5,"organization":7,"v":1}"#,
        ),
        (
            Command::CancelAll { organization: organization(), product: None, side: Some(Side::Ask) },
            r#"{"kind":"cancel_all","organization":7,"product":null,"side":"ask","v":1}"#,
        ),
        (
            Command::Deposit { organization: organization(), amount: Money::from_micros(5), reference: "w".into() },
            r#"{"amount":5,"kind":"deposit","organization":7,"reference":"w","v":1}"#,
        ),
        (
            Command::Withdraw { organization: organization(), amount: Money::from_micros(5), reference: "w".into() },
            r#"{"amount":5,"kind":"withdraw","organization":7,"reference":"w","v":1}"#,
        ),
        (
            Command::EndContract {
                contract: ContractId::new(3),
                status: ContractStatus::Defaulted,
                fault: Some(Fault::Seller),
                reason: "dark".into(),
            },
            r#"{"contract":3,"fault":"seller","kind":"end_contract","reason":"dark","status":"defaulted","v":1}"#,
        ),
        (
            Command::PublishTerms(ContractTerms::default()),
            concat!(
                r#"{"close_after_minutes":1440,"credits":[{"share_bps":9900,"times":1},{"share_bps":9800,"times":2},"#,
                r#"{"share_bps":0,"times":5}],"decision_minutes":20160,"default_after_minutes":60,"#,
                r#""draw_before_minutes":4320,"evidence_minutes":4320,"kind":"publish_terms","#,
                r#""notice_fee_bps":1000,"notice_minutes":10080,"outage_default_minutes":1440,"v":1}"#
            ),
        ),
        (
            Command::RegisterAccessKey { organization: organization(), key: "age1abc".into() },
            r#"{"key":"age1abc","kind":"register_access_key","organization":7,"v":1}"#,
        ),
        (
            Command::DeclareReady { organization: organization(), contract: contract() },
            r#"{"contract":3,"kind":"declare_ready","organization":7,"v":1}"#,
        ),
        (
            Command::DeliverAccess {
                organization: organization(),
                contract: contract(),
                access: Access {
                    host: "10.0.0.1".into(),
                    port: 22,
                    host_key: "ssh-ed25519 AAAA".into(),
                    user: "ubuntu".into(),
                    sealed_secret: "sealed".into(),
                    recipient: "age1abc".into(),
                },
            },
            concat!(
                r#"{"access":{"host":"10.0.0.1","host_key":"ssh-ed25519 AAAA","port":22,"recipient":"age1abc","#,
                r#""sealed_secret":"sealed","user":"ubuntu"},"contract":3,"kind":"deliver_access","organization":7,"v":1}"#
            ),
        ),
        (
            Command::AcceptDelivery { organization: organization(), contract: contract() },
            r#"{"contract":3,"kind":"accept_delivery","organization":7,"v":1}"#,
        ),
        (
            Command::ObjectDelivery { organization: organization(), contract: contract(), reason: "r".into() },
            r#"{"contract":3,"kind":"object_delivery","organization":7,"reason":"r","v":1}"#,
        ),
        (
            Command::Meter {
                organization: organization(),
                reports: vec![MeterReport::run(contract(), Slot::new(5_960_000), 12, 64)],
            },
            r#"{"kind":"meter","organization":7,"reports":[{"contract":3,"runs":[[5960000,12,64]]}],"v":1}"#,
        ),
        (
            Command::AddEvidence {
                organization: organization(),
                contract: contract(),
                start: minute(5),
                end: minute(10),
                evidence: "log".into(),
            },
            r#"{"contract":3,"end":10,"evidence":"log","kind":"add_evidence","organization":7,"start":5,"v":1}"#,
        ),
        (
            Command::DecideDispute {
                contract: contract(),
                start: minute(5),
                end: minute(10),
                gpus_up: 4,
                reason: "r".into(),
            },
            r#"{"contract":3,"end":10,"gpus_up":4,"kind":"decide_dispute","reason":"r","start":5,"v":1}"#,
        ),
        (Command::Settle { after: Some(contract()), limit: 256 }, r#"{"after":3,"kind":"settle","limit":256,"v":1}"#),
        (
            Command::DeclareDefault { organization: organization(), contract: contract(), reason: "r".into() },
            r#"{"contract":3,"kind":"declare_default","organization":7,"reason":"r","v":1}"#,
        ),
        (
            Command::GiveNotice { organization: organization(), contract: contract(), reason: "r".into() },
            r#"{"contract":3,"kind":"give_notice","organization":7,"reason":"r","v":1}"#,
        ),
        (
            Command::ProposeRecall { contract: contract(), reason: "r".into() },
            r#"{"contract":3,"kind":"propose_recall","reason":"r","v":1}"#,
        ),
        (Command::ConfirmRecall { contract: contract() }, r#"{"contract":3,"kind":"confirm_recall","v":1}"#),
        (Command::SetRules { rules: 1 }, r#"{"kind":"set_rules","rules":1,"v":1}"#),
        (
            Command::Note { subject: "user".into(), id: "1".into(), verb: "made".into() },
            r#"{"id":"1","kind":"note","subject":"user","v":1,"verb":"made"}"#,
        ),
    ]
}

#[test]
fn golden_rows_are_written_and_read() {
    for (command, text) in catalogue() {
        assert_eq!(canonical_command(&command).as_deref(), Ok(text));
        assert_eq!(parse_command(text), Ok(command));
    }
}

#[test]
fn what_is_written_field_by_field_is_what_the_tree_of_values_says() {
    let listed = |start, end, lot, name: Option<&str>| {
        Command::PlaceAsk(PlaceAsk {
            source: Source::Listing(ListingId::new(4)),
            start,
            end,
            lot,
            min_minutes: lot,
            terms: Terms { client_order_id: name.map(str::to_owned), ..Terms::default() },
            ..match ask() {
                Command::PlaceAsk(ask) => ask,
                other => panic!("{other:?}"),
            }
        })
    };
    let plain = Command::PlaceBid(PlaceBid {
        organization: organization(),
        product: ProductId::new(1),
        gpus: 1,
        window: BidWindow::Fixed { start: minute(u32::MAX), end: minute(0) },
        price: Price::from_micros(i64::MIN),
        lot: 1,
        requirements: Requirements::default(),
        same_site: false,
        cover: None,
        funding: Funding::Full,
        terms: Terms::default(),
    });
    let orders = [
        listed(None, None, None, None),
        listed(Some(minute(1)), Some(minute(2)), Some(3), Some("\\ \n \u{7f} \u{1F600}")),
        plain,
    ];
    let commands = catalogue().into_iter().map(|(command, _)| command).chain(orders);
    for command in commands {
        assert_eq!(canonical_command(&command), sorted(&command), "{command:?}");
    }
}

/// Counts the kinds; a new one does not compile until it has its arm here and its golden row above.
const fn place(command: &Command) -> usize {
    match command {
        Command::Advance { .. } => 0,
        Command::RegisterOrganization { .. } => 1,
        Command::SuspendOrganization { .. } => 2,
        Command::CreateProduct { .. } => 3,
        Command::HaltProduct { .. } => 4,
        Command::CreateSite { .. } => 5,
        Command::CreateListing { .. } => 6,
        Command::AmendListing { .. } => 7,
        Command::PlaceAsk(_) => 8,
        Command::PlaceBid(_) => 9,
        Command::AmendOrder(_) => 10,
        Command::CancelOrder { .. } => 11,
        Command::CancelAll { .. } => 12,
        Command::Deposit { .. } => 13,
        Command::Withdraw { .. } => 14,
        Command::EndContract { .. } => 15,
        Command::SetRules { .. } => 16,
        Command::Note { .. } => 17,
        Command::PublishTerms(_) => 18,
        Command::RegisterAccessKey { .. } => 19,
        Command::DeclareReady { .. } => 20,
        Command::DeliverAccess { .. } => 21,
        Command::AcceptDelivery { .. } => 22,
        Command::ObjectDelivery { .. } => 23,
        Command::Meter { .. } => 24,
        Command::AddEvidence { .. } => 25,
        Command::DecideDispute { .. } => 26,
        Command::Settle { .. } => 27,
        Command::DeclareDefault { .. } => 28,
        Command::GiveNotice { .. } => 29,
        Command::ProposeRecall { .. } => 30,
        Command::ConfirmRecall { .. } => 31,
        Command::SetTier { .. } => 32,
        Command::PublishScores { .. } => 33,
        Command::PublishFixes { .. } => 34,
    }
}

#[test]
fn there_is_a_golden_row_of_every_kind() {
    let places: std::collections::BTreeSet<_> = catalogue().iter().map(|(command, _)| place(command)).collect();
    assert!(places.into_iter().eq(0..35));
    for (command, text) in catalogue() {
        assert!(text.contains(&format!(r#""kind":"{}""#, command.kind())));
    }
}

#[test]
fn unknown_texts_are_errors() {
    let version = |text| matches!(parse_command(text), Err(NotCommand::UnknownVersion(_)));
    assert!(version(r#"{"kind":"advance","now":60000,"v":2}"#));
    assert!(version(r#"{"kind":"advance","now":60000}"#));
    assert!(version(r#"{"kind":"advance","now":60000,"v":"1"}"#));
    let malformed = |text| matches!(parse_command(text), Err(NotCommand::Malformed(_)));
    assert!(malformed(r#"{"kind":"teleport","v":1}"#));
    assert!(malformed(r#"{"kind":"advance","v":1}"#));
    assert!(malformed(r#"{"kind":"advance","now":1.5,"v":1}"#));
    assert!(malformed("advance"));
}
