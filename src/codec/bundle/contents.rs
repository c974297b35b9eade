//! Finds the documents among the entries of an archive.

use super::{
    BundleError, EntryProblem, METADATA_NAME, Metadata,
    directory::{Entry, shown},
    document_name, is_junk,
    limits::{Limits, RATIO_FREE_BYTES, RATIO_MAX},
    unpack::Method,
};
use crate::model::{Kind, PerKind};

/// The file type bits of a Unix mode, and their values for a regular file and a folder.
const MODE_TYPE: u32 = 0o170_000;
const MODE_REGULAR: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;

/// The longest name, in bytes, of a file that is ignored: the limit of file systems.
const IGNORED_NAME_BYTES_MAX: usize = 255;

/// The documents of a project.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) documents: PerKind<Option<Document>>,
    /// The names of entries that are not read: files that an operating system added, with their
    /// folders, and documents of kinds that Satchel does not know, without the folder. Only a
    /// project that eNMS wrote can have such documents.
    pub(super) ignored: Vec<String>,
}

/// A document and its compression method.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) entry: Entry,
    pub(super) method: Method,
}

/// Checks the name, type and size of every entry, and returns the entry of the metadata. `None` if
/// the archive has documents but no metadata: eNMS writes metadata since version 4.5.
///
/// # Errors
/// - [`BundleError::Entry`] if an entry has a forbidden name or type, or declares an impossible
///   size.
/// - [`BundleError::Unpacked`] if the entries are larger than `limits` allow.
/// - [`BundleError::MetadataMissing`] or [`BundleError::Nested`] if no entry is the metadata or a
///   document.
pub(super) fn metadata(entries: &[Entry], limits: Limits) -> Result<Option<&Entry>, BundleError> {
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
        name == METADATA_NAME.as_bytes() && !is_junk_entry(entry)
    });
    let metadata = found.next();
    if metadata.is_none() && first_document(entries).is_none() {
        let nested = entries.iter().find(|entry| is_archive(entry) && !is_junk_entry(entry));
        return Err(match nested {
            Some(entry) => BundleError::Nested { entry: shown(&entry.name) },
            None => BundleError::MetadataMissing,
        });
    }
    match found.next() {
        Some(second) => Err(second.refused(EntryProblem::Duplicate)),
        None => Ok(metadata),
    }
}

/// Returns the first document of a known kind.
fn first_document(entries: &[Entry]) -> Option<&Entry> {
    entries.iter().find(|entry| kind_of(split(&entry.name).1).is_some() && !is_junk_entry(entry))
}

fn kind_of(name: &[u8]) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| name == document_name(*kind).as_bytes())
}

fn is_junk_entry(entry: &Entry) -> bool {
    is_junk(&String::from_utf8_lossy(&entry.name))
}

fn is_archive(entry: &Entry) -> bool {
    [b".zip", b".tgz", b".tar"].iter().any(|ending| entry.name.ends_with(*ending))
}

/// Returns the documents, which must be in the same folder as the metadata, or as the first document
/// if there is no metadata.
///
/// # Errors
/// [`BundleError::Entry`] if an entry is not a document, cannot be unpacked, occurs twice, or
/// differs from its declaration in the metadata.
pub(super) fn documents(
    entries: &[Entry],
    metadata_entry: Option<&Entry>,
    metadata: &Metadata,
) -> Result<Contents, BundleError> {
    let first = metadata_entry.or_else(|| first_document(entries));
    let (folder, _) = split(first.map_or(&[], |entry| &entry.name));
    let mut contents = Contents { documents: PerKind::default(), ignored: Vec::new() };
    let mut folders = 0;
    let mut junk = Vec::new();
    for entry in entries {
        if is_junk_entry(entry) {
            junk.push(shown(&entry.name));
            continue;
        }
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
        if metadata_entry.is_some_and(|metadata| metadata.name == entry.name) {
            continue;
        }
        match (kind_of(name), ignorable(name), &metadata.declared) {
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
    contents.ignored.append(&mut junk);
    compare_with_metadata(&contents, metadata)?;
    Ok(contents)
}

/// Compares the documents with their declarations in the metadata.
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

/// Returns the name if it is that of a file beside the documents: a document of a kind that Satchel
/// does not know or with a slip in its name, or a note that users keep in the folder.
pub(super) fn ignorable(name: &[u8]) -> Option<&str> {
    let is_strange = |byte: &u8| byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b':');
    let fits = !name.is_empty() && name.len() <= IGNORED_NAME_BYTES_MAX;
    if fits && !name.iter().any(is_strange) { std::str::from_utf8(name).ok() } else { None }
}

/// Refuses paths outside of the folder, and folders in folders.
fn check_path(entry: &Entry) -> Result<(), BundleError> {
    let name = &entry.name;
    let leads_elsewhere = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    let parts = name.strip_suffix(b"/").unwrap_or(name);
    let drive = name.get(1) == Some(&b':');
    if drive
        || name.iter().any(u8::is_ascii_control)
        || parts.split(|byte| *byte == b'/').any(leads_elsewhere)
    {
        return Err(entry.refused(EntryProblem::Path));
    }
    let depth_max = if is_folder(entry) { 1 } else { 2 };
    if parts.split(|byte| *byte == b'/').count() > depth_max && !is_junk_entry(entry) {
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
