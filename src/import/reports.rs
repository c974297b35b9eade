//! Whole reports of imports, kept for those who want every entry of every list.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use time::{OffsetDateTime, macros::format_description};

use serde::Serialize;

use super::{ImportError, ImportReport, log::Log};
use crate::disk::sync_directory;

/// How many reports are kept; the oldest goes first.
const REPORTS_KEPT: usize = 100;

/// The ending of a report's file.
const REPORT_ENDING: &str = "json";

/// The ending of a file that is kept beside its report.
const ATTACHED_ENDING: &str = "attached";

/// How many bytes of attached files are kept; the oldest goes first, before its report.
const ATTACHED_BYTES_MAX: u64 = 1 << 30;

/// The folder of reports.
pub struct Reports {
    folder: PathBuf,
}

impl Reports {
    /// The reports in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a report whole, and gives its name.
    pub fn write<S: Serialize>(
        &self,
        report: &ImportReport<S>,
        log: &Log,
    ) -> Result<String, ImportError> {
        let id = new_id()?;
        // Set aside where a start clears up after a process that was killed.
        let aside = log.scratch().join(format!("{id}.json"));
        let mut out = BufWriter::new(File::create(&aside)?);
        out.write_all(b"{\"report\":")?;
        serde_json::to_writer(&mut out, report).map_err(io::Error::from)?;
        let mut lists = log.lists();
        let lists = &mut *lists;
        write_list(&mut out, "problems", |out| lists.problems.write_all(out))?;
        write_list(&mut out, "dangling", |out| lists.dangling.write_all(out))?;
        write_list(&mut out, "struck", |out| lists.struck.write_all(out))?;
        write_list(&mut out, "converted", |out| lists.converted.write_all(out))?;
        write_list(&mut out, "administrators", |out| lists.administrators.write_all(out))?;
        write_list(&mut out, "changes", |out| lists.changes.write_all(out))?;
        out.write_all(b"}\n")?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&aside, self.path(&id, REPORT_ENDING))?;
        sync_directory(&self.folder)?;
        self.remove_old()?;
        Ok(id)
    }

    /// Keeps a file beside a report, for as long as that is kept or there is room. It is moved from
    /// `path`, which is on the same disk.
    pub fn attach(&self, id: &str, path: &Path) -> Result<(), ImportError> {
        fs::rename(path, self.path(id, ATTACHED_ENDING))?;
        sync_directory(&self.folder)?;
        Ok(self.remove_old()?)
    }

    /// Opens a report.
    pub fn open(&self, id: &str) -> Result<File, ImportError> {
        self.open_file(id, REPORT_ENDING)
    }

    /// Opens the file that is kept beside a report.
    pub fn attached(&self, id: &str) -> Result<File, ImportError> {
        self.open_file(id, ATTACHED_ENDING)
    }

    fn open_file(&self, id: &str, ending: &str) -> Result<File, ImportError> {
        let none = || ImportError::NoReport { id: id.to_owned() };
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(none());
        }
        match File::open(self.path(id, ending)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(none()),
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(none()),
            other => Ok(other?),
        }
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ending}"))
    }

    /// The names begin with the time, so that the first are the oldest.
    fn remove_old(&self) -> io::Result<()> {
        let mut reports = Vec::new();
        let mut attached = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == ATTACHED_ENDING) {
                attached.push(path)
            } else {
                reports.push(path)
            }
        }
        reports.sort_unstable();
        let kept = reports.split_off(reports.len().saturating_sub(REPORTS_KEPT));
        reports.into_iter().try_for_each(remove)?;

        attached.sort_unstable();
        let mut bytes = 0;
        for path in attached.into_iter().rev() {
            bytes += fs::metadata(&path)?.len();
            let report = path.with_extension(REPORT_ENDING);
            if bytes > ATTACHED_BYTES_MAX || kept.binary_search(&report).is_err() {
                remove(path)?;
            }
        }
        Ok(())
    }
}

/// Removes a file, unless another import was faster.
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

/// The time, and a number that tells apart what happens in the same second.
fn new_id() -> Result<String, ImportError> {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    let time = OffsetDateTime::now_utc().format(format).map_err(io::Error::other)?;
    let mut random = [0; 4];
    crate::disk::fill_random(&mut random)?;
    Ok(format!("{time}-{:08x}", u32::from_le_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_goes_with_its_report() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports::new(folder.path().to_owned());
        let put = |id: String| {
            fs::write(reports.path(&id, REPORT_ENDING), "{}").unwrap();
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
    fn attached_files_have_so_much_room_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports::new(folder.path().to_owned());
        for id in ["a", "b", "c"] {
            fs::write(reports.path(id, REPORT_ENDING), "{}").unwrap();
            let aside = folder.path().join("aside.json");
            File::create(&aside).unwrap().set_len(ATTACHED_BYTES_MAX / 2).unwrap();
            reports.attach(id, &aside).unwrap();
        }
        assert!(reports.attached("a").is_err() && reports.open("a").is_ok());
        assert!(reports.attached("b").is_ok() && reports.attached("c").is_ok());
    }
}
