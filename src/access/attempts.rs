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

/// The number of wrong passwords for one user, from all addresses where the user has not logged in, after
/// which such addresses must wait. It ends guessing from many addresses.
const FAILURES_OF_STRANGERS_MAX: u32 = 30;

/// The first and the longest wait of such addresses: it is short, because it also concerns the user at a
/// new address. An attacker can try 1,440 passwords a day.
const STRANGERS_FIRST_WAIT: Duration = Duration::from_secs(2);
const STRANGERS_WAIT_MAX: Duration = Duration::from_secs(60);

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

/// The logins whose failures are counted together. A user is the keyed hash of the name, because names from
/// outside have any length.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    /// One user at one address.
    User(u64, IpAddr),
    /// All users at one address.
    Address(IpAddr),
    /// One user at all addresses where the user has not logged in.
    Strangers(u64),
}

impl Subject {
    /// The wait after this number of wrong passwords. `None` below the limit.
    fn wait_after(self, count: u32) -> Option<Duration> {
        let (failures_max, first_wait, wait_max) = match self {
            Self::User(..) => (FAILURES_OF_USER_MAX, FIRST_WAIT, WAIT_MAX),
            Self::Address(_) => (FAILURES_OF_ADDRESS_MAX, FIRST_WAIT, WAIT_MAX),
            Self::Strangers(_) => {
                (FAILURES_OF_STRANGERS_MAX, STRANGERS_FIRST_WAIT, STRANGERS_WAIT_MAX)
            }
        };
        let doublings = count.checked_sub(failures_max)?;
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        Some(first_wait.saturating_mul(factor).min(wait_max))
    }
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
        self.wait(&self.user_at(name, address), now)
    }

    /// The remaining wait of this user at all addresses where the user has not logged in, if this is one of
    /// them.
    pub(super) fn wait_of_strangers(
        &self,
        name: &str,
        address: IpAddr,
        now: Instant,
    ) -> Option<Duration> {
        let wait = self.wait(&Subject::Strangers(self.hasher.hash_one(name)), now)?;
        if self.has_succeeded(name, address, now) { None } else { Some(wait) }
    }

    /// The remaining wait of this address for all users. `None` if there is none.
    pub(super) fn wait_of_address(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        self.wait(&Subject::Address(network(address)), now)
    }

    fn wait(&self, subject: &Subject, now: Instant) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let until = failures.get(subject)?.locked_until?;
        until.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// Counts a wrong password.
    pub(super) fn failed(&self, name: &str, address: IpAddr, now: Instant) {
        let user = self.hasher.hash_one(name);
        let strangers =
            (!self.has_succeeded(name, address, now)).then_some(Subject::Strangers(user));
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        let subjects = [Subject::User(user, address), Subject::Address(address)];
        for subject in subjects.into_iter().chain(strangers) {
            make_room(&mut failures, &subject, now);
            let new = Failures { count: 0, last: now, locked_until: None };
            let entry = failures.entry(subject).or_insert(new);
            if is_forgotten(entry, now) {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
            entry.locked_until = subject.wait_after(entry.count).map(|wait| now + wait);
        }
    }

    /// Resets the failures of a user after a correct password. The address keeps its count: otherwise
    /// a user with an account could guess the passwords of others without limit.
    pub(super) fn succeeded(&self, name: &str, address: IpAddr, now: Instant) {
        let subject = self.user_at(name, address);
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
        let subject = self.user_at(name, address);
        let successes = self.successes.lock().unwrap_or_else(PoisonError::into_inner);
        successes.get(&subject).is_some_and(|at| now < *at + SUCCESS_REMEMBERED)
    }

    fn user_at(&self, name: &str, address: IpAddr) -> Subject {
        Subject::User(self.hasher.hash_one(name), network(address))
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
    fn one_name_from_many_addresses_locks_the_addresses_without_a_login() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let at = |number: u32| IpAddr::V4((0xc000_0200 + number).into());
        attempts.succeeded("alice", HERE, now);
        for number in 1..FAILURES_OF_STRANGERS_MAX {
            attempts.failed("alice", at(number), now);
        }
        // The wrong passwords of the user do not count for the others.
        fail(&attempts, "alice", 3, now);
        assert_eq!(attempts.wait_of_strangers("alice", at(99), now), None);
        attempts.failed("alice", at(98), now);
        let wait = |now| attempts.wait_of_strangers("alice", at(99), now);
        assert_eq!(wait(now), Some(STRANGERS_FIRST_WAIT));
        assert_eq!(attempts.wait_of_strangers("alice", HERE, now), None, "she logged in here");
        assert_eq!(attempts.wait_of_strangers("bob", at(99), now), None);
        assert_eq!(wait(now + STRANGERS_FIRST_WAIT), None);
        for number in 100..200 {
            attempts.failed("alice", at(number), now);
        }
        assert_eq!(wait(now), Some(STRANGERS_WAIT_MAX));
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
