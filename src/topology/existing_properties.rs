//! The custom properties of the records in the inventory.

use std::collections::BTreeSet;

use crate::{import::ImportError, model::Kind, store::LiveView};

/// Returns whether each of these custom properties belongs to an existing record. This reads all records
/// of the kind, so it is only for headings that are probably wrong.
///
/// # Errors
/// [`ImportError::Store`] if the inventory cannot be read.
pub(super) fn have_custom(
    kind: Kind,
    existing: &LiveView,
    properties: &[&str],
) -> Result<bool, ImportError> {
    let mut missing: BTreeSet<&str> = properties.iter().copied().collect();
    for entry in existing.scan_raw(kind) {
        let (name, raw) = entry?;
        let record = raw.record(kind, &name)?;
        missing.retain(|property| !record.custom().contains_key(*property));
        if missing.is_empty() {
            return Ok(true);
        }
    }
    Ok(missing.is_empty())
}
