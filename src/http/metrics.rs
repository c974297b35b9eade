//! What the server counts of itself, for who watches it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hyper::StatusCode;

use super::route::Route;
use super::routes::ROUTES;

/// Upper bounds of the classes that durations are counted in: from a point read to an import of a
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

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Informed,
    Succeeded,
    Redirected,
    Refused,
    Failed,
    /// The client left before there was an answer.
    Left,
}

impl Outcome {
    pub(super) const ALL: [Outcome; 6] = [
        Outcome::Informed,
        Outcome::Succeeded,
        Outcome::Redirected,
        Outcome::Refused,
        Outcome::Failed,
        Outcome::Left,
    ];

    /// Of an answer's status, or of none.
    pub(super) fn of(status: Option<StatusCode>) -> Self {
        match status.map(|status| status.as_u16() / 100) {
            None => Self::Left,
            Some(..=1) => Self::Informed,
            Some(2) => Self::Succeeded,
            Some(3) => Self::Redirected,
            Some(4) => Self::Refused,
            Some(5..) => Self::Failed,
        }
    }

    /// The class of the status, as dashboards know it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Informed => "1xx",
            Outcome::Succeeded => "2xx",
            Outcome::Redirected => "3xx",
            Outcome::Refused => "4xx",
            Outcome::Failed => "5xx",
            Outcome::Left => "none",
        }
    }
}

/// The numbers. They only ever grow, but for those of what is there now.
pub(super) struct Metrics {
    pub(super) begun: SystemTime,
    pub(super) connections_accepted: AtomicU64,
    connections: AtomicU64,
    requests_in_hand: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    /// By the name of the route's operation.
    routes: HashMap<&'static str, Counts>,
    /// Requests for which there is no route.
    pub(super) routeless: Counts,
}

/// What is counted of the requests of one route.
#[derive(Default)]
pub(super) struct Counts {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    /// By the first bound that is not exceeded; the last class has none.
    durations: [AtomicU64; DURATION_BOUNDS.len() + 1],
    duration_micros: AtomicU64,
}

impl Counts {
    fn count(&self, outcome: Outcome, duration: Duration) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        let class = DURATION_BOUNDS.iter().position(|bound| duration <= *bound);
        self.durations[class.unwrap_or(DURATION_BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.duration_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Each outcome that there was, and how often.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        let counts = self.outcomes.iter().map(|count| count.load(Ordering::Relaxed));
        Outcome::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }

    /// How many requests took at most as long as each of [`DURATION_BOUNDS`], and how many there
    /// were in all.
    pub(super) fn durations(&self) -> [u64; DURATION_BOUNDS.len() + 1] {
        let mut sum = 0;
        std::array::from_fn(|class| {
            sum += self.durations[class].load(Ordering::Relaxed);
            sum
        })
    }

    /// How long all of them took together.
    pub(super) fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_micros.load(Ordering::Relaxed))
    }
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            begun: SystemTime::now(),
            connections_accepted: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            requests_in_hand: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            routes: ROUTES
                .iter()
                .map(|route| (route.description.operation, Counts::default()))
                .collect(),
            routeless: Counts::default(),
        }
    }

    /// A request has been answered, or given up.
    pub(super) fn request(
        &self,
        route: Option<&'static Route>,
        outcome: Outcome,
        duration: Duration,
        bytes_sent: u64,
    ) {
        let counts = route.and_then(|route| self.routes.get(route.description.operation));
        counts.unwrap_or(&self.routeless).count(outcome, duration);
        self.bytes_sent.fetch_add(bytes_sent, Ordering::Relaxed);
    }

    /// The counts of a route.
    pub(super) fn route(&self, route: &Route) -> Option<&Counts> {
        self.routes.get(route.description.operation)
    }

    /// A connection, counted until it is dropped.
    pub(super) fn connection(self: &Arc<Self>) -> Present {
        self.connections_accepted.fetch_add(1, Ordering::Relaxed);
        Present::enter(self, |metrics| &metrics.connections)
    }

    /// A request in hand, counted until it is dropped.
    pub(super) fn in_hand(self: &Arc<Self>) -> Present {
        Present::enter(self, |metrics| &metrics.requests_in_hand)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn requests_in_hand(&self) -> u64 {
        self.requests_in_hand.load(Ordering::Relaxed)
    }
}

/// One of those that are there now.
pub(super) struct Present {
    metrics: Arc<Metrics>,
    counted: fn(&Metrics) -> &AtomicU64,
}

impl Present {
    fn enter(metrics: &Arc<Metrics>, counted: fn(&Metrics) -> &AtomicU64) -> Self {
        counted(metrics).fetch_add(1, Ordering::Relaxed);
        Self { metrics: metrics.clone(), counted }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        (self.counted)(&self.metrics).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_outcome_and_duration() {
        let metrics = Metrics::new();
        let route = ROUTES.iter().next().unwrap();
        let answered = |status: u16| Outcome::of(Some(StatusCode::from_u16(status).unwrap()));
        metrics.request(Some(route), answered(206), Duration::from_millis(1), 10);
        metrics.request(Some(route), answered(507), Duration::from_secs(3600), 20);
        metrics.request(None, answered(404), Duration::from_micros(1001), 30);
        metrics.request(None, Outcome::of(None), Duration::ZERO, 0);

        let counts = metrics.route(route).unwrap();
        let outcomes: Vec<_> = counts.outcomes().collect();
        assert_eq!(outcomes, [(Outcome::Succeeded, 1), (Outcome::Failed, 1)]);
        assert_eq!(counts.durations(), [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(counts.duration(), Duration::from_millis(3_600_001));
        let outcomes: Vec<_> = metrics.routeless.outcomes().collect();
        assert_eq!(outcomes, [(Outcome::Refused, 1), (Outcome::Left, 1)]);
        assert_eq!(metrics.routeless.durations(), [1, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(metrics.bytes_sent.load(Ordering::Relaxed), 60);
    }

    #[test]
    fn who_is_there_is_counted_until_it_goes() {
        let metrics = Arc::new(Metrics::new());
        let connections = [metrics.connection(), metrics.connection()];
        let request = metrics.in_hand();
        assert_eq!((metrics.connections(), metrics.requests_in_hand()), (2, 1));
        drop((connections, request));
        assert_eq!((metrics.connections(), metrics.requests_in_hand()), (0, 0));
        assert_eq!(metrics.connections_accepted.load(Ordering::Relaxed), 2);
    }
}
