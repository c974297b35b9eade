//! What access asks of the inventory, and what it says of a caller.

use std::error::Error;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::store::StoreError;

/// What a user of the appliance may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, a migration included.
    Administrator,
    /// What the user's groups grant.
    User,
}

/// Who calls: a user whose password was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub name: String,
    pub role: Role,
}

/// A user of the inventory, as far as a login needs it.
pub struct Account {
    pub name: String,
    /// The argon2 hash as a PHC string (`$argon2id$v=19$m=…`); none: this user cannot log in.
    pub password_hash: Option<Zeroizing<String>>,
    pub role: Role,
}

impl Account {
    /// The caller that this account's owner is.
    pub fn principal(&self) -> Principal {
        Principal { name: self.name.clone(), role: self.role }
    }
}

/// The store cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("the accounts cannot be read")]
pub struct AccountsError(#[source] pub Box<dyn Error + Send + Sync>);

impl AccountsError {
    /// The store's error, if it is the cause.
    pub fn store_error(&self) -> Option<&StoreError> {
        self.0.downcast_ref()
    }
}

/// What memory knows of an account.
pub enum Known {
    /// The account as it is now.
    Account(Arc<Account>),
    /// It may be there or not: it has to be read.
    Unread,
}

/// Where accounts come from. The store implements it.
pub trait Accounts: Send + Sync {
    /// The account of the user with this very name, as far as it is known without a read. Never
    /// blocks.
    fn known(&self, name: &str) -> Known;

    /// The account of the user with this very name. May block for a read from disk.
    ///
    /// # Errors
    /// The store cannot be read.
    fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError>;
}

#[cfg(test)]
pub(super) mod fixture {
    use std::sync::Mutex;

    use super::*;

    /// An inventory of one administrator.
    pub struct OneAccount {
        name: String,
        hash: Mutex<Zeroizing<String>>,
        is_read: Mutex<bool>,
    }

    impl OneAccount {
        pub fn new(name: &str, password: &str) -> Self {
            let hash = Mutex::new(crate::access::hash_password(password).unwrap());
            Self { name: name.to_owned(), hash, is_read: Mutex::default() }
        }

        fn of_now(&self) -> Arc<Account> {
            Arc::new(Account {
                name: self.name.clone(),
                password_hash: Some(self.hash.lock().unwrap().clone()),
                role: Role::Administrator,
            })
        }

        pub fn set_password(&self, password: &str) {
            *self.hash.lock().unwrap() = crate::access::hash_password(password).unwrap();
            *self.is_read.lock().unwrap() = false;
        }
    }

    impl Accounts for OneAccount {
        fn known(&self, name: &str) -> Known {
            if *self.is_read.lock().unwrap() && name == self.name {
                Known::Account(self.of_now())
            } else {
                Known::Unread
            }
        }

        fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError> {
            *self.is_read.lock().unwrap() = true;
            Ok((name == self.name).then(|| self.of_now()))
        }
    }
}
