//! What request ids, figures and access log cost: the echo with them beside the echo without.

use super::super::figure::{Figure, Goal, ratio};
use super::Run;
use super::server::Server;
use crate::cli::Failure;

/// Lets the access log through.
const ACCESS_LOG: &str = "warn,gpubourse::api::edge=debug";

/// Measures both in turn, each with a server of its own.
pub(super) async fn measure(run: &Run) -> Result<Vec<Figure>, Failure> {
    let connections = run.connections();
    let mut ratios = Vec::new();
    for _ in 0..run.rounds {
        let server = Server::start_logging(&run.url, &["--echo"], ACCESS_LOG, &run.folder.join("access.log"))?;
        let with = run.echo(&server, connections).await?.per_second();
        server.stop()?;
        let server = Server::start(&run.url, &["--bare-echo"])?;
        let without = run.echo(&server, connections).await?.per_second();
        server.stop()?;
        println!(
            "echo, {connections} connections: {with}/s with request ids, figures and access log, {without}/s without"
        );
        ratios.push(ratio(with, without));
    }
    let name = "request ids, figures and access log / echo without";
    Ok(vec![Figure::new(name, Some(Goal::at_least(80, 90)), ratios)])
}
