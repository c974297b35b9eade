//! Tests of the registry without a server: kept jobs, and jobs after a restart.

use std::fs;
use std::path::Path;
use std::thread;

use super::*;

fn about(operation: Operation, mode: Mode) -> About {
    About { operation, subject: Some("Gerät -> é 1%".to_owned()), mode, user: "eva".to_owned() }
}

fn import() -> About {
    about(Operation::ImportProject, Mode::Apply)
}

/// The registry of a server that is started again.
/// Reads the jobs of a folder. `in_place` are the states that took effect.
fn reopened(folder: &Path, in_place: &[ImportedState]) -> Jobs {
    Jobs::open(folder.to_owned(), &|imported| in_place.contains(&imported))
}

const GENERATION: ImportedState = ImportedState::Generation(2);

fn finished() -> End {
    End::bare(EndState::Finished, "Done.", Some(Effect::Unchanged))
}

#[test]
fn a_cancellation_and_a_flip_exclude_each_other() {
    let progress = Progress::detached();
    progress.step(Step::Applying, Some(7)).unwrap();
    progress.advance(3).unwrap();
    assert_eq!((progress.current_step(), progress.counts()), (Step::Applying, (3, Some(7))));
    assert_eq!(progress.cancel(), CancelOutcome::Accepted);
    assert_eq!(progress.cancel(), CancelOutcome::Accepted);
    assert_eq!(progress.advance(1), Err(Cancelled));
    assert_eq!(progress.begin_flip(GENERATION), Err(Cancelled));
    assert_eq!(progress.imported(), None);

    let progress = Progress::detached();
    progress.begin_flip(GENERATION).unwrap();
    assert_eq!(progress.cancel(), CancelOutcome::TooLate);
    assert_eq!(progress.check(), Ok(()));
    assert_eq!(progress.imported(), Some(GENERATION));
}

/// Both happen at the same moment, many times. Exactly one of them takes effect.
#[test]
fn a_cancellation_and_a_flip_at_the_same_moment_exclude_each_other() {
    for _ in 0..2_000 {
        let progress = Progress::detached();
        let (cancelled, flipped) = std::thread::scope(|scope| {
            let cancel = scope.spawn(|| progress.cancel());
            let flip = scope.spawn(|| progress.begin_flip(GENERATION));
            (cancel.join().unwrap(), flip.join().unwrap())
        });
        assert_eq!(cancelled == CancelOutcome::TooLate, flipped.is_ok());
    }
}

#[test]
fn a_restart_lists_ended_and_interrupted_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = reopened(folder.path(), &[]);
    let mut ids = Vec::new();
    let done = jobs.begin(import()).unwrap();
    ids.push(done.job().id.clone());
    done.end(End { status: Some(200), ..finished() });
    let change = |version| ImportedState::Change { generation: 4, version };
    let (kept, lost) = (ImportedState::Generation(4), ImportedState::Generation(5));
    for imported in [Some(kept), Some(lost), Some(change(8)), Some(change(9)), None] {
        let running = jobs.begin(import()).unwrap();
        ids.push(running.job().id.clone());
        if let Some(imported) = imported {
            running.job().progress.begin_flip(imported).unwrap();
        }
        // Like a kill: no destructor runs.
        std::mem::forget(running);
    }
    assert_eq!(jobs.running(), 5);
    // A write that was interrupted by a kill.
    fs::write(folder.path().join("0000.new"), "{\"id\":").unwrap();

    for _ in 0..2 {
        let again = reopened(folder.path(), &[kept, change(8)]);
        assert_eq!(again.running(), 0);
        let ends: Vec<_> = ids
            .iter()
            .map(|id| {
                let job = again.get(id).unwrap();
                assert_eq!(job.about, import());
                let end = job.end().unwrap().clone();
                (end.state, end.inventory, end.status)
            })
            .collect();
        assert_eq!(
            ends,
            [
                (EndState::Finished, Some(Effect::Unchanged), Some(200)),
                (EndState::Interrupted, Some(Effect::Replaced), None),
                (EndState::Interrupted, Some(Effect::Unchanged), None),
                (EndState::Interrupted, Some(Effect::Changed), None),
                (EndState::Interrupted, Some(Effect::Unchanged), None),
                (EndState::Interrupted, Some(Effect::Unchanged), None),
            ]
        );
        assert!(!folder.path().join("0000.new").exists());
    }
}

#[test]
fn jobs_are_listed_even_without_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("jobs");
    fs::write(&in_the_way, "no folder").unwrap();
    let jobs = reopened(&in_the_way, &[]);
    let running = jobs.begin(import()).unwrap();
    let id = running.job().id.clone();
    running.end(finished());
    assert_eq!(jobs.get(&id).unwrap().end().unwrap().outcome, "Done.");
    assert_eq!(fs::read_to_string(&in_the_way).unwrap(), "no folder");
}

/// A view that is created while the job ends shows the job before or after its end, never a
/// mixture.
#[test]
fn a_view_is_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = reopened(folder.path(), &[]);
    for _ in 0..200 {
        let running = jobs.begin(import()).unwrap();
        let id = running.job().id.clone();
        thread::scope(|scope| {
            scope.spawn(|| running.end(finished()));
            loop {
                let job = jobs.get(&id).unwrap();
                let view = job.view(ViewLength::Short);
                let has_ended = view.ended.is_some();
                assert_eq!(has_ended, matches!(view.state, JobState::Finished));
                assert_eq!(has_ended, view.outcome.is_some());
                assert_eq!(has_ended, view.step.is_none());
                if has_ended {
                    break;
                }
            }
        });
    }
}

#[test]
fn only_the_last_ended_jobs_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = reopened(folder.path(), &[]);
    let running = jobs.begin(import()).unwrap();
    let first = jobs.begin(about(Operation::Verify, Mode::Apply)).unwrap();
    let first_id = first.job().id.clone();
    first.end(finished());
    for _ in 0..FINISHED_JOBS_MAX {
        assert!(jobs.get(&first_id).is_some());
        jobs.begin(import()).unwrap().end(finished());
    }
    assert!(jobs.get(&first_id).is_none());
    assert_eq!(jobs.all().len(), FINISHED_JOBS_MAX + 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), FINISHED_JOBS_MAX + 1);
    // A running job is kept, independent of its age.
    assert!(jobs.get(&running.job().id).is_some());
}

#[test]
fn a_dropped_job_records_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = reopened(folder.path(), &[]);
    let waiting = jobs.begin(import()).unwrap();
    let job = waiting.job().clone();
    assert_eq!(job.view(ViewLength::Whole).state, JobState::Waiting);
    drop(waiting);
    assert_eq!(job.end().unwrap().state, EndState::Interrupted);
    assert_eq!(job.cancel(), CancelOutcome::TooLate);

    let cancelled = jobs.begin(import()).unwrap();
    let job = cancelled.job().clone();
    assert_eq!(job.cancel(), CancelOutcome::Accepted);
    assert_eq!(job.view(ViewLength::Whole).state, JobState::Cancelling);
    drop(cancelled);
    assert_eq!(job.view(ViewLength::Short).outcome, Some("Cancelled: nothing was changed."));

    let panicking = jobs.begin(import()).unwrap();
    let job = panicking.job().clone();
    let panicked = std::thread::spawn(move || {
        let _running = panicking;
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert_eq!(job.end().unwrap().state, EndState::Failed);
}
