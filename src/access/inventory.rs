//! The users of the inventory as accounts.

use std::sync::Arc;

use super::{
    Account, Accounts, AccountsError, FIRST_USER_NAME, FIRST_USER_PASSWORD, HashError, Role,
    hash_password,
};
use crate::{
    model::{Entity, Field, Kind, Name, Secret, User},
    store::{Store, StoreError},
};

/// Accounts from the inventory's own users.
pub struct InventoryAccounts(Arc<Store>);

impl InventoryAccounts {
    pub fn new(store: Arc<Store>) -> Self {
        Self(store)
    }

    fn read(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let reading = self.0.read();
        let Some(mut user) = reading.get::<User>(name)?.map(|stored| stored.record) else {
            return Ok(None);
        };
        reading.open_secrets(&mut user)?;
        Ok(Some(Account {
            name: name.to_owned(),
            password_hash: user.password.get().and_then(Secret::plain),
            role: match user.is_admin.get() {
                Some(true) => Role::Administrator,
                Some(false) | None => Role::User,
            },
        }))
    }
}

impl Accounts for InventoryAccounts {
    fn account(&self, name: &str) -> Result<Option<Account>, AccountsError> {
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

/// Makes the first user, an administrator, in an inventory without users. Says whether it did.
///
/// # Errors
/// The store cannot be read or written, or the system gives no random numbers.
pub fn ensure_first_user(store: &Store) -> Result<bool, PasswordError> {
    if store.read().summary()?.kind(Kind::User).count > 0 {
        return Ok(false);
    }
    let password = Secret::from_plain(&hash_password(FIRST_USER_PASSWORD)?);
    let name = Name::parse(FIRST_USER_NAME.to_owned())
        .unwrap_or_else(|(rule, _)| unreachable!("the first user's name is a name: {rule}"));
    let mut user = User::named(name);
    user.is_admin = Field::Set(true);
    user.password = Field::Set(password);
    user.authentication = Field::Set("database".to_owned());
    user.r#type = Field::Set("user".to_owned());
    store.change(|transaction| transaction.put(user))?;
    Ok(true)
}

/// What became of a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetPassword {
    Done,
    NoSuchUser,
}

/// Gives a user another password.
///
/// # Errors
/// The store cannot be read or written, or the system gives no random numbers.
pub fn set_password(
    store: &Store,
    name: &str,
    password: &str,
) -> Result<SetPassword, PasswordError> {
    let password = Secret::from_plain(&hash_password(password)?);
    store.change(|transaction| {
        let Some(user) = transaction.get::<User>(name)? else {
            return Ok(SetPassword::NoSuchUser);
        };
        let mut user = user.record;
        user.password = Field::Set(password);
        transaction.put(user)?;
        Ok(SetPassword::Done)
    })
}
