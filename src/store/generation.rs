//! One generation of the inventory: a sled database, and reading from it.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use sled::{Db, IVec, Tree};

use super::{
    Raw, Referrer, StoreError, Summary,
    format::{self, Head},
    references,
    summary::SUMMARY_KEY,
};
use crate::model::{Kind, PerKind, Target};

/// What sled may keep in memory of one generation, in bytes.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// How often a long record is read again when a change replaces it in between.
const READS_MAX: usize = 100;

/// One sled database, with a tree for every kind.
pub(super) struct Generation {
    pub number: u64,
    pub db: Db,
    pub kinds: PerKind<Tree>,
    pub references: Tree,
    pub chunks: Tree,
    pub meta: Tree,
}

impl Generation {
    /// Opens the generation in `path`, or makes an empty one there.
    pub fn open(path: &Path, number: u64) -> Result<Self, StoreError> {
        remove_cut_off_snapshots(path)?;
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            // Nothing is acknowledged before a flush of ours.
            .flush_every_ms(None);
        // sled answers some kinds of damage with a panic.
        let opened = catch_unwind(AssertUnwindSafe(|| -> Result<Self, StoreError> {
            let db = config.open()?;
            let tree = |name: &str| db.open_tree(name);
            Ok(Self {
                number,
                kinds: PerKind::try_new(|kind| tree(kind.as_str()))?,
                references: tree("references")?,
                chunks: tree("chunks")?,
                meta: tree("meta")?,
                db,
            })
        }));
        opened.unwrap_or_else(|panic| {
            let detail = panic_text(panic.as_ref());
            Err(StoreError::Damaged { part: "database", detail })
        })
    }

    pub fn summary(&self) -> Result<Summary, StoreError> {
        match self.meta.get(SUMMARY_KEY)? {
            Some(bytes) => format::decode("summary", &bytes),
            None => Ok(Summary::default()),
        }
    }

    pub fn contains(&self, kind: Kind, name: &str) -> Result<bool, StoreError> {
        Ok(self.kinds[kind].contains_key(name)?)
    }

    /// One record as bytes, whole.
    pub fn raw(&self, kind: Kind, name: &str) -> Result<Option<Raw>, StoreError> {
        for _ in 0..READS_MAX {
            let Some(bytes) = self.kinds[kind].get(name)? else { return Ok(None) };
            if let Some(raw) = self.whole(kind, name.as_bytes(), bytes)? {
                return Ok(Some(raw));
            }
        }
        Err(corrupt(kind, name.as_bytes(), "parts of it are missing"))
    }

    /// All records of a kind by name, from behind `after` on. A record whose chunks are gone,
    /// because a change replaced it since its head was read, comes as `None`.
    pub fn scan(
        &self,
        kind: Kind,
    ) -> impl Iterator<Item = Result<(IVec, Option<Raw>), StoreError>> {
        self.kinds[kind].iter().map(move |entry| {
            let (name, bytes) = entry?;
            let raw = self.whole(kind, &name, bytes)?;
            Ok((name, raw))
        })
    }

    /// Fetches a long record's chunks. `None` when they are not all there.
    fn whole(&self, kind: Kind, name: &[u8], bytes: IVec) -> Result<Option<Raw>, StoreError> {
        let (header, length) = match format::head(bytes) {
            Ok(Head::Whole(raw)) => return Ok(Some(raw)),
            Ok(Head::Long(header, length)) => (header, length),
            Err(detail) => return Err(corrupt(kind, name, detail)),
        };
        let mut body = Vec::new();
        for chunk in self.chunks.scan_prefix(chunk_prefix(kind, name, header.version)).values() {
            body.extend_from_slice(&chunk?);
        }
        Ok((body.len() == length).then(|| format::assembled(header, body)))
    }

    /// The records that name the target.
    pub fn referrers(&self, target: Target, name: &str) -> Result<Vec<Referrer>, StoreError> {
        let mut referrers = Vec::new();
        references::each_posting(&self.references, &references::target_key(target, name), |p| {
            referrers.push(references::parse_posting(p).ok_or_else(|| StoreError::Damaged {
                part: "reverse index",
                detail: format!("a reference to the {target} '{name}'"),
            })?);
            Ok(())
        })?;
        Ok(referrers)
    }
}

pub(super) fn corrupt(kind: Kind, name: &[u8], detail: impl Into<String>) -> StoreError {
    let name = String::from_utf8_lossy(name).into_owned();
    StoreError::Corrupt { kind, name, detail: detail.into() }
}

/// The key of a long record's chunks, but for the chunk's number. The version is in it, so that a
/// reader never puts chunks of two changes together.
pub(super) fn chunk_prefix(kind: Kind, name: &[u8], version: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 16);
    key.extend_from_slice(kind.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(name);
    key.push(0);
    key.extend_from_slice(&version.to_be_bytes());
    key
}

/// The key of a long record's chunk.
pub(super) fn chunk_key(prefix: &[u8], number: usize) -> Vec<u8> {
    let number = u32::try_from(number).expect("a record has fewer than 2^32 chunks");
    [prefix, &number.to_be_bytes()].concat()
}

/// Killed while it opens, sled can leave half a snapshot, which fails the next open.
fn remove_cut_off_snapshots(path: &Path) -> Result<(), StoreError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("a generation's directory"))?;
        if entry.file_name().to_string_lossy().ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(StoreError::io("removing half a snapshot"))?;
        }
    }
    Ok(())
}

/// What a panic had to say.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
