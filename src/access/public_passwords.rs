//! The users whose passwords everybody knows, as far as the server has noticed: pages warn of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::password::StoredHash;
use super::{Account, Accounts, AccountsError, FIRST_USER_NAME, FIRST_USER_PASSWORD};

/// The largest number of users that are noted. Pages name a few of them.
const USERS_MAX: usize = 20;

/// The SHA-256 of a password's hash.
type HashDigest = [u8; 32];

/// The users with public passwords.
#[derive(Default)]
pub(super) struct PublicPasswords(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    users: BTreeMap<String, HashDigest>,
    /// The hash of the first user that was compared with the default password.
    compared: Option<HashDigest>,
}

impl PublicPasswords {
    /// Notes a user who has logged in with a public password, which has this hash.
    pub(super) fn note(&self, name: &str, phc: &str) {
        let users = &mut self.lock().users;
        if users.len() < USERS_MAX {
            users.insert(name.to_owned(), digest(phc));
        }
    }

    /// The noted users.
    pub(super) fn users(&self) -> Vec<String> {
        self.lock().users.keys().cloned().collect()
    }

    /// Forgets the users who have other passwords now, and compares the first user's with the default. Takes
    /// the time of a password check if that password has changed.
    ///
    /// # Errors
    /// [`AccountsError`] if the users cannot be read.
    pub(super) fn refresh(&self, accounts: &dyn Accounts) -> Result<(), AccountsError> {
        for name in self.users() {
            let now = accounts.account(&name)?.as_deref().and_then(password_digest);
            let mut noted = self.lock();
            if noted.users.get(&name) != now.as_ref() {
                noted.users.remove(&name);
            }
        }
        let Some(first) = accounts.account(FIRST_USER_NAME)? else { return Ok(()) };
        let now = password_digest(&first);
        if self.lock().compared == now {
            return Ok(());
        }
        let phc = first.password_hash.as_ref();
        let is_default = phc.is_some_and(|phc| {
            StoredHash::parse(phc).is_ok_and(|hash| hash.verify(FIRST_USER_PASSWORD))
        });
        if let Some(phc) = phc.filter(|_| is_default) {
            self.note(FIRST_USER_NAME, phc);
        }
        self.lock().compared = now;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(phc: &str) -> HashDigest {
    Sha256::digest(phc).into()
}

fn password_digest(account: &Account) -> Option<HashDigest> {
    account.password_hash.as_ref().map(|phc| digest(phc))
}

#[cfg(test)]
mod tests {
    use super::super::account::fixture::OneAccount;
    use super::*;

    #[test]
    fn the_default_password_is_noted_until_it_changes() {
        let (accounts, public) = (OneAccount::new("admin", "admin"), PublicPasswords::default());
        assert!(public.users().is_empty());
        public.refresh(&accounts).unwrap();
        assert_eq!(public.users(), ["admin"]);
        accounts.set_password("Oslo Fjord 9");
        public.refresh(&accounts).unwrap();
        assert!(public.users().is_empty());
    }

    #[test]
    fn a_login_with_a_public_password_is_noted_until_it_changes() {
        let (accounts, public) = (OneAccount::new("demo", "demo"), PublicPasswords::default());
        let account = accounts.account("demo").unwrap().unwrap();
        public.note("demo", account.password_hash.as_ref().unwrap());
        public.refresh(&accounts).unwrap();
        assert_eq!(public.users(), ["demo"]);
        accounts.set_password("other");
        public.refresh(&accounts).unwrap();
        assert!(public.users().is_empty());
        for number in 0..2 * USERS_MAX {
            public.note(&number.to_string(), "x");
        }
        assert_eq!(public.users().len(), USERS_MAX);
    }
}
