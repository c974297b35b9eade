//! Ctrl-C and SIGTERM. By default the command removes its temporary files and ends. While a command
//! defers signals, the first one is only recorded: the command cancels its work and reports the
//! outcome. A second signal ends the command at once.
//!
//! `satchel serve` has its own signal handlers, in `serve.rs`.

use std::{
    sync::{Condvar, Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// The exit code of a command or server that a signal ended before its work was done: 128 plus the
/// number of SIGINT, as a shell reports it. It is the same after SIGTERM, so that scripts compare with
/// one number.
pub(super) const EXIT_INTERRUPTED: u8 = 130;

/// The work of the command was interrupted by a signal.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Interrupted {
    #[error("Cancelled: nothing was changed.")]
    Cancelled,
    /// The server did not respond, so the job might continue there.
    #[error("{message}")]
    NoResponse { message: String },
}

/// Removes one temporary file or stored project.
type Removal = Box<dyn FnOnce() + Send>;

/// The location of the file or project that a removal removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cleanup {
    Local,
    /// On the server. Skipped after a second signal, because the server might still use the project.
    Server,
}

/// The received signals and the pending reactions.
struct SignalState {
    /// The removals to run before the process ends, each with its number.
    removals: Vec<(u64, Cleanup, Removal)>,
    /// True after the first signal.
    is_interrupted: bool,
    /// The message that a second signal prints. `None` if the first signal ends the command.
    second_signal_message: Option<String>,
}

static STATE: Mutex<SignalState> = Mutex::new(SignalState {
    removals: Vec::new(),
    is_interrupted: false,
    second_signal_message: None,
});

/// Notified when a signal arrives.
static ARRIVED: Condvar = Condvar::new();

static WATCH_STARTED: Once = Once::new();

/// The registration of a removal. A signal that ends the command while it exists runs the removal.
pub(super) struct CleanupGuard(u64);

/// The deferral of signals. While it exists, the first signal is only recorded.
pub(super) struct DeferredSignals(());

/// Calls `remove` if a signal ends the command while the returned guard exists. Dropping the guard
/// does not call `remove`.
pub(super) fn clean_up_on_signal(
    cleanup: Cleanup,
    remove: impl FnOnce() + Send + 'static,
) -> CleanupGuard {
    WATCH_STARTED.call_once(watch);
    let mut state = state();
    let number = state.removals.last().map_or(0, |(number, ..)| number + 1);
    state.removals.push((number, cleanup, Box::new(remove)));
    CleanupGuard(number)
}

/// Defers signals until the result is dropped. The second signal prints `message` and ends the
/// command at once.
pub(super) fn defer(message: String) -> DeferredSignals {
    WATCH_STARTED.call_once(watch);
    state().second_signal_message = Some(message);
    DeferredSignals(())
}

/// Returns whether a signal has arrived.
pub(super) fn is_interrupted() -> bool {
    state().is_interrupted
}

/// Returns whether a signal has arrived and was deferred, so that the command must cancel its work.
pub(super) fn must_cancel() -> bool {
    let state = state();
    state.is_interrupted && state.second_signal_message.is_some()
}

/// Waits until the first signal arrives, but not longer than `pause`. Waits for all of `pause` if it
/// arrived before.
pub(super) fn wait_for_signal(pause: Duration) {
    let state = state();
    let before = state.is_interrupted;
    // The caller checks `is_interrupted` afterwards.
    let _ = ARRIVED.wait_timeout_while(state, pause, |state| state.is_interrupted == before);
}

fn state() -> MutexGuard<'static, SignalState> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DeferredSignals {
    /// Changes the message of the second signal.
    pub(super) fn set_message(&self, message: String) {
        state().second_signal_message = Some(message);
    }
}

impl Drop for DeferredSignals {
    fn drop(&mut self) {
        state().second_signal_message = None;
    }
}

impl Drop for CleanupGuard {
    fn drop(&mut self) {
        state().removals.retain(|(number, ..)| *number != self.0);
    }
}

/// Handles signals on a separate thread. The handlers are installed when this returns. If the
/// thread cannot be started, a signal ends the process, and temporary files are left behind.
fn watch() {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
    let watched = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    let (Ok(mut interrupt), Ok(mut terminate)) = watched else { return };
    let wait = move || {
        loop {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            if record_signal() == Reaction::Leave {
                leave();
            }
        }
    };
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

/// The reaction to a signal.
#[derive(PartialEq, Eq)]
enum Reaction {
    /// The command cancels its work.
    Cancel,
    /// The process ends.
    Leave,
}

/// Records a signal.
fn record_signal() -> Reaction {
    let mut state = state();
    let is_first = !std::mem::replace(&mut state.is_interrupted, true);
    ARRIVED.notify_all();
    let is_deferred = state.second_signal_message.is_some();
    drop(state);
    if is_first && is_deferred {
        eprintln!("satchel: cancelling; press Ctrl-C again to quit immediately");
        Reaction::Cancel
    } else {
        Reaction::Leave
    }
}

/// Runs the removals, and ends the process.
fn leave() -> ! {
    let (removals, message) = {
        let mut state = state();
        (std::mem::take(&mut state.removals), state.second_signal_message.take())
    };
    for (_, cleanup, remove) in removals.into_iter().rev() {
        if cleanup == Cleanup::Local || message.is_none() {
            remove();
        }
    }
    if let Some(message) = message {
        eprintln!("satchel: {message}");
    }
    std::process::exit(i32::from(EXIT_INTERRUPTED));
}
