//! Sessions: the logins of browsers. They are kept in memory only, and end with the process.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::password_rule::PasswordSecrecy;
use super::{Account, Grants};
use crate::disk;
use crate::wording::hex;

/// The largest number of sessions of one user. A further session replaces the one that was used least
/// recently.
const SESSIONS_OF_USER_MAX: usize = 20;

/// The largest number of sessions of all users, of about 500 bytes each. A further session replaces the
/// one that was used least recently.
const SESSIONS_MAX: usize = 10_000;

/// The sizes of the text that a browser keeps and of a session's id, in bytes. The text cannot be guessed.
const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 8;

/// The largest number of characters of a client's description that is kept.
const CLIENT_CHARS_MAX: usize = 200;

/// The times after which a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// The time without a request.
    pub idle: Duration,
    /// The time since the login.
    pub life: Duration,
}

impl SessionLimits {
    /// 30 minutes without a request, and a working day: 12 hours.
    pub const DEFAULT: Self =
        Self { idle: Duration::from_secs(30 * 60), life: Duration::from_secs(12 * 60 * 60) };
}

/// A session without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The public id, by which the session can be ended.
    pub id: String,
    /// The user who logged in.
    pub user: String,
    /// The address from which the user logged in.
    pub address: IpAddr,
    /// The browser's description of itself (`User-Agent`), without control characters.
    pub client: String,
    /// The time of the login.
    pub started: OffsetDateTime,
    /// The time of the last request.
    pub last_used: OffsetDateTime,
    /// The time when it ends, at the latest.
    pub ends: OffsetDateTime,
    /// The password with which the user logged in.
    pub password: PasswordSecrecy,
    user_mark: UserMark,
    used_at: Instant,
    started_at: Instant,
}

/// The state of a user with which a session ends if it changes: the password and the rights.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UserMark {
    /// The SHA-256 of the password's hash, which has a random salt.
    password: Option<[u8; 32]>,
    grants: Grants,
}

impl UserMark {
    fn of(account: &Account) -> Self {
        let hash = account.password_hash.as_ref();
        Self {
            password: hash.map(|phc| Sha256::digest(phc.as_bytes()).into()),
            grants: account.grants.clone(),
        }
    }
}

impl Session {
    /// Returns whether the session's user is the same as when it began, with the same password and rights.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        self.user == account.name && self.user_mark == UserMark::of(account)
    }

    /// Returns whether one of the times is over. The monotonic clock stands still while the machine sleeps,
    /// and the other one can be set back, so both count.
    fn is_over(&self, limits: SessionLimits, now: Moment) -> bool {
        now.instant >= self.used_at + limits.idle
            || now.instant >= self.started_at + limits.life
            || now.time >= self.last_used + limits.idle
            || now.time >= self.ends
    }
}

/// The present time, by both clocks.
#[derive(Clone, Copy)]
struct Moment {
    instant: Instant,
    time: OffsetDateTime,
}

impl Moment {
    fn now() -> Self {
        Self { instant: Instant::now(), time: OffsetDateTime::now_utc() }
    }

    /// The time of day in whole seconds, as responses show it.
    fn seconds(self) -> OffsetDateTime {
        self.time.replace_nanosecond(0).unwrap_or(self.time)
    }
}

/// The browser that begins a session.
#[derive(Clone, Debug)]
pub struct SessionClient {
    /// Its address.
    pub address: IpAddr,
    /// Its description of itself.
    pub description: String,
}

/// The sessions of a server. Checks take microseconds and never block.
pub struct Sessions {
    limits: SessionLimits,
    /// The sessions by the SHA-256 of the text that their browsers keep.
    sessions: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    /// No sessions, with these limits for new ones.
    pub(super) fn new(limits: SessionLimits) -> Self {
        Self { limits, sessions: Mutex::default() }
    }

    /// The times after which sessions end.
    pub fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// Begins a session. Returns it, and the only copy of the text that its browser keeps.
    ///
    /// # Errors
    /// An I/O error if the system provides no random numbers.
    pub(super) fn begin(
        &self,
        account: &Account,
        client: SessionClient,
        password: PasswordSecrecy,
    ) -> io::Result<(Session, Zeroizing<String>)> {
        self.begin_at(account, client, password, Moment::now())
    }

    fn begin_at(
        &self,
        account: &Account,
        client: SessionClient,
        password: PasswordSecrecy,
        now: Moment,
    ) -> io::Result<(Session, Zeroizing<String>)> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        let mut id = [0; ID_BYTES];
        disk::fill_random(secret.as_mut_slice())?;
        disk::fill_random(&mut id)?;
        let text = Zeroizing::new(hex(secret.as_slice()));
        let visible = client.description.chars().filter(|char| !char.is_control());
        let session = Session {
            id: hex(&id),
            user: account.name.clone(),
            address: client.address,
            client: visible.take(CLIENT_CHARS_MAX).collect(),
            started: now.seconds(),
            last_used: now.seconds(),
            ends: now.seconds() + self.limits.life,
            password,
            user_mark: UserMark::of(account),
            used_at: now.instant,
            started_at: now.instant,
        };
        let mut sessions = self.lock();
        sessions.retain(|_, session| !session.is_over(self.limits, now));
        make_room(&mut sessions, SESSIONS_OF_USER_MAX, |other| other.user == session.user);
        make_room(&mut sessions, SESSIONS_MAX, |_| true);
        sessions.insert(digest(&text), session.clone());
        Ok((session, text))
    }

    /// The session of the text that a browser sent. Notes its use.
    pub(super) fn check(&self, text: &str) -> Option<Session> {
        self.check_at(text, Moment::now())
    }

    fn check_at(&self, text: &str, now: Moment) -> Option<Session> {
        let key = digest(text);
        let mut sessions = self.lock();
        // The time of the lookup depends on a hash that nobody can choose.
        let session = sessions.get_mut(&key)?;
        if session.is_over(self.limits, now) {
            sessions.remove(&key);
            return None;
        }
        session.last_used = now.seconds().max(session.last_used);
        session.used_at = now.instant;
        Some(session.clone())
    }

    /// The sessions of a user, or of all users, the oldest first.
    pub fn list(&self, user: Option<&str>) -> Vec<Session> {
        let now = Moment::now();
        let mut sessions = self.lock();
        sessions.retain(|_, session| !session.is_over(self.limits, now));
        let wanted =
            sessions.values().filter(|session| user.is_none_or(|user| session.user == user));
        let mut list: Vec<_> = wanted.cloned().collect();
        list.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        list
    }

    /// Returns whether the session with this id has not ended. This is not a use of the session.
    pub fn is_live(&self, id: &str) -> bool {
        let now = Moment::now();
        let sessions = self.lock();
        sessions.values().any(|session| session.id == id && !session.is_over(self.limits, now))
    }

    /// Ends the session with this id, and returns it. With `user`, only that user's sessions are looked
    /// at. `None` if there is no such session.
    pub fn end(&self, user: Option<&str>, id: &str) -> Option<Session> {
        let mut sessions = self.lock();
        let is_wanted =
            |session: &Session| session.id == id && user.is_none_or(|user| session.user == user);
        let key = sessions.iter().find(|(_, session)| is_wanted(session)).map(|(key, _)| *key)?;
        sessions.remove(&key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Removes the least recently used of these sessions until there is room for one more.
fn make_room(
    sessions: &mut HashMap<[u8; 32], Session>,
    count_max: usize,
    is_counted: impl Fn(&Session) -> bool,
) {
    loop {
        let counted = || sessions.iter().filter(|(_, session)| is_counted(session));
        if counted().count() < count_max {
            return;
        }
        let oldest = counted().min_by_key(|(_, session)| session.used_at).map(|(key, _)| *key);
        let Some(oldest) = oldest else { return };
        sessions.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rights;
    use super::*;

    fn account(name: &str) -> Account {
        Account {
            name: name.to_owned(),
            password_hash: Some(Zeroizing::new(format!("hash of {name}"))),
            other_authentication: None,
            grants: Grants::of_login(Rights::USER),
        }
    }

    fn client(description: &str) -> SessionClient {
        let address = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
        SessionClient { address, description: description.to_owned() }
    }

    fn begin(sessions: &Sessions, name: &str, now: Moment) -> (Session, Zeroizing<String>) {
        sessions
            .begin_at(&account(name), client("é\u{1b}[31m"), PasswordSecrecy::Secret, now)
            .unwrap()
    }

    fn later(now: Moment, by: Duration) -> Moment {
        Moment { instant: now.instant + by, time: now.time + by }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_at_its_end() {
        let limits = SessionLimits::DEFAULT;
        let sessions = Sessions::new(limits);
        let now = Moment::now();
        let (begun, text) = begin(&sessions, "é>b", now);
        assert_eq!((text.len(), &*begun.client), (64, "é[31m"));
        let mut at = now;
        while at.time + limits.idle < begun.ends {
            at = later(at, limits.idle / 2);
            assert_eq!(sessions.check_at(&text, at).unwrap().last_used, at.seconds());
        }
        assert!(sessions.check_at(&text, later(now, limits.life)).is_none());
        assert!(sessions.check_at(&text, at).is_none(), "it does not come back");

        let (_, text) = begin(&sessions, "é>b", now);
        for wrong in ["", &text[1..], &"0".repeat(text.len())] {
            assert!(sessions.check_at(wrong, now).is_none(), "{wrong}");
        }
        assert!(sessions.check_at(&text, now).is_some());
        assert!(sessions.check_at(&text, later(now, limits.idle)).is_none());
    }

    #[test]
    fn each_clock_ends_a_session() {
        let limits = SessionLimits::DEFAULT;
        let sessions = Sessions::new(limits);
        let now = Moment::now();
        let (_, text) = begin(&sessions, "a", now);
        let slept = Moment { time: now.time + limits.idle, ..now };
        assert!(sessions.check_at(&text, slept).is_none());
        let (_, text) = begin(&sessions, "a", now);
        let set_back = Moment { instant: now.instant + limits.idle, ..now };
        assert!(sessions.check_at(&text, set_back).is_none());
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let sessions = Sessions::new(SessionLimits::DEFAULT);
        let now = Moment::now();
        let at = |millis| later(now, Duration::from_millis(millis));
        let (_, first) = begin(&sessions, "a", at(0));
        let (_, second) = begin(&sessions, "a", at(1));
        let (_, other) = begin(&sessions, "b", at(1));
        sessions.check_at(&first, at(2)).unwrap();
        for number in 2..=SESSIONS_OF_USER_MAX as u64 {
            begin(&sessions, "a", at(number + 1));
        }
        assert_eq!(sessions.list(Some("a")).len(), SESSIONS_OF_USER_MAX);
        let later = at(100);
        assert!(sessions.check_at(&second, later).is_none(), "used least recently");
        assert!(sessions.check_at(&first, later).is_some());
        assert!(sessions.check_at(&other, later).is_some());

        let mut many = HashMap::new();
        let (session, _) = begin(&sessions, "c", now);
        for number in 0..5_u8 {
            many.insert(
                [number; 32],
                Session { used_at: at(number.into()).instant, ..session.clone() },
            );
        }
        make_room(&mut many, 3, |_| true);
        assert_eq!(many.len(), 2);
        assert!(many.contains_key(&[4; 32]) && many.contains_key(&[3; 32]));
    }

    #[test]
    fn a_session_is_of_a_user_with_one_password_and_one_set_of_rights() {
        let sessions = Sessions::new(SessionLimits::DEFAULT);
        let (session, _) = begin(&sessions, "a", Moment::now());
        assert!(session.is_of(&account("a")));
        let other_hash = Some(Zeroizing::new("other".to_owned()));
        for changed in [
            account("b"),
            Account { password_hash: other_hash, ..account("a") },
            Account { password_hash: None, ..account("a") },
            Account { grants: Grants::ALL, ..account("a") },
        ] {
            assert!(!session.is_of(&changed));
        }
    }

    #[test]
    fn users_end_their_own_sessions() {
        let sessions = Sessions::new(SessionLimits::DEFAULT);
        let (session, text) = begin(&sessions, "a", Moment::now());
        assert_eq!(sessions.end(Some("b"), &session.id), None);
        assert_eq!(sessions.end(Some("a"), ""), None);
        assert!(sessions.check(&text).is_some() && sessions.is_live(&session.id));
        assert_eq!(sessions.end(None, &session.id).map(|ended| ended.id), Some(session.id.clone()));
        assert!(sessions.check(&text).is_none() && !sessions.is_live(&session.id));
    }
}
