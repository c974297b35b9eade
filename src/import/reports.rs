//! Complete reports of imports, with every entry of every list, kept as files.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};

use super::{
    ImportError, ImportReport,
    listing::LocatedEntry,
    location::DocumentLocation,
    log::Log,
    problem::{AdministratorChange, Change, ChangedRecord, Conversion, DanglingReference, Problem},
};
use crate::disk::{fill_random, open_without_following, sync_directory};

/// The number of reports that are kept. The oldest is removed first.
const REPORTS_KEPT: usize = 100;

/// The file name extension of a report.
const REPORT_EXTENSION: &str = "json";

/// The file name extension of a file attached to a report.
const ATTACHED_EXTENSION: &str = "attached";

/// The size of all attached files that are kept, in bytes. The oldest is removed first, before
/// its report.
const ATTACHED_BYTES_MAX: u64 = 1 << 30;

/// The folder of reports.
pub struct Reports {
    folder: PathBuf,
}

/// The full report of an import, with every entry of every list.
#[derive(JsonSchema)]
#[schemars(rename = "{S}FullReport")]
pub struct FullReport<'a, S> {
    /// The report as the import returned it, without its links.
    pub report: ImportReport<S>,
    /// Problems.
    pub problems: FullList<'a, Problem, DocumentLocation>,
    /// References in lists of imported records that have no target. They were removed.
    pub dangling: FullList<'a, DanglingReference, DocumentLocation>,
    /// References to removed records, which were removed from the lists of other records.
    pub struck: FullList<'a, DanglingReference, DocumentLocation>,
    /// Values that were converted to the type of their property, without a change of meaning.
    pub converted: FullList<'a, Conversion, DocumentLocation>,
    /// Changes of administrators.
    pub administrators: FullList<'a, AdministratorChange, DocumentLocation>,
    /// The changes that a dry run found.
    pub changes: FullList<'a, Change, ChangedRecord>,
}

/// Every entry of a list, each with its location.
type FullList<'a, T, L> = Vec<LocatedEntry<'a, T, L>>;

impl Reports {
    /// The reports in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a complete report, and returns its name.
    ///
    /// # Errors
    /// [`ImportError::Report`] if the file cannot be written, [`ImportError::Random`] if there are
    /// no random numbers for its name.
    pub fn write<S: Serialize>(
        &self,
        report: &ImportReport<S>,
        log: &Log,
    ) -> Result<String, ImportError> {
        let id = new_id()?;
        self.write_file(&id, report, log).map_err(ImportError::Report)?;
        Ok(id)
    }

    fn write_file<S: Serialize>(
        &self,
        id: &str,
        report: &ImportReport<S>,
        log: &Log,
    ) -> io::Result<()> {
        // The next start removes what a killed process leaves in this folder.
        let temporary = log.scratch().join(format!("{id}.json"));
        let mut out = BufWriter::new(File::create(&temporary)?);
        out.write_all(b"{\"report\":")?;
        serde_json::to_writer(&mut out, report).map_err(io::Error::from)?;
        let mut lists = log.lists();
        let lists = &mut *lists;
        write_list(&mut out, "problems", |out| lists.problems.write_all(out))?;
        write_list(&mut out, "dangling", |out| lists.dangling.write_all(out))?;
        write_list(&mut out, "struck", |out| lists.removed_references.write_all(out))?;
        write_list(&mut out, "converted", |out| lists.converted.write_all(out))?;
        write_list(&mut out, "administrators", |out| lists.administrators.write_all(out))?;
        write_list(&mut out, "changes", |out| lists.changes.write_all(out))?;
        out.write_all(b"}\n")?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&temporary, self.path(id, REPORT_EXTENSION))?;
        sync_directory(&self.folder)?;
        self.remove_old()
    }

    /// Attaches a file to a report, and keeps it as long as the report and the limit on the size
    /// allow. The file is moved from `path`, which must be on the same file system.
    ///
    /// # Errors
    /// [`ImportError::Report`] if the file cannot be moved.
    pub fn attach(&self, id: &str, path: &Path) -> Result<(), ImportError> {
        self.move_attached(id, path).map_err(ImportError::Report)
    }

    fn move_attached(&self, id: &str, path: &Path) -> io::Result<()> {
        fs::rename(path, self.path(id, ATTACHED_EXTENSION))?;
        sync_directory(&self.folder)?;
        self.remove_old()
    }

    /// Opens a report.
    ///
    /// # Errors
    /// [`ImportError::NoReport`] if there is none of this name, [`ImportError::Report`] if it
    /// cannot be opened.
    pub fn open(&self, id: &str) -> Result<File, ImportError> {
        self.open_file(id, REPORT_EXTENSION)
    }

    /// Opens the file that is attached to a report.
    ///
    /// # Errors
    /// As [`Reports::open`].
    pub fn attached(&self, id: &str) -> Result<File, ImportError> {
        self.open_file(id, ATTACHED_EXTENSION)
    }

    fn open_file(&self, id: &str, extension: &str) -> Result<File, ImportError> {
        let none = || ImportError::NoReport { id: id.to_owned() };
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(none());
        }
        match open_without_following(&self.path(id, extension)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(none()),
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(none()),
            opened => opened.map_err(ImportError::Report),
        }
    }

    fn path(&self, id: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{id}.{extension}"))
    }

    /// Removes the oldest files over the limits. Names begin with the time, so the first are the
    /// oldest.
    fn remove_old(&self) -> io::Result<()> {
        let mut reports = Vec::new();
        let mut attached = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == ATTACHED_EXTENSION) {
                attached.push(path);
            } else {
                reports.push(path);
            }
        }
        reports.sort_unstable();
        let kept = reports.split_off(reports.len().saturating_sub(REPORTS_KEPT));
        reports.into_iter().try_for_each(remove)?;

        attached.sort_unstable();
        let mut bytes = 0;
        for path in attached.into_iter().rev() {
            bytes += fs::symlink_metadata(&path)?.len();
            let report = path.with_extension(REPORT_EXTENSION);
            if bytes > ATTACHED_BYTES_MAX || kept.binary_search(&report).is_err() {
                remove(path)?;
            }
        }
        Ok(())
    }
}

/// Removes a file, unless another import has removed it already.
fn remove(path: PathBuf) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn write_list<W: Write>(
    out: &mut W,
    name: &str,
    entries: impl FnOnce(&mut W) -> io::Result<()>,
) -> io::Result<()> {
    write!(out, ",\n\"{name}\":[")?;
    entries(out)?;
    out.write_all(b"]")
}

/// A name for a report: the time, and a random number that distinguishes reports of one second.
fn new_id() -> Result<String, ImportError> {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    let time = OffsetDateTime::now_utc().format(format);
    let time = time.map_err(|error| ImportError::Report(io::Error::other(error)))?;
    let mut random = [0; 4];
    fill_random(&mut random).map_err(ImportError::Random)?;
    Ok(format!("{time}-{:08x}", u32::from_le_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attached_files_are_removed_with_their_report() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports::new(folder.path().to_owned());
        let put = |id: String| {
            fs::write(reports.path(&id, REPORT_EXTENSION), "{}").unwrap();
            let aside = folder.path().join("aside.attached");
            fs::write(&aside, id.as_bytes()).unwrap();
            reports.attach(&id, &aside).unwrap();
        };
        for number in 0..REPORTS_KEPT + 3 {
            put(format!("20260101-000000-{number:08}"));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2 * REPORTS_KEPT);
        for gone in ["20260101-000000-00000002", "", "../x", "x.json"] {
            assert!(matches!(reports.attached(gone), Err(ImportError::NoReport { .. })), "{gone}");
        }
        assert!(reports.attached("20260101-000000-00000003").is_ok());
    }

    #[test]
    fn attached_files_over_the_size_limit_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports::new(folder.path().to_owned());
        for id in ["a", "b", "c"] {
            fs::write(reports.path(id, REPORT_EXTENSION), "{}").unwrap();
            let aside = folder.path().join("aside.json");
            File::create(&aside).unwrap().set_len(ATTACHED_BYTES_MAX / 2).unwrap();
            reports.attach(id, &aside).unwrap();
        }
        assert!(reports.attached("a").is_err() && reports.open("a").is_ok());
        assert!(reports.attached("b").is_ok() && reports.attached("c").is_ok());
    }
}
