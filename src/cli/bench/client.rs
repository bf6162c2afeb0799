//! A closed-loop HTTP/1.1 client: each connection sends a request, waits for its whole answer, sends the next.
//!
//! It speaks just enough HTTP for our own server (status line, `content-length`, keep-alive) so that the
//! client costs little beside the server it shares the machine with.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{at, micros};

/// What one connection sends: request number → the bytes of a whole request.
pub type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// When a round of load ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After some time.
    Elapsed(Duration),
    /// After so many requests.
    Sent(u64),
}

/// A round of load.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub until: Until,
    pub requests: Requests,
    /// The number of the next request, of this round and of those after it.
    pub numbers: Arc<AtomicU64>,
    /// Requests a second, if not as many as possible.
    pub pace: Option<u64>,
    /// How often an answer must contain some bytes to be a success, if its status alone does not say so.
    pub wanted: Option<(&'static [u8], u64)>,
}

/// What a round of load measured.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// Answers with a 2xx status and all that was wanted.
    pub succeeded: u64,
    /// Any other answer.
    pub failed: u64,
    /// The body of one such answer, to say why.
    pub failure: Option<String>,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
    /// Latencies in microseconds, ascending.
    pub latencies_us: Vec<u64>,
    /// When the answers came, in microseconds from the beginning, ascending.
    pub answered_us: Vec<u64>,
}

impl Round {
    /// Returns successes per second.
    pub fn per_second(&self) -> u64 {
        self.succeeded.saturating_mul(1_000_000).checked_div(self.elapsed_us).unwrap_or_default()
    }

    /// Returns the latency below which so many per mille of the answers lie, in microseconds.
    pub fn latency_us(&self, per_mille: usize) -> u64 {
        at(&self.latencies_us, per_mille)
    }

    /// Returns answers per second in each of so many equal parts of the answers, in the order they came.
    pub fn rates(&self, parts: usize) -> Vec<u64> {
        let mut began = 0;
        let rates = self.answered_us.chunks(self.answered_us.len().div_ceil(parts.max(1)).max(1)).map(|part| {
            let ended = part.last().copied().unwrap_or(began);
            let took = ended.saturating_sub(began).max(1);
            began = ended;
            u64::try_from(part.len()).unwrap_or_default().saturating_mul(1_000_000) / took
        });
        rates.collect()
    }

    fn add(&mut self, part: Self) {
        self.succeeded = self.succeeded.saturating_add(part.succeeded);
        self.failed = self.failed.saturating_add(part.failed);
        self.failure = self.failure.take().or(part.failure);
        self.latencies_us.extend(part.latencies_us);
        self.answered_us.extend(part.answered_us);
    }
}

impl Load {
    /// Keeps the connections busy.
    ///
    /// # Errors
    /// The first I/O error of any connection.
    pub async fn run(self) -> io::Result<Round> {
        let start = Instant::now();
        let first = self.numbers.load(Ordering::Relaxed);
        let tasks: Vec<_> =
            (0..self.connections).map(|_| tokio::spawn(self.clone().connection(start, first))).collect();
        let mut round = Round::default();
        for task in tasks {
            round.add(task.await.map_err(io::Error::other)??);
        }
        round.elapsed_us = micros(start.elapsed());
        round.latencies_us.sort_unstable();
        round.answered_us.sort_unstable();
        Ok(round)
    }

    async fn connection(self, start: Instant, first: u64) -> io::Result<Round> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut round = Round::default();
        let mut buffer = Vec::with_capacity(16 * 1024);
        while let Some(number) = self.next(start, first).await {
            let request = (self.requests)(number);
            let sent = Instant::now();
            stream.write_all(&request).await?;
            let (status, body) = answer(&mut stream, &mut buffer).await?;
            round.latencies_us.push(micros(sent.elapsed()));
            round.answered_us.push(micros(start.elapsed()));
            let body = buffer.get(body..).unwrap_or_default();
            if (200..300).contains(&status) && self.wanted.is_none_or(|(text, times)| count(body, text) == times) {
                round.succeeded = round.succeeded.saturating_add(1);
            } else {
                round.failed = round.failed.saturating_add(1);
                round.failure.get_or_insert_with(|| String::from_utf8_lossy(body).into_owned());
            }
        }
        Ok(round)
    }

    /// Returns the number of the next request when it is time for it; nothing when the round is over.
    async fn next(&self, start: Instant, first: u64) -> Option<u64> {
        if matches!(self.until, Until::Elapsed(time) if start.elapsed() >= time) {
            return None;
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let ordinal = number.saturating_sub(first);
        if matches!(self.until, Until::Sent(count) if ordinal >= count) {
            return None;
        }
        if let Some(pace) = self.pace {
            let due = Duration::from_micros(ordinal.saturating_mul(1_000_000) / pace.max(1));
            tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
        }
        Some(number)
    }
}

/// Sends one request on a connection of its own; returns the status and the body of its answer.
///
/// # Errors
/// I/O errors.
pub async fn ask(address: SocketAddr, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut buffer = Vec::new();
    let (status, body) = answer(&mut stream, &mut buffer).await?;
    Ok((status, buffer.get(body..).unwrap_or_default().to_vec()))
}

fn count(body: &[u8], text: &[u8]) -> u64 {
    let found = body.windows(text.len().max(1)).filter(|part| *part == text).count();
    u64::try_from(found).unwrap_or_default()
}

/// Reads one whole answer; returns its status and where in the buffer its body begins.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(u16, usize)> {
    buffer.clear();
    let mut chunk = [0u8; 16 * 1024];
    loop {
        if let Some((status, head, length)) = head(buffer)? {
            let whole = head.saturating_add(length);
            while buffer.len() < whole {
                read_more(stream, buffer, &mut chunk).await?;
            }
            return Ok((status, head));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_each_part_is_that_of_its_own_time() {
        let round = Round { answered_us: vec![10, 20, 30, 40, 60, 80, 120, 160], ..Round::default() };
        assert_eq!(round.rates(4), [100_000, 100_000, 50_000, 25_000]);
        assert_eq!(round.rates(1), [50_000]);
        assert!(Round::default().rates(10).is_empty());
    }

    #[test]
    fn an_answer_is_whole_with_its_body() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n").unwrap(), None);
        assert_eq!(head(b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n").unwrap(), Some((201, 43, 5)));
        assert!(head(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn what_is_wanted_is_counted() {
        assert_eq!(count(br#"[{"status":201},{"status":201}]"#, br#""status":201"#), 2);
        assert_eq!(count(b"", b"x"), 0);
    }
}
