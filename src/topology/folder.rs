//! The workbooks in the folder `spreadsheets/` of the data directory.
//!
//! A workbook gets its name only after it is complete and durable. Until then the previous workbook
//! of that name is kept. An open workbook can be read to its end even if another workbook gets its
//! name.

use std::{
    fs::{self, DirBuilder, File, Metadata},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{TopologyError, WorkbookName, WorkbookSummary};
use crate::{
    codec::workbook::Format,
    disk::{
        TemporaryFile, file_validator, open_without_following, remove_temporary_entries,
        sync_directory,
    },
};

/// The mode of workbooks. Only the user of the server can read them, because they contain the
/// inventory.
const FOLDER_MODE: u32 = 0o700;

/// The folder of workbooks. Only the process that holds the data directory uses it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// A workbook as an open file.
#[derive(Debug)]
pub struct WorkbookFile {
    /// The open file, at its beginning.
    pub file: File,
    /// The length of the file, in bytes.
    pub bytes: u64,
    /// The time of its last change.
    pub modified: SystemTime,
    /// A strong validator (RFC 9110) for the ETag: it differs if the file differs.
    pub validator: String,
    /// The file name for a client that saves it.
    pub name: String,
    /// The format, from the extension of the name.
    pub format: Format,
}

impl WorkbookFile {
    /// Describes an open file under this name.
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
    /// Opens the folder, and creates it if it is missing. Removes unfinished workbooks of an earlier
    /// process.
    pub(super) fn open(path: PathBuf) -> Result<Self, TopologyError> {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(&path)
            .map_err(TopologyError::of_io)?;
        remove_temporary_entries(&path).map_err(TopologyError::of_io)?;
        Ok(Self(path))
    }

    /// Lists the workbooks by name. Leaves out other files.
    pub(super) fn workbooks(&self) -> Result<Vec<WorkbookSummary>, TopologyError> {
        let mut workbooks = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(TopologyError::of_io)? {
            let entry = entry.map_err(TopologyError::of_io)?;
            let file_name = entry.file_name();
            let Some(name) = file_name.to_str().and_then(named) else { continue };
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => {
                    let summary = summary(&name, &metadata).map_err(TopologyError::of_io)?;
                    workbooks.push(summary);
                }
                Ok(_) => {}
                // It was removed after the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(TopologyError::of_io(error)),
            }
        }
        workbooks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(workbooks)
    }

    /// Opens a workbook for reading.
    pub(super) fn file(&self, name: &WorkbookName) -> Result<WorkbookFile, TopologyError> {
        let path = self.path(name);
        self.require_file(name)?;
        // The file can have been replaced since: do not follow a link, and check the open file.
        let file = open_without_following(&path).map_err(|error| not_found(name, error))?;
        if !file.metadata().map_err(TopologyError::of_io)?.is_file() {
            return Err(TopologyError::InTheWay { name: name.to_string() });
        }
        WorkbookFile::of(file, name).map_err(TopologyError::of_io)
    }

    /// Creates a temporary file for a workbook.
    pub(super) fn create(&self, name: &WorkbookName) -> Result<TemporaryFile, TopologyError> {
        // Fails before the workbook is written, not after.
        match self.require_file(name) {
            Ok(()) | Err(TopologyError::NotFound { .. }) => {
                TemporaryFile::create(&self.0).map_err(TopologyError::of_io)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a workbook durable and renames it to its final name. Replaces a workbook with that
    /// name.
    pub(super) fn persist(
        &self,
        temporary: TemporaryFile,
        name: &WorkbookName,
    ) -> Result<(), TopologyError> {
        temporary.persist(&self.path(name)).map_err(|error| match error.kind() {
            io::ErrorKind::IsADirectory => TopologyError::InTheWay { name: name.to_string() },
            _ => TopologyError::of_io(error),
        })
    }

    /// Removes a workbook.
    pub(super) fn remove(&self, name: &WorkbookName) -> Result<(), TopologyError> {
        self.require_file(name)?;
        fs::remove_file(self.path(name)).map_err(|error| not_found(name, error))?;
        sync_directory(&self.0).map_err(TopologyError::of_io)
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

/// Returns the name of a file if it is a workbook name with its extension.
fn named(file_name: &str) -> Option<WorkbookName> {
    file_name.parse::<WorkbookName>().ok().filter(|name| name.as_str() == file_name)
}

fn summary(name: &WorkbookName, metadata: &Metadata) -> io::Result<WorkbookSummary> {
    let modified = OffsetDateTime::from(metadata.modified()?).format(&Rfc3339);
    Ok(WorkbookSummary {
        format: name.format().extension(),
        name: name.to_string(),
        bytes: metadata.len(),
        modified: modified.map_err(io::Error::other)?,
    })
}

fn not_found(name: &WorkbookName, error: io::Error) -> TopologyError {
    match error.kind() {
        io::ErrorKind::NotFound => TopologyError::NotFound { name: name.to_string() },
        _ => TopologyError::of_io(error),
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
    fn a_workbook_gets_its_name_only_after_it_is_complete() {
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
    fn other_files_are_not_listed_opened_replaced_or_removed() {
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
        // Temporary files of an earlier process are removed.
        fs::write(path.join(".aside-1-1"), "x").unwrap();
        Folder::open(path.clone()).unwrap();
        assert!(!path.join(".aside-1-1").exists() && path.join("notes.txt").exists());
    }
}
