//! Every code of the error table is read from a problem document by some test, or said here why it cannot be.

use std::fs;
use std::path::Path;

use actix_web::ResponseError;
use gpubourse::api::codes::CODES;
use gpubourse::api::problem::Problem;

/// Codes that no route can answer with yet: what would meet them has no route.
const WITHOUT_ROUTE: &[&str] = &[
    // Rules and time are the exchange's own commands.
    "time_backwards",
    "unknown_rules",
    // The name of conflicts that have none of their own; all there are have one.
    "conflict",
];

/// What the tests of the API and of the pages say, this file left out.
fn tests() -> String {
    let folders = ["tests/it/api", "tests/it/web"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file() && !path.ends_with("codes.rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_code_is_met_by_a_test() {
    let tests = tests();
    let met = |code: &str| tests.contains(&format!("\"{code}\""));
    let unmet: Vec<_> = CODES.iter().map(|row| row.code).filter(|code| !met(code)).collect();
    let forgotten: Vec<_> = unmet.iter().filter(|code| !WITHOUT_ROUTE.contains(code)).collect();
    assert!(forgotten.is_empty(), "no test reads a problem document with {forgotten:?}");
    let reached: Vec<_> = WITHOUT_ROUTE.iter().filter(|code| met(code)).collect();
    assert!(reached.is_empty(), "these have a test by now: {reached:?}");
}

#[test]
fn every_code_makes_a_whole_problem_document() {
    for row in CODES {
        let problem = Problem::of(row.code);
        assert_eq!(problem.status_code().as_u16(), row.status, "{}", row.code);
        let response = problem.respond("r1");
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        assert_eq!(response.headers().contains_key("www-authenticate"), row.status == 401, "{}", row.code);
        let document = serde_json::to_value(problem.document("r1")).unwrap();
        assert_eq!(document["type"], format!("urn:gpubourse:problem:{}", row.code));
        assert_eq!((&document["code"], &document["status"]), (&row.code.into(), &row.status.into()));
        for field in ["title", "detail", "request_id"] {
            assert!(document[field].as_str().is_some_and(|text| !text.is_empty()), "{}: {field}", row.code);
        }
        assert_eq!(document["errors"][0]["field"].as_str(), row.field, "{}", row.code);
    }
}
