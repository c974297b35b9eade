//! Logins by sessions: a browser logs in once, and then sends the text of its session.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Instant;

use zeroize::Zeroizing;

use super::password_rule::{PasswordSecrecy, secrecy};
use super::sessions::{Session, SessionClient, Sessions};
use super::{
    Account, AccountsError, CachedAccount, Credentials, Login, LoginError, LoginSource,
    PasswordChecker, PasswordError, Principal, SetPassword,
};
use crate::store::Origin;

/// The reason why a user could not change the own password.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// The present password is wrong, or the login failed for another reason.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The new password breaks a rule or cannot be stored.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The new password is the present one.
    #[error("the new password is the present one; choose another")]
    Unchanged,
    /// The password is not in the inventory.
    #[error("another server checks the password of “{0}”; change it there")]
    OtherServer(String),
}

impl Login {
    /// The sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Begins a session of a user whose password [was checked](Self::verify) a moment ago. Returns it, and
    /// the only copy of the text that its browser keeps. Can block for a read from disk.
    ///
    /// # Errors
    /// [`LoginError::Refused`] if the user or the password has changed since; [`LoginError::Accounts`];
    /// [`LoginError::NoRandomness`].
    pub fn begin_session(
        &self,
        credentials: &Credentials,
        client: SessionClient,
    ) -> Result<(Session, Zeroizing<String>), LoginError> {
        let Credentials { name, password } = credentials;
        let account = self.accounts.account(name)?.ok_or(LoginError::Refused)?;
        if !self.is_password_cached(&account, credentials, Instant::now()) {
            return Err(LoginError::Refused);
        }
        let secrecy = secrecy(name, password);
        self.sessions.begin(&account, client, secrecy).map_err(LoginError::NoRandomness)
    }

    /// Finds the session among the texts that a browser sent: another server can have set a cookie of the
    /// same name. Takes microseconds and never blocks. Failed logins of others never lock a session, because
    /// nobody can guess one.
    ///
    /// # Errors
    /// [`LoginError::SessionEnded`]; [`LoginError::SeveralSessions`]; [`LoginError::PublicPassword`] for a
    /// session with a public password at a place where that password does not work.
    pub fn check_session(
        &self,
        texts: &[Zeroizing<String>],
        source: LoginSource,
    ) -> Result<Session, LoginError> {
        let mut live = texts.iter().filter_map(|text| self.sessions.check(text));
        let session = live.next().ok_or(LoginError::SessionEnded)?;
        // Nobody but the user can know which of two is meant: the other one can be the session of an
        // attacker, who wants the user to work in it.
        if live.any(|other| other.id != session.id) {
            return Err(LoginError::SeveralSessions);
        }
        if session.password == PasswordSecrecy::Public && !source.accepts_public_passwords() {
            return Err(LoginError::PublicPassword);
        }
        Ok(session)
    }

    /// The user of a session, with the rights of now. `None` if the account must be
    /// [read](Self::read_session_user) first.
    ///
    /// # Errors
    /// [`LoginError::SessionEnded`] if the password or the rights have changed.
    pub fn session_principal(&self, session: &Session) -> Result<Option<Principal>, LoginError> {
        match self.accounts.cached(&session.user) {
            CachedAccount::Missing => Ok(None),
            CachedAccount::Found(account) => {
                self.principal_of_session(session, Some(&account)).map(Some)
            }
        }
    }

    /// Reads the account of a session's user. Ends the session if the user has changed.
    ///
    /// # Errors
    /// [`LoginError::SessionEnded`] if the user does not exist any more, or has another password or other
    /// rights; [`LoginError::Accounts`].
    pub fn read_session_user(&self, session: &Session) -> Result<Principal, LoginError> {
        let account = self.accounts.account(&session.user)?;
        self.principal_of_session(session, account.as_deref())
    }

    fn principal_of_session(
        &self,
        session: &Session,
        account: Option<&Account>,
    ) -> Result<Principal, LoginError> {
        match account {
            Some(account) if session.is_of(account) => Ok(account.principal()),
            Some(_) | None => {
                self.sessions.end(None, &session.id);
                Err(LoginError::SessionEnded)
            }
        }
    }

    /// Sets a new password of a user whose present one [was checked](Self::verify) a moment ago. It ends
    /// all sessions and tokens of the user. Takes about 40 ms.
    ///
    /// # Errors
    /// [`NewPasswordError::Login`] if the user or the present password has changed since;
    /// [`NewPasswordError::Password`] if the new one breaks a rule or cannot be stored;
    /// [`NewPasswordError::Unchanged`] if the new one is the present one;
    /// [`NewPasswordError::OtherServer`] for a user of an LDAP server.
    pub fn change_password(
        &self,
        present: &Credentials,
        new: &Credentials,
        origin: &Origin,
        source: LoginSource,
    ) -> Result<(), NewPasswordError> {
        let account = self.accounts.account(&present.name).map_err(LoginError::from)?;
        let is_checked =
            |account: &Account| self.is_password_cached(account, present, Instant::now());
        let account = account.filter(|account| is_checked(account)).ok_or(LoginError::Refused)?;
        if self.checker(&account.name, Some(&account)) == PasswordChecker::Ldap {
            return Err(NewPasswordError::OtherServer(account.name.clone()));
        }
        if present.password == new.password {
            return Err(NewPasswordError::Unchanged);
        }
        match self.accounts.set_password(origin, &present.name, &new.password)? {
            SetPassword::Done => {}
            SetPassword::NoSuchUser => return Err(LoginError::Refused.into()),
        }
        // So a session can begin with the new password.
        self.verify(new, source)?;
        Ok(())
    }

    /// Ends the sessions whose users have changed, so that a user who is restored does not get them back.
    ///
    /// # Errors
    /// [`AccountsError`]. Then no further session is ended.
    pub fn end_stale_sessions(&self) -> Result<(), AccountsError> {
        let mut accounts = HashMap::new();
        for session in self.sessions.list(None) {
            let account = match accounts.entry(session.user.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.accounts.account(&session.user)?),
            };
            // The result says the same as the list of sessions afterwards.
            let _ = self.principal_of_session(&session, account.as_deref());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;
    use std::sync::Arc;

    use super::super::account::fixture::OneAccount;
    use super::super::login::tests::{HERE, credentials, login};
    use super::super::login_source::Distance;
    use super::*;

    #[test]
    fn a_session_needs_a_checked_password_and_ends_with_it() {
        let accounts = Arc::new(OneAccount::new("alice", "right"));
        let login = login(accounts.clone());
        let client = SessionClient { address: HERE.address, description: "é".to_owned() };
        let begin = |password| login.begin_session(&credentials("alice", password), client.clone());
        assert!(matches!(begin("right"), Err(LoginError::Refused)), "not checked");
        login.verify(&credentials("alice", "right"), HERE).unwrap();
        assert!(matches!(begin("wrong"), Err(LoginError::Refused)));
        let (_, text) = begin("right").unwrap();
        let session = login.check_session(from_ref(&text), HERE).unwrap();
        assert_eq!(login.session_principal(&session).unwrap().unwrap().name, "alice");
        assert_eq!(login.read_session_user(&session).unwrap().name, "alice");
        login.end_stale_sessions().unwrap();
        assert!(login.check_session(from_ref(&text), HERE).is_ok());

        // A locked address and a locked user do not lock the session.
        for number in 0..200 {
            let _ = login.verify(&credentials(&number.to_string(), "x"), HERE);
            let _ = login.verify(&credentials("alice", "x"), HERE);
        }
        assert!(login.check_session(from_ref(&text), HERE).is_ok());

        accounts.set_password("new");
        login.end_stale_sessions().unwrap();
        let ended = login.check_session(from_ref(&text), HERE);
        assert!(matches!(ended, Err(LoginError::SessionEnded)));
        assert!(login.sessions().list(None).is_empty());
    }

    #[test]
    fn a_user_changes_the_own_password() {
        let login = login(Arc::new(OneAccount::new("alice", "right")));
        let origin = Origin::internal("test");
        let change = |present, new| {
            let (present, new) = (credentials("alice", present), credentials("alice", new));
            login.change_password(&present, &new, &origin, HERE)
        };
        let refused = |answer| matches!(answer, Err(NewPasswordError::Login(LoginError::Refused)));
        assert!(refused(change("right", "new")), "not checked");
        login.verify(&credentials("alice", "right"), HERE).unwrap();
        let client = SessionClient { address: HERE.address, description: String::new() };
        let (_, text) =
            login.begin_session(&credentials("alice", "right"), client.clone()).unwrap();
        assert!(refused(change("wrong", "new")));
        assert!(matches!(change("right", "right"), Err(NewPasswordError::Unchanged)));
        change("right", "new").unwrap();
        assert!(refused(change("right", "newer")));
        let session = login.check_session(from_ref(&text), HERE).unwrap();
        assert!(matches!(login.read_session_user(&session), Err(LoginError::SessionEnded)));
        assert!(login.begin_session(&credentials("alice", "new"), client).is_ok());
    }

    #[test]
    fn a_session_with_a_public_password_works_where_the_password_works() {
        let login = login(Arc::new(OneAccount::new("admin", "admin")));
        let here = LoginSource { distance: Distance::SameMachineOnly, ..HERE };
        let admin = credentials("admin", "admin");
        login.verify(&admin, here).unwrap();
        let client = SessionClient { address: HERE.address, description: String::new() };
        let (_, text) = login.begin_session(&admin, client).unwrap();
        assert!(login.check_session(from_ref(&text), here).is_ok());
        for distance in [Distance::Network, Distance::SameMachine] {
            let refused = login.check_session(from_ref(&text), LoginSource { distance, ..HERE });
            assert!(matches!(refused, Err(LoginError::PublicPassword)), "{distance:?}");
        }
    }
}
