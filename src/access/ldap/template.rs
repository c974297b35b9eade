//! Names and filters into which the name of a user is put, and the addresses of LDAP servers.

use std::{fmt, net::IpAddr};

use ldap3::{dn_escape, ldap_escape, parse_filter};

/// The place of the user's name in a template.
const USER: &str = "{user}";

/// The place of the distinguished name of the user's entry in the filter for groups.
const DN: &str = "{dn}";

/// The largest number of servers. More would not be asked within the time of one login.
const SERVERS_MAX: usize = 3;

/// The name with which a user logs in at the LDAP server: `uid={user},ou=people,dc=example,dc=net`, or
/// `{user}@example.net` for Active Directory.
#[derive(Clone, Debug)]
pub struct UserTemplate {
    template: String,
    form: UserNameForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UserNameForm {
    DistinguishedName,
    /// Only Active Directory accepts it. It has no escapes, so it takes names without special characters.
    PrincipalName,
}

impl UserTemplate {
    /// Parses a template, which must contain `{user}`.
    ///
    /// # Errors
    /// A message with the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        check_places(text, &[USER])?;
        let form = if text.contains('=') {
            UserNameForm::DistinguishedName
        } else {
            UserNameForm::PrincipalName
        };
        Ok(Self { template: text.to_owned(), form })
    }

    /// Returns whether the result is a distinguished name, so that the entry can be read under it.
    pub(super) fn is_distinguished_name(&self) -> bool {
        self.form == UserNameForm::DistinguishedName
    }

    /// The name for a user. `None` if the user's name has characters that the form cannot express.
    pub(super) fn fill(&self, user: &str) -> Option<String> {
        match self.form {
            UserNameForm::DistinguishedName => Some(self.template.replace(USER, &dn_escape(user))),
            UserNameForm::PrincipalName => {
                let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
                user.chars().all(is_plain).then(|| self.template.replace(USER, user))
            }
        }
    }
}

/// The filter that finds the entry of a user: `(sAMAccountName={user})`.
#[derive(Clone, Debug)]
pub struct UserFilter(String);

impl UserFilter {
    /// Parses a filter (RFC 4515), which must contain `{user}`.
    ///
    /// # Errors
    /// A message with the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        check_places(text, &[USER])?;
        check_filter(&text.replace(USER, "x"))?;
        Ok(Self(text.to_owned()))
    }

    pub(super) fn fill(&self, user: &str) -> String {
        self.0.replace(USER, &ldap_escape(user))
    }
}

/// The filter that finds the groups of a user: `(member={dn})`, or `(memberUid={user})`.
#[derive(Clone, Debug)]
pub struct GroupFilter(String);

impl GroupFilter {
    /// Parses a filter (RFC 4515), which must contain `{dn}` or `{user}`.
    ///
    /// # Errors
    /// A message with the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        check_places(text, &[USER, DN])?;
        check_filter(&text.replace(USER, "x").replace(DN, "x"))?;
        Ok(Self(text.to_owned()))
    }

    /// The filter for the user with this name and entry.
    pub(super) fn fill(&self, user: &str, dn: &str) -> String {
        // Neither value can contain the place of the other: each part is filled once.
        let parts = self.0.split(USER).map(|part| part.replace(DN, &ldap_escape(dn)));
        parts.collect::<Vec<_>>().join(&ldap_escape(user))
    }
}

/// Checks that a template contains one of the places, and no other braces.
fn check_places(text: &str, places: &[&str]) -> Result<(), String> {
    let rest = places.iter().fold(text.to_owned(), |rest, place| rest.replace(place, ""));
    if rest.len() == text.len() {
        return Err(format!("expected a text with {}", places.join(" or ")));
    }
    match rest.find(['{', '}']) {
        Some(_) => Err(format!("only {} can stand in braces", places.join(" and "))),
        None => Ok(()),
    }
}

fn check_filter(text: &str) -> Result<(), String> {
    match parse_filter(text) {
        Ok(_) => Ok(()),
        Err(()) => Err("expected an LDAP filter in parentheses, such as “(uid={user})”".to_owned()),
    }
}

/// The setting `ldap_url`: up to three servers, which have the same users.
#[derive(Clone, Debug)]
pub struct LdapUrls(Vec<LdapUrl>);

/// The address of an LDAP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LdapUrl {
    text: String,
    host: String,
    pub scheme: LdapScheme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LdapScheme {
    /// Without encryption, or with StartTLS.
    Ldap,
    /// Encrypted from the start.
    Ldaps,
}

impl LdapUrls {
    /// Parses `ldaps://HOST:PORT` and `ldap://HOST:PORT`, separated by commas.
    ///
    /// # Errors
    /// A message with the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let urls: Vec<_> =
            text.split(',').map(|url| LdapUrl::parse(url.trim())).collect::<Result<_, _>>()?;
        if urls.len() > SERVERS_MAX {
            return Err(format!("at most {SERVERS_MAX} servers"));
        }
        Ok(Self(urls))
    }

    pub(super) fn into_vec(self) -> Vec<LdapUrl> {
        self.0
    }
}

impl LdapUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("“{text}”: expected ldaps://HOST, ldaps://HOST:PORT or ldap://…");
        let (scheme, rest) = match text.split_once("://") {
            Some(("ldap", rest)) => (LdapScheme::Ldap, rest),
            Some(("ldaps", rest)) => (LdapScheme::Ldaps, rest),
            Some(_) | None => return Err(expected()),
        };
        let authority = rest.trim_end_matches('/');
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(expected)?;
                let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
                (is_address.then_some(host).ok_or_else(expected)?, port.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_host = |c: char| c.is_alphanumeric() || "-._:".contains(c);
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        if host.is_empty() || !host.chars().all(is_host) || !port.is_none_or(is_port) {
            return Err(expected());
        }
        Ok(Self { text: text.to_owned(), host: host.to_owned(), scheme })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the server is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost"
            || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for LdapUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_a_distinguished_name() {
        let template = UserTemplate::parse("uid={user},ou=people,dc=example").unwrap();
        for (user, dn) in [
            ("eva", "uid=eva,ou=people,dc=example"),
            ("admin,ou=x", "uid=admin\\2cou\\3dx,ou=people,dc=example"),
            ("a+cn=b", "uid=a\\2bcn\\3db,ou=people,dc=example"),
            (" #x ", "uid=\\20#x\\20,ou=people,dc=example"),
            ("#x\\\0", "uid=\\23x\\5c\\00,ou=people,dc=example"),
            ("\"<x>;", "uid=\\22\\3cx\\3e\\3b,ou=people,dc=example"),
            ("{user}", "uid={user},ou=people,dc=example"),
        ] {
            assert_eq!(template.fill(user).unwrap(), dn, "{user}");
        }
        let template = UserTemplate::parse("{user}@example.net").unwrap();
        assert_eq!(template.fill("eva.öl-1_x").unwrap(), "eva.öl-1_x@example.net");
        for user in ["eva@evil.example", "EXAMPLE\\eva", "eva x", "eva,dc=x", "*"] {
            assert_eq!(template.fill(user), None, "{user}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_a_filter() {
        let filter = UserFilter::parse("(&(objectClass=person)(uid={user}))").unwrap();
        for (user, filled) in [
            ("eva", "eva"),
            ("*", "\\2a"),
            ("eva)(|(uid=*", "eva\\29\\28|\\28uid=\\2a"),
            ("a\\2a\0", "a\\5c2a\\00"),
        ] {
            let expected = format!("(&(objectClass=person)(uid={filled}))");
            assert_eq!(filter.fill(user), expected, "{user}");
            assert!(parse_filter(filter.fill(user)).is_ok());
        }
        let filter = GroupFilter::parse("(|(member={dn})(memberUid={user}))").unwrap();
        assert_eq!(filter.fill("{dn}", "cn={user}*"), "(|(member=cn={user}\\2a)(memberUid={dn}))");
    }

    #[test]
    fn wrong_templates_and_filters_are_refused() {
        for text in ["", "uid=x", "uid={name}", "uid={user},cn={dn}", "{user}}"] {
            assert!(UserTemplate::parse(text).is_err(), "{text}");
        }
        for text in ["", "uid={user}x)", "(uid={user}", "(uid={user})(x=y)", "(uid=x)"] {
            assert!(UserFilter::parse(text).is_err(), "{text}");
        }
        assert!(GroupFilter::parse("(member:1.2.840.113556.1.4.1941:={dn})").is_ok());
        assert!(GroupFilter::parse("(member=x)").is_err());
    }

    #[test]
    fn addresses_of_servers() {
        let urls = LdapUrls::parse("ldaps://dc1.example.net, ldap://127.0.0.1:3890/").unwrap().0;
        assert_eq!(urls[0].scheme, LdapScheme::Ldaps);
        assert!(!urls[0].is_loopback());
        assert!(urls[1].is_loopback());
        assert!(LdapUrl::parse("ldap://[::1]:389").unwrap().is_loopback());
        assert!(!LdapUrl::parse("ldap://localhost.evil.example").unwrap().is_loopback());
        for text in [
            "",
            "dc1",
            "http://dc1",
            "ldap://",
            "ldap://a:b",
            "ldap://a:0",
            "ldap://a/dc=x",
            "ldap://u@a",
            "ldap://[x]",
            "ldapi:///x",
            "ldap://a,ldap://b,ldap://c,ldap://d",
        ] {
            assert!(LdapUrls::parse(text).is_err(), "{text}");
        }
    }
}
