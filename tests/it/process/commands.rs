//! Commands typed wrongly, twice or in the wrong place: a clear message, a non-zero exit, nothing made or changed.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use super::http::Request;
use super::kill::verify;
use super::program::{Server, run, run_fails, run_ok, text};
use crate::backend::{Backend, for_each_backend};

const PASSWORD: &str = "correct horse battery staple\n";

fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.collect()
}

#[test]
fn a_second_writer_on_one_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for_each_backend(|backend| {
        let first = Server::start(&backend.url);
        // On PostgreSQL a second server follows the first.
        if backend.path.is_some() {
            let serve = ["serve", "--bind", "127.0.0.1:0", "--database-url", &backend.url];
            let message = run_fails(folder.path(), &serve, "");
            assert!(message.contains("another process writes to this database"), "{message}");
        }
        let admin = ["admin", "create", "--email", "root@example.com", "--database-url", &backend.url];
        let message = run_fails(folder.path(), &admin, PASSWORD);
        assert!(message.contains("another process writes to this database"), "{message}");
        first.wait_until_ready();
        verify(folder.path(), &backend.url);
    });
}

#[test]
fn the_lock_of_a_killed_server_does_not_outlive_it() {
    for_each_backend(|backend| {
        let mut first = Server::start(&backend.url);
        first.kill();
        Server::start(&backend.url).wait_until_ready();
    });
}

#[test]
fn verify_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["sqlite:missing.db", "missing.db", "sqlite:no/such/folder/missing.db"] {
        let message = run_fails(folder.path(), &["verify", "--database-url", url], "");
        assert!(message.contains("there is no database"), "{message}");
    }
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

#[test]
fn a_mistyped_database_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for url in
        ["postgre://127.0.0.1/gpubourse", "mysql://127.0.0.1/gpubourse", "gpubourse", "sqlite:", "sqlite::memory:"]
    {
        for command in [
            &["serve", "--bind", "127.0.0.1:0"][..],
            &["verify"],
            &["admin", "create", "--email", "root@example.com"],
            &["import", "vast", "missing.json"],
        ] {
            let message = run_fails(folder.path(), &[command, &["--database-url", url]].concat(), PASSWORD);
            let is_about_it = message.contains("database address") || message.contains("missing.json");
            assert!(is_about_it, "{command:?} {url}: {message}");
        }
    }
    let message = run_fails(folder.path(), &["serve", "--database-url", "sqlite:no/such/folder/a.db"], "");
    assert!(message.contains("no/such/folder/a.db"), "{message}");
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

#[test]
fn an_unreachable_postgres_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://gpubourse:hunter2@{nobody}/gpubourse");
    let output = run(folder.path(), &["verify", "--database-url", &url], "");
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains(&nobody.to_string()) && !message.contains("hunter2"), "{message}");
}

#[test]
fn what_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let letter = "Dear reader, this is not a database, whatever its name says. ".repeat(100);
    fs::write(folder.path().join("letter.db"), &letter).unwrap();
    for command in [&["serve", "--bind", "127.0.0.1:0"][..], &["verify"]] {
        let message = run_fails(folder.path(), &[command, &["--database-url", "letter.db"]].concat(), "");
        assert!(message.contains("not a database"), "{message}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("letter.db")).unwrap(), letter);
}

#[test]
fn an_empty_file_is_a_fresh_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    fs::write(&path, "").unwrap();
    let url = format!("sqlite:{}", path.display());
    let mut server = Server::start(&url);
    server.wait_until_ready();
    let products = server.connect().call(&Request::get("/v1/products")).unwrap().ok();
    assert_eq!(products["data"], serde_json::json!([]));
    server.signal("TERM");
    assert!(server.wait_until_gone().success(), "{}", server.errors());
    verify(folder.path(), &url);
}

#[test]
fn an_admin_needs_a_password_an_address_and_both_only_once() {
    let backend = Backend::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let create = |email: &str, password: &str| {
        run_fails(folder.path(), &["admin", "create", "--email", email, "--database-url", &backend.url], password)
    };
    let message = create("root@example.com", "short\n");
    assert!(message.contains("password") && message.contains("at least 12 characters"), "{message}");
    let message = create("root@example.com", "");
    assert!(message.contains("no password on standard input"), "{message}");
    let message = create("root", PASSWORD);
    assert!(message.contains("email") && message.contains("must be an address"), "{message}");
    let first = ["admin", "create", "--email", "root@example.com", "--database-url", &backend.url];
    let said = run_ok(folder.path(), &first, PASSWORD);
    assert!(said.starts_with("admin ") && said.ends_with(" created\n"), "{said}");
    let message = create("Root@Example.com", PASSWORD);
    assert!(message.contains("email_taken") || message.contains("exists"), "{message}");
    let auditor = ["admin", "create", "--auditor", "--email", "eye@example.com", "--database-url", &backend.url];
    let said = run_ok(folder.path(), &auditor, PASSWORD);
    assert!(said.starts_with("auditor ") && said.ends_with(" created\n"), "{said}");
    verify(folder.path(), &backend.url);
}

#[test]
fn a_port_in_use_is_named() {
    let backend = Backend::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let message = run_fails(folder.path(), &["serve", "--bind", &address, "--database-url", &backend.url], "");
    assert!(message.contains(&format!("cannot listen on {address}")), "{message}");
}

#[test]
fn a_weak_token_secret_is_refused() {
    let backend = Backend::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--bind", "127.0.0.1:0", "--token-secrets", "short", "--database-url", &backend.url];
    let message = run_fails(folder.path(), &serve, "");
    assert!(message.contains("secret") && !message.contains("short\n"), "{message}");
}

#[test]
fn mistakes_on_the_command_line_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["sevre"], &["serve", "--bind", "nowhere"], &["verify", "--anchor", "1:2"]] {
        let output = run(folder.path(), arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("Usage") || text(&output.stderr).contains("--help"), "{arguments:?}");
    }
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

#[test]
fn verify_finds_a_chain_that_is_not_the_one_noted() {
    let backend = Backend::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let create = ["admin", "create", "--email", "root@example.com", "--database-url", &backend.url];
    run_ok(folder.path(), &create, PASSWORD);
    let verify = |anchor: &str| run(folder.path(), &["verify", "--anchor", anchor, "--database-url", &backend.url], "");
    let server = Server::start(&backend.url);
    let head = server.connect().call(&Request::get("/v1/audit/head")).unwrap().ok();
    drop(server);
    let hash = head["hash"].as_str().unwrap();
    let noted = format!("{}:{hash}", head["sequence"]);
    assert!(verify(&noted).status.success(), "{noted}");
    let other = format!("{}:{}", head["sequence"], hash.chars().rev().collect::<String>());
    assert_eq!(verify(&other).status.code(), Some(1), "{other}");
}

#[test]
fn an_agent_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let agent = |more: &[&str]| {
        let contract = "019a0d2e-7c00-7007-8000-000000000001";
        let fixed = ["agent", "--contract", contract, "--probe", "echo 8", "--once", "--api-key"];
        run_fails(folder.path(), &[&fixed[..], more].concat(), "")
    };
    let backend = Backend::sqlite();
    let server = Server::start(&backend.url);
    let url = format!("http://{}", server.address);
    let message = agent(&["nonsense", "--server", &url]);
    assert!(message.contains("the exchange refuses: invalid_token"), "{message}");
    drop(server);
    let message = agent(&["nonsense", "--server", &url]);
    assert!(message.contains("the exchange cannot be asked"), "{message}");
    fs::write(folder.path().join("gpubourse-agent.jsonl"), "hello\n").unwrap();
    let message = agent(&["nonsense", "--server", &url]);
    assert!(message.contains("line 1 is not one of an agent's notebook"), "{message}");
}
