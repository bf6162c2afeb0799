//! Every measurement runs to its end on a small market. What it measures there says nothing.

use super::program::run_ok;

const SMALL: [&str; 4] = ["--organizations", "20", "--rounds", "1"];

#[test]
fn every_figure_over_http_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let figures = ["--figures", "orders,long,batches,edge,book", "--connections", "4", "--seconds", "1"];
    let market = ["--resting", "100", "--orders", "300"];
    let said = run_ok(folder.path(), &[&["bench", "http"], &figures[..], &market, &SMALL].concat(), "");
    let wanted = [
        "client's echo / wrk",
        "orders / echo, 4 connections",
        "latency p99 / p50, 4 connections",
        "the last of 10 parts of 300 orders / the first",
        "orders in batches of 100 / the database's ceiling",
        "request ids, figures and access log / echo without",
        "book of a window, 1000 prices, at half load / echo",
    ];
    for figure in wanted {
        assert!(said.lines().any(|line| line.trim_start().starts_with(figure)), "{figure}: {said}");
    }
    assert!(!said.contains(" failed: "), "{said}");
}

#[test]
fn recovery_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let said = run_ok(folder.path(), &[&["bench", "recover", "--orders", "300"], &SMALL[..]].concat(), "");
    assert!(said.contains("300 open orders: opened in") && said.contains("from the start to ready"), "{said}");
}
