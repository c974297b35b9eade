//! Limits failed logins: too many wrong passwords lock a user or an address for a minute.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of wrong passwords for one user from one address within [`WINDOW`] that locks the pair.
/// Ten allow for a person who tries several passwords and a script that is started a few times.
const FAILURES_OF_USER_MAX: u32 = 10;

/// The number of wrong passwords from one address, for any users, that locks the address. It is
/// higher, because many people can share one address.
const FAILURES_OF_ADDRESS_MAX: u32 = 100;

/// The time within which failures are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// The duration of a lock.
const LOCK_TIME: Duration = Duration::from_secs(60);

/// The largest number of subjects in memory, which take less than 1 MB. A further subject replaces
/// the oldest.
const SUBJECTS_MAX: usize = 8192;

/// A user and address, or an address, whose failures are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Subject {
    /// The keyed hash of the user name, because names from outside have any length. `None` for all
    /// users of the address.
    user: Option<u64>,
    address: IpAddr,
}

struct Failures {
    count: u32,
    since: Instant,
    locked_until: Option<Instant>,
}

/// The failed logins of the last minutes.
#[derive(Default)]
pub(super) struct Attempts {
    hasher: RandomState,
    failures: Mutex<HashMap<Subject, Failures>>,
}

impl Attempts {
    /// The remaining time of the lock of this user at this address. `None` if there is no lock.
    pub(super) fn wait_of_user(
        &self,
        name: &str,
        address: IpAddr,
        now: Instant,
    ) -> Option<Duration> {
        let [(subject, _), _] = self.subjects(name, address);
        self.wait(&subject, now)
    }

    /// The remaining time of the lock of this address for all users. `None` if there is no lock.
    pub(super) fn wait_of_address(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        self.wait(&Subject { user: None, address: network(address) }, now)
    }

    fn wait(&self, subject: &Subject, now: Instant) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let until = failures.get(subject)?.locked_until?;
        until.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// Counts a wrong password.
    pub(super) fn failed(&self, name: &str, address: IpAddr, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (subject, failures_max) in self.subjects(name, address) {
            make_room(&mut failures, &subject, now);
            let entry = failures.entry(subject).or_insert(Failures {
                count: 0,
                since: now,
                locked_until: None,
            });
            if is_over(entry, now) {
                *entry = Failures { count: 0, since: now, locked_until: None };
            }
            entry.count += 1;
            if entry.count >= failures_max {
                entry.locked_until = Some(now + LOCK_TIME);
            }
        }
    }

    /// Resets the failures of a user after a correct password. The address keeps its count: otherwise
    /// a user with an account could guess the passwords of others without limit.
    pub(super) fn succeeded(&self, name: &str, address: IpAddr) {
        let [(subject, _), _] = self.subjects(name, address);
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&subject);
    }

    fn subjects(&self, name: &str, address: IpAddr) -> [(Subject, u32); 2] {
        let address = network(address);
        let user = Some(self.hasher.hash_one(name));
        [
            (Subject { user, address }, FAILURES_OF_USER_MAX),
            (Subject { user: None, address }, FAILURES_OF_ADDRESS_MAX),
        ]
    }
}

/// The part of an address that is counted as one. For IPv6 it is the first 64 bits, the prefix of
/// one site.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// Returns whether the lock or the window of a subject has ended.
fn is_over(failures: &Failures, now: Instant) -> bool {
    match failures.locked_until {
        Some(until) => until <= now,
        None => failures.since + WINDOW <= now,
    }
}

/// Removes entries if the table is full and `subject` is not in it.
fn make_room(failures: &mut HashMap<Subject, Failures>, subject: &Subject, now: Instant) {
    if failures.len() < SUBJECTS_MAX || failures.contains_key(subject) {
        return;
    }
    failures.retain(|_, entry| !is_over(entry, now));
    if failures.len() >= SUBJECTS_MAX
        && let Some(first) =
            failures.iter().min_by_key(|(_, entry)| entry.since).map(|(subject, _)| *subject)
    {
        failures.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn fail(attempts: &Attempts, name: &str, times: u32, now: Instant) {
        for _ in 0..times {
            attempts.failed(name, HERE, now);
        }
    }

    #[test]
    fn ten_failures_lock_this_user_at_this_address_for_a_minute() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        fail(&attempts, "alice", FAILURES_OF_USER_MAX - 1, now);
        assert_eq!(attempts.wait_of_user("alice", HERE, now), None);
        fail(&attempts, "alice", 1, now);
        assert_eq!(attempts.wait_of_user("alice", HERE, now), Some(LOCK_TIME));
        assert_eq!(attempts.wait_of_user("bob", HERE, now), None);
        assert_eq!(attempts.wait_of_user("alice", THERE, now), None);
        assert_eq!(attempts.wait_of_user("alice", HERE, now + LOCK_TIME), None);
    }

    #[test]
    fn a_new_window_and_a_success_reset_the_count() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        fail(&attempts, "alice", FAILURES_OF_USER_MAX - 1, now);
        fail(&attempts, "alice", 1, now + WINDOW);
        assert_eq!(attempts.wait_of_user("alice", HERE, now + WINDOW), None);
        fail(&attempts, "bob", FAILURES_OF_USER_MAX - 1, now);
        attempts.succeeded("bob", HERE);
        fail(&attempts, "bob", 1, now);
        assert_eq!(attempts.wait_of_user("bob", HERE, now), None);
    }

    #[test]
    fn many_names_from_one_address_lock_the_address() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..FAILURES_OF_ADDRESS_MAX {
            fail(&attempts, &number.to_string(), 1, now);
        }
        assert_eq!(attempts.wait_of_address(HERE, now), Some(LOCK_TIME));
        assert_eq!(attempts.wait_of_address(THERE, now), None);
        assert_eq!(attempts.wait_of_user("alice", HERE, now), None);
    }

    #[test]
    fn an_ipv6_prefix_counts_as_one_address_and_the_table_is_bounded() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..u128::from(FAILURES_OF_USER_MAX) {
            let address = Ipv6Addr::from_bits((0x2001_0db8 << 96) | number);
            attempts.failed("alice", address.into(), now);
        }
        let other = Ipv6Addr::from_bits((0x2001_0db8 << 96) | 0xffff);
        assert!(attempts.wait_of_user("alice", other.into(), now).is_some());
        for number in 0..SUBJECTS_MAX as u128 {
            attempts.failed("alice", Ipv6Addr::from_bits(number << 64).into(), now);
        }
        assert_eq!(attempts.failures.lock().unwrap().len(), SUBJECTS_MAX);
    }
}
