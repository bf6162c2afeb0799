//! What `/metrics` shows.

use prometheus::core::Collector;
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

const BUCKETS_S: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The figures of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    waiting: IntGauge,
    as_of: IntGauge,
    clock_jump_ms: IntGauge,
    writes: IntGauge,
    writer_known: IntGauge,
    streams: IntGauge,
}

/// What is asked for when the figures are read.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Commands that wait for the writer.
    pub waiting: usize,
    /// The last journal row the view reflects.
    pub as_of: i64,
    /// How far the clock has jumped; 0 while it is believed.
    pub clock_jump_ms: i64,
    /// Whether this server writes.
    pub writes: bool,
    /// Whether it knows which server writes.
    pub writer_known: bool,
    /// Streams that are open.
    pub streams: usize,
}

impl Metrics {
    /// Registers the figures.
    ///
    /// # Errors
    /// If a name is malformed or taken.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = Opts::new("gpubourse_http_requests_total", "Requests by method, route and status.");
        let latency = HistogramOpts::new("gpubourse_http_request_seconds", "Time to answer by method and route.");
        Ok(Self {
            requests: kept(&registry, IntCounterVec::new(requests, &["method", "route", "status"])?)?,
            latency: kept(&registry, HistogramVec::new(latency.buckets(BUCKETS_S.to_vec()), &["method", "route"])?)?,
            waiting: kept(&registry, IntGauge::new("gpubourse_queue_waiting", "Commands that wait for the writer.")?)?,
            as_of: kept(&registry, IntGauge::new("gpubourse_as_of", "The last journal row the view reflects.")?)?,
            clock_jump_ms: kept(
                &registry,
                IntGauge::new(
                    "gpubourse_clock_jump_ms",
                    "How far the clock has jumped ahead; 0 while it is believed.",
                )?,
            )?,
            writes: kept(&registry, IntGauge::new("gpubourse_writes", "1 on the server that writes, else 0.")?)?,
            writer_known: kept(
                &registry,
                IntGauge::new("gpubourse_writer_known", "1 where it is known which server writes, else 0.")?,
            )?,
            streams: kept(&registry, IntGauge::new("gpubourse_streams", "Streams that are open.")?)?,
            registry,
        })
    }

    /// Counts a request and its time.
    pub fn count(&self, method: &str, route: &str, status: u16, seconds: f64) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.latency.with_label_values(&[method, route]).observe(seconds);
    }

    /// Returns everything as Prometheus text.
    ///
    /// # Errors
    /// If the encoder fails.
    pub fn text(&self, standing: Standing) -> Result<String, prometheus::Error> {
        self.waiting.set(i64::try_from(standing.waiting).unwrap_or(i64::MAX));
        self.as_of.set(standing.as_of);
        self.clock_jump_ms.set(standing.clock_jump_ms);
        self.writes.set(i64::from(standing.writes));
        self.writer_known.set(i64::from(standing.writer_known));
        self.streams.set(i64::try_from(standing.streams).unwrap_or(i64::MAX));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}

/// Measures how long something takes.
#[derive(Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts it.
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Returns the seconds since.
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

fn kept<C: Collector + Clone + 'static>(registry: &Registry, figure: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(figure.clone()))?;
    Ok(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route() {
        let metrics = Metrics::new().unwrap();
        metrics.count("GET", "/v1/orders/{id}", 404, 0.002);
        let standing =
            Standing { waiting: 3, as_of: 42, clock_jump_ms: 0, writes: true, writer_known: true, streams: 5 };
        let text = metrics.text(standing).unwrap();
        assert!(text.contains(r#"gpubourse_http_requests_total{method="GET",route="/v1/orders/{id}",status="404"} 1"#));
        assert!(text.contains("gpubourse_queue_waiting 3") && text.contains("gpubourse_as_of 42"), "{text}");
        assert!(text.contains("gpubourse_writes 1") && text.contains("gpubourse_streams 5"), "{text}");
    }
}
