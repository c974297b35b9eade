//! The tokens of a server: making, checking and revoking them.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::file::{Contents, SecrecyOfTokens, TokensError, TokensFile};
use super::token::{Scope, StoredToken, Token, TokenRefusal, TokenText};
use crate::access::password::is_password;
use crate::access::user_name::{RefusedName, check_visible};
use crate::access::{Distance, FIRST_USER_PASSWORD, LoginSource, PasswordSecrecy};
use crate::model::{Kind, NAME_BYTES_MAX, Networks, Secret, User};
use crate::store::{Store, StoreError};

/// The largest number of tokens. They are kept in memory, about 500 bytes each.
pub const TOKENS_MAX: usize = 1000;

/// The number of users whose passwords are compared with public ones when tokens of format 1 are read.
/// It takes up to 0.4 s for each user. The tokens of further users count as made with public passwords.
const COMPARED_USERS_MAX: usize = 50;

/// The largest number of tokens of one user, so that nobody can use up those of all.
pub const TOKENS_OF_USER_MAX: usize = 50;

/// The reason why a token could not be made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is too long.
    #[error("a token's name can have at most {NAME_BYTES_MAX} bytes")]
    NameLong,
    /// The name is empty, or a person cannot tell it from others.
    #[error(transparent)]
    Name(#[from] RefusedName),
    /// The user has a token with this name.
    #[error("“{user}” has a token with the name “{name}” already")]
    NameTaken {
        /// The user.
        user: String,
        /// The name.
        name: String,
    },
    /// The user has [`TOKENS_OF_USER_MAX`] tokens.
    #[error(
        "“{0}” has {TOKENS_OF_USER_MAX} tokens already, the most that a user can have; revoke some"
    )]
    TooManyOfUser(String),
    /// The users cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are [`TOKENS_MAX`] tokens.
    #[error("there are {TOKENS_MAX} tokens already, the most that a server can have; revoke some")]
    TooMany,
    /// There is no such token, or it belongs to another user.
    #[error("there is no token with the key or name “{0}”")]
    NotFound(String),
    /// The system provides no random numbers.
    #[error("the system provides no random numbers")]
    NoRandomness(#[source] io::Error),
    /// The file cannot be written. Nothing was changed.
    #[error(transparent)]
    File(#[from] TokensError),
}

/// The token to make.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The user as whom it acts.
    pub user: String,
    /// Its name, which differs from the user's other tokens.
    pub name: String,
    /// Its rights, at most.
    pub scope: Scope,
    /// The networks from which it can be used. Empty means all.
    pub from: Networks,
    /// The days until it expires.
    pub days: u64,
    /// Tells whether everybody knows the password with which its maker has logged in.
    pub secrecy: PasswordSecrecy,
}

/// Tells whether the file of the tokens existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedFile {
    /// It existed, and is unchanged.
    Existed,
    /// It was missing, and now exists without tokens.
    Created,
}

/// The tokens of a server. Checks take microseconds and never block.
pub struct Tokens {
    store: Arc<Store>,
    file: TokensFile,
    /// Held while the file is written: changes are rare.
    writing: Mutex<()>,
    tokens: Mutex<State>,
    /// The last change of the users to which the tokens were compared. `None` before the first time.
    checked_users: Mutex<Option<u64>>,
}

#[derive(Default)]
struct State {
    tokens: Vec<StoredToken>,
    /// True if a token was used since the file was written.
    was_used: bool,
}

impl Tokens {
    /// Reads the tokens of a data directory.
    ///
    /// # Errors
    /// [`TokensError::Damaged`], [`TokensError::Newer`], [`TokensError::Read`].
    pub fn open(store: Arc<Store>) -> Result<Self, TokensError> {
        let file = TokensFile::new(store.directory().tokens());
        let Contents { tokens, secrecy } = file.read()?;
        let tokens = Mutex::new(State { tokens, was_used: false });
        let (writing, checked_users) = (Mutex::default(), Mutex::default());
        let tokens = Self { store, file, writing, tokens, checked_users };
        match secrecy {
            SecrecyOfTokens::Known => {}
            SecrecyOfTokens::Unknown => tokens.find_secrecy(),
        }
        Ok(tokens)
    }

    /// Compares the passwords of the users of tokens with their names and the default password. The other
    /// public passwords are too many to try. A user that cannot be read keeps the safe value, which is
    /// [`PasswordSecrecy::Public`].
    fn find_secrecy(&self) {
        let mut state = self.state();
        let users: BTreeSet<_> = state.tokens.iter().map(|stored| &stored.token.user).collect();
        let is_secret = |user: &&String| match self.phc_of(user) {
            Ok(Some(phc)) => ![user.as_str(), FIRST_USER_PASSWORD]
                .into_iter()
                .any(|password| is_password(password, &phc)),
            Ok(None) | Err(_) => false,
        };
        let compared = users.into_iter().take(COMPARED_USERS_MAX);
        let secret: BTreeSet<String> = compared.filter(is_secret).cloned().collect();
        for StoredToken { token, .. } in &mut state.tokens {
            if secret.contains(&token.user) {
                token.secrecy = PasswordSecrecy::Secret;
            }
        }
        // So the next maintenance writes the file in the present format.
        state.was_used = true;
    }

    /// Creates the file without tokens if it does not exist. So a file that is missing later was lost.
    ///
    /// # Errors
    /// [`TokensError::Read`], [`TokensError::Write`].
    pub fn create_file(&self) -> Result<CreatedFile, TokensError> {
        if self.file.exists()? {
            return Ok(CreatedFile::Existed);
        }
        self.replace(|_| Ok::<_, TokensError>(()))?;
        Ok(CreatedFile::Created)
    }

    /// Makes a token. Returns it, and the only copy of the text that a program sends.
    ///
    /// # Errors
    /// All of [`TokenError`] but [`TokenError::NotFound`].
    pub fn make(
        &self,
        request: TokenRequest,
        now: OffsetDateTime,
    ) -> Result<(Token, Zeroizing<String>), TokenError> {
        let TokenRequest { user, name, scope, from, days, secrecy } = request;
        check_visible(&name)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(TokenError::NameLong);
        }
        let text = TokenText::random().map_err(TokenError::NoRandomness)?;
        let days = Duration::days(i64::try_from(days).unwrap_or(i64::MAX));
        // Whole seconds, as the file and the responses show them.
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let token = Token {
            key: text.key.clone(),
            name,
            scope,
            from,
            created: now,
            expires: now.saturating_add(days),
            last_used: None,
            password: self.password_of(&user)?.unwrap_or_default(),
            secrecy,
            user,
        };
        let stored = StoredToken { secret_hash: self.hash(&text), token: token.clone() };
        self.replace(|tokens| {
            if tokens.len() >= TOKENS_MAX {
                return Err(TokenError::TooMany);
            }
            let of_user = tokens.iter().filter(|known| known.token.user == token.user);
            if of_user.count() >= TOKENS_OF_USER_MAX {
                return Err(TokenError::TooManyOfUser(token.user.clone()));
            }
            let is_same = |known: &StoredToken| {
                (&known.token.user, &known.token.name) == (&token.user, &token.name)
            };
            if tokens.iter().any(is_same) {
                let Token { user, name, .. } = token.clone();
                return Err(TokenError::NameTaken { user, name });
            }
            tokens.push(stored);
            Ok(())
        })?;
        Ok((token, text.text()))
    }

    /// The tokens of a user, or of all users, the oldest first.
    pub fn list(&self, user: Option<&str>) -> Vec<Token> {
        let state = self.state();
        let tokens = state.tokens.iter().map(|stored| &stored.token);
        tokens.filter(|token| user.is_none_or(|user| token.user == user)).cloned().collect()
    }

    /// Returns whether a user has a token with this name that has not expired.
    pub fn is_valid(&self, user: &str, name: &str, now: OffsetDateTime) -> bool {
        let state = self.state();
        let mut tokens = state.tokens.iter().map(|stored| &stored.token);
        tokens.any(|token| token.user == user && token.name == name && token.expires > now)
    }

    /// Revokes the token with this key, or with this name if `user` is given, and returns it. With
    /// `user`, only that user's tokens are looked at.
    ///
    /// # Errors
    /// [`TokenError::NotFound`], [`TokenError::File`].
    pub fn revoke(&self, user: Option<&str>, key: &str) -> Result<Token, TokenError> {
        self.replace(|tokens| {
            let is_wanted = |StoredToken { token, .. }: &StoredToken| match user {
                Some(user) => token.user == user && (token.key == key || token.name == key),
                None => token.key == key,
            };
            let at = tokens.iter().position(is_wanted);
            let at = at.ok_or_else(|| TokenError::NotFound(key.to_owned()))?;
            Ok(tokens.remove(at).token)
        })
    }

    /// Checks the text that a program sent. Returns the token, and notes its use.
    ///
    /// # Errors
    /// [`TokenRefusal`]. Only somebody who has the secret learns more than that a token is unknown.
    pub fn check(
        &self,
        text: &str,
        source: LoginSource,
        now: OffsetDateTime,
    ) -> Result<Token, TokenRefusal> {
        let text = TokenText::parse(text).ok_or(TokenRefusal::Unknown)?;
        let hash = self.hash(&text);
        let mut state = self.state();
        // The hashes are compared, and nobody can choose one: their comparison reveals nothing.
        let found = state.tokens.iter_mut().find(|stored| stored.token.key == text.key);
        let stored = found.filter(|stored| stored.secret_hash == hash);
        let token = &mut stored.ok_or(TokenRefusal::Unknown)?.token;
        if token.expires <= now {
            return Err(TokenRefusal::Expired);
        }
        if !token.from.is_empty() && !is_within(&token.from, source) {
            return Err(TokenRefusal::WrongAddress);
        }
        if token.secrecy == PasswordSecrecy::Public && !source.accepts_public_passwords() {
            return Err(TokenRefusal::PublicPassword);
        }
        token.last_used = Some(now.replace_nanosecond(0).unwrap_or(now));
        let token = token.clone();
        state.was_used = true;
        Ok(token)
    }

    /// Returns whether the user of a token has the same password as when the token was made. `phc` is the
    /// hash that the user has now.
    pub fn is_of_password(&self, token: &Token, phc: Option<&str>) -> bool {
        self.password_hash(&token.user, phc.unwrap_or_default()) == token.password
    }

    /// Writes the times of use to the file, if there are new ones, and revokes the tokens of changed users.
    ///
    /// # Errors
    /// As [`revoke_stale`](Self::revoke_stale).
    pub fn maintain(&self) -> Result<(), TokensError> {
        self.revoke_stale()?;
        self.remove(&[])
    }

    /// Revokes the tokens of users who do not exist any more or have another password. Reads the users
    /// only if one of them has changed since the last call.
    ///
    /// # Errors
    /// [`TokensError::Write`]. After an error of the store the next call tries again.
    pub fn revoke_stale(&self) -> Result<(), TokensError> {
        // Read before the users: a change in between is seen by the next call.
        let Ok(version) = self.store.changed(Kind::User) else { return Ok(()) };
        let mut checked = self.checked_users.lock().unwrap_or_else(PoisonError::into_inner);
        if *checked == Some(version) {
            return Ok(());
        }
        let mut stale = Vec::new();
        for token in self.list(None) {
            match self.password_of(&token.user) {
                Ok(password) if password.as_ref() == Some(&token.password) => {}
                Ok(_) => stale.push(token),
                Err(_) => return Ok(()),
            }
        }
        if !stale.is_empty() {
            self.remove(&stale)?;
        }
        *checked = Some(version);
        Ok(())
    }

    /// Revokes all tokens of a user.
    ///
    /// # Errors
    /// [`TokensError::Write`].
    pub fn revoke_all(&self, user: &str) -> Result<(), TokensError> {
        self.remove(&self.list(Some(user)))
    }

    fn remove(&self, removed: &[Token]) -> Result<(), TokensError> {
        if removed.is_empty() && !self.state().was_used {
            return Ok(());
        }
        self.replace(|tokens| {
            tokens.retain(|stored| removed.iter().all(|token| token.key != stored.token.key));
            Ok::<_, TokensError>(())
        })
    }

    /// The keyed hash of the password hash of a user. `None` if the user does not exist.
    fn password_of(&self, user: &str) -> Result<Option<String>, StoreError> {
        let phc = self.phc_of(user)?;
        Ok(phc.map(|phc| self.password_hash(user, &phc)))
    }

    /// The password hash of a user, which is empty without a password. `None` if the user does not exist.
    fn phc_of(&self, user: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
        let reading = self.store.read();
        let Some(mut record) = reading.get::<User>(user)?.map(|stored| stored.record) else {
            return Ok(None);
        };
        reading.decrypt_secrets(&mut record)?;
        Ok(Some(record.password.get().and_then(Secret::plain).unwrap_or_default()))
    }

    fn password_hash(&self, user: &str, phc: &str) -> String {
        self.store.vault().token_hash(&format!("password of {user}"), phc)
    }

    /// Changes the tokens, first in the file, then in memory.
    fn replace<T, E: From<TokensError>>(
        &self,
        change: impl FnOnce(&mut Vec<StoredToken>) -> Result<T, E>,
    ) -> Result<T, E> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = self.state().tokens.clone();
        let result = change(&mut changed)?;
        self.file.write(&changed)?;
        let mut state = self.state();
        // Uses during the writing stay in memory, and are written the next time.
        state.was_used = false;
        for stored in &mut changed {
            let known = state.tokens.iter().find(|known| known.token.key == stored.token.key);
            let last_used = known.and_then(|known| known.token.last_used);
            if last_used > stored.token.last_used {
                stored.token.last_used = last_used;
                state.was_used = true;
            }
        }
        state.tokens = changed;
        Ok(result)
    }

    fn hash(&self, text: &TokenText) -> String {
        self.store.vault().token_hash(&text.key, &text.secret)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether the networks contain the client. The client of a proxy on this machine that is not
/// trusted has an unknown address: the proxy's own says nothing.
fn is_within(networks: &Networks, source: LoginSource) -> bool {
    let is_behind_proxy = source.distance == Distance::Network && source.address.is_loopback();
    !is_behind_proxy && networks.contain(source.address)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::access::{NewRights, create_first_user, hash_password, set_password};
    use crate::store::Origin;

    const HERE: LoginSource = LoginSource {
        address: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)),
        distance: Distance::Network,
    };

    fn store(folder: &tempfile::TempDir) -> Arc<Store> {
        let store = Arc::new(Store::open(folder.path()).unwrap());
        create_first_user(&store).unwrap();
        store
    }

    fn request(name: &str) -> TokenRequest {
        let (user, name) = ("admin".to_owned(), name.to_owned());
        let (from, secrecy) = (Networks::default(), PasswordSecrecy::Secret);
        TokenRequest { user, name, scope: Scope::Read, from, days: 2, secrecy }
    }

    #[test]
    fn a_token_works_until_it_expires_or_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let tokens = Tokens::open(store.clone()).unwrap();
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        let (made, text) = tokens.make(request("é>b"), now).unwrap();
        let later = now + Duration::hours(1);
        let used = tokens.check(&text, HERE, later).unwrap();
        assert_eq!(used, Token { last_used: Some(later), ..made.clone() });
        let expired = now + Duration::days(2);
        assert_eq!(tokens.check(&text, HERE, expired), Err(TokenRefusal::Expired));
        for wrong in ["", "sat_", &text.replace("sat_", "sat-"), &"0".repeat(text.len())] {
            assert_eq!(tokens.check(wrong, HERE, now), Err(TokenRefusal::Unknown));
        }
        let last = if text.ends_with('0') { "1" } else { "0" };
        let changed = format!("{}{last}", &text[..text.len() - 1]);
        assert_eq!(tokens.check(&changed, HERE, now), Err(TokenRefusal::Unknown));

        // The time of use is written, and the secret is not.
        tokens.maintain().unwrap();
        let again = Tokens::open(store.clone()).unwrap();
        assert_eq!(again.list(Some("admin")), [used]);
        assert!(again.check(&text, HERE, now).is_ok());
        let file = std::fs::read_to_string(store.directory().tokens()).unwrap();
        assert!(!file.contains(&text[text.len() - 64..]));

        assert!(matches!(tokens.revoke(Some("eva"), &made.key), Err(TokenError::NotFound(_))));
        assert!(matches!(tokens.revoke(None, "é>b"), Err(TokenError::NotFound(_))));
        tokens.revoke(Some("admin"), "é>b").unwrap();
        assert_eq!(tokens.check(&text, HERE, now), Err(TokenRefusal::Unknown));
    }

    #[test]
    fn a_token_can_be_limited_to_networks() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(store(&folder)).unwrap();
        let now = OffsetDateTime::now_utc();
        let from = Networks::parse("10.0.0.0/8").unwrap();
        let (_, text) = tokens.make(TokenRequest { from, ..request("a") }, now).unwrap();
        assert_eq!(tokens.check(&text, HERE, now), Err(TokenRefusal::WrongAddress));
        let from =
            |address: &str, distance| LoginSource { address: address.parse().unwrap(), distance };
        assert!(tokens.check(&text, from("10.1.2.3", Distance::Network), now).is_ok());

        let local = TokenRequest { from: Networks::parse("127.0.0.0/8").unwrap(), ..request("b") };
        let (_, text) = tokens.make(local, now).unwrap();
        assert!(tokens.check(&text, from("127.0.0.1", Distance::SameMachine), now).is_ok());
        let proxied = tokens.check(&text, from("127.0.0.1", Distance::Network), now);
        assert_eq!(proxied, Err(TokenRefusal::WrongAddress));
    }

    #[test]
    fn a_token_with_a_public_password_works_where_the_password_works() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let now = OffsetDateTime::now_utc();
        let places = [Distance::SameMachineOnly, Distance::SameMachine, Distance::Network];
        let places = places.map(|distance| LoginSource { distance, ..HERE });
        let works = |tokens: &Tokens, text: &str| {
            places.map(|source| match tokens.check(text, source, now) {
                Ok(_) => true,
                Err(refusal) => {
                    assert_eq!(refusal, TokenRefusal::PublicPassword);
                    false
                }
            })
        };
        let tokens = Tokens::open(store.clone()).unwrap();
        let public = TokenRequest { secrecy: PasswordSecrecy::Public, ..request("a") };
        let (_, public) = tokens.make(public, now).unwrap();
        let (_, secret) = tokens.make(request("b"), now).unwrap();
        for tokens in [&tokens, &Tokens::open(store).unwrap()] {
            assert_eq!(works(tokens, &public), [true, false, false]);
            assert_eq!(works(tokens, &secret), [true, true, true]);
        }
    }

    #[test]
    fn tokens_of_format_1_are_compared_with_the_default_password() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let now = OffsetDateTime::now_utc();
        let make_in_format_1 = || {
            let tokens = Tokens::open(store.clone()).unwrap();
            let (_, text) = tokens.make(request("a"), now).unwrap();
            let path = store.directory().tokens();
            let written = std::fs::read_to_string(&path).unwrap();
            let (_, lines) = written.split_once('\n').unwrap();
            let sum = crate::wording::hex(&<sha2::Sha256 as sha2::Digest>::digest(lines));
            std::fs::write(&path, format!("satchel tokens 1 {sum}\n{lines}")).unwrap();
            text
        };
        let text = make_in_format_1();
        let tokens = Tokens::open(store.clone()).unwrap();
        assert_eq!(tokens.check(&text, HERE, now), Err(TokenRefusal::PublicPassword));
        tokens.maintain().unwrap();
        let tokens = Tokens::open(store.clone()).unwrap();
        assert_eq!(tokens.check(&text, HERE, now), Err(TokenRefusal::PublicPassword));
        tokens.revoke_all("admin").unwrap();

        let origin = Origin::internal("test");
        set_password(&store, &origin, "admin", "Oslo Fjord 9", NewRights::AsBefore).unwrap();
        let text = make_in_format_1();
        let tokens = Tokens::open(store.clone()).unwrap();
        assert!(tokens.check(&text, HERE, now).is_ok());
    }

    #[test]
    fn names_are_checked_and_the_number_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(store(&folder)).unwrap();
        let now = OffsetDateTime::now_utc();
        for wrong in ["", " ", "a\nb", "a ", "a\u{202e}b", "\u{200b}"] {
            let refused = tokens.make(request(wrong), now);
            assert!(matches!(refused, Err(TokenError::Name(_))), "{wrong:?}");
        }
        let long = tokens.make(request(&"x".repeat(NAME_BYTES_MAX + 1)), now);
        assert!(matches!(long, Err(TokenError::NameLong)));
        tokens.make(request("a"), now).unwrap();
        assert!(matches!(tokens.make(request("a"), now), Err(TokenError::NameTaken { .. })));
        let eva = TokenRequest { user: "eva".to_owned(), ..request("a") };
        tokens.make(eva, now).unwrap();
        let token = tokens.list(None)[0].clone();
        let fill = |user: &str, count| {
            let more = (0..count).map(|number| StoredToken {
                token: Token {
                    key: format!("{user} {number}"),
                    user: user.to_owned(),
                    ..token.clone()
                },
                secret_hash: String::new(),
            });
            tokens.state().tokens.extend(more);
        };
        fill("admin", TOKENS_OF_USER_MAX - 1);
        assert!(matches!(tokens.make(request("b"), now), Err(TokenError::TooManyOfUser(_))));
        fill("others", TOKENS_MAX - TOKENS_OF_USER_MAX - 1);
        let eva = TokenRequest { user: "eva".to_owned(), ..request("b") };
        assert!(matches!(tokens.make(eva, now), Err(TokenError::TooMany)));
    }

    #[test]
    fn a_removed_user_loses_the_tokens_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(store(&folder)).unwrap();
        let now = OffsetDateTime::now_utc();
        let eva = TokenRequest { user: "eva".to_owned(), ..request("a") };
        let (_, text) = tokens.make(eva, now).unwrap();
        tokens.make(request("a"), now).unwrap();
        tokens.maintain().unwrap();
        assert_eq!(tokens.check(&text, HERE, now), Err(TokenRefusal::Unknown));
        assert_eq!(tokens.list(None).len(), 1);
    }

    #[test]
    fn a_new_password_revokes_the_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let tokens = Tokens::open(store.clone()).unwrap();
        let (token, _) = tokens.make(request("a"), OffsetDateTime::now_utc()).unwrap();
        tokens.maintain().unwrap();
        assert_eq!(tokens.list(None).len(), 1);
        let phc = hash_password("Oslo Fjord 9").unwrap();
        assert!(!tokens.is_of_password(&token, Some(&phc)));
        set_password(
            &store,
            &Origin::internal("test"),
            "admin",
            "Oslo Fjord 9",
            NewRights::AsBefore,
        )
        .unwrap();
        tokens.maintain().unwrap();
        assert!(tokens.list(None).is_empty());
    }
}
