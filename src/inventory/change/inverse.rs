//! Relations that an object sets from their other side, such as the groups of a user or the pools of
//! a device. The relation is stored in the other records, which change together with this one.
//!
//! The sent list replaces the present one, as eNMS does it: records that it lacks lose their
//! reference to this record, and records that it adds get one.

use std::collections::{HashMap, HashSet};

use super::{
    Atomicity, Fault,
    edit::{Editing, RECORDS_MAX},
    missing::MissingReferences,
    object::ObjectPatch,
    sent_relation::SentRelation,
    warning::Warning,
};
use crate::{
    model::{
        AnyRecord, Arity, Holder, InverseRelation, InverseRelations, Kind, Membership, Pool,
        Record, Target, Value, View, arity,
    },
    store::{Referrer, StoreError, Stored},
};

/// A change of one other record: the reference to this record is added to its relation, or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::inventory) struct InverseEdit {
    /// The name under which the object sets the relation.
    pub word: &'static str,
    pub holder: Holder,
    /// The name of the other record.
    pub name: String,
    pub action: InverseAction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inventory) enum InverseAction {
    Add,
    Remove,
}

/// The changes of other records, and what is reported about them.
#[derive(Default)]
pub(super) struct InversePlan {
    pub edits: Vec<InverseEdit>,
    pub faults: Vec<Fault>,
    pub warnings: Vec<Warning>,
}

/// The referrers of a record that it shows in its own lists, by property: a gateway shows as
/// `devices` those that it lists, and those that have it as a gateway.
pub(super) type InverseReferences = HashMap<&'static str, HashSet<String>>;

/// The referrers that a record shows in its own lists, for the properties of the patch.
pub(super) fn inverse_references(patch: &ObjectPatch, referrers: &[Referrer]) -> InverseReferences {
    let relations = InverseRelations::of(patch.record.kind()).relations.iter();
    let both = relations.filter(|relation| relation.own.is_some() && patch.has(&relation.name));
    both.map(|relation| {
        let names = holding(relation, referrers).map(|referrer| referrer.name.clone());
        (relation.name.as_str(), names.collect())
    })
    .collect()
}

/// The referrers under a relation.
fn holding<'r>(
    relation: &'r InverseRelation,
    referrers: &'r [Referrer],
) -> impl Iterator<Item = &'r Referrer> {
    referrers.iter().filter(|referrer| {
        relation
            .holders
            .iter()
            .any(|holder| holder.kind == referrer.kind && holder.property == referrer.relation)
    })
}

/// Plans the changes of other records. `referrers` are the present ones of the record.
pub(super) fn plan_inverse(
    editing: &mut Editing<'_, '_>,
    patch: &ObjectPatch,
    before: Option<&Stored<AnyRecord>>,
    referrers: &[Referrer],
    atomicity: Atomicity,
) -> Result<InversePlan, StoreError> {
    let mut plan = InversePlan::default();
    let mut changes = Vec::with_capacity(patch.relations.len());
    for sent in &patch.relations {
        let edits = plan_relation(editing, patch, sent, before, referrers, atomicity, &mut plan)?;
        changes.push((sent, edits.len()));
        plan.merge(sent, edits);
    }
    plan.warn_of_two_names(&changes);
    plan.remove_unlisted(patch, referrers);
    plan.faults.extend(editing.check_inverse(&plan.edits)?);
    if plan.edits.len() > RECORDS_MAX {
        let detail = format!(
            "the relations of the object change more than {RECORDS_MAX} other records. Use an import"
        );
        plan.faults.push(Fault::new(None, "too-many-references", detail));
    }
    Ok(plan)
}

/// Plans the changes for one relation.
fn plan_relation(
    editing: &mut Editing<'_, '_>,
    patch: &ObjectPatch,
    sent: &SentRelation,
    before: Option<&Stored<AnyRecord>>,
    referrers: &[Referrer],
    atomicity: Atomicity,
    plan: &mut InversePlan,
) -> Result<Vec<InverseEdit>, StoreError> {
    let (relation, word) = (sent.relation, sent.word());
    let present: HashSet<&str> =
        holding(relation, referrers).map(|one| one.name.as_str()).collect();
    let wanted: HashSet<&str> = sent.names.iter().map(String::as_str).collect();
    let added = sent.names.iter().filter(|name| !present.contains(name.as_str()));
    let is_pool = relation.holder_kind() == Kind::Pool;
    let computed = match before {
        Some(before) if is_pool => computed_pools(editing, &*before.record)?,
        Some(_) | None => HashSet::new(),
    };
    if computed.iter().any(|name| !wanted.contains(name.as_str())) {
        plan.warnings.push(Warning::ComputedMembers { property: word });
    }
    let mut edits = Vec::new();
    let mut missing = Vec::new();
    for name in added.filter(|name| !computed.contains(*name)) {
        let [holder] = relation.holders[..] else {
            plan.warnings.push(Warning::EndsOfLinks { property: word });
            return Ok(Vec::new());
        };
        let is_own = holder.kind == patch.record.kind()
            && [Some(patch.record.name()), patch.new_name.as_ref()]
                .into_iter()
                .flatten()
                .any(|own| own.as_str() == name);
        if !is_own && !editing.can_read_name(holder.kind, name)? {
            missing.push(name.clone());
            // A later object of the same change can create it. A record that the principal cannot read
            // gets a fault from `check_inverse`.
            if atomicity == Atomicity::Each {
                continue;
            }
        }
        if is_pool && !is_manual(editing, name)? {
            plan.warnings.push(Warning::ComputedMembers { property: word });
            continue;
        }
        let name = name.clone();
        edits.push(InverseEdit { word, holder, name, action: InverseAction::Add });
    }
    if atomicity == Atomicity::Each && !missing.is_empty() {
        let target = Target::Kind(relation.holder_kind());
        plan.faults.push(MissingReferences { relation: word, target, names: missing }.fault());
    }
    edits.extend(removals(relation, &wanted, referrers));
    Ok(edits)
}

/// The computed pools that contain a record, and that the principal can read.
fn computed_pools(
    editing: &mut Editing<'_, '_>,
    record: &dyn Record,
) -> Result<HashSet<String>, StoreError> {
    let pools = editing.pools()?;
    let mut names = HashSet::new();
    for pool in pools.admitting(record) {
        if editing.can_read_name(Kind::Pool, &pool.name)? {
            names.insert(pool.name.clone());
        }
    }
    Ok(names)
}

/// Returns whether the members of a pool are listed one by one. True for a pool that does not exist
/// yet.
fn is_manual(editing: &Editing<'_, '_>, name: &str) -> Result<bool, StoreError> {
    let stored = editing.transaction.get_any(Kind::Pool, name)?;
    let pool = stored.as_ref().and_then(|stored| stored.record.of_kind::<Pool>());
    Ok(pool.is_none_or(|pool| matches!(pool.membership(), Membership::Manual)))
}

/// The removal of the references of records that are not wanted.
fn removals<'r>(
    relation: &'static InverseRelation,
    wanted: &'r HashSet<&'r str>,
    referrers: &'r [Referrer],
) -> impl Iterator<Item = InverseEdit> + 'r {
    let unwanted =
        holding(relation, referrers).filter(|referrer| !wanted.contains(referrer.name.as_str()));
    unwanted.filter_map(|referrer| {
        let holder = relation.holders.iter().find(|holder| holder.property == referrer.relation)?;
        Some(InverseEdit {
            word: relation.name.as_str(),
            holder: *holder,
            name: referrer.name.clone(),
            action: InverseAction::Remove,
        })
    })
}

impl InversePlan {
    /// Adds the changes for one relation. A relation can be sent under two names, ours and eNMS's: a
    /// client that reads both changes one of them, so the list that changes nothing does not count.
    fn merge(&mut self, sent: &SentRelation, edits: Vec<InverseEdit>) {
        let mut accepted = Vec::with_capacity(edits.len());
        for edit in edits {
            if edit.action == InverseAction::Remove && is_single(edit.holder) {
                let InverseEdit { holder, name, word, .. } = &edit;
                let detail = format!(
                    "'{word}' lacks the {} '{name}', whose '{}' is this record. Change or delete \
                     the {}",
                    holder.kind, holder.property, holder.kind
                );
                self.faults.push(Fault::new(Some(word), "relation-side", detail));
            } else {
                accepted.push(edit);
            }
        }
        let same = |a: &InverseEdit, b: &InverseEdit| {
            (a.holder, &a.name, a.action) == (b.holder, &b.name, b.action)
        };
        let known: Vec<&InverseEdit> =
            self.edits.iter().filter(|edit| sent.relation.holders.contains(&edit.holder)).collect();
        let (Some(first), false) = (known.first(), accepted.is_empty()) else {
            self.edits.extend(accepted);
            return;
        };
        let is_same = known.len() == accepted.len()
            && accepted.iter().all(|edit| known.iter().any(|other| same(edit, other)));
        if !is_same {
            let detail = format!("'{}' and '{}' mean the same and differ", first.word, sent.word());
            self.faults.push(Fault::new(Some(sent.word()), "contradiction", detail));
        }
    }

    /// Warns of relations that were sent under two names, of which only one changes the relation.
    /// `changes` are the sent relations with the numbers of their edits.
    fn warn_of_two_names(&mut self, changes: &[(&SentRelation, usize)]) {
        for (at, (first, first_edits)) in changes.iter().enumerate() {
            for (second, second_edits) in &changes[at + 1..] {
                let (ignored, used) = match (first_edits, second_edits) {
                    (0, 1..) => (first, second),
                    (1.., 0) => (second, first),
                    _ => continue,
                };
                if first.relation.holders == second.relation.holders {
                    let (ignored, used) = (ignored.word(), used.word());
                    self.warnings.push(Warning::TwoNames { ignored, used });
                }
            }
        }
    }

    /// Adds the removals for the record's own lists: of records that show there because they refer to
    /// it, and that the sent list lacks.
    fn remove_unlisted(&mut self, patch: &ObjectPatch, referrers: &[Referrer]) {
        for relation in &InverseRelations::of(patch.record.kind()).relations {
            if relation.own.is_none() {
                continue;
            }
            let wanted = match patch.record.view(&relation.name) {
                Some(View::Texts(names)) => names.into_iter().collect(),
                Some(View::Null) => HashSet::new(),
                None if patch.has(&relation.name) => HashSet::new(),
                Some(_) | None => continue,
            };
            self.edits.extend(removals(relation, &wanted, referrers));
        }
    }
}

/// Returns whether a relation refers to one record.
fn is_single(holder: Holder) -> bool {
    arity(holder.kind, holder.property) == Some(Arity::One)
}

impl Editing<'_, '_> {
    /// Makes one change of another record, which refers to the record `to` afterwards, or no longer.
    /// Returns false if the other record does not exist.
    pub(super) fn apply_inverse(
        &mut self,
        edit: &InverseEdit,
        to: &str,
    ) -> Result<bool, StoreError> {
        let Holder { kind, property, .. } = edit.holder;
        let Some(before) = self.transaction.get_any(kind, &edit.name)? else { return Ok(false) };
        let mut after = before.record.clone();
        match edit.action {
            InverseAction::Remove => {
                after.remove_reference(property, to);
            }
            InverseAction::Add => {
                let listed = match after.view(property) {
                    Some(View::Texts(names)) => names.into_iter().map(Value::from).collect(),
                    Some(_) | None => Vec::new(),
                };
                let name = Value::from(to);
                let value = if is_single(edit.holder) {
                    name
                } else if listed.contains(&name) {
                    return Ok(true);
                } else {
                    Value::List(listed.into_iter().chain([name]).collect())
                };
                after.set(property, value).map_err(|refused| {
                    let detail = format!("the {kind} '{}': {}", edit.name, refused.rule);
                    StoreError::Damaged { part: "transaction", detail }
                })?;
            }
        }
        self.write(Some(&before), after)?;
        Ok(true)
    }
}

impl InverseEdit {
    /// The fault of a change of a record that does not exist.
    pub(super) fn missing(&self) -> Fault {
        let target = Target::Kind(self.holder.kind);
        MissingReferences { relation: self.word, target, names: vec![self.name.clone()] }.fault()
    }
}
