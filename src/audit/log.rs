//! The handle of the log. Events are taken without waiting. A thread writes them: an entry is durable
//! within a second of its event.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AuditEntry, AuditError,
    event::{Event, EventKind, SettingChange},
    first_uses::{FirstUses, Use},
    read::{Visit, visit_newest_first},
    repetitions::{Combined, Repetitions},
    segments::AuditFolder,
    syslog::{Syslog, SyslogOptions, SyslogState},
    writer::{KeptEntries, Writer},
};
use crate::wording::Chain;

/// The time for which the thread gathers events after the first one: one write of the disk for all.
const GATHER: Duration = Duration::from_millis(100);

/// The longest time between two looks for changes of the inventory.
const TICK: Duration = Duration::from_millis(500);

/// The longest time that the start of a server waits for its entry: a disk that hangs must not hide the server.
const FLUSH_WAIT_MAX: Duration = Duration::from_secs(5);

/// The largest number of events that wait: more than a full disk should make memory grow. Further ones are
/// lost and counted.
const WAITING_MAX: usize = 10_000;

/// Tells which events are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// All of them.
    Everything,
    /// All but logins and addresses: a command on the data directory has an invented password. Nothing is
    /// written before the first event or change of the command, so a command that only reads writes nothing.
    WithoutLogins,
}

/// The options of a log.
pub struct AuditOptions {
    /// The folder.
    pub folder: AuditFolder,
    /// How long entries are kept. `None` removes none: commands do not know the settings of the server.
    pub kept: Option<KeptEntries>,
    /// The events that are recorded.
    pub recorded: Recorded,
    /// The collector. `None` sends nothing.
    pub syslog: Option<SyslogOptions>,
}

/// The changes of the history, as the log takes them over.
pub trait ChangeSource: Send {
    /// Begins after the last change that the log has; 0 begins with the first one of the history. Returns
    /// events about a history that ends earlier.
    ///
    /// # Errors
    /// The history cannot be read.
    fn begin(&mut self, after: u64) -> Result<Vec<Event>, SourceError>;

    /// Returns the events of the durable changes since.
    ///
    /// # Errors
    /// The history cannot be read. The changes come again.
    fn next(&mut self) -> Result<Vec<Event>, SourceError>;

    /// Returns whether changes were made since the source was made.
    fn has_grown(&self) -> bool;
}

/// The error of a [`ChangeSource`].
pub type SourceError = Box<dyn Error + Send + Sync>;

/// The state of the log.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AuditState {
    /// The number of the last entry. Not in `GET /rest/state`, which shows what an operator must know.
    #[serde(skip)]
    pub last: u64,
    /// The number of events since the start that could not be written.
    pub lost: u64,
    /// Whether the last write succeeded.
    pub is_writable: bool,
    /// The state of the collector. Absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SyslogState")]
    pub syslog: Option<SyslogState>,
}

/// The log of one data directory. Dropping it writes the waiting events.
pub struct AuditLog {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    folder: AuditFolder,
    recorded: Recorded,
    queue: Mutex<Queue>,
    changed: Condvar,
    flushed: Condvar,
    last: AtomicU64,
    lost: AtomicU64,
    is_writable: AtomicBool,
    syslog: Option<Syslog>,
}

struct Queue {
    events: Vec<Event>,
    failures: Repetitions,
    operations: Repetitions,
    uses: FirstUses,
    is_closing: bool,
    /// The number of flushes that were asked for.
    flushes_asked: u64,
    /// The number of them that have ended.
    flushes_ended: u64,
}

impl Queue {
    fn new() -> Self {
        Self {
            events: Vec::new(),
            failures: Repetitions::of(Combined::FailedLogins),
            operations: Repetitions::of(Combined::Operations),
            uses: FirstUses::default(),
            is_closing: false,
            flushes_asked: 0,
            flushes_ended: 0,
        }
    }

    /// Returns whether the thread must write without waiting for further events.
    fn is_urgent(&self) -> bool {
        self.is_closing || self.flushes_asked > self.flushes_ended
    }

    /// Returns the waiting events, and those of the windows that have ended. Closing ends them all.
    fn take(&mut self, now: Instant) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.events);
        for repetitions in [&mut self.failures, &mut self.operations] {
            events.extend(if self.is_closing { repetitions.end() } else { repetitions.ended(now) });
        }
        events
    }
}

impl AuditLog {
    /// Opens the log and starts its thread. A log without an entry gets its folder with the first one.
    ///
    /// # Errors
    /// [`AuditError`] if the log cannot be read or continued, or the system provides no thread.
    pub fn start(
        options: AuditOptions,
        source: Box<dyn ChangeSource>,
    ) -> Result<Arc<Self>, AuditError> {
        let AuditOptions { folder, kept, recorded, syslog } = options;
        let syslog = syslog.map(Syslog::start).transpose().map_err(AuditError::Thread)?;
        let shared = Arc::new(Shared {
            folder,
            recorded,
            queue: Mutex::new(Queue::new()),
            changed: Condvar::new(),
            flushed: Condvar::new(),
            last: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            is_writable: AtomicBool::new(true),
            syslog,
        });
        let mut recorder = Recorder {
            shared: shared.clone(),
            kept,
            writer: None,
            source,
            waiting: Vec::new(),
            begins_after: None,
        };
        match recorded {
            Recorded::Everything => recorder.open()?,
            Recorded::WithoutLogins => {}
        }
        let thread = thread::Builder::new().name("audit".to_owned());
        let thread = thread.spawn(move || recorder.run()).map_err(AuditError::Thread)?;
        Ok(Arc::new(Self { shared, thread: Mutex::new(Some(thread)) }))
    }

    /// Takes an event. Never waits for the disk.
    pub fn record(&self, mut event: Event) {
        let kind = event.kind;
        let is_login = matches!(
            kind,
            EventKind::Login
                | EventKind::LoginFailed
                | EventKind::LoginLocked
                | EventKind::TokenUse
        );
        if self.shared.recorded == Recorded::WithoutLogins {
            if is_login {
                return;
            }
            event.address = None;
        }
        let now = Instant::now();
        let mut queue = self.shared.lock();
        let event = match kind {
            EventKind::Login | EventKind::TokenUse => {
                let used = Use {
                    user: event.user.clone().unwrap_or_default(),
                    token: event.subject.clone(),
                    address: event.address,
                };
                queue.uses.is_first(used, now).then_some(event)
            }
            EventKind::LoginFailed | EventKind::LoginLocked => queue.failures.take(event, now),
            EventKind::Token
            | EventKind::Import
            | EventKind::Export
            | EventKind::Download
            | EventKind::Undo
            | EventKind::Operation => queue.operations.take(event, now),
            _ => Some(event),
        };
        let Some(event) = event else { return };
        if queue.events.len() < WAITING_MAX {
            queue.events.push(event);
        } else {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        drop(queue);
        self.shared.changed.notify_one();
    }

    /// Records the start of the server, and the settings that changed since the start before. `settings` are
    /// those that do not have their default. Waits until the entry is durable.
    ///
    /// # Errors
    /// [`AuditError::Read`].
    pub fn record_start(
        &self,
        detail: &str,
        settings: BTreeMap<String, String>,
    ) -> Result<(), AuditError> {
        if let Some(before) = last_settings(&self.shared.folder)? {
            let changed = changed_settings(&before, &settings);
            if !changed.is_empty() {
                let names: Vec<&str> = changed.keys().map(String::as_str).collect();
                let detail = format!("changed: {}", names.join(", "));
                let event = Event::new(EventKind::Settings).with_detail(detail);
                self.record(Event { changed: Some(changed), ..event });
            }
        }
        let event = Event::new(EventKind::Start).with_detail(detail);
        self.record(Event { settings: Some(settings), ..event });
        self.flush();
        Ok(())
    }

    /// Waits until the events that were recorded are durable, or their write has failed: 5 seconds at most.
    fn flush(&self) {
        let mut queue = self.shared.lock();
        queue.flushes_asked += 1;
        let number = queue.flushes_asked;
        self.shared.changed.notify_one();
        let is_running = |queue: &mut Queue| queue.flushes_ended < number;
        let waited = self.shared.flushed.wait_timeout_while(queue, FLUSH_WAIT_MAX, is_running);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// The folder of the log.
    pub fn folder(&self) -> &AuditFolder {
        &self.shared.folder
    }

    /// The state of the log.
    pub fn state(&self) -> AuditState {
        AuditState {
            last: self.shared.last.load(Ordering::Relaxed),
            lost: self.shared.lost.load(Ordering::Relaxed),
            is_writable: self.shared.is_writable.load(Ordering::Relaxed),
            syslog: self.shared.syslog.as_ref().map(Syslog::state),
        }
    }

    /// Writes the waiting events, and those of the changes that are durable, and ends the thread.
    pub fn close(&self) {
        self.shared.lock().is_closing = true;
        self.shared.changed.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic is in the log already.
            let _ = thread.join();
        }
        if let Some(syslog) = &self.shared.syslog {
            syslog.close();
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Sends entries to the collector, if there is one.
    fn send(&self, entries: &[AuditEntry]) {
        if let Some(syslog) = &self.syslog {
            for entry in entries {
                syslog.send(entry);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for events, and takes them.
    fn take(&self) -> Taken {
        let queue = self.lock();
        let is_idle = |queue: &mut Queue| queue.events.is_empty() && !queue.is_urgent();
        let waited = self.changed.wait_timeout_while(queue, TICK, is_idle);
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let gathers = !queue.events.is_empty() && !queue.is_urgent();
        drop(queue);
        if gathers {
            thread::sleep(GATHER);
        }
        let mut queue = self.lock();
        Taken {
            events: queue.take(Instant::now()),
            is_closing: queue.is_closing,
            flush: queue.flushes_asked,
        }
    }

    /// Ends the flushes up to this number.
    fn end_flush(&self, number: u64) {
        self.lock().flushes_ended = number;
        self.flushed.notify_all();
    }
}

/// The events and requests that the thread takes from the queue.
struct Taken {
    events: Vec<Event>,
    /// True when the log closes.
    is_closing: bool,
    /// The number of the last flush that was asked for.
    flush: u64,
}

/// The thread that writes.
struct Recorder {
    shared: Arc<Shared>,
    kept: Option<KeptEntries>,
    /// `None` before the first event of a command.
    writer: Option<Writer>,
    source: Box<dyn ChangeSource>,
    /// The events that are not written yet.
    waiting: Vec<Event>,
    /// The last change that the log has, until the source of changes has begun.
    begins_after: Option<u64>,
}

impl Recorder {
    /// Opens the log, and begins with the changes that it does not have.
    ///
    /// # Errors
    /// [`AuditError`].
    fn open(&mut self) -> Result<(), AuditError> {
        let folder = self.shared.folder.clone();
        let writer = Writer::open(folder.clone(), self.kept)?;
        let linked = last_linked(&folder)?;
        self.shared.last.store(writer.last_number(), Ordering::Relaxed);
        self.writer = Some(writer);
        self.begin(linked);
        Ok(())
    }

    /// Opens the log at the first event or change of a command. Returns whether it is open.
    fn is_open(&mut self) -> bool {
        if self.writer.is_some() {
            return true;
        }
        if self.waiting.is_empty() && !self.source.has_grown() {
            return false;
        }
        match self.open() {
            Ok(()) => true,
            Err(error) => {
                self.note_failure(&error);
                false
            }
        }
    }

    fn begin(&mut self, after: u64) {
        match self.source.begin(after) {
            Ok(events) => {
                self.waiting.extend(events);
                self.begins_after = None;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&*error), "The audit log cannot read the history.");
                self.begins_after = Some(after);
            }
        }
    }

    fn run(mut self) {
        loop {
            let Taken { events, is_closing, flush } = self.shared.take();
            self.waiting.extend(events);
            if self.is_open() {
                self.record_waiting();
            }
            self.shared.end_flush(flush);
            if is_closing {
                return;
            }
        }
    }

    /// Writes the waiting events, and those of the changes since.
    fn record_waiting(&mut self) {
        if let Some(after) = self.begins_after {
            self.begin(after);
        } else if self.waiting.len() < WAITING_MAX {
            match self.source.next() {
                Ok(events) => self.waiting.extend(events),
                // Damage of the history is reported by its own readers.
                Err(error) => tracing::debug!(error = %Chain(&*error), "changes not linked"),
            }
        }
        self.write();
    }

    /// Writes the waiting events. After an error they wait for the next time.
    fn write(&mut self) {
        let Some(writer) = &mut self.writer else { return };
        let result = if self.waiting.is_empty() {
            Ok(Vec::new())
        } else {
            writer.append(self.waiting.clone())
        };
        let written = result.and_then(|mut entries| {
            self.waiting.clear();
            // The entries are written, whether the old ones can be removed or not.
            let trimmed = writer.trim(Instant::now());
            let (removal, error) = match trimmed {
                Ok(removal) => (removal, None),
                Err(error) => (None, Some(error)),
            };
            entries.extend(removal);
            self.shared.send(&entries);
            error.map_or(Ok(()), Err)
        });
        self.shared.last.store(writer.last_number(), Ordering::Relaxed);
        match written {
            Ok(()) => self.shared.is_writable.store(true, Ordering::Relaxed),
            Err(error) => self.note_failure(&error),
        }
    }

    /// Notes that the log cannot be written. Some events wait for the next time.
    fn note_failure(&mut self, error: &AuditError) {
        if self.shared.is_writable.swap(false, Ordering::Relaxed) {
            tracing::error!(error = %Chain(error), "The audit log cannot be written.");
        }
        let lost = self.waiting.len().saturating_sub(WAITING_MAX);
        self.waiting.truncate(WAITING_MAX);
        self.shared.lost.fetch_add(lost as u64, Ordering::Relaxed);
    }
}

/// Returns the number of the last change that the log has; 0 after a recovery, which can give the numbers of
/// earlier changes to others.
fn last_linked(folder: &AuditFolder) -> Result<u64, AuditError> {
    let mut last = 0;
    let texts = ["\"changes\":{", "\"event\":\"recovery\""];
    visit_newest_first(folder, None, &texts, |entry, _| match entry.event {
        Event { kind: EventKind::Recovery, .. } => Visit::Stop,
        Event { changes: Some(link), .. } => {
            last = link.last;
            Visit::Stop
        }
        _ => Visit::Continue,
    })?;
    Ok(last)
}

/// Returns the settings of the last start.
fn last_settings(folder: &AuditFolder) -> Result<Option<BTreeMap<String, String>>, AuditError> {
    let mut settings = None;
    visit_newest_first(folder, None, &["\"event\":\"start\""], |entry, _| {
        settings = entry.event.settings;
        if settings.is_some() { Visit::Stop } else { Visit::Continue }
    })?;
    Ok(settings)
}

fn changed_settings(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeMap<String, SettingChange> {
    let names = before.keys().chain(after.keys());
    let change = |name: &String| {
        let (before, after) = (before.get(name).cloned(), after.get(name).cloned());
        (before != after).then(|| (name.clone(), SettingChange { before, after }))
    };
    names.filter_map(change).collect()
}
