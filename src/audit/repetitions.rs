//! Combines equal events. The first failed login of a user at an address is recorded immediately. Its
//! repetitions are counted, and recorded as one entry at the end of a window of ten minutes. In one window,
//! only some users and addresses get entries of their own; all others share one entry. So a flood of wrong
//! passwords writes at most 81 entries in ten minutes, about 4 MB a day. The requests of users are combined
//! in the same way, so that no user pushes the entries of others out of the log.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::event::{Event, EventKind};

/// The length of a window.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The largest number of users at addresses with failed logins that have entries of their own in one window.
const FAILURES_MAX: usize = 40;

/// The largest number of users, addresses, operations and results that have entries of their own in one
/// window. Only users who logged in have them, so it is larger than that of failed logins.
const OPERATIONS_MAX: usize = 400;

/// The number of successful requests of a user for one operation that have entries of their own in one
/// window: more than a person makes.
const SUCCESSES_MAX: u64 = 30;

/// The largest number of names and addresses that are told apart in the shared entry.
const DISTINCT_MAX: usize = 10_000;

/// The events that are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Combined {
    /// Failed logins: the first one of a user at an address has an entry of its own.
    FailedLogins,
    /// Requests: the first refused one, and the first 30 successful ones, of a user at an address for an
    /// operation with the same status have entries of their own.
    Operations,
}

/// A user at an address, and the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    kind: EventKind,
    user: Option<String>,
    address: Option<IpAddr>,
    /// The name of the token of a failed login.
    token: Option<String>,
    operation: Option<String>,
    /// Absent if the client disconnected.
    status: Option<u16>,
}

/// The events of one subject in a window.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// The events with entries of their own.
    own: u64,
    /// The further events.
    repetitions: u64,
}

/// The events of all subjects without an entry of their own.
#[derive(Debug, Default)]
struct Others {
    count: u64,
    users: HashSet<Option<String>>,
    addresses: HashSet<Option<IpAddr>>,
}

/// The events of the present window.
#[derive(Debug)]
pub(super) struct Repetitions {
    combined: Combined,
    begun: Option<Instant>,
    subjects: HashMap<Subject, Counted>,
    others: Others,
}

impl Repetitions {
    /// Combines these events.
    pub(super) fn of(combined: Combined) -> Self {
        Self { combined, begun: None, subjects: HashMap::new(), others: Others::default() }
    }

    /// Takes an event. Returns it if it must be recorded now.
    pub(super) fn take(&mut self, event: Event, now: Instant) -> Option<Event> {
        self.begun.get_or_insert(now);
        let (subject, own_max) = (self.combined.subject(&event), self.combined.own_max(&event));
        if let Some(counted) = self.subjects.get_mut(&subject) {
            if counted.own < own_max {
                counted.own += 1;
                return Some(event);
            }
            counted.repetitions += 1;
            return None;
        }
        if self.subjects.len() < self.combined.subjects_max() {
            self.subjects.insert(subject, Counted { own: 1, repetitions: 0 });
            return Some(event);
        }
        let others = &mut self.others;
        others.count += 1;
        if others.users.len() < DISTINCT_MAX {
            others.users.insert(subject.user);
        }
        if others.addresses.len() < DISTINCT_MAX {
            others.addresses.insert(subject.address);
        }
        None
    }

    /// Returns the entries of the repetitions, if the window has ended.
    pub(super) fn ended(&mut self, now: Instant) -> Vec<Event> {
        match self.begun {
            Some(begun) if now.saturating_duration_since(begun) >= WINDOW => self.end(),
            Some(_) | None => Vec::new(),
        }
    }

    /// Ends the window. Returns the entries of the repetitions.
    pub(super) fn end(&mut self) -> Vec<Event> {
        let combined = self.combined;
        let Self { subjects, others, .. } = std::mem::replace(self, Self::of(combined));
        let subjects = subjects.into_iter();
        let mut repeated: Vec<_> =
            subjects.filter(|(_, counted)| counted.repetitions > 0).collect();
        repeated.sort_by(|(a, _), (b, _)| {
            (a.kind, &a.user, &a.operation, a.status).cmp(&(
                b.kind,
                &b.user,
                &b.operation,
                b.status,
            ))
        });
        let mut events: Vec<Event> = repeated
            .into_iter()
            .map(|(subject, counted)| Event {
                user: subject.user,
                address: subject.address,
                subject: subject.token,
                operation: subject.operation,
                status: subject.status,
                count: Some(counted.repetitions),
                detail: Some(format!("further {} within ten minutes", combined.noun())),
                ..Event::new(subject.kind)
            })
            .collect();
        if others.count > 0 {
            let only = |count: usize| (count > 1).then_some(count as u64);
            events.push(Event {
                count: Some(others.count),
                users: only(others.users.len()),
                addresses: only(others.addresses.len()),
                detail: Some(format!(
                    "{} of further users and addresses within ten minutes",
                    combined.noun()
                )),
                ..Event::new(combined.shared_kind())
            });
        }
        events
    }
}

impl Combined {
    fn subject(self, event: &Event) -> Subject {
        Subject {
            kind: event.kind,
            user: event.user.clone(),
            address: event.address,
            token: match self {
                Self::FailedLogins => event.subject.clone(),
                // A user can invent names.
                Self::Operations => None,
            },
            operation: event.operation.clone(),
            status: event.status,
        }
    }

    /// The number of equal events that have entries of their own.
    fn own_max(self, event: &Event) -> u64 {
        let has_succeeded = event.status.is_some_and(|status| status < 400);
        match self {
            Self::Operations if has_succeeded => SUCCESSES_MAX,
            Self::Operations | Self::FailedLogins => 1,
        }
    }

    fn subjects_max(self) -> usize {
        match self {
            Self::FailedLogins => FAILURES_MAX,
            Self::Operations => OPERATIONS_MAX,
        }
    }

    /// The kind of the shared entry.
    fn shared_kind(self) -> EventKind {
        match self {
            Self::FailedLogins => EventKind::LoginFailed,
            Self::Operations => EventKind::Operation,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::FailedLogins => "failures",
            Self::Operations => "requests",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(user: &str, address: &str) -> Event {
        Event::new(EventKind::LoginFailed).by(user).from(address.parse().ok())
    }

    #[test]
    fn repetitions_are_one_entry() {
        let mut failures = Repetitions::of(Combined::FailedLogins);
        let now = Instant::now();
        let event = failure("é>b", "192.0.2.7");
        assert_eq!(failures.take(event.clone(), now), Some(event.clone()));
        for _ in 0..1000 {
            assert_eq!(failures.take(event.clone(), now), None);
        }
        assert!(failures.ended(now).is_empty());
        let ended = failures.ended(now + WINDOW);
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].count, ended[0].user.as_deref()), (Some(1000), Some("é>b")));
        // The next window begins with the next failure.
        assert!(failures.take(event, now + WINDOW).is_some());
    }

    #[test]
    fn a_flood_of_names_and_addresses_stays_small() {
        let mut failures = Repetitions::of(Combined::FailedLogins);
        let now = Instant::now();
        let mut written = 0;
        for number in 0..50_000 {
            let address = format!("10.0.{}.{}", number / 250 % 250, number % 250);
            written += failures.take(failure(&number.to_string(), &address), now).iter().count();
            failures.take(failure("admin", "192.0.2.7"), now);
        }
        let ended = failures.ended(now + WINDOW);
        assert!(written + ended.len() <= 2 * FAILURES_MAX + 1, "{written} {}", ended.len());
        let others = ended.last().unwrap();
        let admin = ended.iter().find(|event| event.user.as_deref() == Some("admin")).unwrap();
        assert_eq!(admin.count, Some(49_999));
        assert_eq!(others.count, Some(50_000 - written as u64));
        assert!(others.users.unwrap() >= DISTINCT_MAX as u64);
    }

    #[test]
    fn requests_of_a_user_stay_few() {
        let mut requests = Repetitions::of(Combined::Operations);
        let now = Instant::now();
        let mut take = |kind: EventKind, operation: &str, status: Option<u16>, name: u64| {
            let event = Event::new(kind).by("é>b").from("192.0.2.7".parse().ok());
            let operation = Some(operation.to_owned());
            let event = Event { operation, status, subject: Some(name.to_string()), ..event };
            requests.take(event, now).iter().count() as u64
        };
        let (mut refused, mut made, mut cut) = (0, 0, 0);
        for name in 0..1000 {
            refused += take(EventKind::Operation, "end_session", Some(404), name);
            made += take(EventKind::Token, "make_token", Some(200), name);
            cut += take(EventKind::Operation, "end_session", None, name);
        }
        assert_eq!((refused, made, cut), (1, SUCCESSES_MAX, 1));
        let ended = requests.ended(now + WINDOW);
        let counts: Vec<_> = ended.iter().map(|event| (event.status, event.count)).collect();
        let expected =
            [(Some(200), Some(1000 - SUCCESSES_MAX)), (None, Some(999)), (Some(404), Some(999))];
        assert_eq!(counts, expected);
        assert!(ended.iter().all(|event| event.user.as_deref() == Some("é>b")));
    }
}
