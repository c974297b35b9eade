//! Changes that an import makes in a record beyond what the documents contain.

use super::{ImportError, scope::Scope};
use crate::{
    model::{Field, Kind, Membership, Pool, Record, Side, User},
    store::{LiveView, Raw},
};

/// Adjusts a record, knowing the existing record of its name. Returns whether it changed.
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
        // The documents say everything about records of the other kinds.
        _ => Ok(false),
    }
}

/// Lets the principal keep its password and its administrator rights if the imported user has
/// none. A project without secrets has no passwords, and an old one does not say who is an
/// administrator. Emptying the users must not lock out the user who asked for it.
fn keep_access(
    scope: &Scope<'_>,
    user: &mut dyn Record,
    existing: Option<&Raw>,
) -> Result<bool, ImportError> {
    if user.name().as_str() != scope.principal {
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

/// Brings a pool into the form in which it is stored: the members of a computed pool are not part
/// of its record, and the counts of another pool are those of its lists.
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

/// Lets a pool whose criteria can no longer be evaluated keep its computed members, in its lists.
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
