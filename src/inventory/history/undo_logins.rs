//! The administrators that an undo changes, and the unsafe passwords that it brings back.

use super::undo_report::ChangeUndoReport;
use crate::{
    import::{PasswordFlaws, administrator_changes, is_password_new},
    model::{AnyRecord, User},
};

/// Reports how an undo changes the logins of users.
#[derive(Default)]
pub(super) struct UndoneLogins {
    flaws: PasswordFlaws,
}

impl UndoneLogins {
    /// Reports how the undo changes the login of a user. Takes the record before and after the undo, both with
    /// decrypted secrets. Ignores records that are no users.
    pub(super) fn report(
        &mut self,
        report: &mut ChangeUndoReport,
        before: Option<&AnyRecord>,
        after: Option<&AnyRecord>,
    ) {
        let before = before.and_then(|record| record.of_kind::<User>());
        let after = after.and_then(|record| record.of_kind::<User>());
        let Some(user) = after.or(before) else { return };
        let mut changes = administrator_changes(before, after);
        if let Some(after) = after
            && is_password_new(before, after)
        {
            changes.extend(self.flaws.of(after));
        }
        for change in changes {
            report.add_administrator(&user.name, change);
        }
    }
}
