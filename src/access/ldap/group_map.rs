//! The groups of the inventory for the groups of an LDAP server.

use std::collections::BTreeSet;

use super::distinguished_name::{DistinguishedName, canonical_value, split_unescaped};
use crate::model::Name;

/// The word in a map that makes the members of a group administrators.
pub const ADMINISTRATORS: &str = "administrators";

/// The setting `ldap_groups`: `netadmins: administrators; netops: operators`.
#[derive(Clone, Debug)]
pub struct GroupMap(Vec<Line>);

#[derive(Clone, Debug)]
struct Line {
    ldap: LdapGroup,
    target: Target,
}

/// A group of the LDAP server.
#[derive(Clone, Debug)]
enum LdapGroup {
    /// The first part of its distinguished name: `netadmins`.
    Short(String),
    Full(DistinguishedName),
}

/// The effect of a group of the LDAP server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Administrators,
    Group(String),
}

/// The groups of one user, by a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MappedGroups {
    /// The groups of the inventory that the user belongs to.
    pub member_of: BTreeSet<String>,
    /// Whether the user is an administrator.
    pub is_administrator: bool,
}

impl GroupMap {
    /// Parses lines `GROUP: TARGET`, separated by semicolons. GROUP is a name or a distinguished name.
    ///
    /// # Errors
    /// A message with the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = split_unescaped(text, ';');
        let lines = lines.into_iter().filter(|line| !line.trim().is_empty());
        let lines = lines.map(parse_line).collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() {
            return Err("expected GROUP: TARGET; …, such as “netops: operators”".to_owned());
        }
        Ok(Self(lines))
    }

    /// Returns whether a line has only the short name of a group.
    pub(super) fn has_short_names(&self) -> bool {
        self.0.iter().any(|line| matches!(line.ldap, LdapGroup::Short(_)))
    }

    /// Returns whether the map decides who is an administrator.
    pub(super) fn decides_about_administrators(&self) -> bool {
        self.0.iter().any(|line| line.target == Target::Administrators)
    }

    /// The groups of the inventory whose members the map decides about.
    pub(super) fn targets(&self) -> BTreeSet<String> {
        let targets = self.0.iter().filter_map(|line| match &line.target {
            Target::Administrators => None,
            Target::Group(name) => Some(name.clone()),
        });
        targets.collect()
    }

    /// Returns the groups of a user that is a member of these groups of the LDAP server. `None` if the map
    /// has none of them. Short names count below `base` only.
    pub(super) fn map(
        &self,
        ldap_groups: &[String],
        base: Option<&DistinguishedName>,
    ) -> Option<MappedGroups> {
        let names: Vec<_> = ldap_groups.iter().map(|text| GroupName::parse(text)).collect();
        let is_member = |line: &&Line| names.iter().any(|name| name.is(&line.ldap, base));
        let mut mapped = MappedGroups { member_of: BTreeSet::new(), is_administrator: false };
        let mut lines = self.0.iter().filter(is_member).peekable();
        lines.peek()?;
        for line in lines {
            match &line.target {
                Target::Administrators => mapped.is_administrator = true,
                Target::Group(name) => drop(mapped.member_of.insert(name.clone())),
            }
        }
        Some(mapped)
    }
}

/// The name of a group as an LDAP server returns it.
enum GroupName {
    Full(DistinguishedName),
    /// Some servers list plain names in an attribute of the user.
    Plain(String),
}

impl GroupName {
    fn parse(text: &str) -> Self {
        match DistinguishedName::parse(text) {
            Some(name) => Self::Full(name),
            None => Self::Plain(canonical_value(text)),
        }
    }

    fn is(&self, group: &LdapGroup, base: Option<&DistinguishedName>) -> bool {
        match (self, group) {
            (Self::Full(name), LdapGroup::Full(expected)) => name == expected,
            (Self::Full(name), LdapGroup::Short(short)) => {
                name.first_value() == short && base.is_some_and(|base| name.is_below(base))
            }
            (Self::Plain(name), LdapGroup::Short(short)) => name == short,
            (Self::Plain(_), LdapGroup::Full(_)) => false,
        }
    }
}

fn parse_line(line: &str) -> Result<Line, String> {
    let expected =
        || format!("“{}”: expected GROUP: TARGET, such as “netops: operators”", line.trim());
    // The last colon, because a distinguished name can contain some.
    let (group, target) = line.rsplit_once(':').ok_or_else(expected)?;
    let (group, target) = (group.trim(), target.trim());
    if group.is_empty() || target.is_empty() {
        return Err(expected());
    }
    let ldap = if group.contains('=') {
        let name = DistinguishedName::parse(group);
        LdapGroup::Full(name.ok_or_else(|| format!("“{group}” is not a distinguished name"))?)
    } else {
        LdapGroup::Short(canonical_value(group))
    };
    let target = if target == ADMINISTRATORS {
        Target::Administrators
    } else {
        let name = Name::parse(target.to_owned());
        let name =
            name.map_err(|(rule, _)| format!("“{target}” is not the name of a group: {rule}"))?;
        Target::Group(name.as_str().to_owned())
    };
    Ok(Line { ldap, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str, groups: &[&str]) -> Option<(Vec<String>, bool)> {
        let groups: Vec<_> = groups.iter().map(|&group| group.to_owned()).collect();
        let base = DistinguishedName::parse("ou=groups,dc=example").unwrap();
        let mapped = GroupMap::parse(text).unwrap().map(&groups, Some(&base))?;
        Some((mapped.member_of.into_iter().collect(), mapped.is_administrator))
    }

    #[test]
    fn groups_are_found_by_short_and_by_full_names() {
        let text = "netadmins: administrators; CN=Ops\\; Net,OU=Groups,DC=example: operators;\
                    netops: editors; netops: readers;";
        assert_eq!(map(text, &["cn=NetAdmins,ou=groups,dc=example"]), Some((vec![], true)));
        let operators = Some((vec!["operators".to_owned()], false));
        assert_eq!(map(text, &["cn=ops\\3b net,ou=groups,dc=example"]), operators);
        let both = Some((vec!["editors".to_owned(), "readers".to_owned()], false));
        assert_eq!(map(text, &["cn=netops,ou=inner,ou=groups,dc=example"]), both);
        assert_eq!(map(text, &["netops"]), both);
    }

    #[test]
    fn a_group_of_the_same_name_elsewhere_does_not_count() {
        for group in [
            "cn=netadmins,ou=people,dc=example",
            "cn=netadmins\\,ou=groups,dc=example",
            "cn=x,cn=netadmins,ou=groups,dc=example",
            "cn=netadmins+uid=x,ou=groups,dc=example",
            "ou=groups,dc=example",
            "",
        ] {
            assert_eq!(map("netadmins: administrators", &[group]), None, "{group}");
        }
        let full = "cn=netadmins,ou=groups,dc=example: administrators";
        assert_eq!(map(full, &["cn=netadmins,ou=people,dc=example"]), None);
        assert_eq!(map(full, &["netadmins"]), None);
    }

    #[test]
    fn wrong_maps_are_refused() {
        for text in ["", ";", "netops", "netops:", ": readers", "cn=,dc=x: readers", "a: b/c"] {
            assert!(GroupMap::parse(text).is_err(), "{text}");
        }
    }
}
