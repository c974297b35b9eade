//! Taking back the last bulk change: the generation before it becomes the inventory again.

use super::{
    Pointer, Store, StoreError, Summary, format,
    generation::{Generation, guarded},
    room,
    summary::SUMMARY_KEY,
};

/// What is the inventory, and what was before the last bulk change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// Counts of what is there now.
    pub now: Summary,
    /// Counts of what was there before.
    pub before: Summary,
}

impl Store {
    /// What [`Store::undo`] would go back to. None where there was no bulk change, or a generation
    /// before it is not there any more.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while somebody still reads what was before, or changes what is now.
    pub fn before(&self) -> Result<Option<Before>, StoreError> {
        let _turn = self.turns.take()?;
        let now = self.writable()?.generation.summary();
        let Some((_, earlier)) = self.earlier()? else { return Ok(None) };
        Ok(Some(Before { now: (*now).clone(), before: (*earlier.summary()).clone() }))
    }

    /// Goes back to what was before the last bulk change: an import, or a change so large that it
    /// was written like one. All that was changed since goes with it. What is the inventory now is
    /// kept in its place, so that a second undo takes back the first.
    ///
    /// One atomic step, durable when this returns: killed in the middle of it, the inventory is the
    /// one or the other.
    ///
    /// # Errors
    /// As [`Store::before`] and [`Store::change`]. Nothing was changed then.
    pub fn undo(&self) -> Result<Option<Before>, StoreError> {
        let _turn = self.turns.take()?;
        let current = self.writable()?;
        current.committer.settle()?;
        let Some((pointer, earlier)) = self.earlier()? else { return Ok(None) };
        let now = current.generation.summary();
        let before = earlier.summary();
        // No version is given twice: whoever holds one of what is undone (a validator, a cache) must
        // not take what is written next for it.
        let summary = before.restored(now.version.max(before.version) + 1);
        guarded("going back to the inventory before", || {
            earlier.meta.insert(SUMMARY_KEY, format::encode(&summary))?;
            Ok(())
        })?;
        earlier.note_summary(summary);
        earlier.make_durable()?;
        self.replace(earlier, pointer)?;
        Ok(Some(Before { now: (*now).clone(), before: (*before).clone() }))
    }

    /// The generation before the current one, and the pointer that makes it the current one. The
    /// caller holds the turn.
    fn earlier(&self) -> Result<Option<(Pointer, Generation)>, StoreError> {
        let Some(Pointer { current, previous: Some(number) }) = self.directory.pointer()? else {
            return Ok(None);
        };
        if !self.directory.generation(number).is_dir() {
            return Ok(None);
        }
        // Readers that began before the import may still look at it, and no database can be open
        // twice.
        let earlier = match room::open_generation(&self.directory, number, self.options) {
            Err(error) if error.is_locked() => return Err(StoreError::Busy),
            opened => opened?,
        };
        Ok(Some((Pointer { current: number, previous: Some(current) }, earlier)))
    }
}
