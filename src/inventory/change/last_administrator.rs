//! The rule that an administrator who can log in must remain.

use super::edit::Editing;
use crate::{
    access,
    model::{Record, User},
    store::StoreError,
};

impl Editing<'_, '_> {
    /// Returns whether replacing `before` by `after` removes an administrator who could log in. A
    /// deleted record has no `after`.
    ///
    /// # Errors
    /// [`StoreError::UndecryptableSecret`] if the user's secrets cannot be decrypted.
    pub(crate) fn removes_administrator(
        &self,
        before: &dyn Record,
        after: Option<&dyn Record>,
    ) -> Result<bool, StoreError> {
        let Some(before) = before.of_kind::<User>() else { return Ok(false) };
        if !self.is_active_administrator(before)? {
            return Ok(false);
        }
        match after.and_then(|after| after.of_kind::<User>()) {
            Some(after) => Ok(!self.is_active_administrator(after)?),
            None => Ok(true),
        }
    }

    /// Returns whether an administrator who can log in exists, other than the user of this name.
    ///
    /// # Errors
    /// [`StoreError`] if the users cannot be read.
    pub(crate) fn has_administrator(&self, other_than: Option<&str>) -> Result<bool, StoreError> {
        for stored in self.transaction.scan::<User>() {
            let user = match stored {
                Ok(stored) => stored.record,
                // A damaged user cannot log in.
                Err(error) if error.is_damage() => continue,
                Err(error) => return Err(error),
            };
            if Some(user.name.as_str()) != other_than && self.is_active_administrator(&user)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether a user is an administrator who can log in.
    fn is_active_administrator(&self, user: &User) -> Result<bool, StoreError> {
        // Most users are not administrators, and decrypting secrets takes time.
        if user.is_admin.get() != Some(&true) {
            return Ok(false);
        }
        let mut user = user.clone();
        self.inventory.store.vault().decrypt_secrets(&mut user)?;
        Ok(access::is_active_administrator(&user))
    }
}
