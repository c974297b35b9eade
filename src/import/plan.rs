//! The way in which a planned import is written: not at all, as one change, or as a new generation.

use super::{
    ImportError, ImportOptions, KindReport, Log, OtherTexts, Written,
    apply::{Application, Applied, Destination},
    decide::Steps,
    members::MemberSearch,
    one_change::PlannedChange,
    pairs::Reading,
    resolve::Resolved,
    scope::Scope,
};
use crate::{
    job::Step,
    model::{Kind, PerKind},
    store::{ChangeCounts, LoadRecord, LockedStore, OneChange, Vault},
};

/// The number of incoming records of each kind that are looked up to decide whether an import is
/// probably without changes. A comparison of all records follows only then, so that it does not
/// delay other imports.
const PROBED_RECORDS: usize = 100;

/// A planned import without a reason to refuse it.
pub(super) struct Plan<'a> {
    pub scope: &'a Scope<'a>,
    pub resolved: &'a Resolved,
    pub options: &'a ImportOptions<'a>,
    /// True if the import is written as one change, unless it does not fit into a transaction.
    pub is_small: bool,
    pub log: &'a Log,
    /// Decrypts the passwords of changed users.
    pub vault: &'a Vault,
}

impl Plan<'_> {
    /// Applies the import. Calls `before_writing` before the first write. An import without changes writes
    /// nothing.
    ///
    /// # Errors
    /// The errors of the steps and of `before_writing`, and [`ImportError::Store`] if the store cannot be
    /// written.
    pub(super) fn apply<E: From<ImportError>>(
        &self,
        members: MemberSearch,
        write_lock: LockedStore<'_>,
        before_writing: impl FnOnce() -> Result<(), E>,
    ) -> Result<(Applied, Written), E> {
        if self.is_small {
            return self.apply_small(members, write_lock, before_writing);
        }
        if self.scope.decoded.texts.is_some() || !self.begins_without_change()? {
            before_writing()?;
            return Ok(self.apply_as_generation(members, write_lock)?);
        }
        let mut compared = self.run(members, Reading::Walk, Destination::Comparison)?;
        if compared.has_changes {
            before_writing()?;
            return Ok(self.apply_as_generation(self.members()?, write_lock)?);
        }
        compared.warn(self.scope, self.log)?;
        Ok((compared, Written::Nothing))
    }

    /// Applies a small import as one change, or as a new generation if it does not fit into a
    /// transaction.
    fn apply_small<E: From<ImportError>>(
        &self,
        members: MemberSearch,
        write_lock: LockedStore<'_>,
        before_writing: impl FnOnce() -> Result<(), E>,
    ) -> Result<(Applied, Written), E> {
        let planned = PlannedChange::default();
        let mut applied = self.run(members, Reading::Lookup, Destination::Change(&planned))?;
        let texts = self.scope.decoded.texts.as_deref();
        let written = if applied.has_changes || texts.is_some() {
            before_writing()?;
            let progress = self.log.progress();
            progress.step(Step::MakingDurable, None).map_err(ImportError::from)?;
            match write_lock.change(self.options.origin, progress, |transaction| {
                planned.write(transaction, texts)
            })? {
                OneChange::Done(()) => Written::OneChange,
                OneChange::TooLarge(write_lock) => {
                    self.log.restart_administrators()?;
                    return Ok(self.apply_as_generation(self.members()?, write_lock)?);
                }
            }
        } else {
            Written::Nothing
        };
        applied.warn(self.scope, self.log)?;
        Ok((applied, written))
    }

    fn apply_as_generation(
        &self,
        members: MemberSearch,
        write_lock: LockedStore<'_>,
    ) -> Result<(Applied, Written), ImportError> {
        let mut load = write_lock.load()?;
        let mut applied = self.run(members, Reading::Walk, Destination::Generation(&load))?;
        applied.warn(self.scope, self.log)?;
        if let Some(texts) = &self.scope.decoded.texts {
            if texts.others() == OtherTexts::Removed {
                load.remove_other_texts();
            }
            texts.each(&mut |device, property, text| {
                self.log.progress().check()?;
                Ok(load.set_text(device, property, text)?)
            })?;
        }
        let record =
            LoadRecord { origin: self.options.origin.clone(), counts: counts(&applied.types) };
        load.commit(&record, self.log.progress())?;
        Ok((applied, Written::NewGeneration))
    }

    /// Reports what the import would change: a dry run. A small import that does not fit into a
    /// transaction is reported as one change too, because only the transaction finds that out.
    ///
    /// # Errors
    /// The errors of the steps.
    pub(super) fn report(&self, members: MemberSearch) -> Result<(Applied, Written), ImportError> {
        let (reading, written) = if self.is_small {
            (Reading::Lookup, Written::OneChange)
        } else {
            (Reading::Walk, Written::NewGeneration)
        };
        let mut applied = self.run(members, reading, Destination::DryRun)?;
        applied.warn(self.scope, self.log)?;
        let written = if applied.has_changes { written } else { Written::Nothing };
        Ok((applied, written))
    }

    fn members(&self) -> Result<MemberSearch, ImportError> {
        MemberSearch::prepare(self.scope, self.resolved, self.log)
    }

    fn run(
        &self,
        members: MemberSearch,
        reading: Reading,
        destination: Destination<'_>,
    ) -> Result<Applied, ImportError> {
        // Each record is read once: every incoming one, and the existing ones unless they are looked
        // up by the names of the incoming ones.
        let incoming = self.scope.decoded.count;
        let records = match reading {
            Reading::Walk => self.scope.existing_summary.records() + incoming,
            Reading::Lookup => incoming,
        };
        self.log.progress().step(Step::Applying, Some(records))?;
        let (scope, resolved) = (self.scope, self.resolved);
        let application =
            Application::new(scope, resolved, reading, destination, self.log, self.vault);
        application.run(members, self.options.kinds)
    }

    /// Returns whether the first incoming records of each kind equal the existing ones.
    fn begins_without_change(&self) -> Result<bool, ImportError> {
        for kind in Kind::ALL {
            let mut steps = Steps::new(kind, Reading::Lookup, self.scope, self.resolved)?;
            for _ in 0..PROBED_RECORDS {
                match steps.next()? {
                    Some(step) if step.is_change() => return Ok(false),
                    Some(_) => {}
                    None => break,
                }
            }
        }
        Ok(true)
    }
}

/// The numbers of changed records, for the history.
fn counts(types: &[KindReport]) -> PerKind<ChangeCounts> {
    let mut counts = PerKind::<ChangeCounts>::default();
    for report in types {
        let KindReport { created, updated, adjusted, removed, .. } = *report;
        counts[report.kind] = ChangeCounts { created, updated: updated + adjusted, removed };
    }
    counts
}
