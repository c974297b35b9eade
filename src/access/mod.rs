//! Access: checks credentials and returns the principal.
//!
//! The users of the inventory are the users of the server. A login depends neither on the store (it
//! reads through [`Accounts`]) nor on HTTP (it takes [`Credentials`] and returns a [`Principal`] or a
//! [`LoginError`]). The first check of a password takes 20 to 200 ms. A correct password is cached,
//! and [`Login::check_cached`] finds it without blocking.

mod account;
mod attempts;
mod groups;
mod inventory;
mod ldap;
mod ldap_record;
mod login;
mod login_sessions;
mod login_source;
mod password;
mod password_cache;
mod password_rule;
mod public_passwords;
mod record_rights;
mod right;
mod sessions;
mod set_password;
mod setup;
mod tokens;
mod user_name;

pub use account::{Account, Accounts, AccountsError, CachedAccount, Grants, Principal};
pub use groups::{BuiltInGroup, RequestLists, RightsModel};
pub use inventory::{
    FirstUser, InventoryAccounts, NewRights, create_first_user, first_user, has_able_administrator,
    is_active_administrator, is_password_the_name, lock_first_user, set_password, unusable_hash,
};
pub use ldap::{
    ADMINISTRATORS, GroupFilter, GroupMap, LdapOptions, LdapServers, LdapSettings,
    LdapSettingsError, LdapUrls, LdapUser, Membership as LdapMembership, UserFilter, UserTemplate,
};
pub use login::{
    CachedLogin, Credentials, LockedSubject, Login, LoginError, PasswordChecker, ReadLogin,
};
pub use login_sessions::NewPasswordError;
pub use login_source::{Distance, LoginSource};
pub use password::{HashError, hash_password};
pub use password_rule::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN, PasswordSecrecy, RefusedPassword,
    check_new_password, secrecy,
};
pub use record_rights::{
    DecidingProperties, Membership, Reach, RecordAccess, RecordRights, Verdict,
    decides_about_access,
};
pub use right::{Right, Rights};
pub use sessions::{Session, SessionClient, SessionLimits, Sessions};
pub use set_password::{PasswordError, SetPassword};
pub use setup::{Setup, SetupError};
pub use tokens::{
    CreatedFile, EXPIRES_DAYS_DEFAULT, EXPIRES_DAYS_MAX, Scope, TOKENS_MAX, TOKENS_OF_USER_MAX,
    Token, TokenError, TokenRefusal, TokenRequest, Tokens, TokensError, token_key,
};
pub use user_name::{RefusedName, check_new_user_name, check_user_name, is_invisible};

/// The name of the first user.
pub const FIRST_USER_NAME: &str = "admin";

/// The default password of the first user. The examples of the manual use it.
pub const FIRST_USER_PASSWORD: &str = "admin";
