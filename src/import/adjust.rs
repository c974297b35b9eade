//! Changes of a record by an import that are not in the documents.

use super::{ImportError, scope::Scope};
use crate::{
    model::{Field, Kind, Membership, Pool, Record, Side, User},
    store::{LiveView, Raw},
};

/// Adjusts a record. `existing` is the existing record of the same name. Returns whether the record
/// changed.
///
/// # Errors
/// [`ImportError::Store`] if the existing record or its members cannot be read.
pub(super) fn adjust(
    scope: &Scope<'_>,
    record: &mut dyn Record,
    existing: Option<&Raw>,
) -> Result<bool, ImportError> {
    match record.kind() {
        Kind::User => keep_access(scope, record, existing),
        Kind::Pool => settle_pool(scope.existing, record, existing),
        // For records of the other kinds, the documents contain everything.
        _ => Ok(false),
    }
}

/// Keeps the password and the administrator rights of the principal if the imported user has none.
/// A project without secrets has no passwords, and an old project does not contain `is_admin`.
/// Emptying the users must not lock out the principal.
fn keep_access(
    scope: &Scope<'_>,
    user: &mut dyn Record,
    existing: Option<&Raw>,
) -> Result<bool, ImportError> {
    if Some(user.name().as_str()) != scope.principal {
        return Ok(false);
    }
    let Some(existing) = existing else { return Ok(false) };
    let existing = existing.record(Kind::User, user.name().as_bytes())?.into_kind::<User>();
    let (Some(user), Some(existing)) = (user.of_kind_mut::<User>(), existing) else {
        return Ok(false);
    };
    let mut changed = false;
    if user.password == Field::Absent {
        user.password = existing.password;
        changed = true;
    }
    if user.is_admin == Field::Absent {
        user.is_admin = existing.is_admin;
        changed = true;
    }
    Ok(changed)
}

/// Converts a pool to its stored form. The record of a computed pool contains no members. The
/// counts of a manual pool are the lengths of its lists.
fn settle_pool(
    existing_records: &LiveView,
    record: &mut dyn Record,
    existing: Option<&Raw>,
) -> Result<bool, ImportError> {
    let Some(pool) = record.of_kind_mut::<Pool>() else { return Ok(false) };
    let membership = pool.membership();
    let kept_members = match (&membership, existing) {
        (Membership::Invalid(_), Some(existing)) => keep_members(existing_records, pool, existing)?,
        (Membership::Manual | Membership::Computed { .. } | Membership::Invalid(_), _) => false,
    };
    Ok(pool.settle(&membership) | kept_members)
}

/// Stores the computed members of a pool in its lists if its criteria can no longer be evaluated.
/// Returns whether the lists changed.
fn keep_members(
    existing_records: &LiveView,
    pool: &mut Pool,
    existing: &Raw,
) -> Result<bool, ImportError> {
    let previous = existing.record(Kind::Pool, pool.name.as_bytes())?.into_kind::<Pool>();
    let Some(previous) = previous else { return Ok(false) };
    let has_no_lists =
        pool.devices.get().is_none_or(Vec::is_empty) && pool.links.get().is_none_or(Vec::is_empty);
    match previous.membership() {
        Membership::Computed { .. } if has_no_lists => {
            let members = |side| existing_records.members(existing.header.ordinal, side);
            *pool = pool.clone().with_members(members(Side::Device)?, members(Side::Link)?);
            Ok(true)
        }
        Membership::Computed { .. } | Membership::Manual | Membership::Invalid(_) => Ok(false),
    }
}
