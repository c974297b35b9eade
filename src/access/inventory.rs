//! The users of the inventory as accounts.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{
    Account, Accounts, AccountsError, FIRST_USER_NAME, FIRST_USER_PASSWORD, HashError, Known, Role,
    hash_password,
};
use crate::{
    model::{Entity, Field, Kind, Name, Secret, User},
    store::{Store, StoreError},
};

/// Accounts kept in memory; at one more all are forgotten. Each takes about 300 bytes.
const ACCOUNTS_MAX: usize = 1024;

/// Accounts from the inventory's own users. Those that were read are kept in memory until any user
/// changes.
pub struct InventoryAccounts {
    store: Arc<Store>,
    memory: RwLock<Memory>,
}

/// Accounts as they were after one change of the users.
#[derive(Default)]
struct Memory {
    /// None before the first.
    changed: Option<u64>,
    accounts: HashMap<String, Arc<Account>>,
}

impl InventoryAccounts {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, memory: RwLock::default() }
    }

    fn read(&self, name: &str) -> Result<Option<Arc<Account>>, StoreError> {
        // Asked before the read: an account that changes meanwhile is kept under a change that is
        // past already, and read again.
        let changed = self.store.changed(Kind::User)?;
        let reading = self.store.read();
        let Some(mut user) = reading.get::<User>(name)?.map(|stored| stored.record) else {
            return Ok(None);
        };
        reading.open_secrets(&mut user)?;
        let account = Arc::new(Account {
            name: name.to_owned(),
            password_hash: user.password.get().and_then(Secret::plain),
            role: match user.is_admin.get() {
                Some(true) => Role::Administrator,
                Some(false) | None => Role::User,
            },
        });
        self.keep(changed, account.clone());
        Ok(Some(account))
    }

    fn keep(&self, changed: u64, account: Arc<Account>) {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        if memory.changed != Some(changed) || memory.accounts.len() >= ACCOUNTS_MAX {
            memory.accounts.clear();
            memory.changed = Some(changed);
        }
        memory.accounts.insert(account.name.clone(), account);
    }
}

impl Accounts for InventoryAccounts {
    fn known(&self, name: &str) -> Known {
        // A store that cannot say what it holds says so when it is read.
        let Ok(changed) = self.store.changed(Kind::User) else { return Known::Unread };
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        match memory.accounts.get(name) {
            Some(account) if memory.changed == Some(changed) => Known::Account(account.clone()),
            Some(_) | None => Known::Unread,
        }
    }

    fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError> {
        self.read(name).map_err(|error| AccountsError(Box::new(error)))
    }
}

/// Why a password could not be set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Creates the first user, an administrator, in an inventory that was never changed. Returns
/// whether it did. An inventory that lost its users gets none: its default password would let
/// everybody in.
///
/// # Errors
/// [`PasswordError::Store`] if the store cannot be read or written; [`PasswordError::Hash`] if the
/// system gives no random numbers.
pub fn create_first_user(store: &Store) -> Result<bool, PasswordError> {
    if store.read().summary()?.version > 0 {
        return Ok(false);
    }
    let password = Secret::from_plain(&hash_password(FIRST_USER_PASSWORD)?);
    let name = Name::parse(FIRST_USER_NAME.to_owned())
        .unwrap_or_else(|(rule, _)| unreachable!("the first user's name is a name: {rule}"));
    let mut user = new_user(name);
    user.is_admin = Field::Set(true);
    user.password = Field::Set(password);
    store.change(|transaction| transaction.put(user))?;
    Ok(true)
}

/// Returns whether the inventory has an administrator with a password: one who can log in.
///
/// # Errors
/// [`StoreError::Unsealable`] if a password was sealed with another key; others if the store cannot
/// be read.
pub fn has_able_administrator(store: &Store) -> Result<bool, StoreError> {
    let reading = store.read();
    for stored in reading.scan::<User>() {
        let mut user = match stored {
            Ok(stored) => stored.record,
            // A damaged user does not keep the others from logging in.
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        };
        // Most users are no administrators: their secrets stay closed.
        if user.is_admin.get() == Some(&true) {
            reading.open_secrets(&mut user)?;
            if user.is_able_administrator() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What became of a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetPassword {
    Done,
    NoSuchUser,
}

/// The rights of a user with a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewRights {
    AsBefore,
    /// The user becomes an administrator, and is created if it does not exist.
    Administrator,
}

/// Gives a user another password.
///
/// # Errors
/// [`PasswordError::Store`] if the store cannot be read or written; [`PasswordError::Hash`] if the
/// system gives no random numbers.
pub fn set_password(
    store: &Store,
    name: &str,
    password: &str,
    rights: NewRights,
) -> Result<SetPassword, PasswordError> {
    let password = Secret::from_plain(&hash_password(password)?);
    store.change(|transaction| {
        let existing = transaction.get::<User>(name)?.map(|stored| stored.record);
        let mut user = match (existing, Name::parse(name.to_owned())) {
            (Some(user), _) => user,
            (None, Ok(name)) if rights == NewRights::Administrator => new_user(name),
            (None, _) => return Ok(SetPassword::NoSuchUser),
        };
        if rights == NewRights::Administrator {
            user.is_admin = Field::Set(true);
        }
        user.password = Field::Set(password);
        transaction.put(user)?;
        Ok(SetPassword::Done)
    })
}

/// A user who logs in with a password of the inventory.
fn new_user(name: Name) -> User {
    let mut user = User::named(name);
    user.authentication = Field::Set("database".to_owned());
    user.r#type = Field::Set("user".to_owned());
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(accounts: &InventoryAccounts, name: &str) -> Option<Role> {
        match accounts.known(name) {
            Known::Account(account) => Some(account.role),
            Known::Unread => None,
        }
    }

    #[test]
    fn an_account_is_known_once_read_until_a_user_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        create_first_user(&store).unwrap();
        let accounts = InventoryAccounts::new(store.clone());
        assert_eq!(role(&accounts, FIRST_USER_NAME), None);
        accounts.account(FIRST_USER_NAME).unwrap();
        assert_eq!(role(&accounts, FIRST_USER_NAME), Some(Role::Administrator));
        assert!(accounts.account("é>b").unwrap().is_none());
        assert_eq!(role(&accounts, "é>b"), None);

        store
            .change(|transaction| {
                let user = transaction.get::<User>(FIRST_USER_NAME)?;
                let mut user = user.map(|stored| stored.record).unwrap();
                user.is_admin = Field::Set(false);
                transaction.put(user)
            })
            .unwrap();
        assert_eq!(role(&accounts, FIRST_USER_NAME), None);
        let account = accounts.account(FIRST_USER_NAME).unwrap().unwrap();
        assert_eq!(account.role, Role::User);
        assert_eq!(role(&accounts, FIRST_USER_NAME), Some(Role::User));
    }

    #[test]
    fn the_memory_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = InventoryAccounts::new(Arc::new(Store::open(folder.path()).unwrap()));
        for number in 0..=ACCOUNTS_MAX {
            let name = number.to_string();
            let account = Account { name, password_hash: None, role: Role::User };
            accounts.keep(1, Arc::new(account));
        }
        assert_eq!(accounts.memory.read().unwrap().accounts.len(), 1);
    }
}
