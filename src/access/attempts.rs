//! Limits failed logins: after too many wrong passwords, a user or an address must wait, longer after
//! each further one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of wrong passwords for one user from one address after which the pair must wait. Five
/// allow for a person who tries several passwords.
const FAILURES_OF_USER_MAX: u32 = 5;

/// The number of wrong passwords from one address, for any users, after which the address must wait. It
/// is higher, because many people can share one address.
const FAILURES_OF_ADDRESS_MAX: u32 = 100;

/// The first wait. Each further wrong password doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait: an attacker can try 96 passwords a day, and an administrator waits no longer than
/// for a cup of coffee.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// The time without a wrong password after which the earlier ones are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// The time for which a successful login is remembered, so that the user's next password check does not
/// queue behind those of strangers: a working day and the night after it.
const SUCCESS_REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

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
    last: Instant,
    locked_until: Option<Instant>,
}

/// The failed logins of the last minutes.
#[derive(Default)]
pub(super) struct Attempts {
    hasher: RandomState,
    failures: Mutex<HashMap<Subject, Failures>>,
    /// The last successful logins.
    successes: Mutex<HashMap<Subject, Instant>>,
}

impl Attempts {
    /// The remaining wait of this user at this address. `None` if there is none.
    pub(super) fn wait_of_user(
        &self,
        name: &str,
        address: IpAddr,
        now: Instant,
    ) -> Option<Duration> {
        let [(subject, _), _] = self.subjects(name, address);
        self.wait(&subject, now)
    }

    /// The remaining wait of this address for all users. `None` if there is none.
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
            let new = Failures { count: 0, last: now, locked_until: None };
            let entry = failures.entry(subject).or_insert(new);
            if is_forgotten(entry, now) {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
            entry.locked_until = wait_after(entry.count, failures_max).map(|wait| now + wait);
        }
    }

    /// Resets the failures of a user after a correct password. The address keeps its count: otherwise
    /// a user with an account could guess the passwords of others without limit.
    pub(super) fn succeeded(&self, name: &str, address: IpAddr, now: Instant) {
        let [(subject, _), _] = self.subjects(name, address);
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&subject);
        let mut successes = self.successes.lock().unwrap_or_else(PoisonError::into_inner);
        if successes.len() >= SUBJECTS_MAX {
            successes.retain(|_, at| now < *at + SUCCESS_REMEMBERED);
        }
        if successes.len() < SUBJECTS_MAX || successes.contains_key(&subject) {
            successes.insert(subject, now);
        }
    }

    /// Returns whether the user has logged in from this address in the last hours.
    pub(super) fn has_succeeded(&self, name: &str, address: IpAddr, now: Instant) -> bool {
        let [(subject, _), _] = self.subjects(name, address);
        let successes = self.successes.lock().unwrap_or_else(PoisonError::into_inner);
        successes.get(&subject).is_some_and(|at| now < *at + SUCCESS_REMEMBERED)
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

/// The wait after this number of wrong passwords. `None` below the limit.
fn wait_after(count: u32, failures_max: u32) -> Option<Duration> {
    let doublings = count.checked_sub(failures_max)?;
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    Some(FIRST_WAIT.saturating_mul(factor).min(WAIT_MAX))
}

/// Returns whether the failures of a subject no longer count.
fn is_forgotten(failures: &Failures, now: Instant) -> bool {
    failures.locked_until.unwrap_or(failures.last) + FORGOTTEN_AFTER <= now
}

/// Removes entries if the table is full and `subject` is not in it.
fn make_room(failures: &mut HashMap<Subject, Failures>, subject: &Subject, now: Instant) {
    if failures.len() < SUBJECTS_MAX || failures.contains_key(subject) {
        return;
    }
    failures.retain(|_, entry| !is_forgotten(entry, now));
    if failures.len() >= SUBJECTS_MAX
        && let Some(first) =
            failures.iter().min_by_key(|(_, entry)| entry.last).map(|(subject, _)| *subject)
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
    fn the_wait_of_a_user_at_an_address_grows() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        fail(&attempts, "alice", FAILURES_OF_USER_MAX - 1, now);
        assert_eq!(attempts.wait_of_user("alice", HERE, now), None);
        fail(&attempts, "alice", 1, now);
        assert_eq!(attempts.wait_of_user("alice", HERE, now), Some(FIRST_WAIT));
        assert_eq!(attempts.wait_of_user("bob", HERE, now), None);
        assert_eq!(attempts.wait_of_user("alice", THERE, now), None);
        let later = now + FIRST_WAIT;
        assert_eq!(attempts.wait_of_user("alice", HERE, later), None);
        fail(&attempts, "alice", 1, later);
        assert_eq!(attempts.wait_of_user("alice", HERE, later), Some(2 * FIRST_WAIT));
        fail(&attempts, "alice", 1000, later);
        assert_eq!(attempts.wait_of_user("alice", HERE, later), Some(WAIT_MAX));
    }

    #[test]
    fn a_quiet_time_and_a_success_reset_the_count() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        fail(&attempts, "alice", FAILURES_OF_USER_MAX - 1, now);
        fail(&attempts, "alice", 1, now + FORGOTTEN_AFTER);
        assert_eq!(attempts.wait_of_user("alice", HERE, now + FORGOTTEN_AFTER), None);
        fail(&attempts, "bob", FAILURES_OF_USER_MAX - 1, now);
        attempts.succeeded("bob", HERE, now);
        fail(&attempts, "bob", 1, now);
        assert_eq!(attempts.wait_of_user("bob", HERE, now), None);
    }

    #[test]
    fn a_success_is_remembered_for_its_address() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        assert!(!attempts.has_succeeded("bob", HERE, now));
        attempts.succeeded("bob", HERE, now);
        assert!(attempts.has_succeeded("bob", HERE, now));
        assert!(!attempts.has_succeeded("bob", THERE, now));
        assert!(!attempts.has_succeeded("bob", HERE, now + SUCCESS_REMEMBERED));
    }

    #[test]
    fn many_names_from_one_address_lock_the_address() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..FAILURES_OF_ADDRESS_MAX {
            fail(&attempts, &number.to_string(), 1, now);
        }
        assert_eq!(attempts.wait_of_address(HERE, now), Some(FIRST_WAIT));
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
