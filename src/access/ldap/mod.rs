//! Logins with the passwords of an LDAP server, such as Active Directory.
//!
//! - [`LdapSettings`] are the checked settings: servers, encryption, and how the entry of a user is found.
//! - [`LdapServers`] checks a name and a password, in bounded time and with few connections at once.
//! - `session` is the conversation with one server.
//! - [`GroupMap`] maps groups of the LDAP server to groups of the inventory.
//!
//! The LDAP protocol is RFC 4511, and the crate `ldap3` speaks it. Referrals are not followed: they would
//! send passwords to servers that nobody configured.

mod distinguished_name;
mod group_map;
mod servers;
mod session;
mod settings;
mod template;

pub use group_map::{ADMINISTRATORS, GroupMap};
pub use servers::{LdapServers, LdapUser, Membership};
pub use settings::{LdapOptions, LdapSettings, LdapSettingsError};
pub use template::{GroupFilter, LdapUrls, UserFilter, UserTemplate};

pub(super) use servers::{LdapRefusal, REMEMBERED_AS, is_name_for_new_user};
