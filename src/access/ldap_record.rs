//! The record of a user of an LDAP server, and the user's groups.

use super::{
    account::LDAP,
    ldap::{LdapUser, Membership},
};
use crate::{
    model::{Entity, Field, Group, Name, Ref, User},
    store::{Origin, Store, StoreError, Transaction},
};

/// Creates or updates the record of a user who has logged in at an LDAP server, and the user's groups. Writes
/// nothing if all of it is stored already, so that a login does not wait for an import.
///
/// # Errors
/// [`StoreError::Busy`] if an import holds the write lock for too long; others if the store cannot be read or
/// written.
pub(super) fn save(store: &Store, user: &LdapUser) -> Result<(), StoreError> {
    let Some(membership) = &user.membership else { return Ok(()) };
    let reading = store.read();
    let existing = reading.get::<User>(&user.name)?.map(|stored| stored.record);
    let is_stored = existing.is_some_and(|record| is_current(&record, membership))
        && all(&membership.member_of, |group| {
            Ok(reading
                .get::<Group>(group)?
                .is_some_and(|group| contains(&group.record, &user.name)))
        })?
        && all(&membership.not_member_of, |group| {
            Ok(!reading
                .get::<Group>(group)?
                .is_some_and(|group| contains(&group.record, &user.name)))
        })?;
    if is_stored {
        return Ok(());
    }
    let origin = Origin::of_user(&user.name, "ldap_login");
    store.change(&origin, |transaction| write(transaction, user, membership))
}

fn all(
    groups: impl IntoIterator<Item = impl AsRef<str>>,
    mut test: impl FnMut(&str) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    for group in groups {
        if !test(group.as_ref())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether the record of the user needs no change.
fn is_current(record: &User, membership: &Membership) -> bool {
    let is_administrator = record.is_admin.get() == Some(&true);
    membership.is_administrator.is_none_or(|expected| expected == is_administrator)
}

fn contains(group: &Group, user: &str) -> bool {
    group.users.get().is_some_and(|users| users.iter().any(|member| member.name() == user))
}

fn write(
    transaction: &mut Transaction<'_>,
    user: &LdapUser,
    membership: &Membership,
) -> Result<(), StoreError> {
    let existing = transaction.get::<User>(&user.name)?.map(|stored| stored.record);
    let mut record = match existing {
        Some(record) if record.authentication.get().is_some_and(|method| method == LDAP) => record,
        // Somebody gave the name to another user during the login.
        Some(_) => return Ok(()),
        None => {
            let Some(record) = new_user(&user.name) else { return Ok(()) };
            tracing::info!(user = user.name, "Created the user: the first login by LDAP.");
            record
        }
    };
    if !is_current(&record, membership) {
        record.is_admin = Field::Set(membership.is_administrator == Some(true));
    }
    transaction.put(record)?;
    for name in &membership.member_of {
        let existing = transaction.get::<Group>(name)?.map(|stored| stored.record);
        let Some(mut group) = existing.or_else(|| new_group(name)) else { continue };
        if !contains(&group, &user.name) {
            let mut users = group.users.get().cloned().unwrap_or_default();
            users.push(Ref::new(user.name.as_str()));
            group.users = Field::Set(users);
            transaction.put(group)?;
        }
    }
    for name in &membership.not_member_of {
        let existing = transaction.get::<Group>(name)?.map(|stored| stored.record);
        let Some(mut group) = existing else { continue };
        if contains(&group, &user.name) {
            let mut users = group.users.get().cloned().unwrap_or_default();
            users.retain(|member| member.name() != user.name);
            group.users = Field::Set(users);
            transaction.put(group)?;
        }
    }
    Ok(())
}

/// A new user without a password. `None` if the text is not a name.
fn new_user(name: &str) -> Option<User> {
    let mut user = User::named(Name::parse(name.to_owned()).ok()?);
    user.authentication = Field::Set(LDAP.to_owned());
    user.r#type = Field::Set("user".to_owned());
    Some(user)
}

/// A new group. `None` if the text is not a name.
fn new_group(name: &str) -> Option<Group> {
    let mut group = Group::named(Name::parse(name.to_owned()).ok()?);
    group.r#type = Field::Set("group".to_owned());
    Some(group)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::access::create_first_user;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn eva(member_of: &[&str], not_member_of: &[&str], is_administrator: bool) -> LdapUser {
        let membership = Membership {
            member_of: set(member_of),
            not_member_of: set(not_member_of),
            is_administrator: Some(is_administrator),
        };
        LdapUser { name: "eva".to_owned(), membership: Some(membership) }
    }

    fn members(store: &Store, group: &str) -> Vec<String> {
        let group = store.read().get::<Group>(group).unwrap().unwrap().record;
        group.users.get().into_iter().flatten().map(|user| user.name().to_owned()).collect()
    }

    #[test]
    fn a_login_creates_the_user_and_follows_the_groups_of_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        create_first_user(&store).unwrap();
        save(&store, &eva(&["operators"], &["editors"], true)).unwrap();
        let user = store.read().get::<User>("eva").unwrap().unwrap().record;
        assert_eq!(user.authentication, Field::Set("ldap".to_owned()));
        assert_eq!(user.is_admin, Field::Set(true));
        assert_eq!(user.password, Field::Absent);
        assert_eq!(members(&store, "operators"), ["eva"]);

        let version = store.read().summary().unwrap().version;
        save(&store, &eva(&["operators"], &["editors"], true)).unwrap();
        assert_eq!(store.read().summary().unwrap().version, version, "nothing to write");

        save(&store, &eva(&["editors"], &["operators"], false)).unwrap();
        assert_eq!(members(&store, "editors"), ["eva"]);
        assert!(members(&store, "operators").is_empty());
        let user = store.read().get::<User>("eva").unwrap().unwrap().record;
        assert_eq!(user.is_admin, Field::Set(false));
    }

    #[test]
    fn a_local_user_of_the_same_name_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        create_first_user(&store).unwrap();
        let version = store.read().summary().unwrap().version;
        let admin = LdapUser { name: "admin".to_owned(), ..eva(&["operators"], &[], false) };
        save(&store, &admin).unwrap();
        assert_eq!(store.read().summary().unwrap().version, version);
        assert!(store.read().get::<Group>("operators").unwrap().is_none());
    }
}
