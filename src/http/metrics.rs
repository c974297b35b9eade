//! The counters of the server, for its operators.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use hyper::StatusCode;

/// The upper bounds of the buckets of the duration histogram: from a point read to an import of a
/// million records.
pub(super) const DURATION_BOUNDS: [Duration; 9] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_millis(2_500),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(600),
];

/// The outcome of a request: the class of its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Informational,
    Succeeded,
    Redirected,
    ClientError,
    ServerError,
    /// The client closed the connection before the response.
    Disconnected,
}

impl Outcome {
    pub(super) const ALL: [Outcome; 6] = [
        Outcome::Informational,
        Outcome::Succeeded,
        Outcome::Redirected,
        Outcome::ClientError,
        Outcome::ServerError,
        Outcome::Disconnected,
    ];

    /// Returns the outcome of a response with this status. The status is `None` if there was no
    /// response.
    pub(super) fn from_status(status: Option<StatusCode>) -> Self {
        match status.map(|status| status.as_u16() / 100) {
            None => Self::Disconnected,
            Some(..=1) => Self::Informational,
            Some(2) => Self::Succeeded,
            Some(3) => Self::Redirected,
            Some(4) => Self::ClientError,
            Some(5..) => Self::ServerError,
        }
    }

    /// Returns the label of the outcome in the metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Informational => "1xx",
            Outcome::Succeeded => "2xx",
            Outcome::Redirected => "3xx",
            Outcome::ClientError => "4xx",
            Outcome::ServerError => "5xx",
            Outcome::Disconnected => "none",
        }
    }
}

/// The counters. They only grow, except the gauges of open connections and requests in progress.
pub(super) struct Metrics {
    /// When the process started to serve.
    pub(super) started: SystemTime,
    pub(super) connections_accepted: AtomicU64,
    connections: AtomicU64,
    requests_in_progress: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    /// The counters of each route, by the name of its operation.
    operations: HashMap<&'static str, Counts>,
    /// The counters of requests to unknown paths.
    pub(super) without_route: Counts,
}

/// The counters of the requests of one route.
#[derive(Default)]
pub(super) struct Counts {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    /// The requests by bucket: the first bound that is not exceeded. The last bucket has no bound.
    durations: [AtomicU64; DURATION_BOUNDS.len() + 1],
    duration_micros: AtomicU64,
}

impl Counts {
    fn count(&self, outcome: Outcome, duration: Duration) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        let bucket = DURATION_BOUNDS.iter().position(|bound| duration <= *bound);
        self.durations[bucket.unwrap_or(DURATION_BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.duration_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Returns each outcome that occurred, with its count.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        let counts = self.outcomes.iter().map(|count| count.load(Ordering::Relaxed));
        Outcome::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }

    /// Returns how many requests took at most as long as each of [`DURATION_BOUNDS`], and last how
    /// many there were in total.
    pub(super) fn durations(&self) -> [u64; DURATION_BOUNDS.len() + 1] {
        let mut sum = 0;
        std::array::from_fn(|bucket| {
            sum += self.durations[bucket].load(Ordering::Relaxed);
            sum
        })
    }

    /// Returns the sum of all durations.
    pub(super) fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_micros.load(Ordering::Relaxed))
    }
}

impl Metrics {
    /// Takes the names of all operations, each with its own counters.
    pub(super) fn new(operations: impl Iterator<Item = &'static str>) -> Self {
        Self {
            started: SystemTime::now(),
            connections_accepted: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            requests_in_progress: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            operations: operations.map(|name| (name, Counts::default())).collect(),
            without_route: Counts::default(),
        }
    }

    /// Counts a request whose response is sent, or whose client disconnected.
    pub(super) fn request(
        &self,
        operation: Option<&'static str>,
        outcome: Outcome,
        duration: Duration,
        bytes_sent: u64,
    ) {
        let counts = operation.and_then(|name| self.operations.get(name));
        counts.unwrap_or(&self.without_route).count(outcome, duration);
        self.bytes_sent.fetch_add(bytes_sent, Ordering::Relaxed);
    }

    /// Returns the counters of an operation.
    pub(super) fn operation(&self, name: &str) -> Option<&Counts> {
        self.operations.get(name)
    }

    /// Counts a connection as open until the guard is dropped.
    pub(super) fn connection(self: &Arc<Self>) -> GaugeGuard {
        self.connections_accepted.fetch_add(1, Ordering::Relaxed);
        GaugeGuard::enter(self, |metrics| &metrics.connections)
    }

    /// Counts a request as in progress until the guard is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> GaugeGuard {
        GaugeGuard::enter(self, |metrics| &metrics.requests_in_progress)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn requests_in_progress(&self) -> u64 {
        self.requests_in_progress.load(Ordering::Relaxed)
    }
}

/// Counts one in a gauge until it is dropped.
pub(super) struct GaugeGuard {
    metrics: Arc<Metrics>,
    gauge: fn(&Metrics) -> &AtomicU64,
}

impl GaugeGuard {
    fn enter(metrics: &Arc<Metrics>, gauge: fn(&Metrics) -> &AtomicU64) -> Self {
        gauge(metrics).fetch_add(1, Ordering::Relaxed);
        Self { metrics: metrics.clone(), gauge }
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        (self.gauge)(&self.metrics).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_outcome_and_duration() {
        let metrics = Metrics::new(["search", "undo"].into_iter());
        let with_status =
            |status: u16| Outcome::from_status(Some(StatusCode::from_u16(status).unwrap()));
        metrics.request(Some("search"), with_status(206), Duration::from_millis(1), 10);
        metrics.request(Some("search"), with_status(507), Duration::from_secs(3600), 20);
        metrics.request(None, with_status(404), Duration::from_micros(1001), 30);
        metrics.request(None, Outcome::from_status(None), Duration::ZERO, 0);

        let counts = metrics.operation("search").unwrap();
        let outcomes: Vec<_> = counts.outcomes().collect();
        assert_eq!(outcomes, [(Outcome::Succeeded, 1), (Outcome::ServerError, 1)]);
        assert_eq!(counts.durations(), [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(counts.duration(), Duration::from_millis(3_600_001));
        let outcomes: Vec<_> = metrics.without_route.outcomes().collect();
        assert_eq!(outcomes, [(Outcome::ClientError, 1), (Outcome::Disconnected, 1)]);
        assert_eq!(metrics.without_route.durations(), [1, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(metrics.bytes_sent.load(Ordering::Relaxed), 60);
    }

    #[test]
    fn gauges_count_until_their_guards_are_dropped() {
        let metrics = Arc::new(Metrics::new([].into_iter()));
        let connections = [metrics.connection(), metrics.connection()];
        let request = metrics.begin_request();
        assert_eq!((metrics.connections(), metrics.requests_in_progress()), (2, 1));
        drop((connections, request));
        assert_eq!((metrics.connections(), metrics.requests_in_progress()), (0, 0));
        assert_eq!(metrics.connections_accepted.load(Ordering::Relaxed), 2);
    }
}
