//! Opens the inventory of a data directory: sets up a new one, upgrades an earlier format, and refuses
//! a damaged one before anything is changed.

use std::{path::Path, sync::Arc};

use super::{
    CreateDirectory, DataDirectory, DirectoryError, InterruptedRecovery, InventoryDamage,
    KnownCounts, Options, StoreError, Vault,
    content::Content,
    directory::{Pointer, PointerFile, PointerFormat},
    folder_copy::FolderCopy,
    format,
    generation::Generation,
    known::KnownState,
    log::{self, LogCheck, LogDamage},
    mark::{FoundMark, MarkFile},
    reserve,
    seal::{self, Seal},
};

/// An opened inventory.
pub(super) struct OpenedInventory {
    pub generation: Generation,
    pub pointer: Pointer,
    pub vault: Vault,
    pub mark: MarkFile,
    pub secrets: SecretBinding,
}

/// Tells whether the secrets of an inventory are bound to their records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretBinding {
    /// As the current format demands.
    Bound,
    /// As up to format 5. [`open`](super::rekey::open) seals them again.
    Unbound,
}

impl OpenedInventory {
    fn with_unbound_secrets(self) -> Self {
        let vault = self.vault.accepting_earlier_binding();
        Self { vault, secrets: SecretBinding::Unbound, ..self }
    }
}

/// Opens the inventory, or sets up an empty one if there never was one. Its secrets can be unbound.
///
/// # Errors
/// - [`StoreError::InventoryDamaged`] if it is damaged.
/// - [`StoreError::Directory`] if its format is older than 2 or newer than the current one, or if it
///   was never set up and the options forbid to create it.
/// - [`StoreError::Key`] if the key is missing.
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
/// - [`StoreError::Database`] for any other error of sled.
pub(super) fn open(
    directory: &Arc<DataDirectory>,
    options: Options,
) -> Result<OpenedInventory, StoreError> {
    let file = directory.pointer_file().map_err(|error| pointer_damage(directory, error))?;
    match file {
        // `key.check` is written when an inventory is opened for the first time.
        None if directory.key_check().exists() => {
            let finding =
                "CURRENT and all generations are missing, although there was an inventory";
            Err(InventoryDamage::error(directory, vec![finding.to_owned()], None, None))
        }
        None | Some(PointerFile { pointer: Pointer { current: 0, .. }, .. })
            if options.create == CreateDirectory::Never =>
        {
            Err(DirectoryError::Unfinished { path: directory.path().to_owned() }.into())
        }
        None => set_up(directory, options),
        // The set-up was interrupted before there was an inventory.
        Some(PointerFile { pointer: Pointer { current: 0, .. }, .. }) => set_up(directory, options),
        Some(PointerFile { pointer, format: PointerFormat::Unchecked }) => {
            Ok(upgrade(directory, pointer, options)?.with_unbound_secrets())
        }
        // From format 3 on, no entry of a database changes but those with secrets: an upgraded inventory
        // has an empty history, and no generations before the previous one.
        Some(PointerFile {
            pointer,
            format:
                PointerFormat::WithoutHistory
                | PointerFormat::TwoGenerations
                | PointerFormat::UnboundSecrets,
        }) => Ok(open_present(directory, pointer, options)?.with_unbound_secrets()),
        Some(PointerFile {
            pointer,
            format: PointerFormat::SingleChanges | PointerFormat::ClearProperties,
        }) => {
            let opened = open_present(directory, pointer, options)?;
            // The changes of format 6, and records without encrypted custom properties, stay as they are, beside
            // later ones. Only the pointer tells older executables that they must not open the directory.
            // `rekey` encrypts what must be.
            directory.switch_pointer(&opened.pointer)?;
            Ok(opened)
        }
        Some(PointerFile { pointer, format: PointerFormat::Present }) => {
            open_present(directory, pointer, options)
        }
    }
}

/// Sets up an empty inventory.
fn set_up(directory: &Arc<DataDirectory>, options: Options) -> Result<OpenedInventory, StoreError> {
    if let FoundMark::Intact(mark) = super::mark::read(&directory.mark())?
        && (mark.current.summary.version > 0 || mark.previous.is_some())
    {
        let findings =
            vec!["the file CURRENT does not name an inventory, although there was one".to_owned()];
        let (current, previous) = (Some(&mark.current), mark.previous.as_ref());
        return Err(InventoryDamage::error(directory, findings, current, previous));
    }
    let key = directory.key();
    let vault = if key.exists() { Vault::open(&key)? } else { Vault::create(&key)? };
    // While the pointer names no generation, an interrupted set-up starts again.
    let unfinished = Pointer::to(0);
    directory.switch_pointer(&unfinished)?;
    directory.remove_other_generations(&unfinished)?;
    let generation =
        reserve::open_generation(directory, |directory| Generation::create(directory, 1, options))?;
    generation.write_summary()?;
    let (mark, _) = MarkFile::open(&directory.mark())?;
    finish(&generation)?;
    mark.begin(generation.known(), None);
    mark.sync()?;
    let pointer = Pointer::to(1);
    directory.switch_pointer(&pointer)?;
    Ok(OpenedInventory { generation, pointer, vault, mark, secrets: SecretBinding::Bound })
}

/// Seals a generation and makes it durable.
fn finish(generation: &Generation) -> Result<(), StoreError> {
    seal::write(&generation.path(), &generation.known())?;
    generation.make_durable()
}

/// Upgrades the databases of a directory of format 2: hashes and seals its generations, writes the
/// high-water mark. The pointer stays: it is written when the secrets are sealed again. An interrupted upgrade
/// starts again.
fn upgrade(
    directory: &Arc<DataDirectory>,
    pointer: Pointer,
    options: Options,
) -> Result<OpenedInventory, StoreError> {
    let vault = Vault::open(&directory.key())?;
    let open_earlier = |number| {
        reserve::open_generation(directory, |directory| {
            Generation::open_earlier(directory, number, options)
        })
    };
    let damage = |error| damage_of(directory, error, None, None);
    tracing::info!("The data directory has an earlier format. Every record is read to upgrade it.");
    let previous = match pointer.previous {
        Some(number) => {
            let generation = open_earlier(number).map_err(damage)?;
            finish(&generation)?;
            Some(generation.known())
        }
        None => None,
    };
    let generation = open_earlier(pointer.current).map_err(damage)?;
    finish(&generation)?;
    let (mark, _) = MarkFile::open(&directory.mark())?;
    mark.begin(generation.known(), previous);
    mark.sync()?;
    directory.remove_other_generations(&pointer)?;
    Ok(OpenedInventory { generation, pointer, vault, mark, secrets: SecretBinding::Bound })
}

/// Opens an inventory of the current format, or of the format without a history.
fn open_present(
    directory: &Arc<DataDirectory>,
    pointer: Pointer,
    options: Options,
) -> Result<OpenedInventory, StoreError> {
    let vault = Vault::open(&directory.key())?;
    let (mark, found) = MarkFile::open(&directory.mark())?;
    let marked = match found {
        FoundMark::Intact(mark) => Some(*mark),
        FoundMark::Missing | FoundMark::Damaged => None,
    };
    let current = marked.as_ref().map(|mark| &mark.current);
    let previous = marked.as_ref().and_then(|mark| mark.previous.as_ref());
    let damaged = |findings| Err(InventoryDamage::error(directory, findings, current, previous));
    let Some(current_mark) = current else {
        let name = directory.mark();
        let name = name.display();
        return damaged(vec![format!("the high-water mark {name} is missing or damaged")]);
    };
    if directory.recovering().exists() && options.interrupted == InterruptedRecovery::Refuse {
        return damaged(vec![
            "a recovery was interrupted before it was complete; satchel recover --salvage \
             completes it"
                .to_owned(),
        ]);
    }
    let opened =
        open_checked(directory, pointer.current, options, Some(current_mark), LogEndPolicy::Keep);
    let generation = opened.map_err(|error| damage_of(directory, error, current, previous))?;
    if !is_mark_of(directory, &pointer, current_mark, &generation)? {
        return damaged(vec!["the high-water mark belongs to another inventory".to_owned()]);
    }
    if current_mark.summary.version < generation.summary().version {
        // The changes of a killed process can be in the kernel's cache only, and the mark must not be
        // ahead of the disk.
        generation.make_durable()?;
        let known = generation.known();
        let summary = format::encode(&known.summary);
        mark.note(known, &summary);
    }
    directory.remove_other_generations(&pointer)?;
    Ok(OpenedInventory { generation, pointer, vault, mark, secrets: SecretBinding::Bound })
}

/// Returns whether a mark belongs to this inventory: to its current generation, or to the previous
/// one if the process ended after it switched the pointer and before it wrote the mark.
fn is_mark_of(
    directory: &DataDirectory,
    pointer: &Pointer,
    mark: &KnownState,
    generation: &Generation,
) -> Result<bool, StoreError> {
    if mark.generation == generation.number {
        return Ok(mark.identity == generation.identity);
    }
    if pointer.previous != Some(mark.generation) {
        return Ok(false);
    }
    Ok(match seal::read(&directory.generation(mark.generation))? {
        Seal::Intact(sealed) => sealed.identity == mark.identity,
        // Damage of the previous generation is reported when that is opened.
        Seal::Missing | Seal::Damaged => true,
    })
}

/// Tells whether to save the incomplete end of a log. sled erases it when it opens the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogEndPolicy {
    /// Copies the database first, until it is known that the incomplete end holds no acknowledged
    /// change.
    Keep,
    /// Lets sled erase it: this process has just written it on a full disk.
    Erase,
}

/// Opens a generation and compares it with its seal and with its known state.
///
/// A database whose incomplete end holds complete messages is copied first, and the copy replaces it if the
/// generation is refused. Without disk space for a copy, the generation is opened without one.
///
/// # Errors
/// - [`StoreError::InventoryDamaged`] with the findings, also if the database cannot be opened.
/// - [`StoreError::DiskFull`] if the file system has no space.
/// - [`StoreError::Io`] for any other error of the file system.
/// - [`StoreError::Database`] for any other error of sled.
pub(super) fn open_checked(
    directory: &Arc<DataDirectory>,
    number: u64,
    options: Options,
    known: Option<&KnownState>,
    tail: LogEndPolicy,
) -> Result<Generation, StoreError> {
    let path = directory.generation(number);
    let damaged = |findings| Err(InventoryDamage::error(directory, findings, None, None));
    if !path.is_dir() {
        return damaged(vec![format!("{} is missing", path.display())]);
    }
    let sealed = match seal::read(&path)? {
        Seal::Intact(sealed) => sealed,
        Seal::Missing => {
            return damaged(vec![format!("the seal in {} is missing", path.display())]);
        }
        Seal::Damaged => {
            return damaged(vec![format!("the seal in {} is damaged", path.display())]);
        }
    };
    // The check comes before sled opens the database, which erases unreadable parts.
    let copy = match tail {
        LogEndPolicy::Erase => None,
        LogEndPolicy::Keep => match log::check(&path)? {
            LogCheck::Damaged(found) => return damaged(log_findings(&path, &found)),
            LogCheck::IncompleteEnd(end) if end.messages > 0 => FolderCopy::make(directory, &path),
            LogCheck::IncompleteEnd(_) | LogCheck::Clean => None,
        },
    };
    let opened = reserve::open_generation(directory, |directory| {
        Generation::open(directory, number, options)
    });
    let opened = opened.and_then(|generation| {
        let findings = compare(&generation, &sealed, known, options)?;
        if findings.is_empty() {
            return Ok(generation);
        }
        Err(InventoryDamage::error(directory, findings, None, None))
    });
    match (&opened, copy) {
        (Ok(_), Some(copy)) => copy.remove(),
        (Err(_), Some(copy)) => copy.put_back(&path),
        (Ok(_) | Err(_), None) => {}
    }
    opened.map_err(|error| damage_of(directory, error, None, None))
}

/// The number of damaged locations of a log that a message lists. The others are counted only.
const LOG_FINDINGS_MAX: usize = 3;

fn log_findings(path: &Path, found: &[LogDamage]) -> Vec<String> {
    let named = found.iter().take(LOG_FINDINGS_MAX);
    let mut findings: Vec<String> =
        named.map(|damage| format!("{}/{damage}", path.display())).collect();
    if found.len() > LOG_FINDINGS_MAX {
        findings.push(format!("{} more locations", found.len() - LOG_FINDINGS_MAX));
    }
    findings
}

/// Compares a generation with its seal and with its known state. Returns the differences.
fn compare(
    generation: &Generation,
    sealed: &KnownState,
    known: Option<&KnownState>,
    options: Options,
) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    let summary = generation.summary();
    if generation.identity != sealed.identity {
        findings.push("its database belongs to another generation".to_owned());
    }
    for state in std::iter::once(sealed).chain(known) {
        let (found, version) = (summary.version, state.summary.version);
        if found < version {
            findings.push(format!(
                "changes are lost: change {version} was acknowledged, and the last change in the \
                 database is {found}"
            ));
        } else if found == version && *summary != state.summary {
            findings.push(format!(
                "after change {version} it had {} records, and the database counts {}",
                state.summary.records(),
                summary.records()
            ));
        }
    }
    findings.dedup();
    if findings.is_empty() && generation.bytes()? <= options.checked_at_open_bytes_max {
        let read = generation.read_content()?;
        for tree in Content::trees() {
            let (expected, found) = (summary.content[tree], read[tree]);
            if expected != found {
                findings.push(format!(
                    "the tree '{}' has {} entries ({} were written), or their content differs",
                    tree.name(),
                    found.entries,
                    expected.entries
                ));
            }
        }
    }
    Ok(findings)
}

impl InventoryDamage {
    fn error(
        directory: &DataDirectory,
        findings: Vec<String>,
        known: Option<&KnownState>,
        previous: Option<&KnownState>,
    ) -> StoreError {
        StoreError::InventoryDamaged(Box::new(Self {
            directory: directory.path().to_owned(),
            findings,
            known: known.map(KnownCounts::from),
            previous: previous.map(KnownCounts::from),
        }))
    }
}

/// Turns an error of opening into the damage of the inventory, with its known states. Errors that are
/// not damage are returned unchanged.
fn damage_of(
    directory: &DataDirectory,
    error: StoreError,
    known: Option<&KnownState>,
    previous: Option<&KnownState>,
) -> StoreError {
    let findings = match error {
        StoreError::InventoryDamaged(damage) => damage.findings,
        StoreError::Damaged { part, detail } => {
            vec![format!("the {part} cannot be read: {detail}")]
        }
        StoreError::Database(sled::Error::Corruption { .. }) => {
            vec!["the database cannot be read".to_owned()]
        }
        other => return other,
    };
    InventoryDamage::error(directory, findings, known, previous)
}

/// Turns the error of a damaged pointer into the damage of the inventory, with the states from the
/// high-water mark.
fn pointer_damage(directory: &DataDirectory, error: StoreError) -> StoreError {
    let marked = match super::mark::read(&directory.mark()) {
        Ok(FoundMark::Intact(mark)) => Some(mark),
        Ok(FoundMark::Missing | FoundMark::Damaged) | Err(_) => None,
    };
    let current = marked.as_ref().map(|mark| &mark.current);
    let previous = marked.as_ref().and_then(|mark| mark.previous.as_ref());
    damage_of(directory, error, current, previous)
}
