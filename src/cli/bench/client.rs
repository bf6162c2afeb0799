//! A closed-loop HTTP/1.1 client: each connection sends a request, waits for its whole answer, sends the next.
//!
//! It speaks just enough HTTP for our own server (status line, `content-length`, keep-alive) so that the
//! client costs little beside the server it shares the machine with.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What one connection sends: request number → the bytes of a whole request.
pub type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// What a round of load measured.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// Answers with a 2xx status.
    pub succeeded: u64,
    /// Any other answer.
    pub failed: u64,
    /// The body of one such answer, to say why.
    pub failure: Option<String>,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
    /// Latencies in microseconds, ascending.
    pub latencies_us: Vec<u64>,
}

impl Round {
    /// Returns successes per second.
    pub fn per_second(&self) -> u64 {
        self.succeeded.saturating_mul(1_000_000).checked_div(self.elapsed_us).unwrap_or_default()
    }

    /// Returns the latency below which so many per mille of the answers lie, in microseconds.
    pub fn latency_us(&self, per_mille: u64) -> u64 {
        let count = u64::try_from(self.latencies_us.len()).unwrap_or_default();
        let rank = count.saturating_mul(per_mille).checked_div(1_000).unwrap_or_default();
        let index = usize::try_from(rank).unwrap_or_default().min(self.latencies_us.len().saturating_sub(1));
        self.latencies_us.get(index).copied().unwrap_or_default()
    }
}

/// Keeps so many connections busy for so long.
///
/// # Errors
/// The first I/O error of any connection.
pub async fn load(
    address: std::net::SocketAddr,
    connections: usize,
    duration: Duration,
    requests: Requests,
    counter: Arc<AtomicU64>,
) -> io::Result<Round> {
    let start = Instant::now();
    let until = start.checked_add(duration).unwrap_or(start);
    let tasks = (0..connections).map(|_| {
        let (requests, counter) = (Arc::clone(&requests), Arc::clone(&counter));
        tokio::spawn(connection(address, until, requests, counter))
    });
    let tasks: Vec<_> = tasks.collect();
    let mut round = Round::default();
    for task in tasks {
        let part = task.await.map_err(io::Error::other)??;
        round.succeeded = round.succeeded.saturating_add(part.succeeded);
        round.failed = round.failed.saturating_add(part.failed);
        round.failure = round.failure.or(part.failure);
        round.latencies_us.extend(part.latencies_us);
    }
    round.elapsed_us = micros(start.elapsed());
    round.latencies_us.sort_unstable();
    Ok(round)
}

async fn connection(
    address: std::net::SocketAddr,
    until: Instant,
    requests: Requests,
    counter: Arc<AtomicU64>,
) -> io::Result<Round> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut round = Round::default();
    let mut buffer = Vec::with_capacity(16 * 1024);
    while Instant::now() < until {
        let request = requests(counter.fetch_add(1, Ordering::Relaxed));
        let sent = Instant::now();
        stream.write_all(&request).await?;
        let (status, body) = answer(&mut stream, &mut buffer).await?;
        round.latencies_us.push(micros(sent.elapsed()));
        if (200..300).contains(&status) {
            round.succeeded = round.succeeded.saturating_add(1);
        } else {
            round.failed = round.failed.saturating_add(1);
            round.failure.get_or_insert_with(|| String::from_utf8_lossy(&body).into_owned());
        }
    }
    Ok(round)
}

/// Reads one whole answer; returns its status and, for failures, its body.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(u16, Vec<u8>)> {
    buffer.clear();
    let mut chunk = [0u8; 8 * 1024];
    loop {
        if let Some((status, head, length)) = head(buffer)? {
            let whole = head.saturating_add(length);
            while buffer.len() < whole {
                read_more(stream, buffer, &mut chunk).await?;
            }
            let failed = !(200..300).contains(&status);
            let body = if failed { buffer.get(head..whole).unwrap_or_default().to_vec() } else { Vec::new() };
            return Ok((status, body));
        }
        read_more(stream, buffer, &mut chunk).await?;
    }
}

async fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>, chunk: &mut [u8]) -> io::Result<()> {
    let read = stream.read(chunk).await?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
    Ok(())
}

/// Returns status, length of the head and length of the body, once the head is complete.
fn head(buffer: &[u8]) -> io::Result<Option<(u16, usize, usize)>> {
    let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(buffer.get(..end).unwrap_or_default()).map_err(io::Error::other)?;
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer");
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    let length = text.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        let length = name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok());
        length.flatten()
    });
    Ok(Some((status, end.saturating_add(4), length.unwrap_or_default())))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
