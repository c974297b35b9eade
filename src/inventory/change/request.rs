//! The requests and reports of changes.

use crate::{
    import::Mode,
    inventory::Criterion,
    model::{Kind, Map},
    store::Origin,
};

/// The options of a change of instances.
#[derive(Clone, Debug)]
pub struct ChangeRequest {
    /// The user who makes the change, and the request.
    pub origin: Origin,
    /// Whether the objects are one change together.
    pub atomicity: Atomicity,
    /// The version that the instance must still have. It is used for a single object only.
    pub expected_version: ExpectedVersion,
    /// The exact type of the instances, such as `router`, if the caller names one. New instances get
    /// it, and instances of another type are refused.
    pub exact_type: Option<String>,
}

/// Tells whether the objects of a request are one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// All objects are one transaction: if one is refused, nothing changes.
    All,
    /// Each object succeeds or fails alone.
    Each,
}

/// The precondition of a change: the version of the instance, by the headers of RFC 9110,
/// section 13.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// No precondition.
    Any,
    /// The instance has one of these versions (`If-Match: "a", "b"`).
    OneOf(Vec<u64>),
    /// The instance exists (`If-Match: *`).
    Exists,
    /// The instance does not exist (`If-None-Match: *`).
    Absent,
}

impl ExpectedVersion {
    /// Returns whether the precondition holds for an instance of this version; `None` if it does
    /// not exist.
    pub(super) fn holds(&self, version: Option<u64>) -> bool {
        match self {
            ExpectedVersion::Any => true,
            ExpectedVersion::OneOf(versions) => {
                version.is_some_and(|version| versions.contains(&version))
            }
            ExpectedVersion::Exists => version.is_some(),
            ExpectedVersion::Absent => version.is_none(),
        }
    }
}

/// The result of a change of instances.
#[derive(Debug)]
pub struct ChangeReport {
    /// The outcome of each object, in the order of the request.
    pub outcomes: Vec<ObjectOutcome>,
    /// Sentences for the caller, for example about unknown properties that were stored and the
    /// known properties that they resemble.
    pub warnings: Vec<String>,
}

/// The outcome of one object.
#[derive(Debug)]
pub struct ObjectOutcome {
    /// The object as it was sent, without its secrets.
    pub object: Map,
    /// The written record, or all reasons why the object was refused.
    pub result: Result<Changed, Vec<Fault>>,
}

/// The result of an accepted object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The name of the record after the change.
    pub name: String,
    /// The number of the change that last wrote the record, for its ETag.
    pub version: u64,
    /// Whether the record was created, updated or left unchanged.
    pub effect: Effect,
}

/// The outcome of a change for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The record did not exist before.
    Created,
    /// The record existed, and at least one property has another value now.
    Updated,
    /// The record existed with the same values. It keeps its version.
    Unchanged,
}

/// A reason to refuse an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The faulty property. `None` if the fault does not concern a single property.
    pub property: Option<String>,
    /// A short identifier for scripts.
    pub code: &'static str,
    /// A sentence for a person.
    pub detail: String,
}

/// The result of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteReport {
    /// The deleted records: first the requested one, then those that depend on it, such as a
    /// device's links.
    pub deleted: Vec<(Kind, String)>,
    /// The records that remain and whose lists lost a reference to a deleted record.
    pub dereferenced: Vec<(Kind, String)>,
}

/// A deletion of several instances of one kind.
#[derive(Clone, Debug)]
pub struct DeletionRequest {
    /// The kind of the instances.
    pub kind: Kind,
    /// The exact type of the instances, such as `router`; `None` for every type.
    pub exact_type: Option<String>,
    /// The instances to delete.
    pub instances: Selected,
    /// The user who makes the change, and the request.
    pub origin: Origin,
    /// Whether the instances are deleted, or only reported.
    pub mode: Mode,
}

/// The instances that a request selects.
#[derive(Clone, Debug)]
pub enum Selected {
    /// The instances of these names.
    Named(Vec<String>),
    /// The instances that meet all criteria.
    Matching(Vec<Criterion>),
}

/// The result of a deletion of several instances, or of its dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionReport {
    /// The deleted records: first the requested ones, then those that depend on them, such as the
    /// links of devices.
    pub deleted: Vec<(Kind, String)>,
    /// The records that remain and whose lists lost a reference to a deleted record.
    pub dereferenced: Vec<(Kind, String)>,
    /// The requested names that have no instance.
    pub not_found: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_versions_hold_for_matching_instances_only() {
        let versions = ExpectedVersion::OneOf(vec![3, 5]);
        assert!(versions.holds(Some(5)) && !versions.holds(Some(4)) && !versions.holds(None));
        assert!(ExpectedVersion::Exists.holds(Some(1)) && !ExpectedVersion::Exists.holds(None));
        assert!(ExpectedVersion::Absent.holds(None) && !ExpectedVersion::Absent.holds(Some(1)));
    }
}
