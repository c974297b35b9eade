//! What an object comes to: held against the inventory as the change has left it so far, and found
//! good or faulty before anything is written.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Atomicity, ExpectedVersion, Fault,
    edit::{Editing, RECORDS_MAX},
    object::{ObjectPatch, STAMPS},
    warning::Warning,
};
use crate::{
    codec::json,
    inventory::{InventoryError, long_text::LongText},
    model::{
        AnyRecord, Field, InverseRelations, Kind, Membership, Name, Pool, Property, PropertyType,
        Record, Ref, Refused, Secrets, Side, Target, Value, View,
    },
    store::{StoreError, Stored},
};

/// Who asks, when, and how.
pub(in crate::inventory) struct ChangeContext<'a> {
    pub principal: &'a str,
    /// As eNMS stamps its records.
    pub timestamp: String,
    pub atomicity: Atomicity,
    pub expected_version: &'a ExpectedVersion,
}

/// What is to be written for one object.
pub(in crate::inventory) struct Planned {
    pub before: Option<Stored<AnyRecord>>,
    /// The record, where it changes; under its new name.
    pub after: Option<AnyRecord>,
    /// The long texts that change.
    pub texts: Vec<(LongText, Option<String>)>,
    pub warnings: Vec<Warning>,
    /// Where all objects are one change: what is not there yet.
    pub missing: Vec<Missing>,
    /// Where all objects are one change: whether an administrator is lost by this one.
    pub takes_administrator: bool,
}

/// What a relation names and is not there.
#[derive(Clone, Debug)]
pub(in crate::inventory) struct Missing {
    pub relation: &'static str,
    pub target: Target,
    pub names: Vec<String>,
}

/// Holds an object against the inventory. Writes nothing.
///
/// # Errors
/// [`InventoryError::Stale`], and what the store says; the faults of the object are in the answer.
pub(in crate::inventory) fn plan(
    editing: &mut Editing<'_, '_>,
    said: &ObjectPatch,
    context: &ChangeContext<'_>,
) -> Result<Result<Planned, Vec<Fault>>, InventoryError> {
    let (kind, name) = (said.record.kind(), said.record.name());
    let before = editing.transaction.get_any(kind, name)?;
    if !context.expected_version.holds(before.as_ref().map(|before| before.version)) {
        return Err(InventoryError::Stale { kind, name: name.to_string() });
    }
    let mut faults = Vec::new();
    let to = said.new_name.as_ref().filter(|to| *to != name);
    check_names(editing, kind, name, to, before.is_some(), &mut faults)?;

    let mut warnings = said.warnings.clone();
    let mut after = match &before {
        Some(before) => {
            let others = shown_for_others(editing, said)?;
            for (property, names) in &others {
                let said: HashSet<&str> = match said.record.view(property) {
                    Some(View::Texts(said)) => said.into_iter().collect(),
                    Some(_) | None => HashSet::new(),
                };
                if names.iter().any(|name| !said.contains(name.as_str())) {
                    warnings.push(Warning::Held { property });
                }
            }
            merge(&*before.record, said, &others, &mut faults)
        }
        None => said.record.clone(),
    };
    let custom = before.as_ref().map(|before| before.record.custom());
    // What the site has already was warned of when it came.
    let new =
        said.near.iter().filter(|(word, _)| custom.is_none_or(|held| !held.contains_key(word)));
    warnings.extend(
        new.map(|(property, nearest)| Warning::Near { property: property.clone(), nearest }),
    );
    if let (Some(after), Some(said)) = (after.of_kind_mut(), said.record.of_kind()) {
        let held = match &before {
            Some(before) => before.record.of_kind().map(|record| (before.ordinal, record)),
            None => None,
        };
        plan_pool(editing, held, said, after, &mut faults, &mut warnings)?;
    }
    // Sealed as it is stored: the same secret is the same bytes.
    editing.inventory.store.vault().seal(&mut *after);

    let missing = missing(editing, before.as_ref().map(|before| &*before.record), &*after, to)?;
    let takes_administrator = match &before {
        Some(before) => editing.takes_administrator(&*before.record, Some(&*after))?,
        None => false,
    };
    match context.atomicity {
        Atomicity::All => {}
        Atomicity::Each => {
            faults.extend(missing.iter().map(Missing::fault));
            if takes_administrator && !editing.has_administrator(Some(name))? {
                let reason = InventoryError::NoAdministrator.to_string();
                faults.push(Fault::new(None, "no-administrator", reason));
            }
        }
    }
    if !faults.is_empty() {
        return Ok(Err(faults));
    }

    let mut texts = Vec::new();
    for (text, content) in &said.texts {
        if editing.text_differs(name, *text, content.as_deref())? {
            texts.push((*text, content.clone()));
        }
    }
    let same = before.as_ref().is_some_and(|before| before.record == after) && to.is_none();
    let after = if same {
        None
    } else {
        stamp(&mut *after, context, before.is_none());
        if let Some(to) = to {
            after.set_name(to.clone());
        }
        Some(after)
    };
    Ok(Ok(Planned { before, after, texts, warnings, missing, takes_administrator }))
}

/// Whether the names are free that a record is to have.
fn check_names(
    editing: &Editing<'_, '_>,
    kind: Kind,
    name: &Name,
    to: Option<&Name>,
    is_there: bool,
    faults: &mut Vec<Fault>,
) -> Result<(), StoreError> {
    // Devices and networks share their names.
    let nodes = Target::Node.kinds();
    let others = nodes.iter().filter(|other| nodes.contains(&kind) && **other != kind);
    let taken = |kind: Kind, name: &Name| {
        format!("the name '{name}' is taken: there is a {kind} that has it")
    };
    let (property, wanted) = match to {
        Some(to) => ("new_name", to),
        None => ("name", name),
    };
    if let Some(to) = to {
        if !is_there {
            let detail = format!("there is no {kind} '{name}' to be renamed");
            faults.push(Fault::new(Some(property), "not-found", detail));
        }
        if editing.transaction.contains(kind, to)? {
            faults.push(Fault::new(Some(property), "name-taken", taken(kind, to)));
        }
        if editing.referrers(kind, name)?.len() > RECORDS_MAX {
            let detail = format!(
                "more than {RECORDS_MAX} references name the {kind} '{name}', which are too many to \
                 follow in one change"
            );
            faults.push(Fault::new(Some(property), "too-many-references", detail));
        }
    }
    if to.is_some() || !is_there {
        for other in others {
            if editing.transaction.contains(*other, wanted)? {
                faults.push(Fault::new(Some(property), "name-taken", taken(*other, wanted)));
            }
        }
    }
    Ok(())
}

/// The names that a record shows in lists of its own because others name it there: a gateway shows
/// as `devices` those that it lists and those whose `gateways` it is. By property, for those that
/// the object says.
fn shown_for_others(
    editing: &Editing<'_, '_>,
    said: &ObjectPatch,
) -> Result<HashMap<&'static str, HashSet<String>>, StoreError> {
    let mut shown = HashMap::new();
    let kind = said.record.kind();
    let relations = InverseRelations::of(kind).relations.iter();
    let both: Vec<_> = relations
        .filter(|relation| relation.own.is_some() && said.record.view(&relation.name).is_some())
        .collect();
    if both.is_empty() {
        return Ok(shown);
    }
    let referrers = editing.referrers(kind, said.record.name())?;
    for relation in both {
        let names = referrers.iter().filter(|referrer| {
            relation
                .holders
                .iter()
                .any(|holder| holder.kind == referrer.kind && holder.property == referrer.relation)
        });
        shown.insert(relation.name.as_str(), names.map(|one| one.name.clone()).collect());
    }
    Ok(shown)
}

/// The record with what the object says of it. What a client was shown and sends back is no
/// change: neither a default that the record does not say, nor a value that JSON has no type for,
/// nor a name that is shown because others name the record.
fn merge(
    before: &dyn Record,
    said: &ObjectPatch,
    others: &HashMap<&'static str, HashSet<String>>,
    faults: &mut Vec<Fault>,
) -> AnyRecord {
    let mut after = before.to_any();
    let held: Vec<&str> = after.secrets().into_iter().map(|(property, _)| property).collect();
    let mut set = |property: &str, value: Value| {
        if let Err(Refused { rule, .. }) = after.set(property, value) {
            faults.push(Fault::broken(Some(property), &rule));
        }
    };
    for (name, view) in said.record.views(Secrets::LeftOut) {
        let known = before.kind().property(name);
        let view = match (others.get(name), view) {
            (Some(others), View::Texts(names)) => {
                View::Texts(own_names(names, before.view(name), others))
            }
            (_, view) => view,
        };
        let same = match known.map(|known| known.type_) {
            Some(PropertyType::Name) => true,
            // Only an empty one is seen: what is not there cannot be removed.
            Some(PropertyType::Secret) => !held.contains(&name),
            Some(_) | None => is_shown_as(before.view(name), known, &view),
        };
        if !same {
            set(name, view.to_value());
        }
    }
    for (name, document) in &said.secrets {
        set(name, Value::from(document.as_str()));
    }
    after
}

/// Of the names that are said, those that the record holds itself or is to hold.
fn own_names<'a>(
    said: Vec<&'a str>,
    held: Option<View<'_>>,
    others: &HashSet<String>,
) -> Vec<&'a str> {
    let held: HashSet<&str> = match held {
        Some(View::Texts(names)) => names.into_iter().collect(),
        Some(_) | None => HashSet::new(),
    };
    said.into_iter().filter(|name| held.contains(name) || !others.contains(*name)).collect()
}

/// Whether a property that holds `held` is shown to clients as what they say.
fn is_shown_as(held: Option<View<'_>>, known: Option<&Property>, said: &View<'_>) -> bool {
    let (held, said) = match (known, held) {
        (Some(known), held) => (known.shown(held), known.shown(Some(said.clone()))),
        (None, Some(held)) => (held, said.clone()),
        (None, None) => return false,
    };
    match (held, said) {
        (View::Value(held), View::Value(said)) => {
            held == said || json::of_value(held) == json::of_value(said)
        }
        (held, said) => held == said,
    }
}

/// What an object means for a pool's members. `held` is the pool's ordinal and its record.
fn plan_pool(
    editing: &mut Editing<'_, '_>,
    held: Option<(u64, &Pool)>,
    said: &Pool,
    after: &mut Pool,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Warning>,
) -> Result<(), StoreError> {
    let before = held.map(|(_, record)| record);
    match after.membership() {
        Membership::Manual => {
            // A pool that was computed keeps the members that it has at this moment.
            if let Some((ordinal, before)) = held
                && matches!(before.membership(), Membership::Computed { .. })
            {
                if said.devices == Field::Absent {
                    after.devices = list(editing.members(ordinal, Side::Device)?);
                }
                if said.links == Field::Absent {
                    after.links = list(editing.members(ordinal, Side::Link)?);
                }
            }
        }
        Membership::Computed { .. } => keep_lists(before, said, after, warnings),
        Membership::Invalid(error) => {
            keep_lists(before, said, after, warnings);
            // One that came with a project is left alone until its criteria are touched.
            let asked = |pool: &Pool| (pool.custom.clone(), pool.manually_defined.get().copied());
            if before.is_none_or(|before| asked(before) != asked(after)) {
                faults.push(Fault::new(None, "criterion", error.to_string()));
            }
        }
    }
    Ok(())
}

fn list<E: crate::model::Referable>(names: Vec<String>) -> Field<Vec<Ref<E>>> {
    Field::Set(names.into_iter().map(Ref::new).collect())
}

/// Leaves a pool's lists as they are, whatever is said of them: its members are worked out.
fn keep_lists(before: Option<&Pool>, said: &Pool, after: &mut Pool, warnings: &mut Vec<Warning>) {
    if said.devices.get().is_some_and(|names| !names.is_empty()) {
        warnings.push(Warning::Members { property: "devices" });
    }
    if said.links.get().is_some_and(|names| !names.is_empty()) {
        warnings.push(Warning::Members { property: "links" });
    }
    after.devices = before.map_or(Field::Absent, |before| before.devices.clone());
    after.links = before.map_or(Field::Absent, |before| before.links.clone());
}

/// Says who changed the record and when, where its kind says that.
fn stamp(record: &mut dyn Record, context: &ChangeContext<'_>, created: bool) {
    let kind = record.kind();
    let [modified, modified_by] = STAMPS;
    let mut set = |name: &str, value: &str| {
        if kind.property(name).is_some() {
            // A text property takes every text.
            let _ = record.set(name, Value::from(value));
        }
    };
    set(modified, &context.timestamp);
    set(modified_by, context.principal);
    if created {
        set("creator", context.principal);
    }
}

/// What the record names that is not there, other than itself. What it named before is there.
fn missing(
    editing: &Editing<'_, '_>,
    before: Option<&dyn Record>,
    after: &dyn Record,
    to: Option<&Name>,
) -> Result<Vec<Missing>, StoreError> {
    let held = |relation: &str| before.and_then(|before| before.view(relation));
    let mut known: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for relation in after.kind().properties() {
        if relation.type_.relation().is_none() {
            continue;
        }
        let names = held(relation.name);
        if names != after.view(relation.name) {
            let names = match names {
                Some(View::Texts(names)) => names.into_iter().collect(),
                Some(View::Text(name)) => HashSet::from([name]),
                Some(_) | None => HashSet::new(),
            };
            known.insert(relation.name, names);
        }
    }
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let mut fresh = Vec::new();
    after.references(&mut |reference| {
        if known.get(reference.relation).is_some_and(|known| !known.contains(reference.name)) {
            fresh.push(reference);
        }
    });
    let mut missing: Vec<Missing> = Vec::new();
    for reference in fresh {
        let own =
            [Some(after.name()), to].into_iter().flatten().any(|own| **own == *reference.name);
        if own && reference.target.kinds().contains(&after.kind()) {
            continue;
        }
        if editing.is_there(reference.target, reference.name)? {
            continue;
        }
        let name = reference.name.to_owned();
        match missing.last_mut().filter(|last| last.relation == reference.relation) {
            Some(last) => last.names.push(name),
            None => missing.push(Missing {
                relation: reference.relation,
                target: reference.target,
                names: vec![name],
            }),
        }
    }
    Ok(missing)
}

impl Editing<'_, '_> {
    /// Whether what a reference names is there.
    pub fn is_there(&self, target: Target, name: &str) -> Result<bool, StoreError> {
        for kind in target.kinds() {
            if self.transaction.contains(*kind, name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Missing {
    /// The fault of naming it.
    pub fn fault(&self) -> Fault {
        let Missing { relation, target, names } = self;
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let quoted = quoted.join(", ");
        let detail = match names.len() {
            1 => format!("the {target} {quoted} that '{relation}' names does not exist"),
            _ => format!("'{relation}' names what is no {target}: {quoted} do not exist"),
        };
        Fault::new(Some(relation), "missing", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Map;

    fn shown(property_name: &str, held: Option<View<'_>>, said: View<'_>) -> bool {
        is_shown_as(held, Kind::Device.property(property_name), &said)
    }

    #[test]
    fn what_was_shown_and_comes_back_is_no_change() {
        assert!(shown("port", None, View::Int(22)), "the default");
        assert!(!shown("port", None, View::Int(23)));
        assert!(!shown("port", Some(View::Int(23)), View::Int(22)), "back to the default");
        assert!(!shown("port", None, View::Null));
        assert!(shown("owners", None, View::Texts(Vec::new())));
        assert!(!shown("owners", None, View::Texts(vec!["admin"])));
        assert!(!shown("mine", None, View::Value(&Value::Null)), "the site's own is new");
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

    #[test]
    fn every_name_that_is_missing_is_said() {
        let missing = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Missing { relation: "nodes", target: Target::Node, names }.fault()
        };
        let one = missing(&["R 1%"]);
        assert_eq!(one.property.as_deref(), Some("nodes"));
        assert_eq!(one.detail, "the device or network 'R 1%' that 'nodes' names does not exist");
        let detail = missing(&["..", "é>b"]).detail;
        assert!(detail.contains("'..', 'é>b'"), "{detail}");
    }
}
