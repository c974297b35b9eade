//! Whole reports of imports, kept for those who want every entry of every list.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use time::{OffsetDateTime, macros::format_description};

use serde::Serialize;

use super::{ImportError, ImportReport, log::Log};
use crate::store::sync_directory;

/// How many reports are kept; the oldest goes first.
const REPORTS_KEPT: usize = 100;

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
        write_list(&mut out, "changes", |out| lists.changes.write_all(out))?;
        out.write_all(b"}\n")?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&aside, self.path(&id))?;
        sync_directory(&self.folder)?;
        self.remove_old()?;
        Ok(id)
    }

    /// Opens a report.
    pub fn open(&self, id: &str) -> Result<File, ImportError> {
        let none = || ImportError::NoReport { id: id.to_owned() };
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(none());
        }
        match File::open(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(none()),
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(none()),
            other => Ok(other?),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// The names begin with the time, so that the first are the oldest.
    fn remove_old(&self) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            names.push(entry?.path());
        }
        names.sort();
        let old = names.len().saturating_sub(REPORTS_KEPT);
        names.into_iter().take(old).try_for_each(fs::remove_file)
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
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{time}-{:08x}", u32::from_le_bytes(random)))
}
