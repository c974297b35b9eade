//! The members of an object that are not set like other properties.

/// The name of the record.
pub(super) const NAME: &str = "name";

/// The name that the record gets.
pub(super) const NEW_NAME: &str = "new_name";

/// The list of properties to remove.
pub(super) const REMOVE: &str = "remove";

/// The number that eNMS gives a record. Satchel has none.
pub(super) const ID: &str = "id";

/// The time and the author of the last change, which only the inventory sets.
pub(in crate::inventory) const STAMPS: [&str; 2] = ["last_modified", "last_modified_by"];
