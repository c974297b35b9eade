//! What no change may do: leave an inventory that nobody can administer.

use super::edit::Editing;
use crate::{
    model::{Record, User},
    store::StoreError,
};

impl Editing<'_, '_> {
    /// Whether writing `after` in the place of `before` takes an administrator away who could log
    /// in. A record that goes has no `after`.
    pub fn takes_administrator(
        &self,
        before: &dyn Record,
        after: Option<&dyn Record>,
    ) -> Result<bool, StoreError> {
        let Some(before) = before.of_kind::<User>() else { return Ok(false) };
        if !self.is_able(before)? {
            return Ok(false);
        }
        match after.and_then(|after| after.of_kind::<User>()) {
            Some(after) => Ok(!self.is_able(after)?),
            None => Ok(true),
        }
    }

    /// Whether an administrator who can log in is there, other than the user of this name.
    pub fn has_administrator(&self, other_than: Option<&str>) -> Result<bool, StoreError> {
        for stored in self.transaction.scan::<User>() {
            let user = match stored {
                Ok(stored) => stored.record,
                // Nobody can log in as a user that cannot be read.
                Err(error) if error.is_damage() => continue,
                Err(error) => return Err(error),
            };
            if Some(user.name.as_str()) != other_than && self.is_able(&user)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_able(&self, user: &User) -> Result<bool, StoreError> {
        // Most users are none: their secrets stay closed.
        if user.is_admin.get() != Some(&true) {
            return Ok(false);
        }
        let mut user = user.clone();
        self.inventory.store.vault().open_secrets(&mut user)?;
        Ok(user.is_able_administrator())
    }
}
