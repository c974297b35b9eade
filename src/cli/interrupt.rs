//! Ctrl-C: what a command would leave behind is removed, and then the command ends. While a command
//! defers it, the first Ctrl-C is only noted: the command cancels its work and says what became of
//! it. The second one ends the command at once.

use std::{
    sync::{Condvar, Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// What a shell says of a process that Ctrl-C ended: 128 and the number of SIGINT.
pub(super) const EXIT_INTERRUPTED: u8 = 130;

/// Ctrl-C ended the work of the command.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Interrupted {
    #[error("Cancelled: nothing was changed.")]
    Cancelled,
    /// The server does not answer, and knows perhaps of no cancellation.
    #[error("{parting}")]
    Unanswered { parting: String },
}

/// What removes one thing.
type Removal = Box<dyn FnOnce() + Send>;

/// Where the thing is that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cleanup {
    Local,
    /// At the server. A second Ctrl-C leaves it there: the server may still work with it.
    AtServer,
}

/// What is known of signals, and what is to be done.
struct Signals {
    /// What is to be removed, each with its number.
    removals: Vec<(u64, Cleanup, Removal)>,
    asked: bool,
    /// What is said at the second signal; none while the first one ends the command.
    deferred: Option<String>,
}

static SIGNALS: Mutex<Signals> =
    Mutex::new(Signals { removals: Vec::new(), asked: false, deferred: None });

static CAME: Condvar = Condvar::new();

static WATCHED: Once = Once::new();

/// While this is held, Ctrl-C removes something.
pub(super) struct Guard(u64);

/// While this is held, the first Ctrl-C is only noted.
pub(super) struct Deferred(());

/// Lets `remove` be called should the command be cut short while the guard is held. When the guard
/// is dropped, nothing is removed.
pub(super) fn guard(cleanup: Cleanup, remove: impl FnOnce() + Send + 'static) -> Guard {
    WATCHED.call_once(watch);
    let mut signals = signals();
    let number = signals.removals.last().map_or(0, |(number, ..)| number + 1);
    signals.removals.push((number, cleanup, Box::new(remove)));
    Guard(number)
}

/// Defers Ctrl-C until the result is dropped. `parting` is said at the second one, which ends the
/// command at once.
pub(super) fn defer(parting: String) -> Deferred {
    WATCHED.call_once(watch);
    signals().deferred = Some(parting);
    Deferred(())
}

/// Whether Ctrl-C was pressed.
pub(super) fn is_asked() -> bool {
    signals().asked
}

/// Whether Ctrl-C was pressed, and the command goes on to cancel its work.
pub(super) fn is_deferred_and_asked() -> bool {
    let signals = signals();
    signals.asked && signals.deferred.is_some()
}

/// Waits, at most until Ctrl-C is pressed for the first time.
pub(super) fn wait(pause: Duration) {
    let signals = signals();
    let asked_before = signals.asked;
    // Which of the two it was makes no difference.
    let _ = CAME.wait_timeout_while(signals, pause, |signals| signals.asked == asked_before);
}

fn signals() -> MutexGuard<'static, Signals> {
    SIGNALS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deferred {
    /// Changes what is said at the second Ctrl-C.
    pub fn at_second(&self, parting: String) {
        signals().deferred = Some(parting);
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        signals().deferred = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        signals().removals.retain(|(number, ..)| *number != self.0);
    }
}

/// Waits for the signals on a thread of its own, from before this returns. Where that cannot be had,
/// a signal ends the process as ever: whatever is left behind then has no name that anybody uses.
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
            if !is_first_deferred() {
                leave();
            }
        }
    };
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

/// Notes a signal. Says whether the command goes on nevertheless, to cancel its work.
fn is_first_deferred() -> bool {
    let mut signals = signals();
    let is_first = !std::mem::replace(&mut signals.asked, true);
    CAME.notify_all();
    let goes_on = is_first && signals.deferred.is_some();
    drop(signals);
    if goes_on {
        eprintln!("satchel: cancelling; Ctrl-C again leaves at once");
    }
    goes_on
}

/// Removes what would be left behind, and ends the process.
fn leave() -> ! {
    let (removals, parting) = {
        let mut signals = signals();
        (std::mem::take(&mut signals.removals), signals.deferred.take())
    };
    for (_, cleanup, remove) in removals.into_iter().rev() {
        if cleanup == Cleanup::Local || parting.is_none() {
            remove();
        }
    }
    if let Some(parting) = parting {
        eprintln!("satchel: {parting}");
    }
    std::process::exit(i32::from(EXIT_INTERRUPTED));
}
