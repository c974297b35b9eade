//! A workbook whose sheets are written, and how it gets into the folder.

use std::time::Instant;

use super::{ExportReport, KINDS, SheetReport, TopologyError, WorkbookName, folder::Folder};
use crate::{
    codec::workbook::WorkbookWriter,
    job::{Progress, Step},
    store::Snapshot,
};

/// A workbook whose sheets are written.
pub(super) struct WrittenWorkbook {
    pub workbook: WorkbookWriter,
    /// The sheets, in their order.
    pub sheets: Vec<SheetReport>,
    pub warnings: Vec<String>,
}

/// The number of records of the kinds that workbooks contain.
pub(super) fn exported_records(snapshot: &Snapshot) -> u64 {
    KINDS.into_iter().map(|kind| snapshot.summary().kind(kind).count).sum()
}

impl WrittenWorkbook {
    /// Packs the workbook into the folder. `begun` is the time at which the export began.
    ///
    /// # Errors
    /// As [`Topology::export`](super::Topology::export). The folder is then unchanged.
    pub(super) fn store(
        self,
        folder: &Folder,
        name: &WorkbookName,
        progress: &Progress,
        begun: Instant,
    ) -> Result<ExportReport, TopologyError> {
        let Self { workbook, sheets, mut warnings } = self;
        progress.step(Step::Packing, None)?;
        let mut temporary = folder.create(name)?;
        workbook.finish(&mut temporary.file)?;
        let bytes = temporary.file.metadata().map_err(TopologyError::of_io)?.len();
        progress.close()?;
        folder.persist(temporary, name)?;
        warnings.sort_unstable();
        Ok(ExportReport {
            workbook: name.to_string(),
            format: name.format().extension(),
            sheets,
            bytes,
            warnings,
            milliseconds: begun.elapsed().as_millis() as u64,
        })
    }
}
