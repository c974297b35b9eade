//! Access: who calls, and whether the password is right.
//!
//! The users of the inventory are the users of the appliance. A login knows neither the store (it
//! asks through [`Accounts`]) nor HTTP (it is given [`Credentials`] and answers with a
//! [`Principal`] or a [`LoginError`]). A first check takes 20 to 200 ms; what is known of it
//! afterwards is in memory, and [`Login::recall`] is the one call that never blocks.

mod account;
mod attempts;
mod inventory;
mod login;
mod password;
mod remembered;

pub use account::{Account, Accounts, AccountsError, Known, Principal, Role};
pub use inventory::{
    InventoryAccounts, NewRights, PasswordError, SetPassword, create_first_user,
    has_able_administrator, set_password,
};
pub use login::{Credentials, Login, LoginError, Recalled};
pub use password::{HashError, hash_password};

/// The name of the first user.
pub const FIRST_USER_NAME: &str = "admin";

/// The password of the first user, until it is changed: the manual's examples use it.
pub const FIRST_USER_PASSWORD: &str = "admin";

/// Whether the first user can still log in with the password that every reader of the manual
/// knows. A server must not listen beyond loopback while this is so.
///
/// Blocks for one password check.
///
/// # Errors
/// The accounts cannot be read.
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
    fn the_default_password_is_noticed() {
        assert!(default_password_in_force(&OneAccount::new("admin", "admin")).unwrap());
        assert!(!default_password_in_force(&OneAccount::new("admin", "other")).unwrap());
        assert!(!default_password_in_force(&OneAccount::new("alice", "admin")).unwrap());
    }
}
