//! The workbooks that lie in the data directory's `spreadsheets/` folder.
//!
//! A workbook takes its name only when it is whole and durable, and the one before it is there
//! until then. Who reads one goes on reading what he opened, whatever takes its name meanwhile.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{TopologyError, WorkbookName, WorkbookSummary};
use crate::{
    codec::workbook::Format,
    disk::{TemporaryFile, file_validator, remove_temporary_entries, sync_directory},
};

/// Workbooks show what the inventory holds: the folder is for the appliance alone.
const FOLDER_MODE: u32 = 0o700;

/// The folder of workbooks. There is one for a data directory, which its process has to itself.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// A workbook as a file, to be sent.
#[derive(Debug)]
pub struct WorkbookFile {
    pub file: File,
    /// The file's length.
    pub bytes: u64,
    pub modified: SystemTime,
    /// A strong validator: it differs whenever the file differs.
    pub validator: String,
    /// What it is called when it is saved.
    pub name: String,
    pub format: Format,
}

impl WorkbookFile {
    /// A file that is open, under this name.
    pub(super) fn of(file: File, name: &WorkbookName) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            bytes: metadata.len(),
            modified: metadata.modified()?,
            validator: file_validator(&file, &metadata)?,
            name: name.to_string(),
            format: name.format(),
            file,
        })
    }
}

impl Folder {
    /// Opens the folder, which is made if it is missing, and clears away what was being written
    /// when the process before ended.
    pub fn open(path: PathBuf) -> Result<Self, TopologyError> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&path)?;
        remove_temporary_entries(&path)?;
        Ok(Self(path))
    }

    /// All workbooks, by name. Files that are none are somebody's.
    pub fn workbooks(&self) -> Result<Vec<WorkbookSummary>, TopologyError> {
        let mut workbooks = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(name) = file_name.to_str().and_then(named) else { continue };
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => workbooks.push(WorkbookSummary {
                    format: name.format().ending(),
                    name: name.to_string(),
                    bytes: metadata.len(),
                    modified: OffsetDateTime::from(metadata.modified()?)
                        .format(&Rfc3339)
                        .map_err(io::Error::other)?,
                }),
                Ok(_) => {}
                // It went away meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        workbooks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(workbooks)
    }

    /// Opens a workbook's file, to be sent as it is.
    pub fn file(&self, name: &WorkbookName) -> Result<WorkbookFile, TopologyError> {
        let path = self.path(name);
        self.require_file(name)?;
        // It may have been replaced meanwhile, so links are not followed and the open file is
        // looked at once more.
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
        let file = file.map_err(|error| not_found(name, error))?;
        if !file.metadata()?.is_file() {
            return Err(TopologyError::InTheWay { name: name.to_string() });
        }
        Ok(WorkbookFile::of(file, name)?)
    }

    /// Begins to write a workbook.
    pub fn create(&self, name: &WorkbookName) -> Result<TemporaryFile, TopologyError> {
        // Sooner here than after all is written.
        match self.require_file(name) {
            Ok(()) | Err(TopologyError::NotFound { .. }) => Ok(TemporaryFile::create(&self.0)?),
            Err(error) => Err(error),
        }
    }

    /// Makes a workbook durable, and gives it its name: one that had it is replaced whole.
    pub fn persist(
        &self,
        temporary: TemporaryFile,
        name: &WorkbookName,
    ) -> Result<(), TopologyError> {
        temporary.persist(&self.path(name)).map_err(|error| match error.kind() {
            io::ErrorKind::IsADirectory => TopologyError::InTheWay { name: name.to_string() },
            _ => error.into(),
        })
    }

    /// Removes a workbook.
    pub fn remove(&self, name: &WorkbookName) -> Result<(), TopologyError> {
        self.require_file(name)?;
        fs::remove_file(self.path(name)).map_err(|error| not_found(name, error))?;
        Ok(sync_directory(&self.0)?)
    }

    fn require_file(&self, name: &WorkbookName) -> Result<(), TopologyError> {
        let metadata = fs::symlink_metadata(self.path(name));
        if metadata.map_err(|error| not_found(name, error))?.is_file() {
            Ok(())
        } else {
            Err(TopologyError::InTheWay { name: name.to_string() })
        }
    }

    fn path(&self, name: &WorkbookName) -> PathBuf {
        Path::new(&self.0).join(name.as_str())
    }
}

/// The name of a file that is a workbook's. Who would get a name with an ending only when asked
/// for does not have it.
fn named(file_name: &str) -> Option<WorkbookName> {
    file_name.parse::<WorkbookName>().ok().filter(|name| name.as_str() == file_name)
}

fn not_found(name: &WorkbookName, error: io::Error) -> TopologyError {
    match error.kind() {
        io::ErrorKind::NotFound => TopologyError::NotFound { name: name.to_string() },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn name(text: &str) -> WorkbookName {
        text.parse().unwrap()
    }

    fn put(folder: &Folder, workbook: &str, text: &str) {
        let mut temporary = folder.create(&name(workbook)).unwrap();
        temporary.file.write_all(text.as_bytes()).unwrap();
        folder.persist(temporary, &name(workbook)).unwrap();
    }

    #[test]
    fn a_workbook_has_its_name_when_it_is_whole_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spreadsheets");
        let folder = Folder::open(path.clone()).unwrap();
        let mut temporary = folder.create(&name("a b")).unwrap();
        temporary.file.write_all(b"half").unwrap();
        assert_eq!(folder.workbooks().unwrap(), []);
        drop(temporary);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);

        put(&folder, "b.xlsx", "first");
        put(&folder, "a b", "x");
        let before = folder.file(&name("b.xlsx")).unwrap();
        put(&folder, "b.xlsx", "second");
        let mut after = folder.file(&name("b.xlsx")).unwrap();
        assert_ne!(before.validator, after.validator);
        let mut text = String::new();
        after.file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), after.bytes, after.format), ("second", 6, Format::Xlsx));
        let listed = folder.workbooks().unwrap();
        let listed: Vec<_> = listed.iter().map(|w| (w.name.as_str(), w.bytes, w.format)).collect();
        assert_eq!(listed, [("a b.xls", 1, "xls"), ("b.xlsx", 6, "xlsx")]);

        folder.remove(&name("b.xlsx")).unwrap();
        let gone = folder.remove(&name("b.xlsx")).unwrap_err();
        assert!(matches!(gone, TopologyError::NotFound { name } if name == "b.xlsx"));
        let gone = folder.file(&name("b.xlsx")).unwrap_err();
        assert!(matches!(gone, TopologyError::NotFound { .. }));
    }

    #[test]
    fn what_is_no_workbook_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let folder = Folder::open(path.clone()).unwrap();
        fs::write(path.join("notes.txt"), "x").unwrap();
        fs::write(path.join("noending"), "x").unwrap();
        fs::create_dir(path.join("folder.xls")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path.join("link.xls")).unwrap();
        assert_eq!(folder.workbooks().unwrap(), []);
        for workbook in ["folder.xls", "link.xls"] {
            let workbook = name(workbook);
            for error in [
                folder.file(&workbook).unwrap_err(),
                folder.create(&workbook).unwrap_err(),
                folder.remove(&workbook).unwrap_err(),
            ] {
                assert!(matches!(error, TopologyError::InTheWay { .. }), "{error}");
            }
        }
        // What a process before left is cleared away.
        fs::write(path.join(".aside-1-1"), "x").unwrap();
        Folder::open(path.clone()).unwrap();
        assert!(!path.join(".aside-1-1").exists() && path.join("notes.txt").exists());
    }
}
