//! Access: checks credentials and returns the principal.
//!
//! The users of the inventory are the users of the server. A login depends neither on the store (it
//! reads through [`Accounts`]) nor on HTTP (it takes [`Credentials`] and returns a [`Principal`] or a
//! [`LoginError`]). The first check of a password takes 20 to 200 ms. A correct password is cached,
//! and [`Login::check_cached`] finds it without blocking.

mod account;
mod attempts;
mod inventory;
mod login;
mod password;
mod password_cache;
mod right;

pub use account::{Account, Accounts, AccountsError, CachedAccount, Principal};
pub use inventory::{
    InventoryAccounts, NewRights, PasswordError, SetPassword, create_first_user,
    has_able_administrator, is_active_administrator, set_password,
};
pub use login::{CachedLogin, Credentials, LockedSubject, Login, LoginError};
pub use password::{HashError, hash_password};
pub use right::{Right, Rights};

/// The name of the first user.
pub const FIRST_USER_NAME: &str = "admin";

/// The default password of the first user. The examples of the manual use it.
pub const FIRST_USER_PASSWORD: &str = "admin";

/// Returns whether the first user still has the default password, which is public. With it, a
/// server must listen on loopback addresses only.
///
/// Blocks for one password check.
///
/// # Errors
/// [`AccountsError`] if the accounts cannot be read.
pub fn default_password_in_force(accounts: &dyn Accounts) -> Result<bool, AccountsError> {
    let account = accounts.account(FIRST_USER_NAME)?;
    let phc = account.as_ref().and_then(|account| account.password_hash.as_ref());
    Ok(phc.is_some_and(|phc| {
        password::StoredHash::parse(phc).is_ok_and(|hash| hash.verify(FIRST_USER_PASSWORD))
    }))
}

#[cfg(test)]
mod tests {
    use super::account::fixture::OneAccount;
    use super::*;

    #[test]
    fn the_default_password_is_detected() {
        assert!(default_password_in_force(&OneAccount::new("admin", "admin")).unwrap());
        assert!(!default_password_in_force(&OneAccount::new("admin", "other")).unwrap());
        assert!(!default_password_in_force(&OneAccount::new("alice", "admin")).unwrap());
    }
}
