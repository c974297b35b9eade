//! Finds the documents among the entries of an archive.

use super::{
    BundleError, EntryProblem, METADATA_NAME, Metadata,
    directory::Entry,
    document_name,
    limits::{Limits, RATIO_FREE_BYTES, RATIO_MAX},
    unpack::Method,
};
use crate::model::{Kind, PerKind};

/// The file type bits of a Unix mode, and their values for a regular file and a folder.
const MODE_TYPE: u32 = 0o170_000;
const MODE_REGULAR: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;

/// The longest name, in bytes, of a document of an unknown kind that is ignored.
const IGNORED_NAME_BYTES_MAX: usize = 64;

/// The documents of a project.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) documents: PerKind<Option<Document>>,
    /// The names of documents of kinds that Satchel does not know, without the folder. Only a project
    /// that eNMS wrote may have them.
    pub(super) ignored: Vec<String>,
}

/// A document and its compression method.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) entry: Entry,
    pub(super) method: Method,
}

/// Checks the name, type and size of every entry, and returns the entry of the metadata.
///
/// # Errors
/// - [`BundleError::Entry`] if an entry has a forbidden name or type, or claims an impossible size.
/// - [`BundleError::Unpacked`] if the entries are larger than `limits` allow.
/// - [`BundleError::MetadataMissing`] if no entry is the metadata.
pub(super) fn metadata(entries: &[Entry], limits: Limits) -> Result<&Entry, BundleError> {
    let mut unpacked = 0_u64;
    for entry in entries {
        check_path(entry)?;
        check_file_type(entry)?;
        let (packed, claimed) = (entry.packed, entry.unpacked);
        if claimed > RATIO_FREE_BYTES && claimed > packed.saturating_mul(RATIO_MAX) {
            return Err(entry.refused(EntryProblem::Ratio { packed, unpacked: claimed }));
        }
        unpacked = unpacked.saturating_add(claimed);
    }
    if unpacked > limits.project_bytes {
        return Err(BundleError::Unpacked { bytes: unpacked, bytes_max: limits.project_bytes });
    }

    let mut found = entries.iter().filter(|entry| {
        let (_, name) = split(&entry.name);
        name == METADATA_NAME.as_bytes()
    });
    let metadata = found.next().ok_or(BundleError::MetadataMissing)?;
    match found.next() {
        Some(second) => Err(second.refused(EntryProblem::Duplicate)),
        None => Ok(metadata),
    }
}

/// Returns the documents, which must be in the same folder as the metadata.
///
/// # Errors
/// [`BundleError::Entry`] if an entry is not a document, cannot be unpacked, occurs twice, or
/// differs from what the metadata declares.
pub(super) fn documents(
    entries: &[Entry],
    metadata_entry: &Entry,
    metadata: &Metadata,
) -> Result<Contents, BundleError> {
    let (folder, _) = split(&metadata_entry.name);
    let mut contents = Contents { documents: PerKind::default(), ignored: Vec::new() };
    let mut folders = 0;
    for entry in entries {
        if is_folder(entry) {
            folders += 1;
            if entry.name != folder || entry.unpacked > 0 {
                return Err(entry.refused(EntryProblem::Folder));
            }
            if folders > 1 {
                return Err(entry.refused(EntryProblem::Duplicate));
            }
            continue;
        }
        let (own_folder, name) = split(&entry.name);
        if own_folder != folder {
            return Err(entry.refused(EntryProblem::Folder));
        }
        let method = Method::of(entry)?;
        if entry.name == metadata_entry.name {
            continue;
        }
        let kind = Kind::ALL.into_iter().find(|kind| name == document_name(*kind).as_bytes());
        match (kind, ignorable(name), &metadata.declared) {
            (Some(kind), _, _) => {
                let document = Document { entry: entry.clone(), method };
                if contents.documents[kind].replace(document).is_some() {
                    return Err(entry.refused(EntryProblem::Duplicate));
                }
            }
            (None, Some(name), None) if contents.ignored.iter().all(|n| n != name) => {
                contents.ignored.push(name.to_owned());
            }
            (None, Some(_), None) => return Err(entry.refused(EntryProblem::Duplicate)),
            (None, _, _) => return Err(entry.refused(EntryProblem::Name)),
        }
    }
    compare_with_metadata(&contents, metadata)?;
    Ok(contents)
}

/// Compares the documents with what the metadata declares.
fn compare_with_metadata(contents: &Contents, metadata: &Metadata) -> Result<(), BundleError> {
    let Some(declared) = &metadata.declared else {
        return Ok(());
    };
    for (kind, document) in contents.documents.iter() {
        match (document.as_ref().map(|document| &document.entry), &declared.documents[kind]) {
            (None, None) => {}
            (Some(entry), None) => return Err(entry.refused(EntryProblem::Unlisted)),
            (None, Some(_)) => {
                let entry = document_name(kind);
                return Err(BundleError::Entry { entry, problem: EntryProblem::Missing });
            }
            (Some(entry), Some(info)) => {
                let (expected, found) = (info.bytes, entry.unpacked);
                if expected > found {
                    return Err(
                        entry.refused(EntryProblem::ShorterThanDeclared { expected, found })
                    );
                }
                if expected < found {
                    return Err(entry.refused(EntryProblem::LongerThanDeclared { expected }));
                }
            }
        }
    }
    Ok(())
}

/// Splits an entry's name into its folder, with the slash, and the name of the file.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    let after = name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    name.split_at(after)
}

fn is_folder(entry: &Entry) -> bool {
    entry.name.ends_with(b"/")
}

/// Returns the name if it can be a document of eNMS of a kind that Satchel does not know.
fn ignorable(name: &[u8]) -> Option<&str> {
    let stem = name.strip_suffix(b".yaml")?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let fits = !stem.is_empty() && name.len() <= IGNORED_NAME_BYTES_MAX && stem.iter().all(plain);
    if fits { std::str::from_utf8(name).ok() } else { None }
}

/// Refuses names that lead out of the folder, and folders in folders.
fn check_path(entry: &Entry) -> Result<(), BundleError> {
    let name = &entry.name;
    let leads_elsewhere = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    let parts = name.strip_suffix(b"/").unwrap_or(name);
    let strange = |byte: &u8| byte.is_ascii_control() || matches!(byte, b'\\');
    let drive = name.get(1) == Some(&b':');
    if drive || name.iter().any(strange) || parts.split(|byte| *byte == b'/').any(leads_elsewhere) {
        return Err(entry.refused(EntryProblem::Path));
    }
    if parts.split(|byte| *byte == b'/').count() > if is_folder(entry) { 1 } else { 2 } {
        return Err(entry.refused(EntryProblem::Name));
    }
    Ok(())
}

/// Refuses links, devices, pipes and sockets.
fn check_file_type(entry: &Entry) -> Result<(), BundleError> {
    let expected = if is_folder(entry) { MODE_FOLDER } else { MODE_REGULAR };
    match entry.mode & MODE_TYPE {
        0 => Ok(()),
        file_type if file_type == expected => Ok(()),
        _ => Err(entry.refused(EntryProblem::Special { mode: entry.mode })),
    }
}
