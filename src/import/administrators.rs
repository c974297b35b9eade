//! The administrators that an import changes, and the new passwords that everybody knows. The report
//! shows them, because an import can replace the users of this server by the users of another appliance.

use super::{
    ImportError,
    decide::Step,
    location::DocumentLocation,
    log::Log,
    problem::{AdministratorChange, AdministratorChangeKind},
};
use crate::{
    access,
    model::{AnyRecord, Field, Kind, Secret, User},
    store::Vault,
};

/// The number of new passwords that one import compares with the names of their users. Each takes up to
/// 0.2 s, with the hashes of eNMS.
const COMPARED_PASSWORDS_MAX: u32 = 20;

/// The properties of a user that decide about logins.
struct Login {
    is_admin: bool,
    password: Option<Secret>,
}

impl Login {
    fn of(user: &User) -> Self {
        let password = match &user.password {
            Field::Set(secret) if !secret.is_empty() => Some(secret.clone()),
            Field::Set(_) | Field::Null | Field::Absent => None,
        };
        Self { is_admin: user.is_admin.get() == Some(&true), password }
    }
}

/// Reports how an import changes the logins of users.
pub(super) struct ChangedLogins<'a> {
    log: &'a Log,
    vault: &'a Vault,
    flaws: PasswordFlaws,
}

impl<'a> ChangedLogins<'a> {
    /// Reports to this log.
    pub(super) fn new(log: &'a Log, vault: &'a Vault) -> Self {
        Self { log, vault, flaws: PasswordFlaws::default() }
    }

    /// Reports how a step changes an administrator, and whether it brings a password that everybody knows.
    ///
    /// # Errors
    /// [`ImportError::Store`] if the existing user cannot be decoded, [`ImportError::TemporaryFile`] if
    /// the log cannot be written.
    pub(super) fn report_change(&mut self, step: &Step<'_>) -> Result<(), ImportError> {
        let before = step.existing_record(Kind::User)?.and_then(AnyRecord::into_kind::<User>);
        let before = before.as_ref();
        let result = step.result.as_ref().and_then(|result| result.record.of_kind::<User>());
        let mut found = administrator_changes(before, result);
        if let Some(user) = result
            && is_password_new(before, user)
        {
            found.extend(self.flaw(user)?);
        }
        if before.is_none()
            && result.is_some_and(|user| access::check_user_name(&user.name).is_err())
        {
            found.push(AdministratorChangeKind::NameUnusable);
        }
        for change in found {
            let location = DocumentLocation::of_record(step.name.clone());
            self.log.administrator(&AdministratorChange { change }, location)?;
        }
        Ok(())
    }

    /// The flaw of a new password, if it has one.
    fn flaw(&mut self, user: &User) -> Result<Option<AdministratorChangeKind>, ImportError> {
        let mut user = user.clone();
        self.vault.decrypt_secrets(&mut user)?;
        Ok(self.flaws.of(&user))
    }
}

/// Finds the flaws of new passwords. Only the first [`COMPARED_PASSWORDS_MAX`] are compared with the name.
#[derive(Debug, Default)]
pub struct PasswordFlaws {
    /// The number of passwords that were compared with the name of their user.
    compared: u32,
}

impl PasswordFlaws {
    /// Returns the flaw of a user's password, if it has one. Takes the user with decrypted secrets.
    pub fn of(&mut self, user: &User) -> Option<AdministratorChangeKind> {
        let phc = user.password.get().and_then(Secret::plain).filter(|phc| !phc.is_empty())?;
        if access::unusable_hash(&phc).is_some() {
            return Some(AdministratorChangeKind::HashUnusable);
        }
        if self.compared == COMPARED_PASSWORDS_MAX {
            return None;
        }
        self.compared += 1;
        let is_name = access::is_password_the_name(&user.name, &phc);
        is_name.then_some(AdministratorChangeKind::PasswordIsName)
    }
}

/// Returns whether a user gets another password, or none. Takes the user before and after with encrypted
/// secrets, or both with decrypted ones.
pub fn is_password_new(before: Option<&User>, after: &User) -> bool {
    before.and_then(|user| Login::of(user).password) != Login::of(after).password
}

/// Returns the changes of an administrator; empty if the user is not an administrator before or after. Takes
/// the user before and after with encrypted secrets, or both with decrypted ones.
pub fn administrator_changes(
    before: Option<&User>,
    after: Option<&User>,
) -> Vec<AdministratorChangeKind> {
    changes(before.map(Login::of), after.map(Login::of))
}

fn changes(before: Option<Login>, after: Option<Login>) -> Vec<AdministratorChangeKind> {
    let mut changes = Vec::new();
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => {
            changes.extend(after.is_admin.then_some(AdministratorChangeKind::Created));
        }
        (Some(before), None) => {
            changes.extend(before.is_admin.then_some(AdministratorChangeKind::Removed));
        }
        (Some(before), Some(after)) => {
            match (before.is_admin, after.is_admin) {
                (true, false) => changes.push(AdministratorChangeKind::RightsLost),
                (false, true) => changes.push(AdministratorChangeKind::RightsGained),
                (true, true) | (false, false) => {}
            }
            // Encryption is deterministic: equal secrets have equal bytes.
            if (before.is_admin || after.is_admin) && before.password != after.password {
                changes.push(AdministratorChangeKind::PasswordChanged);
            }
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::{AdministratorChangeKind as Change, *};

    fn login(is_admin: bool, password: &str) -> Option<Login> {
        let password = (!password.is_empty()).then(|| Secret::from_plain(password));
        Some(Login { is_admin, password })
    }

    #[test]
    fn every_change_of_an_administrator_is_reported_and_no_other() {
        for (before, after, expected) in [
            (None, login(true, "a"), vec![Change::Created]),
            (None, login(false, "a"), vec![]),
            (login(true, "a"), None, vec![Change::Removed]),
            (login(false, "a"), None, vec![]),
            (login(true, "a"), login(true, "a"), vec![]),
            (login(true, "a"), login(true, ""), vec![Change::PasswordChanged]),
            (login(true, "a"), login(false, "a"), vec![Change::RightsLost]),
            (login(false, "a"), login(true, "a"), vec![Change::RightsGained]),
            (login(false, "a"), login(false, "b"), vec![]),
            (
                login(true, "a"),
                login(false, "b"),
                vec![Change::RightsLost, Change::PasswordChanged],
            ),
        ] {
            assert_eq!(changes(before, after), expected);
        }
    }
}
