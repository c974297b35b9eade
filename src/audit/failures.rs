//! Combines failed logins. The first failure of a user at an address is recorded immediately. Its
//! repetitions are counted, and recorded as one entry at the end of a window of ten minutes. In one window,
//! only some users and addresses get entries of their own; all others share one entry. So a flood of wrong
//! passwords writes at most 81 entries in ten minutes, about 4 MB a day.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::event::{Event, EventKind};

/// The length of a window.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The largest number of users at addresses that have entries of their own in one window.
const SUBJECTS_MAX: usize = 40;

/// The largest number of names and addresses that are told apart in the shared entry.
const DISTINCT_MAX: usize = 10_000;

/// A user at an address, and the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    kind: EventKind,
    user: Option<String>,
    address: Option<IpAddr>,
    /// The name of the token.
    token: Option<String>,
}

/// The failures of all subjects without an entry of their own.
#[derive(Debug, Default)]
struct Others {
    count: u64,
    users: HashSet<Option<String>>,
    addresses: HashSet<Option<IpAddr>>,
}

/// The failures of the present window.
#[derive(Debug, Default)]
pub(super) struct Failures {
    begun: Option<Instant>,
    /// The number of repetitions of each subject, after the recorded first failure.
    subjects: HashMap<Subject, u64>,
    others: Others,
}

impl Failures {
    /// Takes a failed login. Returns it if it must be recorded now.
    pub(super) fn take(&mut self, event: Event, now: Instant) -> Option<Event> {
        self.begun.get_or_insert(now);
        let subject = Subject {
            kind: event.kind,
            user: event.user.clone(),
            address: event.address,
            token: event.subject.clone(),
        };
        if let Some(repetitions) = self.subjects.get_mut(&subject) {
            *repetitions += 1;
            return None;
        }
        if self.subjects.len() < SUBJECTS_MAX {
            self.subjects.insert(subject, 0);
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
        let Self { subjects, others, .. } = std::mem::take(self);
        let mut repeated: Vec<_> = subjects.into_iter().filter(|(_, count)| *count > 0).collect();
        repeated.sort_by(|(a, _), (b, _)| (a.kind, &a.user).cmp(&(b.kind, &b.user)));
        let mut events: Vec<Event> = repeated
            .into_iter()
            .map(|(subject, count)| Event {
                user: subject.user,
                address: subject.address,
                subject: subject.token,
                count: Some(count),
                detail: Some("further failures within ten minutes".to_owned()),
                ..Event::new(subject.kind)
            })
            .collect();
        if others.count > 0 {
            let only = |count: usize| (count > 1).then_some(count as u64);
            events.push(Event {
                count: Some(others.count),
                users: only(others.users.len()),
                addresses: only(others.addresses.len()),
                detail: Some(
                    "failures of further users and addresses within ten minutes".to_owned(),
                ),
                ..Event::new(EventKind::LoginFailed)
            });
        }
        events
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
        let mut failures = Failures::default();
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
        let mut failures = Failures::default();
        let now = Instant::now();
        let mut written = 0;
        for number in 0..50_000 {
            let address = format!("10.0.{}.{}", number / 250 % 250, number % 250);
            written += failures.take(failure(&number.to_string(), &address), now).iter().count();
            failures.take(failure("admin", "192.0.2.7"), now);
        }
        let ended = failures.ended(now + WINDOW);
        assert!(written + ended.len() <= 2 * SUBJECTS_MAX + 1, "{written} {}", ended.len());
        let others = ended.last().unwrap();
        let admin = ended.iter().find(|event| event.user.as_deref() == Some("admin")).unwrap();
        assert_eq!(admin.count, Some(49_999));
        assert_eq!(others.count, Some(50_000 - written as u64));
        assert!(others.users.unwrap() >= DISTINCT_MAX as u64);
    }
}
