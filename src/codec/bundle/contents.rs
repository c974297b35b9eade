//! Finds the documents among the entries of an archive.

use std::collections::{BTreeMap, HashSet};

use super::{
    BundleError, EntryProblem, METADATA_NAME, Metadata, PARTS_FOLDER, SimilarDocument,
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
    /// The names of entries that are not read: files beside the documents, without the project's
    /// folder, and files that an operating system added, with their folders.
    pub(super) ignored: Vec<String>,
    /// `metadata.yaml`, if there is one.
    pub(super) metadata: Option<Document>,
    /// The entries in the folder [`PARTS_FOLDER`], by their names in it.
    pub(super) parts: BTreeMap<String, Document>,
}

/// A document or a part of a backup, and its compression method.
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

    let Some(first) = first_of_project(entries) else {
        let nested = entries.iter().find(|entry| is_archive(entry) && !is_junk_entry(entry));
        return Err(match nested {
            Some(entry) => BundleError::Nested { entry: shown(&entry.name) },
            None => BundleError::MetadataMissing { similar: similar_document(entries) },
        });
    };
    if depth(first) > 1 {
        return Err(first.refused(EntryProblem::Depth));
    }
    let (folder, _) = split(&first.name);
    let mut found = entries.iter().filter(|entry| {
        let (own_folder, name) = split(&entry.name);
        own_folder == folder && name == METADATA_NAME.as_bytes() && !is_junk_entry(entry)
    });
    let metadata = found.next();
    match found.next() {
        Some(second) => Err(second.refused(EntryProblem::Duplicate)),
        None => Ok(metadata),
    }
}

/// Returns the entry whose folder is the folder of the project: of the metadata and documents that
/// are in the fewest folders, the first metadata or else the first document.
fn first_of_project(entries: &[Entry]) -> Option<&Entry> {
    let of_project = entries.iter().filter(|entry| is_of_project(entry));
    of_project.min_by_key(|entry| (depth(entry), !is_metadata(entry)))
}

/// Returns whether an entry is the metadata or a document, in any folder.
fn is_of_project(entry: &Entry) -> bool {
    !is_junk_entry(entry) && (is_metadata(entry) || kind_of(split(&entry.name).1).is_some())
}

fn is_metadata(entry: &Entry) -> bool {
    split(&entry.name).1 == METADATA_NAME.as_bytes()
}

/// The number of folders in the path of an entry.
fn depth(entry: &Entry) -> usize {
    memchr::memchr_iter(b'/', split(&entry.name).0).count()
}

/// Returns the first entry whose name resembles that of a document.
fn similar_document(entries: &[Entry]) -> Option<SimilarDocument> {
    let files = entries.iter().filter(|entry| !is_folder(entry) && !is_junk_entry(entry));
    files.map(|entry| shown(&entry.name)).find_map(|name| SimilarDocument::of(&name))
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
/// if there is no metadata. Other files are ignored and listed, as those of a folder on a disk.
///
/// # Errors
/// [`BundleError::Entry`] if a document is outside of the folder, cannot be unpacked or differs from
/// its declaration in the metadata, or if an entry occurs twice.
pub(super) fn documents(
    entries: &[Entry],
    metadata_entry: Option<&Entry>,
    metadata: &Metadata,
) -> Result<Contents, BundleError> {
    let first = metadata_entry.or_else(|| first_of_project(entries));
    let (folder, _) = split(first.map_or(&[], |entry| &entry.name));
    let parts_folder = [folder, PARTS_FOLDER.as_bytes()].concat();
    let mut contents = Contents {
        documents: PerKind::default(),
        ignored: Vec::new(),
        parts: BTreeMap::new(),
        metadata: None,
    };
    let mut names = HashSet::new();
    let mut junk = Vec::new();
    let mut nested = Vec::new();
    for entry in entries {
        if !names.insert(&entry.name) && !is_junk_entry(entry) {
            return Err(entry.refused(EntryProblem::Duplicate));
        }
        if is_junk_entry(entry) {
            junk.push(shown(&entry.name));
            continue;
        }
        if is_folder(entry) {
            if entry.unpacked > 0 {
                return Err(entry.refused(EntryProblem::Name));
            }
            continue;
        }
        let (own_folder, name) = split(&entry.name);
        if own_folder == parts_folder && !is_of_project(entry) {
            let part = Document { entry: entry.clone(), method: Method::of(entry)? };
            contents.parts.insert(shown(name), part);
            continue;
        }
        if own_folder != folder {
            if is_of_project(entry) {
                nested.push(entry);
            }
            contents.ignored.push(shown(entry.name.strip_prefix(folder).unwrap_or(&entry.name)));
            continue;
        }
        if is_metadata(entry) {
            let document = Document { entry: entry.clone(), method: Method::of(entry)? };
            contents.metadata = Some(document);
        } else if let Some(kind) = kind_of(name) {
            let document = Document { entry: entry.clone(), method: Method::of(entry)? };
            contents.documents[kind] = Some(document);
        } else if name.len() <= IGNORED_NAME_BYTES_MAX {
            contents.ignored.push(shown(name));
        } else {
            return Err(entry.refused(EntryProblem::Name));
        }
    }
    refuse_other_projects(&contents, &nested, folder, first)?;
    contents.ignored.append(&mut junk);
    compare_with_metadata(&contents, metadata)?;
    Ok(contents)
}

/// Refuses documents outside of the project's folder. Documents in folders inside of it are ignored, as
/// in a folder on a disk, but not if they are all that there is.
fn refuse_other_projects(
    contents: &Contents,
    nested: &[&Entry],
    folder: &[u8],
    first: Option<&Entry>,
) -> Result<(), BundleError> {
    let has_documents = contents.documents.iter().any(|(_, document)| document.is_some());
    let is_other = |entry: &&&Entry| !has_documents || !entry.name.starts_with(folder);
    match nested.iter().find(is_other) {
        Some(entry) => {
            let first = first.map(|first| shown(&first.name)).unwrap_or_default();
            Err(entry.refused(EntryProblem::Folder { first }))
        }
        None => Ok(()),
    }
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

/// Returns whether an archive can have a file of this name that is not read: a document of a kind that
/// Satchel does not know or with a slip in its name, a note, or a file in a folder of the project.
pub(super) fn is_ignorable(path: &str) -> bool {
    let is_strange = |byte: u8| byte.is_ascii_control() || matches!(byte, b'\\' | b':');
    let leads_elsewhere = |part: &str| matches!(part, "" | "." | "..");
    path.len() <= IGNORED_NAME_BYTES_MAX
        && !path.bytes().any(is_strange)
        && !path.trim_end_matches('/').split('/').any(leads_elsewhere)
}

/// Refuses paths that lead out of the folder to which an archive is unpacked.
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
