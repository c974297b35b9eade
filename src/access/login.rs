//! Login: checks a name and a password, and returns the principal.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::attempts::Attempts;
use super::ldap::{LdapRefusal, LdapServers, LdapUser, REMEMBERED_AS, is_name_for_new_user};
use super::password::{HashParameters, StoredHash};
use super::password_cache::{CACHED_FOR, PasswordCache};
use super::password_rule;
use super::public_passwords::PublicPasswords;
use super::sessions::{SessionLimits, Sessions};
use super::{
    Account, Accounts, AccountsError, CachedAccount, HashError, LoginSource, Principal, Token,
    TokenRefusal, Tokens,
};
use crate::wording::Chain;

/// The longest time after which a refusal is sent, however long password checks take: a busy machine
/// must not make refusals endless.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(2);

/// The name and password that a caller sent.
pub struct Credentials {
    /// The user name. The user might not exist.
    pub name: String,
    /// The password in plain text. It is overwritten in memory when it is dropped.
    pub password: Zeroizing<String>,
}

/// The reason why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown user, user without password, or wrong password. The caller must not learn which.
    #[error("the user name or the password is wrong")]
    Refused,
    /// The password is one that everybody knows, so it does not work from another machine. Whether it is
    /// correct was not checked.
    #[error(
        "this password is public: it is the user's name or one of the most common passwords, so it \
         works on the server's machine only"
    )]
    PublicPassword,
    /// Too many wrong passwords before.
    #[error("too many failed logins {subject}; try again in {} s", .wait.as_secs().max(1))]
    Locked {
        /// The locked subject.
        subject: LockedSubject,
        /// The time until the next attempt is allowed.
        wait: Duration,
    },
    /// No LDAP server can be asked, so nothing is known about the credentials.
    #[error("the server that checks the password cannot be reached")]
    LdapUnavailable,
    /// A token is not accepted.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// A session has ended: it was idle, its user logged out or changed, or the server started again.
    #[error("the session has ended; log in again")]
    SessionEnded,
    /// A request has the cookies of several sessions.
    #[error("the request has the cookies of several sessions")]
    SeveralSessions,
    /// The system provides no random numbers for a session.
    #[error("the system provides no random numbers")]
    NoRandomness(#[source] io::Error),
    /// The accounts cannot be read, so nothing is known about the credentials.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

/// The subject that too many wrong passwords have locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedSubject {
    /// One user at one address.
    User,
    /// All users at one address, except for those whose password was checked a short time ago.
    Address,
    /// One user at all addresses where the user has not logged in.
    Strangers,
}

impl fmt::Display for LockedSubject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::User => "of this user from this address",
            Self::Address => "from this address",
            Self::Strangers => "of this user from addresses where the user has not logged in",
        })
    }
}

/// The result of [`Login::check_cached`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CachedLogin {
    /// The credentials were checked a short time ago.
    Verified(Principal),
    /// The credentials must be checked.
    Unverified(PasswordChecker),
    /// The account must be [read](Login::read) first.
    AccountMissing,
}

/// The result of [`Login::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadLogin {
    /// The credentials were checked a short time ago.
    Verified(Principal),
    /// The credentials must be checked.
    Unverified(PasswordChecker),
}

/// The system that knows the password of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordChecker {
    /// The hash in the inventory, which [`Login::verify`] compares. Also for users who do not exist.
    Inventory,
    /// An LDAP server, which [`Login::verify_by_ldap`] asks.
    Ldap,
}

/// Checks credentials. Caches correct passwords, and counts failures.
pub struct Login {
    pub(super) accounts: Arc<dyn Accounts>,
    tokens: Arc<Tokens>,
    pub(super) sessions: Sessions,
    /// The LDAP servers, if the settings name some.
    ldap: Option<LdapServers>,
    public_passwords: PublicPasswords,
    password_cache: PasswordCache,
    attempts: Attempts,
    /// The parameters of the last checked hash. A login of an unknown user takes the same time, so
    /// that the time does not reveal whether a user exists.
    unknown_user_parameters: Mutex<HashParameters>,
    /// The longest password check so far, in microseconds.
    longest_check_us: AtomicU64,
}

impl Login {
    /// Returns a login for these accounts and tokens, with an empty cache.
    ///
    /// # Errors
    /// [`HashError::NoRandomness`] if the system provides no random numbers.
    pub fn new(
        accounts: Arc<dyn Accounts>,
        tokens: Arc<Tokens>,
        sessions: SessionLimits,
    ) -> Result<Self, HashError> {
        Ok(Self {
            accounts,
            tokens,
            sessions: Sessions::new(sessions),
            ldap: None,
            public_passwords: PublicPasswords::default(),
            password_cache: PasswordCache::new(CACHED_FOR).map_err(HashError::NoRandomness)?,
            attempts: Attempts::default(),
            unknown_user_parameters: Mutex::default(),
            longest_check_us: AtomicU64::default(),
        })
    }

    /// Returns the login with LDAP servers, which check the passwords of their users.
    pub fn with_ldap(self, ldap: Option<LdapServers>) -> Self {
        Self { ldap, ..self }
    }

    /// The time after its arrival at which a refusal should be sent: that of the longest password check so
    /// far. Hashes of different cost take different times, which would reveal whether a user exists.
    pub fn refusal_time(&self) -> Duration {
        let longest = Duration::from_micros(self.longest_check_us.load(Ordering::Relaxed));
        longest.min(REFUSAL_TIME_MAX)
    }

    /// Returns whether this user has logged in from this address in the last hours.
    pub fn has_succeeded(&self, credentials: &Credentials, source: LoginSource) -> bool {
        self.attempts.has_succeeded(&credentials.name, source.address, Instant::now())
    }

    /// Checks the text of a token. Takes microseconds and never blocks.
    ///
    /// # Errors
    /// [`LoginError::Token`], [`LoginError::Locked`].
    pub fn check_token(&self, text: &str, source: LoginSource) -> Result<Token, LoginError> {
        let refusal = match self.tokens.check(text, source, OffsetDateTime::now_utc()) {
            // Nobody can guess a token, so a lock does not concern those who have one.
            Ok(token) => return Ok(token),
            Err(refusal) => refusal,
        };
        let now = Instant::now();
        self.require_unlocked_address(source, now)?;
        self.count_failure("", source, now);
        Err(refusal.into())
    }

    /// The user whom a certificate names, if the account is in memory.
    pub fn cached_certificate_user(&self, name: &str) -> Option<Principal> {
        match self.accounts.cached(name) {
            CachedAccount::Found(account) => Some(account.principal()),
            CachedAccount::Missing => None,
        }
    }

    /// Reads the user whom a certificate names. `None` if there is none. Can block for a read from disk.
    ///
    /// # Errors
    /// [`LoginError::Accounts`].
    pub fn read_certificate_user(&self, name: &str) -> Result<Option<Principal>, LoginError> {
        Ok(self.accounts.account(name)?.map(|account| account.principal()))
    }

    /// The principal as whom a token acts: its user, with the rights that both have. `None` if the account
    /// must be [read](Self::read_token_user) first.
    ///
    /// # Errors
    /// [`LoginError::Token`] if the user has another password than when the token was made.
    pub fn token_principal(&self, token: &Token) -> Result<Option<Principal>, LoginError> {
        match self.accounts.cached(&token.user) {
            CachedAccount::Missing => Ok(None),
            CachedAccount::Found(account) => self.limited_principal(&account, token).map(Some),
        }
    }

    fn limited_principal(&self, account: &Account, token: &Token) -> Result<Principal, LoginError> {
        let phc = account.password_hash.as_ref().map(|phc| phc.as_str());
        if !self.tokens.is_of_password(token, phc) {
            return Err(TokenRefusal::Unknown.into());
        }
        Ok(account.principal().limited_to(token))
    }

    /// Reads the account of a token's user, and returns the principal as whom the token acts.
    ///
    /// # Errors
    /// [`LoginError::Token`] if the user does not exist any more, or has another password than when the
    /// token was made; [`LoginError::Accounts`].
    pub fn read_token_user(&self, token: &Token) -> Result<Principal, LoginError> {
        let account = self.accounts.account(&token.user)?;
        let account = account.ok_or(TokenRefusal::Unknown)?;
        self.limited_principal(&account, token)
    }

    /// Looks up credentials in the caches. Takes microseconds and never blocks.
    ///
    /// # Errors
    /// [`LoginError::PublicPassword`] from another machine. [`LoginError::Locked`] for a locked user, even
    /// for a correct password: an attacker must not learn that a guess was correct. A locked address does not lock users whose password was checked a short
    /// time ago: otherwise wrong passwords of invented users would lock out everybody behind a proxy.
    pub fn check_cached(
        &self,
        credentials: &Credentials,
        source: LoginSource,
    ) -> Result<CachedLogin, LoginError> {
        let now = Instant::now();
        self.require_unlocked_user(&credentials.name, source, now)?;
        self.require_private_password(credentials, source, now)?;
        match self.accounts.cached(&credentials.name) {
            CachedAccount::Missing => Ok(CachedLogin::AccountMissing),
            CachedAccount::Found(account) => {
                let is_cached = self.is_password_cached(&account, credentials, now);
                self.require_admitted(is_cached, credentials, source, now)?;
                Ok(if is_cached {
                    self.attempts.succeeded(&credentials.name, source.address, now);
                    CachedLogin::Verified(account.principal())
                } else {
                    CachedLogin::Unverified(self.checker(&credentials.name, Some(&account)))
                })
            }
        }
    }

    /// Reads the account. Returns the principal if the same credentials were checked a short time ago.
    ///
    /// # Errors
    /// [`LoginError::Locked`], as for [`check_cached`](Self::check_cached); [`LoginError::Accounts`].
    pub fn read(
        &self,
        credentials: &Credentials,
        source: LoginSource,
    ) -> Result<ReadLogin, LoginError> {
        let now = Instant::now();
        self.require_unlocked_user(&credentials.name, source, now)?;
        let account = self.accounts.account(&credentials.name)?;
        let known =
            account.as_ref().filter(|account| self.is_password_cached(account, credentials, now));
        self.require_admitted(known.is_some(), credentials, source, now)?;
        if known.is_some() {
            self.attempts.succeeded(&credentials.name, source.address, now);
        }
        Ok(match known {
            Some(account) => ReadLogin::Verified(account.principal()),
            None => ReadLogin::Unverified(self.checker(&credentials.name, account.as_deref())),
        })
    }

    /// The system that checks the password of this user. A user in the inventory with a password there is
    /// never asked for at an LDAP server, so that a local administrator can log in without it.
    pub(super) fn checker(&self, name: &str, account: Option<&Account>) -> PasswordChecker {
        let Some(ldap) = &self.ldap else { return PasswordChecker::Inventory };
        let is_of_ldap = match account {
            Some(account) => account.is_of_ldap(),
            None if !ldap.creates_users() => false,
            None if is_name_for_new_user(name) => true,
            None => {
                tracing::info!(
                    user = name,
                    "The LDAP server is not asked for this name: a new user has a name of lower-case \
                     letters, digits and ._-@+."
                );
                false
            }
        };
        if is_of_ldap { PasswordChecker::Ldap } else { PasswordChecker::Inventory }
    }

    /// Waits until no other login of this user is at an LDAP server. Look into the
    /// [cache](Self::check_cached) again afterwards.
    pub async fn ldap_turn(&self, name: &str) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match &self.ldap {
            Some(ldap) => Some(ldap.turn(name).await),
            None => None,
        }
    }

    /// Asks the LDAP servers about a password. [Admit](Self::admit_ldap_user) the user afterwards. Takes at
    /// most ten seconds.
    ///
    /// # Errors
    /// [`LoginError::Refused`] if the user or the password is wrong, or the user is in none of the groups;
    /// [`LoginError::Locked`]; [`LoginError::LdapUnavailable`].
    pub async fn verify_by_ldap(
        &self,
        credentials: &Credentials,
        source: LoginSource,
    ) -> Result<LdapUser, LoginError> {
        let Credentials { name, password } = credentials;
        let now = Instant::now();
        // Other calls can have changed this while this call waited for its turn.
        self.require_unlocked_user(name, source, now)?;
        self.require_admitted(false, credentials, source, now)?;
        let Some(ldap) = &self.ldap else { return Err(LoginError::LdapUnavailable) };
        let checked = ldap.check(name, password).await;
        self.note_check_time(now);
        match checked {
            Ok(user) => Ok(user),
            Err(LdapRefusal::Unavailable) => Err(LoginError::LdapUnavailable),
            Err(LdapRefusal::Password) => {
                self.count_failure(name, source, Instant::now());
                Err(LoginError::Refused)
            }
        }
    }

    /// Saves the groups of a user whose password an LDAP server accepted, and returns the principal.
    ///
    /// # Errors
    /// [`LoginError::Refused`] if the user does not exist, or has a password in the inventory;
    /// [`LoginError::Accounts`].
    pub fn admit_ldap_user(
        &self,
        user: &LdapUser,
        credentials: &Credentials,
        source: LoginSource,
    ) -> Result<Principal, LoginError> {
        let Credentials { name, password } = credentials;
        self.accounts.save_ldap_user(user)?;
        let now = Instant::now();
        let Some(account) = self.accounts.account(name)?.filter(|account| account.is_of_ldap())
        else {
            self.count_failure(name, source, now);
            return Err(LoginError::Refused);
        };
        self.attempts.succeeded(name, source.address, now);
        self.password_cache.insert(name, password, REMEMBERED_AS, now);
        Ok(account.principal())
    }

    /// Checks the password. This takes 20 ms and 19 MiB for hashes of Satchel, about 190 ms and 104 MB
    /// for those of eNMS, and the same for an unknown user.
    ///
    /// # Errors
    /// [`LoginError::Refused`] if the user or the password is wrong; [`LoginError::Locked`] after too
    /// many of these; [`LoginError::Accounts`].
    pub fn verify(
        &self,
        credentials: &Credentials,
        source: LoginSource,
    ) -> Result<Principal, LoginError> {
        let now = Instant::now();
        let Credentials { name, password } = credentials;
        // The lock and the cache were checked before. Other calls can have changed them while this
        // call waited for a thread.
        self.require_unlocked_user(name, source, now)?;
        let account = self.accounts.account(name)?;
        let known =
            account.as_ref().filter(|account| self.is_password_cached(account, credentials, now));
        self.require_admitted(known.is_some(), credentials, source, now)?;
        if let Some(account) = known {
            self.attempts.succeeded(name, source.address, now);
            return Ok(account.principal());
        }

        let usable = account.as_ref().and_then(|account| Some((account, usable_hash(account)?)));
        let Some((account, hash)) = usable else {
            self.timed(|| self.unknown_user_parameters().spend(password));
            self.count_failure(name, source, now);
            return Err(LoginError::Refused);
        };
        self.set_unknown_user_parameters(hash.parameters());
        if !self.timed(|| hash.verify(password)) {
            self.count_failure(name, source, now);
            return Err(LoginError::Refused);
        }
        self.attempts.succeeded(name, source.address, now);
        self.password_cache.insert(name, password, hash.phc(), now);
        if password_rule::is_public(name, password) {
            self.public_passwords.note(name, hash.phc());
        }
        Ok(account.principal())
    }

    /// The users whose passwords everybody knows, as far as the server has noticed. Never blocks.
    pub fn users_with_public_passwords(&self) -> Vec<String> {
        self.public_passwords.users()
    }

    /// Looks again for users whose passwords everybody knows. Can take the time of a password check.
    ///
    /// # Errors
    /// [`AccountsError`] if the users cannot be read.
    pub fn find_public_passwords(&self) -> Result<(), AccountsError> {
        self.public_passwords.refresh(&*self.accounts)
    }

    /// Runs a password check, and notes its time if it is the longest so far.
    fn timed<T>(&self, check: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = check();
        self.note_check_time(start);
        result
    }

    fn note_check_time(&self, start: Instant) {
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.longest_check_us.fetch_max(micros, Ordering::Relaxed);
    }

    /// Counts a wrong password, unless nothing can lock the client: a program on this machine must not lock
    /// the clients of a proxy on this machine.
    fn count_failure(&self, name: &str, source: LoginSource, now: Instant) {
        if source.can_be_locked() {
            self.attempts.failed(name, source.address, now);
        }
    }

    fn unknown_user_parameters(&self) -> HashParameters {
        self.unknown_user_parameters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_unknown_user_parameters(&self, parameters: &HashParameters) {
        *self.unknown_user_parameters.lock().unwrap_or_else(PoisonError::into_inner) =
            parameters.clone();
    }

    fn require_unlocked_user(
        &self,
        name: &str,
        source: LoginSource,
        now: Instant,
    ) -> Result<(), LoginError> {
        if !source.can_be_locked() {
            return Ok(());
        }
        if let Some(wait) = self.attempts.wait_of_user(name, source.address, now) {
            return Err(LoginError::Locked { subject: LockedSubject::User, wait });
        }
        match self.attempts.wait_of_strangers(name, source.address, now) {
            Some(wait) => Err(LoginError::Locked { subject: LockedSubject::Strangers, wait }),
            None => Ok(()),
        }
    }

    fn require_unlocked_address(
        &self,
        source: LoginSource,
        now: Instant,
    ) -> Result<(), LoginError> {
        if !source.can_be_locked() {
            return Ok(());
        }
        match self.attempts.wait_of_address(source.address, now) {
            Some(wait) => Err(LoginError::Locked { subject: LockedSubject::Address, wait }),
            None => Ok(()),
        }
    }

    /// Refuses a login from a locked address. It admits a cached password of a user who has logged in there
    /// before; a wrong password of such a user counts, so that nobody can guess it behind the lock.
    fn require_admitted(
        &self,
        is_password_cached: bool,
        credentials: &Credentials,
        source: LoginSource,
        now: Instant,
    ) -> Result<(), LoginError> {
        let Err(locked) = self.require_unlocked_address(source, now) else { return Ok(()) };
        let name = &credentials.name;
        if !self.attempts.has_succeeded(name, source.address, now) {
            return Err(locked);
        }
        if is_password_cached {
            return Ok(());
        }
        self.count_failure(name, source, now);
        Err(locked)
    }

    /// Refuses passwords that everybody knows, unless no other machine can reach the server. So it does
    /// not matter how such a password came into the inventory: by an import, an undo or a restore.
    fn require_private_password(
        &self,
        credentials: &Credentials,
        source: LoginSource,
        now: Instant,
    ) -> Result<(), LoginError> {
        let Credentials { name, password } = credentials;
        if source.accepts_public_passwords() || !password_rule::is_public(name, password) {
            return Ok(());
        }
        self.count_failure(name, source, now);
        Err(LoginError::PublicPassword)
    }

    pub(super) fn is_password_cached(
        &self,
        account: &Account,
        credentials: &Credentials,
        now: Instant,
    ) -> bool {
        let remembered_as = if self.ldap.is_some() && account.is_of_ldap() {
            Some(REMEMBERED_AS)
        } else {
            account.password_hash.as_ref().map(|phc| phc.as_str())
        };
        remembered_as.is_some_and(|remembered_as| {
            self.password_cache.contains(&account.name, &credentials.password, remembered_as, now)
        })
    }
}

/// The hash of the user's password. `None` if there is no hash, or if it is unusable.
fn usable_hash(account: &Account) -> Option<StoredHash<'_>> {
    let Some(phc) = account.password_hash.as_ref() else {
        if let Some(method) = account.other_authentication.as_deref() {
            tracing::warn!(
                user = account.name,
                authentication = method,
                "The user cannot log in: the password is not in the inventory. Only authentication \
                 “ldap” with the setting ldap_url asks another server. Set a password with satchel \
                 passwd."
            );
        }
        return None;
    };
    StoredHash::parse(phc)
        .inspect_err(|error| {
            tracing::warn!(
                user = account.name,
                error = %Chain(&error),
                "The stored password hash is invalid, so the user cannot log in. Set a new \
                 password with satchel passwd."
            );
        })
        .ok()
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::account::fixture::OneAccount;
    use super::super::login_source::Distance;
    use super::*;
    use crate::store::Store;

    pub(in crate::access) const HERE: LoginSource = LoginSource {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        distance: Distance::Network,
    };

    const UNVERIFIED: ReadLogin = ReadLogin::Unverified(PasswordChecker::Inventory);

    /// A login without tokens.
    pub(in crate::access) fn login(accounts: Arc<OneAccount>) -> Login {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let tokens = Arc::new(Tokens::open(store).unwrap());
        Login::new(accounts, tokens, SessionLimits::DEFAULT).unwrap()
    }

    pub(in crate::access) fn credentials(name: &str, password: &str) -> Credentials {
        Credentials { name: name.to_owned(), password: Zeroizing::new(password.to_owned()) }
    }

    #[test]
    fn a_checked_password_is_cached_until_it_changes() {
        let accounts = Arc::new(OneAccount::new("alice", "right"));
        let login = login(accounts.clone());
        let right = credentials("alice", "right");
        assert_eq!(login.check_cached(&right, HERE).unwrap(), CachedLogin::AccountMissing);
        assert_eq!(login.read(&right, HERE).unwrap(), UNVERIFIED);
        assert_eq!(
            login.check_cached(&right, HERE).unwrap(),
            CachedLogin::Unverified(PasswordChecker::Inventory)
        );
        let alice = login.verify(&right, HERE).unwrap();
        assert_eq!(alice.name, "alice");
        assert_eq!(login.check_cached(&right, HERE).unwrap(), CachedLogin::Verified(alice.clone()));
        assert_eq!(login.read(&right, HERE).unwrap(), ReadLogin::Verified(alice));
        let wrong = credentials("alice", "wrong");
        assert_eq!(
            login.check_cached(&wrong, HERE).unwrap(),
            CachedLogin::Unverified(PasswordChecker::Inventory)
        );
        assert_eq!(login.read(&wrong, HERE).unwrap(), UNVERIFIED);

        accounts.set_password("new");
        assert_eq!(login.check_cached(&right, HERE).unwrap(), CachedLogin::AccountMissing);
        assert_eq!(login.read(&right, HERE).unwrap(), UNVERIFIED);
        assert_eq!(
            login.check_cached(&right, HERE).unwrap(),
            CachedLogin::Unverified(PasswordChecker::Inventory)
        );
        assert!(matches!(login.verify(&right, HERE), Err(LoginError::Refused)));
    }

    #[test]
    fn a_lock_also_refuses_the_correct_password() {
        let login = login(Arc::new(OneAccount::new("alice", "right")));
        login.verify(&credentials("alice", "right"), HERE).unwrap();
        let wrong = credentials("alice", "wrong");
        let refusals = std::iter::repeat_with(|| login.verify(&wrong, HERE))
            .take_while(|answer| matches!(answer, Err(LoginError::Refused)))
            .count();
        assert_eq!(refusals, 5);
        let right = credentials("alice", "right");
        assert!(matches!(login.check_cached(&right, HERE), Err(LoginError::Locked { .. })));
        assert!(matches!(login.verify(&right, HERE), Err(LoginError::Locked { .. })));
    }

    #[test]
    fn a_locked_address_does_not_lock_a_user_with_a_checked_password() {
        let login = login(Arc::new(OneAccount::new("alice", "right")));
        let right = credentials("alice", "right");
        login.verify(&right, HERE).unwrap();
        for number in 0..100 {
            let invented = credentials(&number.to_string(), "x");
            assert!(matches!(login.verify(&invented, HERE), Err(LoginError::Refused)));
        }
        let locked = |answer| {
            matches!(answer, Err(LoginError::Locked { subject: LockedSubject::Address, .. }))
        };
        assert!(locked(login.verify(&credentials("bob", "x"), HERE).map(drop)));
        assert!(locked(login.check_cached(&credentials("alice", "wrong"), HERE).map(drop)));
        assert!(matches!(login.check_cached(&right, HERE), Ok(CachedLogin::Verified(_))));
        assert!(login.verify(&right, HERE).is_ok());
        // The other user is locked at this address only.
        let elsewhere = LoginSource { address: "192.0.2.1".parse().unwrap(), ..HERE };
        assert!(matches!(
            login.verify(&credentials("bob", "x"), elsewhere),
            Err(LoginError::Refused)
        ));
    }

    #[test]
    fn a_public_password_works_on_a_machine_that_no_other_can_reach() {
        let login = login(Arc::new(OneAccount::new("admin", "admin")));
        let admin = credentials("admin", "admin");
        let from = |distance| LoginSource { distance, ..HERE };
        assert!(login.verify(&admin, from(Distance::SameMachineOnly)).is_ok());
        for distance in [Distance::Network, Distance::SameMachine] {
            let cached = login.check_cached(&admin, from(distance));
            assert!(matches!(cached, Err(LoginError::PublicPassword)), "{distance:?}");
        }
        let cached = login.check_cached(&admin, from(Distance::SameMachineOnly));
        assert!(matches!(cached, Ok(CachedLogin::Verified(_))));
    }

    #[test]
    fn programs_on_the_machine_of_the_server_are_never_locked() {
        let login = login(Arc::new(OneAccount::new("alice", "right")));
        let here = LoginSource { distance: Distance::SameMachine, ..HERE };
        for _ in 0..20 {
            let wrong = login.verify(&credentials("alice", "wrong"), here);
            assert!(matches!(wrong, Err(LoginError::Refused)));
        }
        assert!(login.verify(&credentials("alice", "right"), here).is_ok());
    }

    #[test]
    fn a_remembered_password_ends_the_count_and_the_machine_itself_does_not_count() {
        let login = login(Arc::new(OneAccount::new("alice", "right")));
        let (right, wrong) = (credentials("alice", "right"), credentials("alice", "wrong"));
        login.verify(&right, HERE).unwrap();
        for _ in 0..10 {
            for _ in 0..4 {
                assert!(matches!(login.verify(&wrong, HERE), Err(LoginError::Refused)));
            }
            assert!(matches!(login.check_cached(&right, HERE), Ok(CachedLogin::Verified(_))));
        }
        let direct = LoginSource { distance: Distance::SameMachine, ..HERE };
        for _ in 0..20 {
            let _ = login.verify(&wrong, direct);
        }
        assert!(matches!(login.verify(&wrong, HERE), Err(LoginError::Refused)));
        assert!(login.check_cached(&right, HERE).is_ok());
    }

    #[test]
    fn a_password_cannot_be_guessed_behind_the_lock_of_an_address() {
        let login = login(Arc::new(OneAccount::new("alice", "right")));
        let right = credentials("alice", "right");
        let elsewhere = LoginSource { address: "192.0.2.1".parse().unwrap(), ..HERE };
        login.verify(&right, elsewhere).unwrap();
        for number in 0..100 {
            let invented = credentials(&number.to_string(), "x");
            assert!(matches!(login.verify(&invented, HERE), Err(LoginError::Refused)));
        }
        // She has not logged in here, so the right password gets the answer of a wrong one.
        for password in ["wrong", "right"] {
            let answer = login.check_cached(&credentials("alice", password), HERE);
            assert!(matches!(answer, Err(LoginError::Locked { .. })), "{password}");
        }
        // Where she has logged in, wrong passwords lock her too.
        for number in 0..100 {
            let invented = credentials(&number.to_string(), "x");
            let _ = login.verify(&invented, elsewhere);
        }
        assert!(login.check_cached(&right, elsewhere).is_ok());
        for _ in 0..5 {
            let _ = login.check_cached(&credentials("alice", "wrong"), elsewhere);
        }
        assert!(matches!(login.check_cached(&right, elsewhere), Err(LoginError::Locked { .. })));
    }

    #[test]
    fn an_unknown_user_is_refused_like_a_wrong_password() {
        let login = login(Arc::new(OneAccount::new("alice", "right")));
        let nobody = credentials("nobody", "right");
        assert_eq!(login.check_cached(&nobody, HERE).unwrap(), CachedLogin::AccountMissing);
        assert_eq!(login.read(&nobody, HERE).unwrap(), UNVERIFIED);
        assert!(matches!(login.verify(&nobody, HERE), Err(LoginError::Refused)));
    }
}
