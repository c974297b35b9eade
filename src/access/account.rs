//! Accounts and principals: the input and the result of a login.

use std::error::Error;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    groups::RequestLists,
    ldap::LdapUser,
    record_rights::RecordRights,
    right::{Right, Rights},
    set_password::{PasswordError, SetPassword},
    tokens::Token,
};
use crate::store::{Origin, StoreError};

/// A user who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user's name, as in the inventory.
    pub name: String,
    /// The user's grants.
    pub grants: Grants,
}

impl Principal {
    /// The principal as whom a token acts: with the rights that both the user and the token's scope have.
    pub(super) fn limited_to(self, token: &Token) -> Self {
        let scope = token.scope.rights();
        let rights = self.grants.rights.intersection(scope);
        let listed = self.grants.listed.intersection(scope);
        Self { grants: Grants { rights, listed, ..self.grants }, ..self }
    }

    /// Returns whether the user is an administrator.
    pub fn is_administrator(&self) -> bool {
        self.grants.rights.contains(Right::Administer)
    }
}

/// The calls that a user can make, and the records that they reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The rights to call routes.
    pub rights: Rights,
    /// The requests that the user's groups list, if there are any. They grant single routes.
    pub requests: Option<Arc<RequestLists>>,
    /// The rights that these lists can grant.
    pub listed: Rights,
    /// The records that the user can read and change.
    pub records: RecordRights,
}

impl Grants {
    /// The grants of administrators.
    pub const ALL: Self = Self::of_login(Rights::ALL);

    /// The grants of a user if groups do not decide.
    pub const fn of_login(rights: Rights) -> Self {
        Self { rights, requests: None, listed: Rights::of(&[]), records: RecordRights::All }
    }

    /// Returns whether the user can call a route that needs `right`. `method` and `pattern` are those
    /// of the route.
    pub fn allow(&self, right: Right, method: &str, pattern: &str) -> bool {
        let is_listed = |lists: &RequestLists| lists.contain(method, pattern);
        self.rights.contains(right)
            || (self.listed.contains(right) && self.requests.as_deref().is_some_and(is_listed))
    }
}

/// The properties of a user that a login needs.
pub struct Account {
    /// The user's name.
    pub name: String,
    /// The argon2 hash as a PHC string (`$argon2id$v=19$m=…`). A user without one cannot log in.
    pub password_hash: Option<Zeroizing<String>>,
    /// The method of `authentication`, if it is not the password in the inventory: `ldap`, `tacacs`.
    pub other_authentication: Option<String>,
    /// The user's grants.
    pub grants: Grants,
}

/// The `authentication` of users whose password an LDAP server checks, as in eNMS.
pub(super) const LDAP: &str = "ldap";

impl Account {
    /// Returns whether an LDAP server checks the password, if there is one.
    pub(super) fn is_of_ldap(&self) -> bool {
        self.other_authentication.as_deref() == Some(LDAP)
    }

    /// The principal of this account.
    pub fn principal(&self) -> Principal {
        Principal { name: self.name.clone(), grants: self.grants.clone() }
    }
}

/// The accounts cannot be read. The source is the cause.
#[derive(Debug, thiserror::Error)]
#[error("the accounts cannot be read")]
pub struct AccountsError(#[source] pub Box<dyn Error + Send + Sync>);

impl AccountsError {
    /// The source, if it is an error of the store.
    pub fn store_error(&self) -> Option<&StoreError> {
        self.0.downcast_ref()
    }
}

/// The result of a lookup in the cache of accounts.
pub enum CachedAccount {
    /// The current account.
    Found(Arc<Account>),
    /// The cache has no current entry. The account must be read to know whether it exists.
    Missing,
}

/// A source of accounts, such as the inventory.
pub trait Accounts: Send + Sync {
    /// Looks up the account of a user in the cache. The name must match exactly. Never blocks.
    fn cached(&self, name: &str) -> CachedAccount;

    /// Reads the account of a user. The name must match exactly. Can block for a read from disk.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read.
    fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError>;

    /// Creates or updates the account of a user who has logged in at an LDAP server: the groups are those of
    /// the server. Does nothing for a user with a password in the inventory. Can block for a write.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read or written.
    fn save_ldap_user(&self, user: &LdapUser) -> Result<(), AccountsError>;

    /// Sets a new password of a user. Takes about 20 ms for the hash, and waits for the disk.
    ///
    /// # Errors
    /// [`PasswordError`] if the password breaks a rule or cannot be stored.
    fn set_password(
        &self,
        origin: &Origin,
        name: &str,
        password: &str,
    ) -> Result<SetPassword, PasswordError>;
}

#[cfg(test)]
pub(super) mod fixture {
    use std::sync::Mutex;

    use super::*;

    /// Accounts with one administrator.
    pub(crate) struct OneAccount {
        name: String,
        hash: Mutex<Zeroizing<String>>,
        is_read: Mutex<bool>,
    }

    impl OneAccount {
        pub(crate) fn new(name: &str, password: &str) -> Self {
            let hash = Mutex::new(crate::access::hash_password(password).unwrap());
            Self { name: name.to_owned(), hash, is_read: Mutex::default() }
        }

        fn current(&self) -> Arc<Account> {
            Arc::new(Account {
                name: self.name.clone(),
                password_hash: Some(self.hash.lock().unwrap().clone()),
                other_authentication: None,
                grants: Grants::ALL,
            })
        }

        pub(crate) fn set_password(&self, password: &str) {
            *self.hash.lock().unwrap() = crate::access::hash_password(password).unwrap();
            *self.is_read.lock().unwrap() = false;
        }
    }

    impl Accounts for OneAccount {
        fn cached(&self, name: &str) -> CachedAccount {
            if *self.is_read.lock().unwrap() && name == self.name {
                CachedAccount::Found(self.current())
            } else {
                CachedAccount::Missing
            }
        }

        fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError> {
            *self.is_read.lock().unwrap() = true;
            Ok((name == self.name).then(|| self.current()))
        }

        fn save_ldap_user(&self, _: &LdapUser) -> Result<(), AccountsError> {
            Ok(())
        }

        fn set_password(
            &self,
            _: &Origin,
            name: &str,
            password: &str,
        ) -> Result<SetPassword, PasswordError> {
            if name != self.name {
                return Ok(SetPassword::NoSuchUser);
            }
            self.set_password(password);
            Ok(SetPassword::Done)
        }
    }
}
