//! The settings of logins with the passwords of an LDAP server.

use std::path::PathBuf;

use clap::Args;

use crate::access::{
    GroupFilter, GroupMap, LdapOptions, LdapSettings, LdapSettingsError, LdapUrls, UserFilter,
    UserTemplate,
};

/// The settings `ldap_…`.
#[derive(Args, Clone, Debug)]
pub struct LdapConfig {
    /// LDAP servers that check the passwords of their users, such as ldaps://dc1.example.net. Up to three,
    /// separated by commas
    #[arg(long, env = "SATCHEL_LDAP_URL", value_name = "URLS", help_heading = "LDAP",
          value_parser = LdapUrls::parse)]
    ldap_url: Option<LdapUrls>,

    /// Encrypt connections to ldap:// with StartTLS
    #[arg(long, env = "SATCHEL_LDAP_STARTTLS", help_heading = "LDAP")]
    ldap_starttls: bool,

    /// PEM file with the certificates of the authorities of the LDAP servers [default: those of the system]
    #[arg(long, env = "SATCHEL_LDAP_CA", value_name = "FILE", help_heading = "LDAP")]
    ldap_ca: Option<PathBuf>,

    /// Send passwords to ldap:// on other machines without encryption. Everybody on the way can read them
    #[arg(long, env = "SATCHEL_LDAP_UNENCRYPTED_PASSWORDS", help_heading = "LDAP")]
    ldap_unencrypted_passwords: bool,

    /// Name with which a user logs in at the LDAP server: uid={user},ou=people,dc=example,dc=net, or
    /// {user}@example.net
    #[arg(long, env = "SATCHEL_LDAP_USER_DN", value_name = "TEMPLATE", help_heading = "LDAP",
          value_parser = UserTemplate::parse)]
    ldap_user_dn: Option<UserTemplate>,

    /// Distinguished name of a service account, which finds the entries of users
    #[arg(long, env = "SATCHEL_LDAP_BIND_DN", value_name = "DN", help_heading = "LDAP")]
    ldap_bind_dn: Option<String>,

    /// File whose first line is the password of the service account
    #[arg(long, env = "SATCHEL_LDAP_PASSWORD_FILE", value_name = "FILE", help_heading = "LDAP")]
    ldap_password_file: Option<PathBuf>,

    /// Entry below which users are found
    #[arg(long, env = "SATCHEL_LDAP_BASE", value_name = "DN", help_heading = "LDAP")]
    ldap_base: Option<String>,

    /// Filter that finds the entry of a user, such as (sAMAccountName={user})
    #[arg(long, env = "SATCHEL_LDAP_FILTER", value_name = "FILTER", help_heading = "LDAP",
          value_parser = UserFilter::parse)]
    ldap_filter: Option<UserFilter>,

    /// Groups of the inventory for groups of the LDAP server: `netadmins: administrators; netops:
    /// operators`. Only their members can log in, and get a user
    #[arg(long, env = "SATCHEL_LDAP_GROUPS", value_name = "MAP", help_heading = "LDAP",
          value_parser = GroupMap::parse)]
    ldap_groups: Option<GroupMap>,

    /// Attribute of a user that lists the groups [default: memberOf]
    #[arg(long, env = "SATCHEL_LDAP_GROUP_ATTRIBUTE", value_name = "NAME", help_heading = "LDAP")]
    ldap_group_attribute: Option<String>,

    /// Entry below which groups count and are found [default: that of ldap_base]
    #[arg(long, env = "SATCHEL_LDAP_GROUP_BASE", value_name = "DN", help_heading = "LDAP")]
    ldap_group_base: Option<String>,

    /// Filter that finds the groups of a user, such as (member={dn}) or (memberUid={user})
    #[arg(long, env = "SATCHEL_LDAP_GROUP_FILTER", value_name = "FILTER", help_heading = "LDAP",
          value_parser = GroupFilter::parse)]
    ldap_group_filter: Option<GroupFilter>,
}

impl LdapConfig {
    /// The checked settings. `None` without a server.
    ///
    /// # Errors
    /// Every variant of [`LdapSettingsError`].
    pub fn settings(&self) -> Result<Option<LdapSettings>, LdapSettingsError> {
        let Some(urls) = self.ldap_url.clone() else {
            return match self.first_without_server() {
                Some(setting) => Err(LdapSettingsError::NoServer { setting }),
                None => Ok(None),
            };
        };
        let options = LdapOptions {
            urls,
            starttls: self.ldap_starttls,
            ca: self.ldap_ca.clone(),
            unencrypted_passwords: self.ldap_unencrypted_passwords,
            user_dn: self.ldap_user_dn.clone(),
            bind_dn: self.ldap_bind_dn.clone(),
            password_file: self.ldap_password_file.clone(),
            base: self.ldap_base.clone(),
            filter: self.ldap_filter.clone(),
            group_attribute: self.ldap_group_attribute.clone(),
            group_base: self.ldap_group_base.clone(),
            group_filter: self.ldap_group_filter.clone(),
            groups: self.ldap_groups.clone(),
        };
        LdapSettings::check(options).map(Some)
    }

    /// Returns the name of a setting that has a value, and needs a server.
    fn first_without_server(&self) -> Option<&'static str> {
        let settings = [
            ("ldap_starttls", self.ldap_starttls),
            ("ldap_ca", self.ldap_ca.is_some()),
            ("ldap_unencrypted_passwords", self.ldap_unencrypted_passwords),
            ("ldap_user_dn", self.ldap_user_dn.is_some()),
            ("ldap_bind_dn", self.ldap_bind_dn.is_some()),
            ("ldap_password_file", self.ldap_password_file.is_some()),
            ("ldap_base", self.ldap_base.is_some()),
            ("ldap_filter", self.ldap_filter.is_some()),
            ("ldap_group_attribute", self.ldap_group_attribute.is_some()),
            ("ldap_group_base", self.ldap_group_base.is_some()),
            ("ldap_group_filter", self.ldap_group_filter.is_some()),
            ("ldap_groups", self.ldap_groups.is_some()),
        ];
        settings.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name)
    }
}
