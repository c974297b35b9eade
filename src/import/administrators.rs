//! Which administrators an import changes. Everybody who runs one has to see this: another
//! appliance's users can take the place of one's own.

use serde::Serialize;

use super::{ImportError, log::Log, problem::Place, walk::Step};
use crate::model::{Field, Kind, Secret, User};

/// What an import does, or would do, to an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AdministratorChange {
    pub change: AdministratorChangeKind,
}

/// One kind of [`AdministratorChange`]. A user can have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdministratorChangeKind {
    Removed,
    /// The user stays, and is no administrator any more.
    RightsLost,
    Created,
    /// The user was there, and becomes an administrator.
    RightsGained,
    /// The password is another one, or is gone. It is never shown.
    PasswordChanged,
}

/// What matters of a user here.
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

/// Notes in the log how a step on the walk over users changes the administrators.
///
/// # Errors
/// The user that is there cannot be read, or the log cannot be written.
pub(super) fn note(step: &Step<'_>, log: &Log) -> Result<(), ImportError> {
    let before = match step.before {
        Some(raw) => raw.record(Kind::User, step.name.as_bytes())?.into_kind::<User>(),
        None => None,
    };
    let after = step.after.as_ref().and_then(|after| after.record.of_kind::<User>());
    for change in changes(before.as_ref().map(Login::of), after.map(Login::of)) {
        let place = Place { record: Some(step.name.to_owned()), ..Place::default() };
        log.lists().administrators.push(&AdministratorChange { change }, place)?;
    }
    Ok(())
}

/// What becomes of an administrator; nothing where the user is none, neither before nor after.
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
            // Equal secrets are sealed to equal bytes.
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
    fn only_administrators_are_named_and_each_change_of_theirs_is() {
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
