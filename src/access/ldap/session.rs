//! The conversation with one LDAP server: log in, find the entry of the user, and read the groups.

use ldap3::{
    DerefAliases, Ldap, LdapConnAsync, LdapError, LdapResult, Scope, SearchEntry, SearchOptions,
};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{
    settings::{EntrySearch, GroupLookup, LdapSettings, Lookup, ServiceAccount},
    template::LdapUrl,
};

/// The largest number of groups of one user. A filter that finds more is not about the user.
const GROUPS_MAX: usize = 5_000;

/// The filter of a search that reads one entry.
const ANY_ENTRY: &str = "(objectClass=*)";

/// An attribute list without attributes (RFC 4511, 4.5.1.8).
const NO_ATTRIBUTES: &str = "1.1";

/// The name and password of a user.
#[derive(Clone)]
pub(super) struct UserPassword {
    pub name: String,
    /// Never empty: a server accepts an empty password for every user (RFC 4513, 5.1.2).
    pub password: Zeroizing<String>,
}

/// The answer of a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SessionAnswer {
    /// The password is correct. The names of the user's groups on the server, if they were asked for.
    Accepted { groups: Vec<String> },
    /// The server does not know the user, or does not accept the password.
    Refused { reason: String },
}

/// The reason why nothing is known about the password.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The connection cannot be made, or ended. The error of the library repeats its own source, so it is
    /// not a source here.
    #[error("the connection failed: {0}")]
    Connection(LdapError),
    /// The server refuses the service account.
    #[error("the server refuses the account of ldap_bind_dn: {0}")]
    ServiceAccount(LdapResult),
    /// The server answers a search with an error, or a login with one that is not about the password.
    #[error("the server answers {0}")]
    Answer(LdapResult),
    /// The search for groups finds too many.
    #[error("ldap_group_filter finds more than {GROUPS_MAX} groups")]
    TooManyGroups,
}

/// The results of a login that say something about the user or the password (RFC 4511, A.1). Active
/// Directory uses only `invalidCredentials`.
const REFUSALS: [u32; 7] = [
    19, // constraintViolation: locked
    32, // noSuchObject
    34, // invalidDNSyntax
    48, // inappropriateAuthentication: no password
    49, // invalidCredentials
    50, // insufficientAccessRights: not allowed to log in
    53, // unwillingToPerform: disabled
];

/// The result of a search that found no entry of this name.
const NO_SUCH_OBJECT: u32 = 32;

/// Asks one server.
pub(super) async fn ask(
    settings: &LdapSettings,
    url: &LdapUrl,
    user: &UserPassword,
) -> Result<SessionAnswer, SessionError> {
    let connecting = LdapConnAsync::with_settings(settings.connection.clone(), url.as_str());
    let (connection, ldap) = connecting.await.map_err(SessionError::Connection)?;
    // The task ends with this function, whatever state the connection has.
    let mut driver = JoinSet::new();
    driver.spawn(connection.drive());
    let mut session = Session { ldap };
    let answer = match &settings.lookup {
        Lookup::Direct { template, entry } => match template.fill(&user.name) {
            Some(dn) => {
                session.ask_directly(&dn, entry.as_ref(), settings.groups.as_ref(), user).await
            }
            None => Ok(refused("the name has a character that ldap_user_dn cannot express")),
        },
        Lookup::Search { service, entry } => {
            session.search_and_ask(service.as_ref(), entry, settings.groups.as_ref(), user).await
        }
    }?;
    // The server need not wait for the end of the connection. An error changes nothing.
    let _ = session.ldap.unbind().await;
    Ok(answer)
}

fn refused(reason: &str) -> SessionAnswer {
    SessionAnswer::Refused { reason: reason.to_owned() }
}

struct Session {
    ldap: Ldap,
}

impl Session {
    /// Logs in as the user, and then reads the user's entry.
    async fn ask_directly(
        &mut self,
        dn: &str,
        entry: Option<&EntrySearch>,
        groups: Option<&GroupLookup>,
        user: &UserPassword,
    ) -> Result<SessionAnswer, SessionError> {
        if let Some(refusal) = self.log_in(dn, &user.password).await? {
            return Ok(refusal);
        }
        let Some(groups) = groups else {
            return Ok(SessionAnswer::Accepted { groups: Vec::new() });
        };
        let attribute = groups.attribute.as_str();
        let found = match entry {
            Some(search) => {
                let filter = search.filter.fill(&user.name);
                self.search(&search.base, Scope::Subtree, &filter, attribute, 2).await?
            }
            None => self.search(dn, Scope::Base, ANY_ENTRY, attribute, 2).await?,
        };
        match one_entry(found) {
            Ok(entry) => self.groups_of(&entry, groups, user).await,
            Err(refusal) => Ok(refusal),
        }
    }

    /// Finds the user's entry, and logs in under its name.
    async fn search_and_ask(
        &mut self,
        service: Option<&ServiceAccount>,
        search: &EntrySearch,
        groups: Option<&GroupLookup>,
        user: &UserPassword,
    ) -> Result<SessionAnswer, SessionError> {
        self.log_in_service(service).await?;
        let attribute = groups.map_or(NO_ATTRIBUTES, |groups| groups.attribute.as_str());
        let filter = search.filter.fill(&user.name);
        let found = self.search(&search.base, Scope::Subtree, &filter, attribute, 2).await?;
        let entry = match one_entry(found) {
            Ok(entry) => entry,
            Err(refusal) => return Ok(refusal),
        };
        if let Some(refusal) = self.log_in(&entry.dn, &user.password).await? {
            return Ok(refusal);
        }
        let Some(groups) = groups else {
            return Ok(SessionAnswer::Accepted { groups: Vec::new() });
        };
        if groups.search.is_some() {
            // The user might not be allowed to search groups.
            self.log_in_service(service).await?;
        }
        self.groups_of(&entry, groups, user).await
    }

    /// Logs in with the name and password of a user. Returns the refusal, if there is one.
    async fn log_in(
        &mut self,
        dn: &str,
        password: &str,
    ) -> Result<Option<SessionAnswer>, SessionError> {
        let bound = self.ldap.simple_bind(dn, password).await;
        let result = bound.map_err(SessionError::Connection)?;
        match result.rc {
            0 => Ok(None),
            code if REFUSALS.contains(&code) => Ok(Some(refused(&result.to_string()))),
            _ => Err(SessionError::Answer(result)),
        }
    }

    async fn log_in_service(
        &mut self,
        service: Option<&ServiceAccount>,
    ) -> Result<(), SessionError> {
        // RFC 4513, 5.1.1: an empty name and password log in as nobody.
        let (dn, password) = service.map_or(("", ""), |service| (&service.dn, &service.password));
        let bound = self.ldap.simple_bind(dn, password).await;
        let result = bound.map_err(SessionError::Connection)?;
        match result.rc {
            0 => Ok(()),
            code if REFUSALS.contains(&code) => Err(SessionError::ServiceAccount(result)),
            _ => Err(SessionError::Answer(result)),
        }
    }

    /// The groups of a user: those in the attribute of the entry, and those that the filter finds.
    async fn groups_of(
        &mut self,
        entry: &SearchEntry,
        groups: &GroupLookup,
        user: &UserPassword,
    ) -> Result<SessionAnswer, SessionError> {
        let attribute = &groups.attribute;
        let mut names: Vec<String> = entry
            .attrs
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .flat_map(|(_, values)| values.iter().cloned())
            .collect();
        if let Some((base, filter)) = &groups.search {
            let filter = filter.fill(&user.name, &entry.dn);
            let found =
                self.search(base, Scope::Subtree, &filter, NO_ATTRIBUTES, GROUPS_MAX + 1).await?;
            if found.len() > GROUPS_MAX {
                return Err(SessionError::TooManyGroups);
            }
            names.extend(found.into_iter().map(|group| group.dn));
        }
        Ok(SessionAnswer::Accepted { groups: names })
    }

    /// Returns at most `entries_max` entries. Referrals are left out.
    async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attribute: &str,
        entries_max: usize,
    ) -> Result<Vec<SearchEntry>, SessionError> {
        // An alias could lead out of `base`, so that another entry would count as one below it.
        let options = SearchOptions::new()
            .deref(DerefAliases::Never)
            .sizelimit(i32::try_from(entries_max).unwrap_or(i32::MAX));
        let searching = self.ldap.with_search_options(options);
        let mut stream = searching
            .streaming_search(base, scope, filter, [attribute])
            .await
            .map_err(SessionError::Connection)?;
        let mut entries = Vec::new();
        while let Some(entry) = stream.next().await.map_err(SessionError::Connection)? {
            if entry.is_ref() || entry.is_intermediate() {
                continue;
            }
            entries.push(SearchEntry::construct(entry));
            if entries.len() >= entries_max {
                return Ok(entries);
            }
        }
        let result = stream.finish().await;
        match result.rc {
            0 | NO_SUCH_OBJECT => Ok(entries),
            _ => Err(SessionError::Answer(result)),
        }
    }
}

/// The only entry of a search.
///
/// # Errors
/// The refusal of the login.
fn one_entry(mut found: Vec<SearchEntry>) -> Result<SearchEntry, SessionAnswer> {
    match (found.pop(), found.pop()) {
        // A login with an empty name succeeds as nobody.
        (Some(entry), None) if !entry.dn.is_empty() => Ok(entry),
        (None, _) => Err(refused("the server has no such user")),
        (Some(_), None) => Err(refused("the entry has no name")),
        (Some(_), Some(_)) => {
            Err(refused("several entries have this name: make ldap_filter exact"))
        }
    }
}
