//! The names of users, to find those that look like the name of a new user.

use std::collections::HashMap;

use crate::{
    model::{User, look_alike_key},
    store::{StoreError, Transaction},
};

/// The names of users by their [common forms](look_alike_key). They are read once for each change that
/// creates or renames users: 10,000 take about 20 ms.
#[derive(Default)]
pub(in crate::inventory) struct UserNames(HashMap<String, Vec<String>>);

impl UserNames {
    /// Reads the names of all users.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn read(transaction: &Transaction<'_>) -> Result<Self, StoreError> {
        let mut names = Self::default();
        for user in transaction.scan::<User>() {
            names.add(&user?.record.name);
        }
        Ok(names)
    }

    /// Adds a name.
    pub(super) fn add(&mut self, name: &str) {
        self.0.entry(look_alike_key(name)).or_default().push(name.to_owned());
    }

    /// The names with the same common form.
    pub(super) fn look_alikes(&self, name: &str) -> Vec<String> {
        self.0.get(&look_alike_key(name)).cloned().unwrap_or_default()
    }
}
