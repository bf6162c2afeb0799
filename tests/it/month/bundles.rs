//! The audit bundle: the same from both databases, sound as it is, and found out where a value was changed.

use std::collections::BTreeSet;
use std::process::Command;

use gpubourse::app::bundle::{Bundle, Sealed, check, export};
use gpubourse::app::verify::Anchor;
use gpubourse::exchange::Event;
use gpubourse::exchange::entities::{Cause, Transfer};
use gpubourse::types::{ContractId, ContractStatus, Kind, Money, PublicId, Source};
use serde_json::Value;

use super::scene::{on_sqlite, played, write};
use crate::backend::for_each_backend;

/// Contracts of every kind there is in the month: settled, resold, passed, disputed, ended early.
fn chosen() -> BTreeSet<ContractId> {
    let mut chosen = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for event in &played().events {
        let (kind, id) = match event {
            Event::Traded { contract, .. } => match contract.source {
                Source::Contract(parent) => ("resold", parent),
                Source::Listing(_) => continue,
            },
            Event::ContractPassed { contract, .. } => ("passed", *contract),
            Event::DisputeClosed { contract, .. } => ("disputed", *contract),
            Event::NoticeGiven { contract, .. } => ("under notice", *contract),
            Event::ContractTakenOver { contract, .. } if !seen.contains("taken over") => ("taken over", *contract),
            Event::ContractTakenOver { from, .. } => ("given up", *from),
            Event::Transferred { transfer } => match transfer.cause {
                Cause::Draw(contract) => ("drawn", contract),
                Cause::Forfeit(contract) => ("forfeited", contract),
                _ => continue,
            },
            Event::ContractMoved { contract, status } if !status.is_live() => (status.as_str(), *contract),
            _ => continue,
        };
        if seen.insert(kind) {
            chosen.insert(id);
        }
    }
    for status in
        [ContractStatus::Settled, ContractStatus::Terminated, ContractStatus::Defaulted, ContractStatus::Recalled]
    {
        assert!(seen.contains(status.as_str()), "{status}");
    }
    for kind in ["taken over", "given up", "drawn", "forfeited", "passed"] {
        assert!(seen.contains(kind), "{kind}");
    }
    chosen
}

#[test]
fn bundles_are_sound_and_the_same_from_both_databases() {
    let mut all: Vec<Vec<Bundle>> = Vec::new();
    let known = std::cell::RefCell::new(&mut all);
    for_each_backend(|backend| {
        let written = write(backend, played());
        let bundles = chosen().into_iter().map(|id| export(&written.store, id).unwrap());
        known.borrow_mut().push(bundles.collect());
    });
    assert!(all.iter().all(|bundles| *bundles == all[0]));
    for bundle in all.swap_remove(0) {
        let id = bundle.contract.id;
        assert!(bundle.rows.len() > 4, "{id}: the offer, the handshake, the orders, the settlement");
        let text = serde_json::to_string(&Sealed::of(bundle).unwrap()).unwrap();
        let sealed: Sealed = serde_json::from_str(&text).unwrap();
        assert_eq!(check(&sealed, &[]), Vec::<String>::new(), "{id}");
        anchored(&sealed);
    }
    assert!(export(&on_sqlite().1.store, ContractId::new(1_000_000)).is_err());
}

/// A hash noted elsewhere is met, another is found, and one that is held against nothing does not look like one that was.
fn anchored(sealed: &Sealed) {
    let row = sealed.bundle.rows.last().unwrap();
    let noted = Anchor::parse(&format!("{}:{}", row.sequence, row.hash)).unwrap();
    assert!(check(sealed, &[noted]).is_empty());
    let before = Anchor::parse(&format!("{}:{}", row.sequence - 1, row.previous_hash)).unwrap();
    assert!(check(sealed, &[noted, before]).is_empty());
    let head = &sealed.bundle.head;
    let head = Anchor::parse(&format!("{}:{}", head.sequence, head.hash)).unwrap();
    assert!(check(sealed, &[head]).is_empty());
    for wrong in [Anchor { hash: [7; 32], ..noted }, Anchor { sequence: head.sequence + 1, ..noted }] {
        assert_eq!(check(sealed, &[wrong]).len(), 1);
    }
}

/// Every value below a place, by its pointer.
fn leaves(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, format!("{at}/{name}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, value)| leaves(value, format!("{at}/{place}"), found));
        }
        Value::Null => {}
        _ => found.push(at),
    }
}

fn changed(value: &Value) -> Value {
    match value {
        Value::Bool(is) => Value::Bool(!is),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Value::from(number + 1),
            None => Value::from(0),
        },
        Value::String(text) => {
            let last = if text.ends_with('0') { '1' } else { '0' };
            let mut chars: Vec<char> = text.chars().collect();
            chars.pop();
            Value::String(chars.into_iter().chain([last]).collect())
        }
        _ => panic!("no value to change: {value}"),
    }
}

/// Whoever changes a value and seals the bundle anew is found out by the rules alone.
#[test]
fn a_changed_value_is_found_even_under_a_new_seal() {
    let (_, written) = on_sqlite();
    let passed = played().events.iter().find_map(|event| match event {
        Event::ContractPassed { contract, .. } => Some(*contract),
        _ => None,
    });
    let sealed = Sealed::of(export(&written.store, passed.unwrap()).unwrap()).unwrap();
    let bundle = serde_json::to_value(&sealed.bundle).unwrap();
    let mut all = Vec::new();
    leaves(&bundle, String::new(), &mut all);
    let contract =
        ["price", "gpus", "window", "buyer", "seller", "product", "site", "listing", "fee_bps", "escrow", "status"];
    let proven = |place: &str| {
        let parts: Vec<&str> = place.split('/').skip(1).collect();
        match parts[..] {
            ["version" | "trade" | "made" | "transfers" | "traded_by", ..] => true,
            ["contract", field, ..] => contract.contains(&field),
            ["rows", _, "events", ..] => false,
            ["rows", ..] => true,
            ["delivery", "delivered" | "paid" | "fee" | "credited"] => true,
            ["offer", _, "id"] | ["orders", _, "id"] => true,
            ["book", "counters", "trade" | "contract" | "now"] => true,
            _ => false,
        }
    };
    let places: Vec<_> = all.iter().filter(|place| proven(place)).collect();
    assert!(places.len() > 200, "{}", places.len());
    let mut missed = Vec::new();
    for place in places {
        let mut other = bundle.clone();
        let value = other.pointer_mut(place).unwrap();
        *value = changed(value);
        let Ok(other) = serde_json::from_value::<Bundle>(other) else { continue };
        if check(&Sealed::of(other).unwrap(), &[]).is_empty() {
            missed.push(place);
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
    // Whatever else there is, the seal finds, unless it is made anew.
    for place in all.iter().step_by(37) {
        let mut other = bundle.clone();
        let value = other.pointer_mut(place).unwrap();
        *value = changed(value);
        let Ok(bundle) = serde_json::from_value::<Bundle>(other) else { continue };
        assert!(!check(&Sealed { bundle, seal: sealed.seal.clone() }, &[]).is_empty(), "{place}");
    }
}

#[test]
fn rows_left_out_put_in_or_swapped_are_found() {
    let (_, written) = on_sqlite();
    let bundle = export(&written.store, *chosen().first().unwrap()).unwrap();
    let trade = bundle.rows.iter().position(|row| row.sequence == bundle.traded_by).unwrap();
    let forge = |change: &dyn Fn(&mut Bundle)| {
        let mut other = bundle.clone();
        change(&mut other);
        check(&Sealed::of(other).unwrap(), &[])
    };
    assert_eq!(forge(&|_| {}), Vec::<String>::new());
    assert!(!forge(&|bundle| drop(bundle.rows.remove(trade))).is_empty());
    assert!(!forge(&|bundle| bundle.rows.swap(trade, trade + 1)).is_empty());
    assert!(!forge(&|bundle| bundle.rows.push(bundle.rows[trade].clone())).is_empty());
    assert!(!forge(&|bundle| drop(bundle.transfers.pop())).is_empty());
    // The trade would not have been made without the other order, nor without what that was offered out of.
    assert!(!forge(&|bundle| bundle.book.orders.clear()).is_empty());
    assert!(!forge(&|bundle| bundle.book.listings.clear()).is_empty());
}

/// The rows say what the exchange was told, not what it did: that is held against the rules.
#[test]
fn a_bond_that_came_from_nowhere_or_went_there_is_found() {
    let (_, written) = on_sqlite();
    // What passed, or was taken over, had a part of another's bond; what gave some away had not all of its own back.
    let (mut returned, mut settled, mut shared) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for event in &played().events {
        match event {
            Event::Transferred { transfer } => match transfer.cause {
                Cause::BondReturn(contract) => drop(returned.insert(contract)),
                _ => continue,
            },
            Event::ContractMoved { contract, status: ContractStatus::Settled } => drop(settled.insert(*contract)),
            Event::ContractPassed { contract, .. } => drop(shared.insert(*contract)),
            Event::ContractTakenOver { from, .. } => drop(shared.insert(*from)),
            _ => continue,
        }
    }
    let plain = returned.intersection(&settled).find(|id| !shared.contains(id));
    let bundle = export(&written.store, *plain.unwrap()).unwrap();
    let forge = |change: &dyn Fn(&mut Bundle)| {
        let mut other = bundle.clone();
        change(&mut other);
        check(&Sealed::of(other).unwrap(), &[])
    };
    assert_eq!(forge(&|_| {}), Vec::<String>::new());
    let found = forge(&|bundle| bundle.contract.bond = Money::from_micros(1));
    assert!(found.iter().any(|found| found.starts_with("bond: ")), "{found:?}");
    for more in [1, -1] {
        let change = |transfer: &mut Transfer| {
            if matches!(transfer.cause, Cause::BondReturn(_)) {
                transfer.amount = transfer.amount.plus(Money::from_micros(more)).unwrap();
            }
        };
        let found = forge(&|bundle| {
            bundle.transfers.iter_mut().for_each(change);
            for event in bundle.rows.iter_mut().flat_map(|row| &mut row.events) {
                if let Event::Transferred { transfer } = event {
                    change(transfer);
                }
            }
        });
        assert!(found.iter().any(|found| found.starts_with("bond: ")), "{more}: {found:?}");
    }
}

#[test]
fn the_command_line_writes_and_checks() {
    let (backend, written) = on_sqlite();
    let id = *chosen().first().unwrap();
    let made = export(&written.store, id).unwrap().made;
    let public = PublicId { created_at: made.created_at, kind: Kind::Contract, number: id.number() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.json");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gpubourse"));
        command.arg("audit").args(arguments).output().unwrap()
    };
    let file = path.to_str().unwrap();
    let export = |id: &str| run(&["export", "--database-url", &backend.url, "--contract", id, "--output", file]);
    let done = export(&public.to_uuid().to_string());
    assert!(done.status.success(), "{done:?}");
    let done = run(&["check", file]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success() && told.contains("checked: "), "{told}");
    let text = std::fs::read_to_string(&path).unwrap();
    let price = format!("\"price\":{}", made.price.micros());
    assert!(text.contains(&price));
    std::fs::write(&path, text.replace(&price, "\"price\":1")).unwrap();
    let done = run(&["check", file]);
    let told = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains("seal: ") && told.contains("trade: "), "{told}");
    std::fs::write(&path, "{}").unwrap();
    assert_eq!(run(&["check", file]).status.code(), Some(1));
    let later = PublicId { created_at: made.created_at.plus_millis(1), ..public };
    assert!(!export(&later.to_uuid().to_string()).status.success());
    assert!(!export("1").status.success());
}
