//! The shape of the code, as a test: who may name whom, what pure layers may not say, how long things are.

use std::fs;
use std::path::{Path, PathBuf};

/// Layers a file of the first may import from, besides its own.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("exchange", &["types"]),
    ("market", &["types"]),
    ("auth", &["types"]),
    ("importers", &["types"]),
    ("store", &["types", "exchange", "market", "auth", "importers"]),
    ("app", &["types", "exchange", "market", "auth", "importers", "store"]),
    ("api", &["types", "exchange", "market", "auth", "importers", "app"]),
    ("web", &["types", "exchange", "market", "auth", "importers", "app", "api"]),
    ("sim", &["types", "exchange", "store", "app"]),
    ("agent", &["types", "app"]),
    (
        "cli",
        &[
            "types",
            "exchange",
            "market",
            "auth",
            "importers",
            "store",
            "app",
            "api",
            "web",
            "sim",
            "agent",
            "telemetry",
        ],
    ),
    ("telemetry", &[]),
    ("lib", &[]),
    ("main", &["cli"]),
];

/// Words that only one layer may say.
const OWNED: &[(&str, &[&str])] = &[
    ("diesel", &["store"]),
    ("actix_web", &["api", "web"]),
    ("askama", &["web"]),
    ("awc", &["api/forward.rs"]),
    ("ureq", &["agent/exchange.rs"]),
    ("SystemTime", &["app/clock.rs"]),
    ("getrandom", &["app/ids.rs"]),
];

/// Words a pure layer never says.
const IMPURE: &[&str] = &[
    "std::time",
    "std::fs",
    "std::net",
    "std::thread",
    "tokio",
    "HashMap",
    "HashSet",
    "f32",
    "f64",
    "async ",
    "rand::",
    "Utc::now",
    "Local::now",
    "tracing",
    "println!",
    "std::env",
];
const PURE: &[&str] = &["types", "exchange", "market"];

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    path: PathBuf,
    layer: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 50, "the walk found only {} files", files.len());
    let layer_of = |path: &Path| {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    files
        .into_iter()
        .map(|path| Source { layer: layer_of(&path), text: fs::read_to_string(&path).unwrap(), path })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            walk(&path, files);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// The code of a file without comments and without its unit tests.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The layers a text imports from: `crate::layer`, also in grouped imports.
fn imported(code: &str) -> Vec<String> {
    let mut layers = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        assert!(!rest.starts_with('{'), "group imports by layer, not under `crate::{{`");
        layers.push(rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect());
    }
    layers
}

fn import_violations(layer: &str, code: &str) -> Vec<String> {
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("layer {layer} is not in the table")];
    };
    let known = |other: &String| MAY_IMPORT.iter().any(|(name, _)| name == other);
    let wrong = imported(code).into_iter().filter(known).filter(|other| other != layer);
    wrong.filter(|other| !allowed.contains(&other.as_str())).collect()
}

fn owned_violations(place: &str, code: &str) -> Vec<&'static str> {
    let words = OWNED.iter().filter(|(word, owners)| {
        let used = code.contains(&format!("{word}::")) || code.contains(&format!("use {word}"));
        used && !owners.iter().any(|owner| place.starts_with(owner))
    });
    words.map(|(word, _)| *word).collect()
}

fn impure_words(code: &str) -> Vec<&'static str> {
    IMPURE.iter().copied().filter(|word| code.contains(word)).collect()
}

/// Functions longer than allowed, by their first line. Relies on rustfmt: a function ends where its indent returns.
fn long_functions(code: &str) -> Vec<String> {
    let lines: Vec<&str> = code.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_function = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(crate) fn ", "pub(super) fn "]
            .iter()
            .any(|head| trimmed.starts_with(head));
        if !is_function || trimmed.ends_with(';') {
            continue;
        }
        let indent = &line[..line.len() - trimmed.len()];
        let end = lines[start..].iter().position(|line| *line == format!("{indent}}}")).unwrap_or(0);
        if end > FUNCTION_LINES_MAX {
            long.push(trimmed.to_owned());
        }
    }
    long
}

#[test]
fn layers_import_only_what_lies_below_them() {
    for source in sources() {
        let wrong = import_violations(&source.layer, &code(&source.text));
        assert!(wrong.is_empty(), "{} imports {wrong:?}", source.path.display());
    }
}

#[test]
fn the_auditor_shares_nothing_with_the_exchange_but_types() {
    let auditor = sources().into_iter().filter(|source| source.path.to_string_lossy().contains("src/sim/audit/"));
    let mut files = 0;
    for source in auditor {
        let code = code(&source.text);
        let wrong = beyond_types(&code);
        assert!(wrong.is_empty(), "{} imports {wrong:?}", source.path.display());
        files += 1;
    }
    assert!(files > 5, "only {files} files");
}

/// What a file of the auditor reaches beyond its own folder and `types`.
fn beyond_types(code: &str) -> Vec<String> {
    let mut wrong: Vec<String> = imported(code).into_iter().filter(|layer| layer != "types").collect();
    wrong.extend(code.contains("super::super").then(|| "super::super".to_owned()));
    wrong
}

#[test]
fn each_foreign_word_has_one_owner() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for source in sources() {
        let place = source.path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let wrong = owned_violations(&place, &code(&source.text));
        assert!(wrong.is_empty(), "{place} names {wrong:?}");
    }
}

#[test]
fn pure_layers_do_not_reach_outside() {
    for source in sources().iter().filter(|source| PURE.contains(&source.layer.as_str())) {
        let wrong = impure_words(&code(&source.text));
        assert!(wrong.is_empty(), "{} says {wrong:?}", source.path.display());
    }
}

#[test]
fn files_and_functions_stay_short() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", source.path.display());
        let long = long_functions(&code(&source.text));
        assert!(long.is_empty(), "{} has long functions: {long:?}", source.path.display());
    }
}

#[test]
fn planted_violations_are_found() {
    assert_eq!(import_violations("exchange", "use crate::store::Db;"), ["store"]);
    assert_eq!(beyond_types("use crate::exchange::Event;"), ["exchange"]);
    assert_eq!(beyond_types("use super::super::fold::Fold;"), ["super::super"]);
    assert_eq!(owned_violations("app/view.rs", "use diesel::prelude::*;"), ["diesel"]);
    assert_eq!(impure_words("let x: f64 = 0.1;"), ["f64"]);
    let long = format!("fn long() {{\n{}}}\n", "    let x = 1;\n".repeat(80));
    assert_eq!(long_functions(&long), ["fn long() {"]);
    assert_eq!(code("let x = 1; // diesel::\n#[cfg(test)]\nmod tests {}"), "let x = 1; ");
}
