//! A project anywhere on the disk, looked at without an inventory: what it holds, and whether it is
//! whole.

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
    model::{AnyRecord, Kind, Value},
    wording::{chain, counted},
};

/// How many faults of one document are named; all are counted.
const FAULTS_SHOWN_MAX: usize = 20;

/// What a project holds.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectInspection {
    pub project: String,
    pub layout: Layout,
    pub release: Option<String>,
    /// As it was written, without a zone.
    pub export_time: Option<String>,
    /// The version of the bundle's format; nothing where eNMS wrote it.
    pub format: Option<u32>,
    /// `included`, `left_out`, or nothing where it is not known.
    pub secrets: Option<&'static str>,
    pub types: Vec<InspectedDocument>,
    /// What is there and is not read, by name.
    pub ignored: Vec<String>,
    /// What it takes on the disk, in bytes.
    pub bytes: u64,
    /// Whether every document can be read to its end and is what the project declares.
    pub whole: bool,
}

/// One document of a project.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedDocument {
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The records that are there, as far as the document can be read.
    pub records: u64,
    /// The records that the project says are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<u64>,
    pub bytes: u64,
    /// Of the document as it is; nothing where it cannot be read to its end.
    pub sha256: Option<String>,
    /// How many things are wrong with it.
    pub faults: u64,
    /// The first of them, as sentences.
    pub shown: Vec<String>,
}

/// Reads a bundle or a folder to its end. `progress` is told of records as they are read.
///
/// # Errors
/// It is no project at all, or the disk's. What is wrong with its documents is in the answer.
pub fn inspect(
    path: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<ProjectInspection, MigrationError> {
    let is_folder = fs::metadata(path)?.is_dir();
    let project = if is_folder {
        Project::open_folder(path, Limits::default())?
    } else {
        Project::open_bundle(path, Limits::default())?
    };
    let mut types = Vec::new();
    for (kind, bytes) in project.documents().iter() {
        let Some(bytes) = *bytes else { continue };
        let declared = match project.layout() {
            Layout::Bundle => project.metadata().document(kind).map(|info| info.records),
            // Folders are there to be edited: what they once held does not count.
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
        read(&project, &mut document, progress)?;
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

/// Reads one document.
fn read(
    project: &Project,
    document: &mut InspectedDocument,
    progress: &mut dyn FnMut(u64),
) -> Result<(), MigrationError> {
    let kind = document.kind;
    let text = match project.document(kind) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(()),
        Err(error) => return told(document, error),
    };
    let mut text = Hashed { from: text, sha256: Sha256::new() };
    let ended = yaml::read_records(&mut text, |item| {
        document.records += 1;
        progress(1);
        judge(kind, item, document);
        ControlFlow::Continue(())
    });
    match ended {
        Ok(_) => {
            // A reader of YAML may stop before the last bytes, which are checked as well.
            if let Err(error) = io::copy(&mut text, &mut io::sink()) {
                return told(document, error.into());
            }
            let sha256 = Digest::from(<[u8; 32]>::from(text.sha256.finalize()));
            document.sha256 = Some(sha256.to_string());
            if let Some(declared) = document.declared
                && declared != document.records
            {
                let found = document.records;
                document.fault(format!(
                    "the project declares {} here, and {found} were found",
                    counted(declared, "record")
                ));
            }
            Ok(())
        }
        Err(yaml::ReadError::Io(error)) => told(document, error.into()),
        Err(refused @ yaml::ReadError::Refused { .. }) => {
            document.fault(chain(&refused));
            Ok(())
        }
    }
}

/// Takes down why a document cannot be read; an error of the disk ends it all.
fn told(document: &mut InspectedDocument, error: LibraryError) -> Result<(), MigrationError> {
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

/// Finds out whether an item of a document is a record.
fn judge(kind: Kind, item: yaml::Item, into: &mut InspectedDocument) {
    let yaml::Item { line, value, .. } = item;
    let properties = match value {
        Value::Map(properties) => properties,
        other => {
            into.fault(format!("line {line}: {} is no record", other.type_name()));
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

/// Takes the checksum of what is read.
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

/// Packs a project's folder into an empty file, so that it can be sent. Checksums that its metadata
/// may declare are left out: folders are there to be edited.
///
/// # Errors
/// It is no project's folder, or the disk's.
pub fn pack_folder<W: io::Write + io::Seek>(folder: &Path, out: W) -> Result<W, MigrationError> {
    let project = Project::open_folder(folder, Limits::default())?;
    let mut writer = FolderWriter::new(out);
    for kind in Kind::ALL {
        if let Some(text) = project.document(kind)? {
            writer.document(kind, text)?;
        }
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
    fn a_folder_is_read_to_its_end_and_what_is_wrong_is_named() {
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
    fn a_packed_folder_holds_the_same_documents() {
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
