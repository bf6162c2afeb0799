//! Every crate we link has a licence we may link.

use std::process::Command;

/// Licences whose terms we can meet by attribution.
const ACCEPTED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "BSL-1.0",
    "PostgreSQL",
    "blessing",
    "CDLA-Permissive-2.0",
];

/// Tells whether a licence expression can be met: all of an AND, one of an OR.
fn acceptable(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|licence| ACCEPTED.contains(&licence.trim())))
}

#[test]
fn every_crate_has_an_accepted_licence() {
    // Only what this machine links: the lock file also names crates of other systems.
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .map(|package| (&package["name"], package["license"].as_str().unwrap_or("none stated")))
        .filter(|(_, licence)| !acceptable(licence))
        .map(|(name, licence)| format!("{name}: {licence}"))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_copyleft_licence_is_refused() {
    assert!(acceptable("MIT OR Apache-2.0"));
    assert!(acceptable("(MIT OR GPL-3.0) AND Unicode-3.0"));
    assert!(!acceptable("GPL-3.0-or-later"));
    assert!(!acceptable("MIT AND GPL-3.0"));
}

/// What tests alone use may be under the Mozilla Public License: its file stands beside its licence, out of the program's
/// sources.
#[test]
fn axe_has_its_licence_and_is_not_shipped() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/it/web/axe");
    let licence = std::fs::read_to_string(folder.join("LICENSE")).unwrap();
    assert!(licence.contains("Mozilla Public License, version 2.0"));
    assert!(folder.join("LICENSE-3RD-PARTY.txt").is_file());
    let served = std::fs::read_dir(root.join("src/web/static")).unwrap();
    let names: Vec<String> = served.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.is_empty() && !names.iter().any(|name| name.contains("axe")), "{names:?}");
}
