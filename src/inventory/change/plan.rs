//! Plans the change of one record: applies a patch to the current record within the change, and
//! finds all faults before anything is written.

use std::{collections::HashSet, net::IpAddr};

use super::{
    Atomicity, ExpectedVersion, Fault,
    edit::{Editing, RECORDS_MAX, check_limits},
    inverse::{InverseEdit, InversePlan, InverseReferences, inverse_references, plan_inverse},
    missing::{MissingReferences, missing_references},
    object::ObjectPatch,
    special_members::STAMPS,
    user_names::UserNames,
    warning::Warning,
};
use crate::{
    access::{RecordAccess, RefusedName, check_new_user_name},
    codec::json,
    inventory::{InventoryError, long_text::LongText},
    model::{
        AnyRecord, Criteria, CriterionError, CustomValue, EnmsLoss, Field, IpText, Kind,
        Membership, Name, NoAddress, Pool, Property, PropertyDefault, PropertyType, Record, Ref,
        Refused, Secrets, Side, Target, Value, View, can_be_secret, indicates_secret, is_gateway,
    },
    store::{Origin, StoreError, Stored},
};

/// The context of a change: the origin, the time and the conditions.
pub(in crate::inventory) struct ChangeContext<'a> {
    pub origin: &'a Origin,
    /// The time of the change, in the form of eNMS.
    pub timestamp: String,
    pub atomicity: Atomicity,
    pub expected_version: &'a ExpectedVersion,
    /// The exact type of the records, such as `router`, if the request names one.
    pub exact_type: Option<&'a str>,
}

/// The number of gateways of one object that are examined. Each is read from the store, under the
/// write lock.
const GATEWAYS_EXAMINED_MAX: usize = 100;

/// The property of devices with an address.
const IP_ADDRESS: &str = "ip_address";

/// The property with the exact type of a record.
const TYPE: &str = "type";

/// The planned change of one record.
pub(in crate::inventory) struct PlannedChange {
    pub before: Option<Stored<AnyRecord>>,
    /// The record under its new name; `None` if it does not change.
    pub after: Option<AnyRecord>,
    /// The long texts that change.
    pub texts: Vec<(LongText, Option<String>)>,
    /// The changes of other records, whose relations the object sets from their other side.
    pub inverse: Vec<InverseEdit>,
    pub warnings: Vec<Warning>,
    /// The address that the device has after the change, if it had another one before.
    pub new_address: Option<IpAddr>,
    /// References without a target so far. With [`Atomicity::All`], a later object can create it.
    pub missing: Vec<MissingReferences>,
    /// Whether the change removes an administrator. With [`Atomicity::All`], a later object can
    /// create another one.
    pub removes_administrator: bool,
}

/// The faults and warnings of one object.
#[derive(Default)]
struct Remarks {
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

/// Plans the change of one object. Writes nothing.
///
/// # Errors
/// [`InventoryError::Stale`] if the record does not have the expected version,
/// [`InventoryError::Store`] if the store cannot be read. The faults of the object are the inner
/// result.
pub(in crate::inventory) fn plan(
    editing: &mut Editing<'_, '_>,
    patch: &ObjectPatch,
    context: &ChangeContext<'_>,
) -> Result<Result<PlannedChange, Vec<Fault>>, InventoryError> {
    let (kind, name) = (patch.record.kind(), patch.record.name());
    let before = editing.transaction.get_any(kind, name)?;
    if let Some(before) = &before
        && !editing.can(RecordAccess::Read, &*before.record)?
    {
        return Ok(Err(editing.check_object(Some(&*before.record), &*before.record)?));
    }
    if !context.expected_version.holds(before.as_ref().map(|before| before.version)) {
        return Err(InventoryError::Stale { kind, name: name.to_string() });
    }
    let mut remarks = Remarks { faults: Vec::new(), warnings: patch.warnings.clone() };
    let new_name = patch.new_name.as_ref().filter(|new_name| *new_name != name);
    check_names(editing, patch, new_name, before.is_some(), &mut remarks)?;
    warn_of_misspellings(before.as_ref(), patch, &mut remarks);
    warn_of_absent_properties(before.as_ref(), patch, &mut remarks);
    warn_of_address(patch, &mut remarks);
    check_type(before.as_ref(), patch, context.exact_type, &mut remarks);
    let mut referrers = editing.referrers(kind, name)?;
    editing.retain_readable(&mut referrers)?;
    let inverse = inverse_references(patch, &referrers);
    let mut after = patched(editing, before.as_ref(), patch, &inverse, &mut remarks)?;
    warn_of_secrets(before.as_ref(), patch, &*after, &mut remarks);
    if let Some(exact_type) = context.exact_type {
        // A text property accepts every text.
        let _ = after.set(TYPE, Value::from(exact_type));
    }
    let before_record = before.as_ref().map(|before| &*before.record);
    if let Some(before) = before_record {
        editing.keep_hidden_names(before, patch, &mut *after)?;
    }
    remarks.faults.extend(editing.check_object(before_record, &*after)?);
    let InversePlan { edits: inverse, faults, warnings } =
        plan_inverse(editing, patch, before.as_ref(), &referrers, context.atomicity)?;
    remarks.faults.extend(faults);
    remarks.warnings.extend(warnings);
    // The record is encrypted before it is compared: equal secrets have equal encrypted bytes.
    editing.inventory.store.vault().encrypt_secrets(&mut *after);

    let missing = missing_references(editing, before_record, &*after, new_name)?;
    let removes_administrator = match before_record {
        Some(before) => editing.removes_administrator(before, Some(&*after))?,
        None => false,
    };
    match context.atomicity {
        Atomicity::All => {}
        Atomicity::Each => {
            remarks.faults.extend(missing.iter().map(MissingReferences::fault));
            if removes_administrator && !editing.has_administrator(Some(name))? {
                let reason = InventoryError::NoAdministrator.to_string();
                remarks.faults.push(Fault::new(None, "no-administrator", reason));
            }
        }
    }
    warn_of_losses(before_record, &*after, &mut remarks);
    warn_of_gateways(editing, before_record, &*after, &mut remarks)?;
    let Remarks { faults, warnings } = remarks;
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    let texts = changed_texts(editing, patch)?;
    let new_address =
        address(&*after).filter(|address| before_record.and_then(self::address) != Some(*address));
    let is_unchanged = before.as_ref().is_some_and(|before| before.record == after)
        && new_name.is_none()
        && inverse.is_empty();
    let after = if is_unchanged {
        None
    } else {
        stamp(&mut *after, context, before.is_none());
        if before.is_none() {
            editing.own(&mut after)?;
        }
        if let Some(new_name) = new_name {
            after.set_name(new_name.clone());
        }
        Some(after)
    };
    Ok(Ok(PlannedChange {
        before,
        after,
        texts,
        inverse,
        warnings,
        new_address,
        missing,
        removes_administrator,
    }))
}

/// Returns the record after the patch, under its current name.
fn patched(
    editing: &mut Editing<'_, '_>,
    before: Option<&Stored<AnyRecord>>,
    patch: &ObjectPatch,
    inverse: &InverseReferences,
    remarks: &mut Remarks,
) -> Result<AnyRecord, StoreError> {
    let mut after = match before {
        Some(before) => merge(&*before.record, patch, inverse, remarks),
        None => patch.record.clone(),
    };
    // Before the criteria of a pool are read: they must not compare secrets. The limits of lists and maps
    // cannot be checked when they are encrypted.
    if editing.inventory.store.vault().hide_secrets(&mut *after) {
        check_limits(before, &mut after)?;
    }
    refuse_secret_criteria(patch, &*after, remarks);
    if let (Some(after), Some(patch)) = (after.of_kind_mut(), patch.record.of_kind()) {
        let before = before.and_then(|before| Some((before.ordinal, before.record.of_kind()?)));
        settle_pool(editing, before, patch, after, remarks)?;
    }
    Ok(after)
}

/// Checks the type of a record that the path of the request calls by an exact type, such as `router`.
fn check_type(
    before: Option<&Stored<AnyRecord>>,
    patch: &ObjectPatch,
    exact_type: Option<&str>,
    remarks: &mut Remarks,
) {
    let Some(exact_type) = exact_type else { return };
    let (kind, name) = (patch.record.kind(), patch.record.name());
    if let Some(View::Text(sent)) = patch.record.view(TYPE)
        && sent != exact_type
    {
        let detail = format!("the path says '{exact_type}' and the object says '{sent}'");
        remarks.faults.push(Fault::new(Some(TYPE), "contradiction", detail));
    }
    let known = kind.property(TYPE);
    let stored = before.and_then(|before| Some(known?.shown(before.record.view(TYPE))));
    if let Some(View::Text(stored)) = stored
        && stored != exact_type
    {
        let detail = format!(
            "the {kind} '{name}' has the type '{stored}', not '{exact_type}'. Send it to the path of \
             a {kind} to change its type"
        );
        remarks.faults.push(Fault::new(Some(TYPE), "other-type", detail));
    }
}

/// Warns of unknown properties that resemble known ones, unless the record has them already.
fn warn_of_misspellings(
    before: Option<&Stored<AnyRecord>>,
    patch: &ObjectPatch,
    remarks: &mut Remarks,
) {
    let custom = before.map(|before| before.record.custom());
    for (property, nearest) in &patch.resembling {
        if custom.is_none_or(|custom| !custom.contains_key(property)) {
            let (property, nearest) = (property.clone(), *nearest);
            remarks.warnings.push(Warning::ResemblesKnown { property, nearest });
        }
    }
}

/// Warns of unknown properties to remove that resemble known ones, unless the record has them.
fn warn_of_absent_properties(
    before: Option<&Stored<AnyRecord>>,
    patch: &ObjectPatch,
    remarks: &mut Remarks,
) {
    let custom = before.map(|before| before.record.custom());
    for (property, nearest) in &patch.removed {
        if let Some(nearest) = *nearest
            && custom.is_none_or(|custom| !custom.contains_key(property))
        {
            let property = property.clone();
            remarks.warnings.push(Warning::NothingToRemove { property, nearest });
        }
    }
}

/// Warns of custom properties of the patch that are encrypted because of their names, and of those that are
/// not although their names indicate a secret, unless the record has them already.
fn warn_of_secrets(
    before: Option<&Stored<AnyRecord>>,
    patch: &ObjectPatch,
    after: &dyn Record,
    remarks: &mut Remarks,
) {
    let before = before.map(|before| before.record.custom());
    let new = patch.record.custom().keys();
    let new = new.filter(|property| before.is_none_or(|custom| !custom.contains_key(*property)));
    for property in new {
        let warning = match after.custom().get(property) {
            Some(CustomValue::Secret(_)) => Warning::Encrypted { property: property.clone() },
            Some(CustomValue::Shown(value))
                if can_be_secret(value) && indicates_secret(property) =>
            {
                Warning::SaysSecret { property: property.clone() }
            }
            Some(CustomValue::Shown(_)) | None => continue,
        };
        remarks.warnings.push(warning);
    }
}

/// Adds a fault for each criterion of the patch that compares a secret.
fn refuse_secret_criteria(patch: &ObjectPatch, after: &dyn Record, remarks: &mut Remarks) {
    if after.kind() != Kind::Pool {
        return;
    }
    for property in patch.record.custom().keys().filter(|property| Criteria::is_criterion(property))
    {
        if after.custom().get(property).is_some_and(CustomValue::is_secret) {
            let error = CriterionError::Secret { property: property.clone() };
            remarks.faults.push(Fault::new(Some(property), "criterion", error.to_string()));
        }
    }
}

/// Returns the IP address of a device.
pub(super) fn address(record: &dyn Record) -> Option<IpAddr> {
    match record.view(IP_ADDRESS) {
        Some(View::Text(text)) if record.kind() == Kind::Device => match IpText::parse(text) {
            IpText::Address(address) => Some(address),
            IpText::Blank | IpText::WithPrefix { .. } | IpText::Other => None,
        },
        _ => None,
    }
}

/// Warns of an address of a device that is not an IP address. eNMS accepts any text.
fn warn_of_address(patch: &ObjectPatch, remarks: &mut Remarks) {
    if patch.record.kind() != Kind::Device {
        return;
    }
    if let Some(View::Text(text)) = patch.record.view(IP_ADDRESS) {
        match IpText::parse(text) {
            IpText::Blank | IpText::Address(_) => {}
            IpText::WithPrefix { .. } | IpText::Other => {
                remarks.warnings.push(Warning::NotAnAddress { reason: NoAddress::of(text) });
            }
        }
    }
}

/// Warns of parts of a record that eNMS loses, unless it lost them before the change.
fn warn_of_losses(before: Option<&dyn Record>, after: &dyn Record, remarks: &mut Remarks) {
    let before = before.map(EnmsLoss::of).unwrap_or_default();
    let losses = EnmsLoss::of(after).into_iter().filter(|loss| !before.contains(loss));
    remarks.warnings.extend(losses.map(|loss| Warning::Loss { kind: after.kind(), loss }));
}

/// Warns of devices that are added to `gateways` and are no gateways.
fn warn_of_gateways(
    editing: &Editing<'_, '_>,
    before: Option<&dyn Record>,
    after: &dyn Record,
    remarks: &mut Remarks,
) -> Result<(), StoreError> {
    let gateways = |record: &dyn Record| match record.view("gateways") {
        Some(View::Texts(names)) if record.kind() == Kind::Device => {
            names.into_iter().map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    let known: HashSet<String> = before.map(gateways).unwrap_or_default().into_iter().collect();
    let added = gateways(after).into_iter().filter(|name| !known.contains(name));
    for gateway in added.take(GATEWAYS_EXAMINED_MAX) {
        let Ok(name) = Name::parse(gateway.clone()) else { continue };
        let device = editing.transaction.get_any(Kind::Device, &name)?;
        if device.is_some_and(|device| !is_gateway(&*device.record)) {
            remarks.warnings.push(Warning::NoGateway { gateway });
        }
    }
    Ok(())
}

/// The long texts of a patch that differ from the stored ones.
fn changed_texts(
    editing: &Editing<'_, '_>,
    patch: &ObjectPatch,
) -> Result<Vec<(LongText, Option<String>)>, StoreError> {
    let mut texts = Vec::new();
    for (text, content) in &patch.texts {
        if editing.text_differs(patch.record.name(), *text, content.as_deref())? {
            texts.push((*text, content.clone()));
        }
    }
    Ok(texts)
}

/// Checks that the name of a new record, or the new name of a record, is free.
fn check_names(
    editing: &mut Editing<'_, '_>,
    patch: &ObjectPatch,
    new_name: Option<&Name>,
    exists: bool,
    remarks: &mut Remarks,
) -> Result<(), StoreError> {
    let (kind, name) = (patch.record.kind(), patch.record.name());
    let faults = &mut remarks.faults;
    // Devices and networks share their names.
    let nodes = Target::Node.kinds();
    let others = nodes.iter().filter(|other| nodes.contains(&kind) && **other != kind);
    let taken =
        |kind: Kind, name: &Name| format!("the name '{name}' is taken by an existing {kind}");
    let (property, wanted) = match new_name {
        Some(new_name) => ("new_name", new_name),
        None => ("name", name),
    };
    if let Some(new_name) = new_name {
        if !exists {
            let detail = format!("there is no {kind} '{name}' to rename");
            faults.push(Fault::new(Some(property), "not-found", detail));
        }
        if editing.transaction.contains(kind, new_name)? {
            faults.push(Fault::new(Some(property), "name-taken", taken(kind, new_name)));
        }
        if editing.referrers(kind, name)?.len() > RECORDS_MAX {
            let detail = format!(
                "the {kind} '{name}' has more than {RECORDS_MAX} referrers, which is too many to \
                 rename in one change"
            );
            faults.push(Fault::new(Some(property), "too-many-references", detail));
        }
    }
    if new_name.is_some() || !exists {
        if kind == Kind::User
            && let Err(rule) = check_name_of_user(editing, name, wanted)?
        {
            faults.push(Fault::new(Some(property), "user-name", rule.to_string()));
        }
        for other in others {
            if editing.transaction.contains(*other, wanted)? {
                faults.push(Fault::new(Some(property), "name-taken", taken(*other, wanted)));
            }
        }
    }
    Ok(())
}

/// Checks the name that a new or renamed user gets. `name` is the name before.
///
/// # Errors
/// [`StoreError`] if the users cannot be read. The broken rule is the inner result.
fn check_name_of_user(
    editing: &mut Editing<'_, '_>,
    name: &Name,
    wanted: &Name,
) -> Result<Result<(), RefusedName>, StoreError> {
    if let Err(rule) = check_new_user_name(wanted) {
        return Ok(Err(rule));
    }
    let names = match editing.user_names.take() {
        Some(names) => names,
        None => UserNames::read(editing.transaction)?,
    };
    let names = editing.user_names.insert(names);
    // A user whom an earlier object has renamed or deleted is not in the way.
    for existing in names.look_alikes(wanted) {
        let is_other = existing != **name && existing != **wanted;
        if is_other && editing.transaction.contains(Kind::User, &existing)? {
            return Ok(Err(RefusedName::LooksLike { existing }));
        }
    }
    names.add(wanted);
    Ok(Ok(()))
}

/// Returns the record with the properties of the patch. A client can send an instance back
/// unchanged without changing the record. This concerns defaults of absent properties, values for
/// which JSON has no type, and referrers that the record shows in its lists.
fn merge(
    before: &dyn Record,
    patch: &ObjectPatch,
    inverse: &InverseReferences,
    remarks: &mut Remarks,
) -> AnyRecord {
    let mut after = before.to_any();
    let stored_secrets: Vec<String> =
        after.secrets().into_iter().map(|(property, _)| property.to_owned()).collect();
    let mut set = |property: &str, value: Value| {
        if let Err(Refused { rule, .. }) = after.set(property, value) {
            remarks.faults.push(Fault::broken(Some(property), &rule));
        }
    };
    for (name, view) in patch.record.views(Secrets::LeftOut) {
        let known = before.kind().property(name);
        let view = match (inverse.get(name), view) {
            (Some(inverse), View::Texts(names)) => {
                View::Texts(own_names(names, before.view(name), inverse))
            }
            (_, view) => view,
        };
        let same = match known.map(|known| known.type_) {
            Some(PropertyType::Name) => true,
            // The views hold removed secrets only. A secret that is not stored cannot be removed.
            Some(PropertyType::Secret) => !stored_secrets.iter().any(|stored| stored == name),
            Some(_) | None => {
                is_shown_as(before.view(name), known, &view)
                    || (before.view(name).is_none()
                        && is_custom_default(before.kind(), name, &view))
            }
        };
        if !same {
            set(name, view.to_value());
        }
    }
    for (name, document) in &patch.secrets {
        set(name, Value::from(document.as_str()));
    }
    for property in patch.removed.keys() {
        after.remove(property);
    }
    after
}

/// Returns the names of a sent list that belong to the record itself: the names that are already in
/// its list, and the names that do not come from a referrer.
fn own_names<'a>(
    sent: Vec<&'a str>,
    stored: Option<View<'_>>,
    inverse: &HashSet<String>,
) -> Vec<&'a str> {
    let stored: HashSet<&str> = match stored {
        Some(View::Texts(names)) => names.into_iter().collect(),
        Some(_) | None => HashSet::new(),
    };
    sent.into_iter().filter(|name| stored.contains(name) || !inverse.contains(*name)).collect()
}

/// Returns whether a record that lacks a custom property is shown with this value of it.
fn is_custom_default(kind: Kind, property: &str, sent: &View<'_>) -> bool {
    let default = kind.custom_default(property);
    let default = default.as_ref().and_then(PropertyDefault::view);
    default.is_some_and(|default| default.to_value() == sent.to_value())
}

/// Returns whether a property with the value `stored` is shown to clients as the value `sent`.
fn is_shown_as(stored: Option<View<'_>>, known: Option<&Property>, sent: &View<'_>) -> bool {
    let (stored, sent) = match (known, stored) {
        (Some(known), stored) => (known.shown(stored), known.shown(Some(sent.clone()))),
        (None, Some(stored)) => (stored, sent.clone()),
        (None, None) => return false,
    };
    match (stored, sent) {
        (View::Value(stored), View::Value(sent)) => {
            stored == sent || json::of_value(stored) == json::of_value(sent)
        }
        (stored, sent) => stored == sent,
    }
}

/// Checks the member lists of a pool. The lists of a computed pool cannot be changed. `existing` is
/// the ordinal and the record of the pool before the change.
fn settle_pool(
    editing: &mut Editing<'_, '_>,
    existing: Option<(u64, &Pool)>,
    patch: &Pool,
    after: &mut Pool,
    remarks: &mut Remarks,
) -> Result<(), StoreError> {
    let before = existing.map(|(_, record)| record);
    match after.membership() {
        Membership::Manual => {
            // A pool that was computed before keeps its current members.
            if let Some((ordinal, before)) = existing
                && matches!(before.membership(), Membership::Computed { .. })
            {
                if patch.devices == Field::Absent {
                    after.devices = list(editing.members(ordinal, Side::Device)?);
                }
                if patch.links == Field::Absent {
                    after.links = list(editing.members(ordinal, Side::Link)?);
                }
            }
        }
        Membership::Computed { .. } => keep_lists(before, patch, after, remarks),
        Membership::Invalid(error) => {
            keep_lists(before, patch, after, remarks);
            // Invalid criteria from a project are accepted until they change.
            let criteria =
                |pool: &Pool| (pool.custom.clone(), pool.manually_defined.get().copied());
            if before.is_none_or(|before| criteria(before) != criteria(after)) {
                remarks.faults.push(Fault::new(None, "criterion", error.to_string()));
            }
        }
    }
    Ok(())
}

fn list<E: crate::model::Referable>(names: Vec<String>) -> Field<Vec<Ref<E>>> {
    Field::Set(names.into_iter().map(Ref::new).collect())
}

/// Keeps the stored lists of a pool and ignores the lists of the patch, because its members are
/// computed.
fn keep_lists(before: Option<&Pool>, patch: &Pool, after: &mut Pool, remarks: &mut Remarks) {
    if patch.devices.get().is_some_and(|names| !names.is_empty()) {
        remarks.warnings.push(Warning::ComputedMembers { property: "devices" });
    }
    if patch.links.get().is_some_and(|names| !names.is_empty()) {
        remarks.warnings.push(Warning::ComputedMembers { property: "links" });
    }
    after.devices = before.map_or(Field::Absent, |before| before.devices.clone());
    after.links = before.map_or(Field::Absent, |before| before.links.clone());
}

/// Sets the author and the time of the change (`last_modified_by`, `last_modified`, `creator`), if
/// the kind has these properties.
fn stamp(record: &mut dyn Record, context: &ChangeContext<'_>, created: bool) {
    let principal = &context.origin.principal;
    stamp_modified(record, &context.timestamp, principal);
    if created {
        set_text(record, "creator", principal);
    }
}

/// Sets the author and the time of a change, if the kind has these properties.
pub(in crate::inventory) fn stamp_modified(
    record: &mut dyn Record,
    timestamp: &str,
    principal: &str,
) {
    let [modified, modified_by] = STAMPS;
    set_text(record, modified, timestamp);
    set_text(record, modified_by, principal);
}

/// Sets a typed text property, if the kind has it.
fn set_text(record: &mut dyn Record, name: &str, value: &str) {
    if record.kind().property(name).is_some() {
        // A text property accepts every text.
        let _ = record.set(name, Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Map;

    fn shown(property_name: &str, stored: Option<View<'_>>, sent: View<'_>) -> bool {
        is_shown_as(stored, Kind::Device.property(property_name), &sent)
    }

    #[test]
    fn sending_back_shown_values_changes_nothing() {
        assert!(shown("port", None, View::Int(22)), "the default");
        assert!(!shown("port", None, View::Int(23)));
        assert!(!shown("port", Some(View::Int(23)), View::Int(22)), "back to the default");
        assert!(!shown("port", None, View::Null));
        assert!(shown("owners", None, View::Texts(Vec::new())));
        assert!(!shown("owners", None, View::Texts(vec!["admin"])));
        assert!(!shown("mine", None, View::Value(&Value::Null)), "a custom property is new");
        let source = Kind::Link.property("source");
        for held in [None, Some(View::Null), Some(View::Text(""))] {
            assert!(is_shown_as(held.clone(), source, &View::Null), "no record: {held:?}");
            assert!(is_shown_as(held, source, &View::Text("")));
        }
        assert!(!is_shown_as(Some(View::Text("R 1%")), source, &View::Null));
        let tuple = Value::Tuple(vec![Value::Timestamp("2026-11-23".to_owned())]);
        let list = Value::List(vec!["2026-11-23".into()]);
        assert!(shown("mine", Some(View::Value(&tuple)), View::Value(&list)));
        assert!(!shown("mine", Some(View::Value(&tuple)), View::Value(&Value::Map(Map::new()))));
    }
}
