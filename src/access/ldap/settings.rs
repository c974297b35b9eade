//! The settings of logins with the passwords of an LDAP server.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use ldap3::LdapConnSettings;
use zeroize::Zeroizing;

use super::{
    GroupFilter, GroupMap, LdapUrls, UserFilter, UserTemplate,
    distinguished_name::DistinguishedName,
    template::{LdapScheme, LdapUrl},
};
use crate::tls::{ServerCheck, TlsError, client_config};

/// The largest password file, in bytes. Only its first line is used.
const PASSWORD_FILE_BYTES_MAX: u64 = 64 * 1024;

/// The attribute in which Active Directory and the overlay `memberof` of OpenLDAP list the groups of a user.
const GROUP_ATTRIBUTE: &str = "memberOf";

/// The settings as they are written, each parsed by itself.
#[derive(Clone, Debug)]
pub struct LdapOptions {
    /// The servers.
    pub urls: LdapUrls,
    /// Connections to `ldap://` are encrypted with StartTLS.
    pub starttls: bool,
    /// The PEM file with the certificates of the authorities that sign those of the servers. Without it,
    /// those of the system count.
    pub ca: Option<PathBuf>,
    /// Passwords can be sent without encryption to another machine.
    pub unencrypted_passwords: bool,
    /// The name with which a user logs in at the server.
    pub user_dn: Option<UserTemplate>,
    /// The distinguished name of a service account, which finds the entries of users.
    pub bind_dn: Option<String>,
    /// The file whose first line is the password of the service account.
    pub password_file: Option<PathBuf>,
    /// The entry below which users are found.
    pub base: Option<String>,
    /// The filter that finds the entry of a user.
    pub filter: Option<UserFilter>,
    /// The attribute of a user that lists the user's groups.
    pub group_attribute: Option<String>,
    /// The entry below which groups are found. Without it, that of users.
    pub group_base: Option<String>,
    /// The filter that finds the groups of a user. Without it, only the attribute counts.
    pub group_filter: Option<GroupFilter>,
    /// The groups of the inventory for groups of the server. Without it, only users in the inventory can
    /// log in.
    pub groups: Option<GroupMap>,
}

/// The reason why the settings do not work together.
#[derive(Debug, thiserror::Error)]
pub enum LdapSettingsError {
    /// A setting for LDAP without a server.
    #[error("{setting} has no use without ldap_url, the address of the LDAP server")]
    NoServer {
        /// The name of the setting.
        setting: &'static str,
    },
    /// Nothing says how to find the entry of a user.
    #[error(
        "ldap_url needs a way to find users: ldap_user_dn, such as “uid={{user}},ou=people,dc=example”, \
         or ldap_base and ldap_filter"
    )]
    NoUserEntry,
    /// A name like `eva@example.net` is not the name of an entry, and the groups are in the entry.
    #[error(
        "ldap_groups with this ldap_user_dn also needs ldap_base and ldap_filter, to find the entry with \
         the groups of the user"
    )]
    NoGroupEntry,
    /// The service account has no password, or the password has no account.
    #[error("ldap_bind_dn and ldap_password_file need each other")]
    ServiceAccount,
    /// Two ways to find users are set.
    #[error("ldap_bind_dn has no use with ldap_user_dn: leave one out")]
    TwoWays,
    /// Groups with the same short name can be anywhere on the server.
    #[error(
        "a short name in ldap_groups needs ldap_group_base or ldap_base: only groups below it count"
    )]
    NoGroupBase,
    /// A setting must be a distinguished name.
    #[error("{setting} is not a distinguished name: “{text}”")]
    NotDistinguishedName {
        /// The name of the setting.
        setting: &'static str,
        /// Its value.
        text: String,
    },
    /// Passwords would be readable on the network.
    #[error(
        "{url} would receive passwords without encryption: use ldaps://, or ldap_starttls = true. With \
         ldap_unencrypted_passwords = true they are sent so that everybody on the way can read them"
    )]
    Unencrypted {
        /// The address of the server.
        url: String,
    },
    /// `ldaps://` is encrypted from the start.
    #[error("ldap_starttls has no use for {url}, which is encrypted already")]
    StartTlsOverTls {
        /// The address of the server.
        url: String,
    },
    /// The file with the password of the service account cannot be read.
    #[error("cannot read the file of ldap_password_file, {}", .path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The first line of that file is empty.
    #[error("the first line of ldap_password_file, {}, is empty", .path.display())]
    PasswordFileEmpty {
        /// The file.
        path: PathBuf,
    },
    /// The certificates cannot be used.
    #[error("ldap_ca cannot be used")]
    Ca(#[source] TlsError),
}

/// Checked settings.
pub struct LdapSettings {
    pub(super) urls: Vec<LdapUrl>,
    pub(super) connection: LdapConnSettings,
    pub(super) lookup: Lookup,
    pub(super) groups: Option<GroupLookup>,
}

/// How the entry of a user is found.
pub(super) enum Lookup {
    /// The user logs in with a name made from a template. The entry is read afterwards, as the user.
    Direct { template: UserTemplate, entry: Option<EntrySearch> },
    /// The entry is searched first, as a service account or as nobody.
    Search { service: Option<ServiceAccount>, entry: EntrySearch },
}

/// The search of the entry of a user.
pub(super) struct EntrySearch {
    pub base: String,
    pub filter: UserFilter,
}

pub(super) struct ServiceAccount {
    pub dn: String,
    pub password: Zeroizing<String>,
}

/// How the groups of a user are found, and their effect.
pub(super) struct GroupLookup {
    pub map: GroupMap,
    /// The attribute of the user's entry.
    pub attribute: String,
    /// The entry below which the groups are.
    pub base: Option<DistinguishedName>,
    /// The base and the filter of a search for groups.
    pub search: Option<(String, GroupFilter)>,
}

impl LdapSettings {
    /// Checks the settings, and reads their files.
    ///
    /// # Errors
    /// Every variant of [`LdapSettingsError`].
    pub fn check(options: LdapOptions) -> Result<Self, LdapSettingsError> {
        let lookup = lookup(&options)?;
        let groups = match &options.groups {
            Some(map) => Some(group_lookup(&options, map)?),
            None => None,
        };
        if let (Some(_), Lookup::Direct { template, entry: None }) = (&groups, &lookup)
            && !template.is_distinguished_name()
        {
            return Err(LdapSettingsError::NoGroupEntry);
        }
        let urls = options.urls.clone().into_vec();
        for url in &urls {
            check_encryption(url, &options)?;
        }
        Ok(Self { urls, connection: connection_settings(&options)?, lookup, groups })
    }

    /// Returns whether users of the server without a record get one.
    pub(super) fn creates_users(&self) -> bool {
        self.groups.is_some()
    }
}

fn lookup(options: &LdapOptions) -> Result<Lookup, LdapSettingsError> {
    let entry = match (&options.base, &options.filter) {
        (Some(base), Some(filter)) => {
            distinguished_name("ldap_base", base)?;
            Some(EntrySearch { base: base.clone(), filter: filter.clone() })
        }
        // `ldap_base` alone can still be the base of groups.
        (_, None) => None,
        (None, Some(_)) => return Err(LdapSettingsError::NoUserEntry),
    };
    let service = match (&options.bind_dn, &options.password_file) {
        (None, None) => None,
        (Some(dn), Some(path)) => {
            Some(ServiceAccount { dn: dn.clone(), password: first_line(path)? })
        }
        (Some(_), None) | (None, Some(_)) => return Err(LdapSettingsError::ServiceAccount),
    };
    match (options.user_dn.clone(), service, entry) {
        (Some(template), None, entry) => Ok(Lookup::Direct { template, entry }),
        (Some(_), Some(_), _) => Err(LdapSettingsError::TwoWays),
        (None, service, Some(entry)) => Ok(Lookup::Search { service, entry }),
        (None, _, None) => Err(LdapSettingsError::NoUserEntry),
    }
}

fn group_lookup(options: &LdapOptions, map: &GroupMap) -> Result<GroupLookup, LdapSettingsError> {
    let base = match (&options.group_base, &options.base) {
        (Some(base), _) => Some((base, distinguished_name("ldap_group_base", base)?)),
        (None, Some(base)) => Some((base, distinguished_name("ldap_base", base)?)),
        (None, None) => None,
    };
    if base.is_none() && (map.has_short_names() || options.group_filter.is_some()) {
        return Err(LdapSettingsError::NoGroupBase);
    }
    let search = base.as_ref().zip(options.group_filter.clone());
    Ok(GroupLookup {
        map: map.clone(),
        attribute: options.group_attribute.clone().unwrap_or_else(|| GROUP_ATTRIBUTE.to_owned()),
        search: search.map(|((text, _), filter)| ((*text).clone(), filter)),
        base: base.map(|(_, name)| name),
    })
}

fn distinguished_name(
    setting: &'static str,
    text: &str,
) -> Result<DistinguishedName, LdapSettingsError> {
    DistinguishedName::parse(text)
        .ok_or_else(|| LdapSettingsError::NotDistinguishedName { setting, text: text.to_owned() })
}

/// Refuses to send passwords so that others on the network can read them.
fn check_encryption(url: &LdapUrl, options: &LdapOptions) -> Result<(), LdapSettingsError> {
    match (url.scheme, options.starttls) {
        (LdapScheme::Ldaps, true) => {
            Err(LdapSettingsError::StartTlsOverTls { url: url.to_string() })
        }
        (LdapScheme::Ldaps, false) | (LdapScheme::Ldap, true) => Ok(()),
        (LdapScheme::Ldap, false) if options.unencrypted_passwords || url.is_loopback() => Ok(()),
        (LdapScheme::Ldap, false) => Err(LdapSettingsError::Unencrypted { url: url.to_string() }),
    }
}

fn connection_settings(options: &LdapOptions) -> Result<LdapConnSettings, LdapSettingsError> {
    let settings = LdapConnSettings::new().set_starttls(options.starttls);
    let Some(ca) = &options.ca else { return Ok(settings) };
    let check = ServerCheck::listed(ca).map_err(LdapSettingsError::Ca)?;
    Ok(settings.set_config(client_config(&check).map_err(LdapSettingsError::Ca)?))
}

/// The first line of a file, without its end.
fn first_line(path: &Path) -> Result<Zeroizing<String>, LdapSettingsError> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(PASSWORD_FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|source| LdapSettingsError::PasswordFile { path: path.to_owned(), source })?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_owned())),
        Some(_) | None => Err(LdapSettingsError::PasswordFileEmpty { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> LdapOptions {
        LdapOptions {
            urls: LdapUrls::parse(url).unwrap(),
            starttls: false,
            ca: None,
            unencrypted_passwords: false,
            user_dn: Some(UserTemplate::parse("uid={user},dc=x").unwrap()),
            bind_dn: None,
            password_file: None,
            base: None,
            filter: None,
            group_attribute: None,
            group_base: None,
            group_filter: None,
            groups: None,
        }
    }

    fn error(options: LdapOptions) -> LdapSettingsError {
        match LdapSettings::check(options) {
            Ok(_) => panic!("accepted"),
            Err(error) => error,
        }
    }

    #[test]
    fn passwords_are_encrypted_on_the_way_to_other_machines() {
        let unencrypted = error(options("ldaps://dc1, ldap://dc2"));
        assert!(
            matches!(unencrypted, LdapSettingsError::Unencrypted { url } if url == "ldap://dc2")
        );
        assert!(LdapSettings::check(options("ldaps://dc1")).is_ok());
        assert!(LdapSettings::check(options("ldap://127.0.0.1:3890")).is_ok());
        let starttls = LdapOptions { starttls: true, ..options("ldap://dc1") };
        assert!(LdapSettings::check(starttls).is_ok());
        let risk = LdapOptions { unencrypted_passwords: true, ..options("ldap://dc1") };
        assert!(LdapSettings::check(risk).is_ok());
        let twice = error(LdapOptions { starttls: true, ..options("ldaps://dc1") });
        assert!(matches!(twice, LdapSettingsError::StartTlsOverTls { .. }));
    }

    #[test]
    fn settings_that_do_not_work_together_are_refused() {
        let plain = || options("ldaps://dc1");
        let map = |text| Some(GroupMap::parse(text).unwrap());
        let filter = || Some(UserFilter::parse("(uid={user})").unwrap());
        let base = || Some("dc=x".to_owned());
        let none = LdapOptions { user_dn: None, ..plain() };
        assert!(matches!(error(none.clone()), LdapSettingsError::NoUserEntry));
        let half = LdapOptions { filter: filter(), ..plain() };
        assert!(matches!(error(half), LdapSettingsError::NoUserEntry));
        let account = LdapOptions { bind_dn: Some("cn=s".to_owned()), ..plain() };
        assert!(matches!(error(account), LdapSettingsError::ServiceAccount));
        let short = LdapOptions { groups: map("a: readers"), ..plain() };
        assert!(matches!(error(short), LdapSettingsError::NoGroupBase));
        let wrong =
            LdapOptions { groups: map("a: readers"), base: Some("x".to_owned()), ..plain() };
        assert!(matches!(error(wrong), LdapSettingsError::NotDistinguishedName { .. }));
        let principal = UserTemplate::parse("{user}@x").unwrap();
        let principal = LdapOptions {
            user_dn: Some(principal),
            groups: map("a: readers"),
            base: base(),
            ..plain()
        };
        assert!(matches!(error(principal.clone()), LdapSettingsError::NoGroupEntry));
        let found = LdapOptions { filter: filter(), ..principal };
        assert!(LdapSettings::check(found).is_ok());
        let search = LdapOptions { base: base(), filter: filter(), ..none };
        assert!(LdapSettings::check(search).is_ok());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        let with_file = |path: &Path| LdapOptions {
            bind_dn: Some("cn=s".to_owned()),
            password_file: Some(path.to_owned()),
            ..plain()
        };
        assert!(matches!(error(with_file(&path)), LdapSettingsError::PasswordFile { .. }));
        std::fs::write(&path, "\nx").unwrap();
        assert!(matches!(error(with_file(&path)), LdapSettingsError::PasswordFileEmpty { .. }));
        std::fs::write(&path, "x\n").unwrap();
        assert!(matches!(error(with_file(&path)), LdapSettingsError::TwoWays));
        let ca = LdapOptions { ca: Some(path), ..plain() };
        assert!(matches!(error(ca), LdapSettingsError::Ca(_)));
    }
}
