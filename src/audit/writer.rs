//! Appends entries to the last file, and removes old files.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    time::{Duration, Instant},
};

use time::OffsetDateTime;

use super::{
    AuditError,
    end::{self, KnownEnd, Mark},
    entry::{AuditEntry, ChainEnd},
    event::{Event, EventKind, RemovedEntries},
    read::{Visit, visit_newest_first},
    segments::{AuditFolder, Segment, complete_lines},
};
use crate::{
    disk::{create_directory_durably, sync_directory},
    wording::Chain,
};

/// The largest size of a file in bytes: old entries are removed file by file. It is a quarter of the size up
/// to which entries are kept, if that is less.
const SEGMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The number of files at the size up to which entries are kept, at least.
const SEGMENTS_MIN: u64 = 4;

/// The longest time that one file covers, so that old entries are removed also if there are few.
const SEGMENT_AGE_MAX: time::Duration = time::Duration::days(10);

/// The mode of a file.
const FILE_MODE: u32 = 0o600;

/// The time between two looks for old entries.
const TRIM_EVERY: Duration = Duration::from_secs(60 * 60);

/// How long and up to which size entries are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptEntries {
    /// The age up to which entries are kept.
    pub age_max: Duration,
    /// The size up to which entries are kept, in bytes.
    pub bytes_max: u64,
}

/// The open log.
pub(super) struct Writer {
    folder: AuditFolder,
    kept: Option<KeptEntries>,
    end: ChainEnd,
    /// The time of the last entry: a clock that is set back must not put the entries out of order.
    last_time: OffsetDateTime,
    current: Option<OpenSegment>,
    trimmed: Option<Instant>,
}

/// The file that entries are appended to.
struct OpenSegment {
    file: File,
    segment: Segment,
    begun: OffsetDateTime,
}

impl Writer {
    /// Opens the log, and removes an incomplete line that a killed process left. Creates nothing.
    ///
    /// # Errors
    /// [`AuditError`].
    pub(super) fn open(folder: AuditFolder, kept: Option<KeptEntries>) -> Result<Self, AuditError> {
        end::remove_temporary(&folder)?;
        let known = NotedEnd { end: KnownEnd::read(&folder)?, mark: Mark::read(&folder)?.number() };
        let mut writer = Self {
            end: ChainEnd::empty(),
            last_time: OffsetDateTime::UNIX_EPOCH,
            current: None,
            trimmed: None,
            folder,
            kept,
        };
        let mut segments = writer.folder.segments()?;
        remove_unbegun(&mut segments, &known)?;
        let Some(last) = segments.pop() else {
            writer.continue_after(known, None)?;
            return Ok(writer);
        };
        let text = last.read()?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1) as u64;
        let mut lines = complete_lines(&text);
        let first = lines.next().and_then(|line| AuditEntry::parse(line).ok());
        let final_line = complete_lines(&text).next_back();
        let final_entry = final_line.and_then(|line| AuditEntry::parse(line).ok());
        let Some(entry) = final_entry else {
            // Nothing is appended to a damaged file: the next one begins with the next number.
            let found = last_entry(&writer.folder)?;
            writer.continue_after(known, found)?;
            return Ok(writer);
        };
        let is_at_end = known.number() <= entry.number;
        let (last_time, begun) = (entry.moment(), first.and_then(|entry| entry.moment()));
        writer.end = entry.end();
        writer.last_time = last_time.unwrap_or(writer.last_time);
        if !is_at_end {
            writer.continue_after(known, Some(entry))?;
            return Ok(writer);
        }
        let file = OpenOptions::new().append(true).open(&last.path);
        let file = file.map_err(AuditError::write(&last.path))?;
        if whole < last.bytes {
            file.set_len(whole).map_err(AuditError::write(&last.path))?;
        }
        let segment = Segment { bytes: whole, ..last };
        writer.current =
            Some(OpenSegment { file, segment, begun: begun.unwrap_or(writer.last_time) });
        Ok(writer)
    }

    /// Continues after the greater of the known end and the last readable entry, in a new file.
    fn continue_after(
        &mut self,
        known: NotedEnd,
        last: Option<AuditEntry>,
    ) -> Result<(), AuditError> {
        if let Some(entry) = last {
            self.end = entry.end();
            self.last_time = entry.moment().unwrap_or(self.last_time);
        }
        let mark = known.mark;
        if let Some(end) = known.end.entry().filter(|end| end.number > self.end.number) {
            self.end = end;
        }
        // The hash of this entry is not known.
        self.end.number = self.end.number.max(mark);
        // A file of this name can be a damaged one.
        while self.folder.segment_path(self.end.number + 1).exists() {
            self.end.number += 1;
        }
        if self.end.number > 0 {
            tracing::error!(
                "The audit log is damaged: entries up to {} are missing or damaged. It goes on with a new \
                 file. `satchel verify` tells more.",
                self.end.number
            );
            let detail = "entries before this one are missing or damaged";
            self.append(vec![Event::new(EventKind::Damage).with_detail(detail)])?;
        }
        Ok(())
    }

    /// The number of the last entry.
    pub(super) fn last_number(&self) -> u64 {
        self.end.number
    }

    /// Appends events. The entries are durable when this returns.
    ///
    /// # Errors
    /// [`AuditError::Write`]: nothing is appended then, and the events can be appended again.
    pub(super) fn append(&mut self, events: Vec<Event>) -> Result<Vec<AuditEntry>, AuditError> {
        let time = OffsetDateTime::now_utc().max(self.last_time);
        self.begin_segment_if_needed(time)?;
        let Some(current) = &mut self.current else { return Ok(Vec::new()) };
        let mut end = self.end.clone();
        let (mut entries, mut text) = (Vec::with_capacity(events.len()), String::new());
        for event in events {
            let (entry, line) = AuditEntry::after(&end, time, event);
            end = entry.end();
            text.push_str(&line);
            text.push('\n');
            entries.push(entry);
        }
        let path = &current.segment.path;
        let written = current.file.write_all(text.as_bytes());
        if let Err(error) = written.and_then(|()| current.file.sync_data()) {
            // The next append must not follow a part of a line. If this fails, the next start cuts it off.
            let _ = current.file.set_len(current.segment.bytes);
            return Err(AuditError::write(path)(error));
        }
        current.segment.bytes += text.len() as u64;
        self.end = end;
        self.last_time = time;
        // The entries are written, so this is no reason to write them again.
        if let Err(error) = end::write(&self.folder, &self.end) {
            tracing::warn!(error = %Chain(&error), "The end of the audit log was not noted.");
        }
        Ok(entries)
    }

    /// Opens the next file if the present one is full or old.
    fn begin_segment_if_needed(&mut self, now: OffsetDateTime) -> Result<(), AuditError> {
        let is_usable = self.current.as_ref().is_some_and(|current| {
            current.segment.bytes < segment_bytes_max(self.kept)
                && now - current.begun < SEGMENT_AGE_MAX
        });
        if is_usable {
            return Ok(());
        }
        let path = self.folder.path();
        create_directory_durably(&path).map_err(AuditError::write(&path))?;
        let first = self.end.number + 1;
        let file_path = self.folder.segment_path(first);
        let open = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).mode(FILE_MODE).open(&file_path)?;
            // A file of a killed process can have a part of a line.
            file.set_len(0)?;
            sync_directory(&path)?;
            Ok(file)
        };
        let file = open().map_err(AuditError::write(&file_path))?;
        let segment = Segment { first, path: file_path, bytes: 0 };
        self.current = Some(OpenSegment { file, segment, begun: now });
        // The files can be too large now.
        self.trimmed = None;
        Ok(())
    }

    /// Removes the oldest files if they are too old, or all files are too large. Looks once an hour, and
    /// when a file was begun.
    /// Returns the entry about the removal.
    ///
    /// # Errors
    /// [`AuditError`].
    pub(super) fn trim(&mut self, now: Instant) -> Result<Option<AuditEntry>, AuditError> {
        let Some(kept) = self.kept else { return Ok(None) };
        let is_due = self.trimmed.is_none_or(|at| now.duration_since(at) >= TRIM_EVERY);
        if !is_due {
            return Ok(None);
        }
        self.trimmed = Some(now);
        let segments = self.folder.segments()?;
        let removed = removed_count(&segments, kept)?;
        let (removed, kept) = segments.split_at(removed);
        let (Some(next), false) = (kept.first(), removed.is_empty()) else { return Ok(None) };
        let text = next.read()?;
        let first = complete_lines(&text).next().and_then(|line| AuditEntry::parse(line).ok());
        // Without a readable first entry the anchor is not known, so the files stay.
        let Some(first) = first else { return Ok(None) };
        let anchor = RemovedEntries { up_to: first.number - 1, hash: first.previous };
        let event = Event { removed: Some(anchor), ..Event::new(EventKind::Removal) };
        let mut entries = self.append(vec![event])?;
        for segment in removed {
            fs::remove_file(&segment.path).map_err(AuditError::write(&segment.path))?;
        }
        let path = self.folder.path();
        sync_directory(&path).map_err(AuditError::write(&path))?;
        tracing::info!(
            "The entries up to {} of the audit log were removed: they were too old, or the log too large \
             (history_days, audit_mib).",
            first.number - 1
        );
        Ok(entries.pop())
    }
}

/// The last entry of the log, as the files beside it know it.
#[derive(Clone)]
struct NotedEnd {
    end: KnownEnd,
    /// The number in the file `MARK.audit`, or 0.
    mark: u64,
}

impl NotedEnd {
    /// The number of the last entry, or 0.
    fn number(&self) -> u64 {
        self.end.clone().entry().map_or(0, |end| end.number).max(self.mark)
    }
}

/// The size of a file after which the next one is begun, in bytes.
fn segment_bytes_max(kept: Option<KeptEntries>) -> u64 {
    kept.map_or(SEGMENT_BYTES_MAX, |kept| SEGMENT_BYTES_MAX.min(kept.bytes_max / SEGMENTS_MIN))
}

/// Returns how many of the files are to be removed. The last one always stays.
fn removed_count(segments: &[Segment], kept: KeptEntries) -> Result<usize, AuditError> {
    let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let oldest = OffsetDateTime::now_utc() - kept.age_max;
    // The last file can still grow.
    let bytes_max = kept.bytes_max - segment_bytes_max(Some(kept));
    for (at, pair) in segments.windows(2).enumerate() {
        let is_too_large = bytes > bytes_max;
        if !is_too_large && !ends_before(&pair[0], oldest)? {
            return Ok(at);
        }
        bytes -= pair[0].bytes;
    }
    Ok(segments.len().saturating_sub(1))
}

/// Removes a last file without an entry: the process was killed when it began the file.
fn remove_unbegun(segments: &mut Vec<Segment>, known: &NotedEnd) -> Result<(), AuditError> {
    let Some(last) = segments.last() else { return Ok(()) };
    let has_entries = known.number() >= last.first || last.read()?.contains('\n');
    if !has_entries {
        fs::remove_file(&last.path).map_err(AuditError::write(&last.path))?;
        segments.pop();
    }
    Ok(())
}

/// Returns whether the last entry of a file is older than `time`.
fn ends_before(segment: &Segment, time: OffsetDateTime) -> Result<bool, AuditError> {
    let text = segment.read()?;
    let last = complete_lines(&text).next_back().and_then(|line| AuditEntry::parse(line).ok());
    Ok(last.and_then(|entry| entry.moment()).is_some_and(|last| last < time))
}

/// Returns the last readable entry.
fn last_entry(folder: &AuditFolder) -> Result<Option<AuditEntry>, AuditError> {
    let mut last = None;
    visit_newest_first(folder, None, &[], |entry, _| {
        last = Some(entry);
        Visit::Stop
    })?;
    Ok(last)
}

/// Appends one event to a log that no server uses.
///
/// # Errors
/// [`AuditError`].
pub fn record_now(folder: AuditFolder, event: Event) -> Result<(), AuditError> {
    Writer::open(folder, None)?.append(vec![event]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::verify;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn the_size_is_kept_while_the_log_is_open() {
        let data = tempfile::tempdir().unwrap();
        let folder = AuditFolder::in_data(data.path());
        let kept = KeptEntries { age_max: Duration::from_secs(60 * 60), bytes_max: MIB };
        let mut writer = Writer::open(folder.clone(), Some(kept)).unwrap();
        let mut removals = 0;
        for _ in 0..150 {
            let event = Event::new(EventKind::Operation).by(&"é>b".repeat(60));
            writer.append(vec![event; 50]).unwrap();
            removals += writer.trim(Instant::now()).unwrap().iter().count();
            let bytes: u64 = folder.segments().unwrap().iter().map(|segment| segment.bytes).sum();
            assert!(bytes <= MIB + 64 * 1024, "{bytes}");
        }
        assert!(removals > 5, "{removals}");
        assert!(writer.last_number() > 7500);
        assert_eq!(verify(&folder).unwrap().findings, []);
    }

    #[test]
    fn the_mark_shows_the_loss_of_all_other_files() {
        let data = tempfile::tempdir().unwrap();
        let folder = AuditFolder::in_data(data.path());
        // A log that never began is not missing.
        assert_eq!(verify(&folder).unwrap().findings, []);
        let event = || Event::new(EventKind::Start);
        Writer::open(folder.clone(), None).unwrap().append(vec![event(); 3]).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        fs::remove_file(folder.end_path()).unwrap();
        let details = || {
            let found = verify(&folder).unwrap().findings;
            found.into_iter().map(|finding| finding.detail).collect::<Vec<_>>()
        };
        let missing = "all entries are missing: the file MARK.audit says that the last one is 3";
        assert_eq!(details(), [missing]);
        let mut writer = Writer::open(folder.clone(), None).unwrap();
        writer.append(vec![event()]).unwrap();
        assert_eq!(writer.last_number(), 5);
        assert!(details()[0].contains("the log begins with entry 4"), "{:?}", details());
        fs::write(folder.mark_path(), "damaged").unwrap();
        assert!(details().contains(&"the file MARK.audit is damaged".to_owned()));
    }
}
