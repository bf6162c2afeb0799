//! The README does what it says: its walk-through runs as it stands, in one session, against the real program.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::program::{PROGRAM, program};

const README: &str = include_str!("../../README.md");
const WALK_THROUGH: &str = "\n## Post capacity, bid, audit\n";
/// Where the README's server listens.
const ADDRESS: &str = "127.0.0.1:8080";
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Returns the fenced blocks of a text: the word after the fence, and what stands inside.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = text.split("```").collect();
    assert_eq!(parts.len() % 2, 1, "a fence is not closed");
    parts.iter().skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect()
}

fn shell(text: &str) -> Vec<&str> {
    blocks(text).into_iter().filter(|(language, _)| *language == "sh").map(|(_, block)| block).collect()
}

#[test]
fn the_first_screen_is_two_commands() {
    let (first_screen, _) = README.split_once(WALK_THROUGH).unwrap();
    assert_eq!(shell(first_screen), ["cargo run --release -- demo\n", "cargo test\n"]);
    assert!(first_screen.lines().count() <= 40, "that is more than a screen");
}

#[test]
fn nothing_looks_like_a_command_that_no_test_runs() {
    for (language, block) in blocks(README) {
        assert!(["sh", "text"].contains(&language), "{language:?}: {block}");
    }
    let (_, rest) = README.split_once(WALK_THROUGH).unwrap();
    assert!(shell(rest).len() >= 7, "the walk-through is gone");
}

#[test]
fn the_links_lead_somewhere() {
    for (at, _) in README.match_indices("](") {
        let path = README[at + 2..].split(')').next().unwrap();
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).is_file(), "{path}");
    }
}

#[test]
fn three_pictures_are_light() {
    let pictures = README.split("](").filter_map(|rest| rest.split(')').next()).filter(|path| path.ends_with(".png"));
    let sizes: Vec<u64> =
        pictures.map(|path| fs::metadata(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap().len()).collect();
    assert_eq!(sizes.len(), 3);
    assert!(sizes.iter().sum::<u64>() < 300_000, "{sizes:?}");
}

#[test]
fn operators_are_told_of_every_figure() {
    let (figures, told) = (include_str!("../../src/api/metrics.rs"), include_str!("../../docs/operations.md"));
    let is_name =
        |text: &&str| text.starts_with("gpubourse_") && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let names: Vec<&str> = figures.split('"').filter(is_name).collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        assert!(told.contains(&format!("`{name}`")), "{name} is not in docs/operations.md");
    }
}

#[test]
fn the_walk_through_works_as_typed() {
    check_walk_through("bash", "set -euo pipefail");
    check_walk_through("sh", "set -eu");
}

fn check_walk_through(shell_name: &str, strictness: &str) {
    let (_, walk_through) = README.split_once(WALK_THROUGH).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let said = type_in(shell_name, strictness, folder.path(), &shell(walk_through));
    let answers: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let with = |name: &str| answers.iter().filter(|answer| answer.get(name).is_some()).collect::<Vec<_>>();

    assert_eq!(with("code"), Vec::<&Value>::new(), "problems");
    let orders = with("time_in_force");
    let [ask, bid] = orders[..] else { panic!("{} orders\n{said}", orders.len()) };
    assert_eq!((&ask["side"], &ask["status"]), (&"ask".into(), &"open".into()));
    assert_eq!(
        (&bid["side"], &bid["status"], &bid["average_price"]),
        (&"bid".into(), &"filled".into(), &"2.10".into())
    );

    // 16 GPUs for a week of 168 hours at $2.10 are $5,644.80.
    let balances = with("escrow");
    let wallet = balances.iter().find(|answer| answer.get("currency").is_some()).unwrap();
    assert_eq!(
        (&wallet["available"], &wallet["held"], &wallet["escrow"]),
        (&"19355.20".into(), &"0.00".into(), &"5644.80".into())
    );

    let contracts = with("trade_id");
    let [for_renter, for_provider] = contracts[..] else { panic!("{} contracts\n{said}", contracts.len()) };
    assert_eq!(for_renter, for_provider);
    assert_eq!(for_renter["id"], bid["fills"][0]["contract_id"]);
    assert_eq!(
        (&for_renter["seller"]["name"], &for_renter["buyer"]["name"]),
        (&"Prairie Compute".into(), &"Lab".into())
    );

    let listed = with("data").into_iter().filter(|page| page["data"][0].get("trade_id").is_some()).collect::<Vec<_>>();
    assert_eq!(listed.len(), 1, "{said}");
    assert_eq!(listed[0]["data"][0]["id"], for_renter["id"]);
    let statuses: Vec<_> = with("recipient").into_iter().map(|delivery| &delivery["status"]).collect();
    assert_eq!(statuses, ["ready", "delivered", "delivered", "delivered"], "{said}");
    assert_eq!(with("recipient").last().unwrap()["accepted_from"], for_renter["start"], "{said}");
    assert_eq!(with("legs")[0]["legs"][0]["contract"]["id"], for_renter["id"]);
    let journal = with("data").into_iter().find(|page| page["data"][0].get("hash").is_some()).unwrap();
    assert_eq!(journal["data"][0]["command"]["kind"], "accept_delivery");
    assert!(said.trim_end().ends_with("verified: the chain, the replay and every table agree"), "{said}");
}

/// Runs blocks in one shell that stops at the first failure; returns what they printed.
fn type_in(name: &str, strictness: &str, folder: &Path, blocks: &[&str]) -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    // The server would outlive a walk-through that fails half way.
    let mut script = format!("{strictness}\ntrap 'kill $server 2>/dev/null || true' EXIT\n");
    blocks.iter().for_each(|block| script.push_str(&block.replace(ADDRESS, &address)));
    let output = folder.join("output");
    let file = File::create(&output).unwrap();
    let programs = Path::new(PROGRAM).parent().unwrap().display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let mut shell = Command::new(name);
    shell.args(["-c", &script]).current_dir(folder).env("PATH", path).env("no_proxy", "127.0.0.1");
    // What the program would find in the environment of the tests must not reach it here either.
    for (name, _) in program(folder).get_envs() {
        shell.env_remove(name);
    }
    shell.env("GPUBOURSE_BIND", &address);
    shell.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let mut shell = shell.spawn().unwrap();
    let until = Instant::now() + WAIT_MAX;
    let status = loop {
        if let Some(status) = shell.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > until {
            shell.kill().unwrap();
            shell.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let said = fs::read_to_string(&output).unwrap();
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{said}");
    said
}
