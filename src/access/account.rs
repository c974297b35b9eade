//! What access asks of the inventory, and what it says of a caller.

use std::error::Error;

use zeroize::Zeroizing;

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

/// Where accounts come from. The store implements it.
pub trait Accounts: Send + Sync {
    /// The account of the user with this very name. May block for a read from disk.
    ///
    /// # Errors
    /// The store cannot be read.
    fn account(&self, name: &str) -> Result<Option<Account>, AccountsError>;
}

#[cfg(test)]
pub(super) mod fixture {
    use std::sync::Mutex;

    use super::*;

    /// An inventory of one administrator.
    pub struct OneAccount {
        name: String,
        hash: Mutex<Zeroizing<String>>,
    }

    impl OneAccount {
        pub fn new(name: &str, password: &str) -> Self {
            let hash = Mutex::new(crate::access::hash_password(password).unwrap());
            Self { name: name.to_owned(), hash }
        }

        pub fn set_password(&self, password: &str) {
            *self.hash.lock().unwrap() = crate::access::hash_password(password).unwrap();
        }
    }

    impl Accounts for OneAccount {
        fn account(&self, name: &str) -> Result<Option<Account>, AccountsError> {
            Ok((name == self.name).then(|| Account {
                name: self.name.clone(),
                password_hash: Some(self.hash.lock().unwrap().clone()),
                role: Role::Administrator,
            }))
        }
    }
}
