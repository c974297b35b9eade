//! Verifies the archive of the history: its changes with their before-values, the kept texts, the chunks of
//! long values, and the content hashes.

use super::{
    Finding, Findings, Header, Store, StoreError,
    content::Content,
    generation::Generation,
    history::{ReadHistory, decode_kept_text, parse_kept_key},
    tree_id::TreeId,
    trees::ValueOwner,
};
use crate::{job::Progress, model::Kind, wording::chain};

/// The code of the problems of the archive.
const CODE: &str = "archive";

impl Store {
    /// Verifies the archive of the history and calls `report` with each finding. Imports wait meanwhile.
    ///
    /// # Errors
    /// Damage is a finding and not an error.
    /// - [`StoreError::Cancelled`] if `progress` was cancelled.
    /// - [`StoreError::DiskFull`] if the file system has no space.
    /// - [`StoreError::Io`] for any other error of the file system.
    /// - [`StoreError::Database`] for any other error of sled.
    pub fn verify_archive(
        &self,
        progress: &Progress,
        report: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        let Some(archive) = self.archive.database()? else { return Ok(()) };
        let _writing = self.archive.lock();
        let mut verification = ArchiveVerification {
            archive: &archive,
            content: Content::default(),
            report,
            progress,
        };
        verification.verify_changes(&self.directory.scratch())?;
        verification.verify_kept_texts()?;
        verification.verify_chunks()?;
        verification.verify_hashes();
        Ok(())
    }
}

/// A running verification.
struct ArchiveVerification<'a, 'f> {
    archive: &'a Generation,
    /// The content hashes of the entries that were read.
    content: Content,
    report: &'a mut Findings<'f>,
    progress: &'a Progress,
}

impl ArchiveVerification<'_, '_> {
    /// Verifies the changes and their before-values.
    fn verify_changes(&mut self, scratch: &std::path::Path) -> Result<(), StoreError> {
        let trees = self.archive.trees();
        let mut findings = Vec::new();
        let changes =
            ReadHistory::read(trees, scratch, &mut self.content, self.progress, &mut |finding| {
                findings.push(finding.detail);
            })?
            .of_archive();
        let mut long: Vec<(ValueOwner, Vec<u8>, Header, usize)> = Vec::new();
        changes.compare(
            trees,
            &mut self.content,
            self.progress,
            &mut |finding| {
                let record = finding.record();
                let subject =
                    record.map_or_else(String::new, |(kind, name)| format!("{kind} “{name}” "));
                findings.push(format!("{subject}{}", finding.detail));
            },
            &mut |owner, key, header, bytes| {
                long.push((owner, key.to_vec(), header, bytes));
                Ok(())
            },
        )?;
        for (owner, key, header, bytes) in long {
            let prefix = owner.chunk_prefix(&key, header.version);
            let found = self.chunk_bytes(&prefix)?;
            if found != bytes {
                let key = String::from_utf8_lossy(&key).replace('\0', ", ");
                let detail = format!("{key}: an earlier value has {found} of {bytes} bytes");
                findings.push(detail);
            }
        }
        for detail in findings {
            self.add(None, detail);
        }
        Ok(())
    }

    /// The bytes of all chunks of a value. A damaged chunk has none; it is reported with the chunks.
    fn chunk_bytes(&self, prefix: &[u8]) -> Result<usize, StoreError> {
        let mut bytes = 0;
        for entry in self.archive.trees().tree(TreeId::Chunks).prefix(prefix) {
            match entry {
                Ok((_, chunk)) => bytes += chunk.len(),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    /// Verifies the kept texts: each can be decoded and unpacked.
    fn verify_kept_texts(&mut self) -> Result<(), StoreError> {
        let mut current: Option<(Vec<u8>, u64, Vec<u8>)> = None;
        for entry in self.archive.trees().tree(TreeId::Texts).prefix(&[]) {
            let Some((key, part)) = self.readable(entry)? else { continue };
            self.content[TreeId::Texts].add(&key, &part);
            self.progress.check()?;
            let Some((text_key, version)) = parse_kept_key(&key) else {
                self.add(None, "a kept text has a wrong key".to_owned());
                continue;
            };
            match &mut current {
                Some((last, of, bytes)) if last == text_key && *of == version => {
                    bytes.extend_from_slice(&part);
                }
                _ => {
                    let ended = current.replace((text_key.to_vec(), version, part.to_vec()));
                    self.verify_kept_text(ended);
                }
            }
        }
        self.verify_kept_text(current);
        Ok(())
    }

    /// Verifies one kept text: its text key, its version and its bytes.
    fn verify_kept_text(&mut self, kept: Option<(Vec<u8>, u64, Vec<u8>)>) {
        let Some((key, version, bytes)) = kept else { return };
        let decoded = decode_kept_text(&bytes);
        let unpacked = decoded.and_then(|kept| kept.body.map(|body| body.unpack()).transpose());
        if let Err(error) = unpacked {
            let device = key.split(|byte| *byte == 0).next().unwrap_or_default();
            let device = String::from_utf8_lossy(device).into_owned();
            let detail =
                format!("has a damaged text of change {version} in the archive: {}", chain(&error));
            self.add(Some(device), detail);
        }
    }

    fn verify_chunks(&mut self) -> Result<(), StoreError> {
        for entry in self.archive.trees().tree(TreeId::Chunks).prefix(&[]) {
            let Some((key, chunk)) = self.readable(entry)? else { continue };
            self.content[TreeId::Chunks].add(&key, &chunk);
            self.progress.check()?;
        }
        Ok(())
    }

    /// Compares the content hash of each tree with the stored one. Only this finds an entry that was lost
    /// or added as a whole.
    fn verify_hashes(&mut self) {
        let summary = self.archive.summary();
        for tree in Content::trees() {
            if summary.content[tree] != self.content[tree] {
                let detail = format!(
                    "the content hash of the tree '{}' is wrong: an entry was lost, added or changed",
                    tree.name()
                );
                self.add(None, detail);
            }
        }
    }

    /// Returns an entry. Reports one that is damaged, and returns `None`.
    fn readable<T>(&mut self, entry: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match entry {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.is_damage() => {
                self.add(None, chain(&error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reports a problem of the archive, or of a device in it.
    fn add(&mut self, device: Option<String>, detail: String) {
        let finding = match device {
            Some(name) => Finding::of(Kind::Device, name, CODE, detail),
            None => Finding {
                kind: None,
                name: None,
                code: CODE,
                detail: format!("in the archive of the history, {detail}"),
            },
        };
        (self.report)(finding);
    }
}
