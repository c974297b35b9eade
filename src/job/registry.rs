//! The list of the running jobs and of the last ended ones.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use time::OffsetDateTime;
use time::macros::format_description;
use tokio::sync::watch;

use super::progress::{CancelOutcome, Progress, Step};
use super::record::{About, Effect, End, EndState, ImportedState, Record};
use crate::disk::{fill_random, sync_directory};

/// The largest number of ended jobs that are kept. A report takes a few KiB, and at most a few MiB.
pub const FINISHED_JOBS_MAX: usize = 100;

/// The random bytes of a job's id, so that ids are unique and cannot be guessed.
const ID_BYTES: usize = 8;

/// The jobs of a data directory. Clones share the list.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    /// Sorted by start time, the oldest first.
    jobs: Mutex<Vec<Arc<Job>>>,
}

/// One job.
pub struct Job {
    /// The identifier: 16 hexadecimal digits, random.
    pub id: String,
    /// The facts that are known at the start.
    pub about: About,
    /// The start time (RFC 3339).
    pub since: String,
    /// The progress, which the operation updates while it runs.
    pub progress: Progress,
    end: OnceLock<(String, End)>,
    ended: watch::Sender<bool>,
    path: PathBuf,
    /// Held during a write of the file, so that an earlier state does not overwrite the end.
    file: Mutex<()>,
}

/// A running job, owned by the operation. If it is dropped before [`end`](Self::end), the job ends as
/// failed, cancelled or interrupted.
pub struct Running {
    job: Arc<Job>,
    jobs: Jobs,
}

impl Jobs {
    /// Reads the jobs in `folder`. Jobs that had not ended become interrupted. `is_in_place` returns
    /// whether an imported state is in the inventory.
    ///
    /// If the folder cannot be read, the list is empty: the server must start on a full disk too.
    pub fn open(folder: PathBuf, is_in_place: &dyn Fn(ImportedState) -> bool) -> Self {
        let mut records = match read_all(&folder) {
            Ok(records) => records,
            Err(error) => {
                let path = folder.display();
                tracing::warn!(%path, %error, "Cannot read the job files. The list of jobs starts \
                    empty; the inventory is not affected.");
                Vec::new()
            }
        };
        records.sort_by(|a, b| (&a.since, &a.id).cmp(&(&b.since, &b.id)));
        let jobs = Self(Arc::new(Inner { folder, jobs: Mutex::default() }));
        for record in records {
            let imported = record.imported();
            let job = Arc::new(Job::of(record.id, record.about, record.since, jobs.folder()));
            jobs.list().push(job.clone());
            match (record.ended, record.end) {
                (Some(ended), Some(end)) => job.set_end(ended, end),
                (_, _) => {
                    let in_place = imported.filter(|imported| is_in_place(*imported));
                    job.set_end(now(), job.about.interrupted(in_place));
                    job.write(imported, Durability::Lazy);
                }
            }
        }
        jobs.prune();
        jobs
    }

    /// Starts a job and writes its file. Blocks.
    ///
    /// # Errors
    /// An I/O error if the system provides no random numbers.
    pub fn begin(&self, about: About) -> io::Result<Running> {
        let job = Arc::new(Job::of(new_id()?, about, now(), self.folder()));
        job.write(None, Durability::Lazy);
        let flipped = Arc::downgrade(&job);
        job.progress.on_flip(move |imported| {
            if let Some(job) = flipped.upgrade() {
                job.write(Some(imported), Durability::Synced);
            }
        });
        self.list().push(job.clone());
        self.prune();
        Ok(Running { job, jobs: self.clone() })
    }

    /// All jobs, the newest first.
    pub fn all(&self) -> Vec<Arc<Job>> {
        self.list().iter().rev().cloned().collect()
    }

    /// The job with this id.
    pub fn get(&self, id: &str) -> Option<Arc<Job>> {
        self.list().iter().find(|job| job.id == id).cloned()
    }

    /// The number of running jobs.
    pub fn running(&self) -> usize {
        self.list().iter().filter(|job| job.end().is_none()).count()
    }

    fn folder(&self) -> &Path {
        &self.0.folder
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Job>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the oldest ended jobs beyond [`FINISHED_JOBS_MAX`].
    fn prune(&self) {
        let mut gone = Vec::new();
        let mut list = self.list();
        let ended = list.iter().filter(|job| job.end().is_some()).count();
        let mut surplus = ended.saturating_sub(FINISHED_JOBS_MAX);
        list.retain(|job| {
            let is_kept = surplus == 0 || job.end().is_none();
            if !is_kept {
                surplus -= 1;
                gone.push(job.path.clone());
            }
            is_kept
        });
        drop(list);
        for path in gone {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "Cannot remove a job file.");
            }
        }
    }
}

impl Job {
    fn of(id: String, about: About, since: String, folder: &Path) -> Self {
        let path = folder.join(format!("{id}.json"));
        Self {
            id,
            about,
            since,
            progress: Progress::detached(),
            end: OnceLock::new(),
            ended: watch::Sender::new(false),
            path,
            file: Mutex::default(),
        }
    }

    /// The end, if the job has ended.
    pub fn end(&self) -> Option<&End> {
        self.ended().map(|(_, end)| end)
    }

    /// The end time (RFC 3339) and the end, if the job has ended.
    pub fn ended(&self) -> Option<(&str, &End)> {
        self.end.get().map(|(time, end)| (time.as_str(), end))
    }

    /// Requests cancellation of the job.
    pub fn cancel(&self) -> CancelOutcome {
        if self.end().is_some() {
            return CancelOutcome::TooLate;
        }
        self.progress.cancel()
    }

    /// Waits until the job has ended.
    pub async fn wait(&self) {
        let mut ended = self.ended.subscribe();
        // `self` owns the sender, so this cannot fail.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    fn set_end(&self, ended: String, end: End) {
        // The first end counts.
        let _ = self.end.set((ended, end));
        self.ended.send_replace(true);
    }

    /// Writes the job's file. If that fails, the operation continues, and the job is missing in the
    /// list after a restart.
    fn write(&self, imported: Option<ImportedState>, durability: Durability) {
        let _guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = Record::new(self.id.clone(), self.about.clone(), self.since.clone());
        (record.ended, record.end) = self.end.get().cloned().unzip();
        record.set_imported(imported);
        if let Err(error) = replace(&self.path, &record, durability) {
            tracing::warn!(job = %self.id, %error, "Cannot write a job file. The job continues, \
                but it is missing from the list after a restart.");
        }
    }
}

impl Running {
    /// Returns the job, for reports of its progress.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// Ends the job and writes its file. Blocks.
    pub fn end(self, end: End) {
        self.finish(end);
    }

    fn finish(&self, end: End) {
        self.job.set_end(now(), end);
        self.job.write(self.job.progress.imported(), Durability::Lazy);
        self.jobs.prune();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.job.end().is_some() {
            return;
        }
        let progress = &self.job.progress;
        let unchanged = Some(Effect::Unchanged).filter(|_| progress.imported().is_none());
        let end = if thread::panicking() {
            let outcome = "Internal server error. The cause is in the server's log.";
            End::bare(EndState::Failed, outcome, unchanged)
        } else if progress.is_cancelled() {
            End::bare(EndState::Cancelled, CANCELLED_OUTCOME, Some(Effect::Unchanged))
        } else if progress.current_step() == Step::Waiting {
            let outcome = "Interrupted: the server stopped before the job began. Nothing was \
                           changed.";
            End::bare(EndState::Interrupted, outcome, Some(Effect::Unchanged))
        } else {
            let outcome = "Interrupted: the server stopped while the job was running.";
            End::bare(EndState::Interrupted, outcome, unchanged)
        };
        self.finish(end);
    }
}

/// The outcome of a job that was cancelled.
pub const CANCELLED_OUTCOME: &str = "Cancelled: nothing was changed.";

/// The time at which a file must be on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// At any later time. After a power failure the job can be missing.
    Lazy,
    /// Before the job continues.
    Synced,
}

/// Replaces a file in one step.
fn replace(path: &Path, record: &Record, durability: Durability) -> io::Result<()> {
    let text = serde_json::to_vec(record).map_err(io::Error::other)?;
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(&text)?;
    if durability == Durability::Synced {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&aside, path)?;
    match (durability, path.parent()) {
        (Durability::Synced, Some(folder)) => sync_directory(folder),
        (_, _) => Ok(()),
    }
}

/// Reads all job files. Creates the folder if it is missing, and removes incomplete files.
fn read_all(folder: &Path) -> io::Result<Vec<Record>> {
    fs::create_dir_all(folder)?;
    let mut records = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match read(&path) {
            Ok(record) => records.push(record),
            Err(error) => {
                let shown = path.display();
                tracing::warn!(path = %shown, %error, "Removed an incomplete job file.");
                let _ = fs::remove_file(&path);
            }
        }
    }
    Ok(records)
}

/// Reads a job file.
fn read(path: &Path) -> io::Result<Record> {
    let record: Record = serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)?;
    if path.file_name().is_some_and(|name| *name == *format!("{}.json", record.id)) {
        Ok(record)
    } else {
        Err(io::Error::other("the file is incomplete or is not a job file"))
    }
}

fn new_id() -> io::Result<String> {
    let mut bytes = [0; ID_BYTES];
    fill_random(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

/// The time in UTC (RFC 3339), to the millisecond.
fn now() -> String {
    // The number of digits is fixed, because times are sorted as texts.
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // A time has all fields of the format.
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
