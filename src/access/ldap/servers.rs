//! Checks passwords at the LDAP servers, in bounded time.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex as AsyncMutex, MutexGuard, Semaphore},
    task::JoinSet,
    time::{error::Elapsed, timeout, timeout_at},
};
use zeroize::Zeroizing;

use super::{
    LdapSettings,
    session::{self, SessionAnswer, UserPassword},
    template::LdapUrl,
};
use crate::{access::password_cache::PasswordCache, wording::Chain};

/// The time for one login, over all servers. A person waits no longer.
const LOGIN_WAIT: Duration = Duration::from_secs(10);

/// The time for one of several servers, so that the next one still gets its turn.
const SERVER_WAIT: Duration = Duration::from_secs(4);

/// Logins at the servers at the same time. A login takes milliseconds.
const LOGINS_MAX: usize = 8;

/// Logins that wait for these. Further ones are refused.
const WAITING_MAX: usize = 64;

/// The time after a failure of all servers in which they are not asked, so that logins do not pile up.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The time for which a refused password is not sent again. Otherwise a script with an old password would
/// lock the user at the server.
const REFUSAL_REMEMBERED: Duration = Duration::from_secs(60);

/// The number of locks for logins of the same user. Users who share one wait for each other.
const TURNS: usize = 64;

/// The largest name of a new user, in bytes. Those of Active Directory have at most 20 characters, and mail
/// addresses at most 254.
const NEW_NAME_BYTES_MAX: usize = 254;

/// The text in place of a stored hash, to which remembered passwords are bound. It is none of argon2.
pub(in crate::access) const REMEMBERED_AS: &str = "ldap";

/// A user who has logged in at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapUser {
    /// The name of the user.
    pub name: String,
    /// The groups that the server decides about. `None` without `ldap_groups`: then the user must have a
    /// record.
    pub membership: Option<Membership>,
}

/// The groups of the inventory that an LDAP server decides about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The groups that the user belongs to.
    pub member_of: BTreeSet<String>,
    /// The other groups that the setting `ldap_groups` names. The user belongs to none of them.
    pub not_member_of: BTreeSet<String>,
    /// The user is an administrator. `None` if the setting names no administrators.
    pub is_administrator: Option<bool>,
}

/// The reason why a login failed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::access) enum LdapRefusal {
    /// Unknown user, wrong password, or none of the groups.
    Password,
    /// Nothing is known about the password.
    Unavailable,
}

/// The LDAP servers.
pub struct LdapServers {
    settings: Arc<LdapSettings>,
    logins: Semaphore,
    waiting: AtomicUsize,
    /// The server that answered last.
    first: AtomicUsize,
    /// The end of the pause after a failure.
    paused_until: Mutex<Option<Instant>>,
    refused: PasswordCache,
    turns: Vec<AsyncMutex<()>>,
    hasher: RandomState,
}

impl LdapServers {
    /// Returns the servers of these settings. Connects to none of them.
    ///
    /// # Errors
    /// An I/O error if the system provides no random numbers.
    pub fn new(settings: LdapSettings) -> std::io::Result<Self> {
        Ok(Self {
            settings: Arc::new(settings),
            logins: Semaphore::new(LOGINS_MAX),
            waiting: AtomicUsize::new(0),
            first: AtomicUsize::new(0),
            paused_until: Mutex::default(),
            refused: PasswordCache::new(REFUSAL_REMEMBERED)?,
            turns: std::iter::repeat_with(AsyncMutex::default).take(TURNS).collect(),
            hasher: RandomState::new(),
        })
    }

    /// Returns whether users without a record can log in.
    pub(in crate::access) fn creates_users(&self) -> bool {
        self.settings.creates_users()
    }

    /// Waits until no other login of this user runs. A browser sends several requests at once, and one check
    /// answers for all of them.
    pub(in crate::access) async fn turn(&self, name: &str) -> MutexGuard<'_, ()> {
        let turn = self.hasher.hash_one(name) as usize % TURNS;
        self.turns[turn].lock().await
    }

    /// Checks a password. Ends after [`LOGIN_WAIT`] at most.
    pub(in crate::access) async fn check(
        &self,
        name: &str,
        password: &str,
    ) -> Result<LdapUser, LdapRefusal> {
        // A server accepts an empty password for every user (RFC 4513, 5.1.2).
        if password.is_empty() || name.is_empty() {
            return Err(LdapRefusal::Password);
        }
        if self.refused.contains(name, password, REMEMBERED_AS, Instant::now()) {
            tracing::info!(user = name, "The LDAP server refused this password a short time ago.");
            return Err(LdapRefusal::Password);
        }
        let user =
            UserPassword { name: name.to_owned(), password: Zeroizing::new(password.to_owned()) };
        let checked = match self.ask(user).await? {
            SessionAnswer::Accepted { groups } => self.accepted(name, &groups),
            SessionAnswer::Refused { reason } => {
                tracing::info!(user = name, reason, "The LDAP server refused the login.");
                Err(LdapRefusal::Password)
            }
        };
        if checked.is_err() {
            self.refused.insert(name, password, REMEMBERED_AS, Instant::now());
        }
        checked
    }

    /// The user, with the groups of the inventory. A user with none of the mapped groups is refused.
    fn accepted(&self, name: &str, ldap_groups: &[String]) -> Result<LdapUser, LdapRefusal> {
        let Some(lookup) = &self.settings.groups else {
            return Ok(LdapUser { name: name.to_owned(), membership: None });
        };
        let Some(mapped) = lookup.map.map(ldap_groups, lookup.base.as_ref()) else {
            tracing::warn!(
                user = name,
                groups = ldap_groups.len(),
                "The LDAP server accepted the password, and the user is in no group of ldap_groups."
            );
            return Err(LdapRefusal::Password);
        };
        let map = &lookup.map;
        let not_member_of = map.targets().difference(&mapped.member_of).cloned().collect();
        let is_administrator =
            map.decides_about_administrators().then_some(mapped.is_administrator);
        let membership =
            Membership { member_of: mapped.member_of, not_member_of, is_administrator };
        Ok(LdapUser { name: name.to_owned(), membership: Some(membership) })
    }

    /// Asks the servers, beginning with the one that answered last.
    async fn ask(&self, user: UserPassword) -> Result<SessionAnswer, LdapRefusal> {
        self.require_no_pause()?;
        let end = tokio::time::Instant::now() + LOGIN_WAIT;
        let _waiting = Waiting::enter(&self.waiting).ok_or_else(|| {
            tracing::warn!("Too many logins wait for the LDAP server.");
            LdapRefusal::Unavailable
        })?;
        let Ok(Ok(_permit)) = timeout_at(end, self.logins.acquire()).await else {
            tracing::warn!("The logins before this one took too long at the LDAP server.");
            return Err(LdapRefusal::Unavailable);
        };
        // Another login might have failed while this one waited.
        self.require_no_pause()?;
        let urls = &self.settings.urls;
        let first = self.first.load(Ordering::Relaxed);
        for number in (0..urls.len()).map(|offset| (first + offset) % urls.len()) {
            let wait = end.saturating_duration_since(tokio::time::Instant::now());
            let wait = if urls.len() > 1 { wait.min(SERVER_WAIT) } else { wait };
            match timeout(wait, self.ask_one(&urls[number], user.clone())).await {
                Ok(Ok(answer)) => {
                    self.first.store(number, Ordering::Relaxed);
                    return Ok(answer);
                }
                Ok(Err(detail)) => log_failure(&urls[number], &detail),
                Err(Elapsed { .. }) => {
                    log_failure(&urls[number], &format!("no answer within {} s", wait.as_secs()));
                }
            }
        }
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Instant::now() + PAUSE_AFTER_FAILURE);
        Err(LdapRefusal::Unavailable)
    }

    /// Asks a server in a task of its own, because the library panics at malformed answers.
    async fn ask_one(&self, url: &LdapUrl, user: UserPassword) -> Result<SessionAnswer, String> {
        let (settings, url) = (self.settings.clone(), url.clone());
        // The task is stopped when this is dropped.
        let mut task = JoinSet::new();
        task.spawn(async move { session::ask(&settings, &url, &user).await });
        match task.join_next().await {
            Some(Ok(Ok(answer))) => Ok(answer),
            Some(Ok(Err(error))) => Err(Chain(&error).to_string()),
            Some(Err(_)) | None => Err("the answer is malformed".to_owned()),
        }
    }

    fn require_no_pause(&self) -> Result<(), LdapRefusal> {
        let paused_until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        match paused_until {
            Some(end) if Instant::now() < end => Err(LdapRefusal::Unavailable),
            Some(_) | None => Ok(()),
        }
    }
}

fn log_failure(url: &LdapUrl, detail: &str) {
    tracing::error!(server = url.as_str(), detail, "The LDAP server cannot be used for logins.");
}

/// One of the logins that wait, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    /// `None` if too many wait already.
    fn enter(count: &'a AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(count);
        (before < LOGINS_MAX + WAITING_MAX).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns whether a user without a record can have this name: lower-case letters, digits and `._-@+` of
/// ASCII. LDAP servers do not distinguish `eva`, `Eva` and `eva ` with a space: each would get a record of
/// its own.
pub(in crate::access) fn is_name_for_new_user(name: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-@+".contains(&byte);
    !name.is_empty() && name.len() <= NEW_NAME_BYTES_MAX && name.bytes().all(is_allowed)
}
