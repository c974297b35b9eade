//! References of a changed record to records that do not exist.

use std::collections::{BTreeMap, HashSet};

use super::{Fault, edit::Editing};
use crate::{
    model::{Name, Record, Target, View},
    store::StoreError,
};

/// References of one relation whose targets do not exist.
#[derive(Clone, Debug)]
pub(in crate::inventory) struct MissingReferences {
    pub relation: &'static str,
    pub target: Target,
    pub names: Vec<String>,
}

/// Returns the references of a record without a target, except for references to itself. References
/// that the record had before the change have targets.
pub(super) fn missing_references(
    editing: &Editing<'_, '_>,
    before: Option<&dyn Record>,
    after: &dyn Record,
    new_name: Option<&Name>,
) -> Result<Vec<MissingReferences>, StoreError> {
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
    let mut new_references = Vec::new();
    after.references(&mut |reference| {
        if known.get(reference.relation).is_some_and(|known| !known.contains(reference.name)) {
            new_references.push(reference);
        }
    });
    let mut missing: Vec<MissingReferences> = Vec::new();
    for reference in new_references {
        let own = [Some(after.name()), new_name]
            .into_iter()
            .flatten()
            .any(|own| **own == *reference.name);
        if own && reference.target.kinds().contains(&after.kind()) {
            continue;
        }
        if editing.target_exists(reference.target, reference.name)? {
            continue;
        }
        let name = reference.name.to_owned();
        match missing.last_mut().filter(|last| last.relation == reference.relation) {
            Some(last) => last.names.push(name),
            None => missing.push(MissingReferences {
                relation: reference.relation,
                target: reference.target,
                names: vec![name],
            }),
        }
    }
    Ok(missing)
}

impl Editing<'_, '_> {
    /// Returns whether the target of a reference exists, and the principal can read it.
    pub(crate) fn target_exists(&self, target: Target, name: &str) -> Result<bool, StoreError> {
        for kind in target.kinds() {
            if self.can_read_name(*kind, name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl MissingReferences {
    /// The fault that reports these references.
    pub(super) fn fault(&self) -> Fault {
        let MissingReferences { relation, target, names } = self;
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let quoted = quoted.join(", ");
        let detail = match names.len() {
            1 => format!("the {target} {quoted} in '{relation}' does not exist"),
            _ => format!("'{relation}' refers to {target} names that do not exist: {quoted}"),
        };
        Fault::new(Some(relation), "missing", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_name_is_reported() {
        let missing = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            MissingReferences { relation: "nodes", target: Target::Node, names }.fault()
        };
        let one = missing(&["R 1%"]);
        assert_eq!(one.property.as_deref(), Some("nodes"));
        assert_eq!(one.detail, "the device or network 'R 1%' in 'nodes' does not exist");
        let detail = missing(&["..", "é>b"]).detail;
        assert!(detail.contains("'..', 'é>b'"), "{detail}");
    }
}
