//! The client beside a common one: `wrk` with the same request, so that nobody takes a slow client for a fast server.

use std::fs;
use std::io;
use std::process::Command;

use super::super::figure::{Figure, Goal, ratio};
use super::request::ECHO;
use super::server::Server;
use super::{Run, complain};
use crate::cli::Failure;

const THREADS: usize = 2;
const CONNECTIONS: usize = 64;

/// Measures both in turn. Without `wrk` there is nothing to compare with.
pub(super) async fn compare(run: &Run) -> Result<Figure, Failure> {
    let server = run.serve()?;
    let mut ratios = Vec::new();
    for _ in 0..run.rounds {
        let Some(theirs) = echo(run, &server)? else {
            return Ok(Figure::new("client's echo / wrk: not compared, wrk is not installed", None, Vec::new()));
        };
        let ours = run.echo(&server, CONNECTIONS).await?;
        complain("echoes", &ours);
        println!("echo, {CONNECTIONS} connections: wrk {theirs}/s, this client {}/s", ours.per_second());
        ratios.push(ratio(ours.per_second(), theirs));
    }
    Ok(Figure::new("client's echo / wrk", Some(Goal::at_least(85, 100)), ratios))
}

/// Returns how many echoes a second `wrk` gets; nothing where it is not installed.
fn echo(run: &Run, server: &Server) -> Result<Option<u64>, Failure> {
    let path = run.folder.join("echo.lua");
    let Some(draft) = run.cast.draft(0) else { return Ok(None) };
    fs::write(&path, script(draft.key(), &draft.body().to_string()))?;
    let mut command = Command::new("wrk");
    command.args([format!("-t{THREADS}"), format!("-c{CONNECTIONS}"), format!("-d{}s", run.duration.as_secs().max(1))]);
    command.arg("-s").arg(&path).arg(format!("http://{}{ECHO}", server.address));
    match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            let rate = per_second(&said).filter(|_| !said.contains("Non-2xx"));
            rate.map(Some).ok_or_else(|| Failure::new(format!("wrk said {said:?}")))
        }
    }
}

/// Returns what `wrk` sends. Neither a key nor a JSON text of orders holds what would end a long string.
fn script(key: &str, body: &str) -> String {
    format!(
        "wrk.method = \"POST\"\nwrk.body = [==[{body}]==]\nwrk.headers[\"content-type\"] = \"application/json\"\n\
         wrk.headers[\"authorization\"] = \"Bearer {key}\"\n"
    )
}

fn per_second(said: &str) -> Option<u64> {
    let rate = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"))?;
    rate.trim().split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_wrk_says() {
        let said = "Running 5s test @ http://127.0.0.1:1/v1/echo\n  Latency     1.23ms\n\
                    Requests/sec:  45678.90\nTransfer/sec:      8.91MB\n";
        assert_eq!(per_second(said), Some(45_678));
        assert_eq!(per_second("unable to connect"), None);
    }

    #[test]
    fn wrk_sends_what_the_client_sends() {
        let script = script("gpb_x", r#"{"side":"ask"}"#);
        assert!(script.contains(r#"wrk.body = [==[{"side":"ask"}]==]"#), "{script}");
        assert!(script.contains(r#""Bearer gpb_x""#), "{script}");
    }
}
