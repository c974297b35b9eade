//! Inspects a project anywhere on the disk, without an inventory: its documents, and whether they
//! are complete.

use std::{fs, io, ops::ControlFlow, path::Path};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    Layout, MigrationError,
    library::{LibraryError, Project},
};
use crate::{
    codec::{
        bundle::{Digest, FolderWriter, Limits, secrets_word},
        yaml,
    },
    model::{AnyRecord, Kind, Rule, Value},
    wording::{chain, counted},
};

/// The largest number of listed faults of one document. All faults are counted.
const FAULTS_SHOWN_MAX: usize = 20;

/// The content of a project.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectInspection {
    /// The name of the file or folder, without the extension.
    pub project: String,
    /// Whether the project is a file or a folder.
    pub layout: Layout,
    /// The release of the system that wrote the project; null if the metadata does not have it.
    pub release: Option<String>,
    /// The export time from `metadata.yaml`, without a time zone.
    pub export_time: Option<String>,
    /// The format version of the bundle; null if eNMS wrote it.
    pub format: Option<u32>,
    /// `included`, `left_out`, or null if unknown.
    pub secrets: Option<&'static str>,
    /// The documents that exist, in the order of [`Kind::ALL`].
    pub types: Vec<InspectedDocument>,
    /// The names of files that are not read.
    pub ignored: Vec<String>,
    /// The size on the disk in bytes.
    pub bytes: u64,
    /// Whether every document can be read to its end and matches what the project declares.
    pub whole: bool,
}

/// One document of a project.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedDocument {
    /// The kind of the records in the document.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The number of records, as far as the document can be read.
    pub records: u64,
    /// The number of records that the project declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<u64>,
    /// The length of the unpacked document, in bytes.
    pub bytes: u64,
    /// The checksum of the document; null if it cannot be read to its end.
    pub sha256: Option<String>,
    /// The number of faults.
    pub faults: u64,
    /// The first faults, as sentences.
    pub shown: Vec<String>,
}

/// Reads a bundle or a folder to its end. Calls `progress` with the number of records that were
/// read since the last call.
///
/// # Errors
/// [`MigrationError::Library`] if the path is not a project or cannot be read. Faults of documents
/// are in the result.
pub fn inspect(
    path: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<ProjectInspection, MigrationError> {
    let metadata = fs::metadata(path).map_err(|error| LibraryError::from_io(path, error))?;
    let project = if metadata.is_dir() {
        Project::open_folder(path, Limits::default())?
    } else {
        Project::open_bundle(path, Limits::default())?
    };
    let mut types = Vec::new();
    for (kind, bytes) in project.documents().iter() {
        let Some(bytes) = *bytes else { continue };
        let declared = match project.layout() {
            Layout::Bundle => project.metadata().document(kind).map(|info| info.records),
            // Users can edit folders, so the declared counts are ignored.
            Layout::Folder => None,
        };
        let mut document = InspectedDocument {
            kind,
            records: 0,
            declared,
            bytes,
            sha256: None,
            faults: 0,
            shown: Vec::new(),
        };
        read(&project, path, &mut document, progress)?;
        types.push(document);
    }
    let metadata = project.metadata();
    Ok(ProjectInspection {
        project: project.name().to_owned(),
        layout: project.layout(),
        release: metadata.release.as_ref().map(ToString::to_string),
        export_time: metadata.export_time.clone(),
        format: metadata.declared.as_ref().map(|declared| declared.format),
        secrets: metadata.secrets().map(secrets_word),
        ignored: project.ignored().to_vec(),
        bytes: project.summary().bytes,
        whole: types.iter().all(|document| document.faults == 0),
        types,
    })
}

/// Reads one document of the project at `path`.
fn read(
    project: &Project,
    path: &Path,
    document: &mut InspectedDocument,
    progress: &mut dyn FnMut(u64),
) -> Result<(), MigrationError> {
    let kind = document.kind;
    let text = match project.document(kind) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(()),
        Err(error) => return note_fault(document, error),
    };
    let mut text = Hashed { from: text, sha256: Sha256::new() };
    let ended = yaml::read_records(&mut text, |item| {
        document.records += 1;
        progress(1);
        check_record(kind, item, document);
        ControlFlow::Continue(())
    });
    match ended {
        Ok(_) => {
            // The YAML reader can stop before the last bytes, but the checksum needs them.
            if let Err(error) = io::copy(&mut text, &mut io::sink()) {
                return note_fault(document, LibraryError::from_io(path, error));
            }
            let sha256 = Digest::from(<[u8; 32]>::from(text.sha256.finalize()));
            document.sha256 = Some(sha256.to_string());
            if let Some(declared) = document.declared
                && declared != document.records
            {
                let found = document.records;
                document.fault(format!(
                    "the project declares {}, but the document has {found}",
                    counted(declared, "record")
                ));
            }
            Ok(())
        }
        Err(yaml::ReadError::Io(error)) => note_fault(document, LibraryError::from_io(path, error)),
        Err(refused @ yaml::ReadError::Refused { .. }) => {
            document.fault(chain(&refused));
            Ok(())
        }
    }
}

/// Adds a fault for a refused document. An I/O error ends the inspection.
fn note_fault(document: &mut InspectedDocument, error: LibraryError) -> Result<(), MigrationError> {
    match error {
        error @ (LibraryError::Bundle(_) | LibraryError::File { .. }) => {
            document.fault(chain(&error));
            Ok(())
        }
        error => Err(error.into()),
    }
}

impl InspectedDocument {
    fn fault(&mut self, fault: String) {
        self.faults += 1;
        if self.shown.len() < FAULTS_SHOWN_MAX {
            self.shown.push(fault);
        }
    }
}

/// Adds the faults of an item that is not a valid record.
fn check_record(kind: Kind, item: yaml::Item, into: &mut InspectedDocument) {
    let yaml::Item { line, value, .. } = item;
    let properties = match value {
        Value::Map(properties) => properties,
        other => {
            let rule = Rule::NoRecord { found: other.type_name() };
            into.fault(format!("line {line}: {rule}"));
            return;
        }
    };
    let Err(invalid) = AnyRecord::parse(kind, properties) else { return };
    let name = invalid.name.map(|name| format!(" ({name})")).unwrap_or_default();
    for violation in invalid.violations {
        let property = violation.property.unwrap_or_default();
        into.fault(format!("line {line}{name}: {property}: {}", violation.rule));
    }
}

/// Computes the checksum of the bytes that are read.
struct Hashed<R> {
    from: R,
    sha256: Sha256,
}

impl<R: io::Read> io::Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.sha256.update(&buffer[..read]);
        Ok(read)
    }
}

/// Number of files that are not read, whose names a packed folder contains. A bundle has at most 64
/// entries.
const PACKED_NAMES_MAX: usize = 32;

/// Packs the folder of a project into the empty file `out`, so that it can be uploaded. Checksums
/// in its metadata are left out, because users can edit folders.
///
/// # Errors
/// [`MigrationError::Library`] if the folder is not a project, [`MigrationError::Write`] if a
/// document cannot be read or the archive cannot be written.
pub fn pack_folder<W: io::Write + io::Seek>(folder: &Path, out: W) -> Result<W, MigrationError> {
    let project = Project::open_folder(folder, Limits::default())?;
    let mut writer = FolderWriter::new(out);
    for kind in Kind::ALL {
        if let Some(text) = project.document(kind)? {
            writer.document(kind, text)?;
        }
    }
    // An import of the packed folder warns of them.
    for name in project.ignored().iter().take(PACKED_NAMES_MAX) {
        writer.ignored(name)?;
    }
    Ok(writer.finish(project.metadata())?)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn folder(documents: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in documents {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn the_faults_of_a_folder_are_listed() {
        let folder = folder(&[
            ("device.yaml", "- name: R 1%\n- name: é>b\n  port: x\n- 7\n"),
            ("link.yaml", "- [\n"),
        ]);
        let mut counted = 0;
        let inspection = inspect(folder.path(), &mut |more| counted += more).unwrap();
        assert!(!inspection.whole && inspection.release.is_none());
        let [device, link] = inspection.types.as_slice() else { panic!("{inspection:?}") };
        assert_eq!((device.records, device.faults, counted), (3, 2, 3), "{device:?}");
        assert!(device.shown[0].starts_with("line 2 (é>b): port: "), "{device:?}");
        assert_eq!((link.records, link.faults, &link.sha256), (0, 1, &None));
    }

    #[test]
    fn a_packed_folder_has_the_same_documents() {
        let folder = folder(&[("device.yaml", "- name: '[Shared] x'\n")]);
        let zip = pack_folder(folder.path(), Cursor::new(Vec::new())).unwrap().into_inner();
        let packed = folder.path().join("packed.zip");
        fs::write(&packed, zip).unwrap();
        let (before, after) = (inspect(folder.path(), &mut |_| {}), inspect(&packed, &mut |_| {}));
        let (before, after) = (before.unwrap(), after.unwrap());
        assert!(after.whole, "{after:?}");
        assert_eq!(before.types[0].sha256, after.types[0].sha256);
    }
}
