//! Ctrl-C: what a command would leave behind is removed, and then the command ends.

use std::{
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// What a shell says of a process that Ctrl-C ended: 128 and the number of SIGINT.
const CUT_SHORT: i32 = 130;

/// What removes one thing.
type Removal = Box<dyn FnOnce() + Send>;

/// What is to be removed, each with its number.
static REMOVALS: Mutex<Vec<(u64, Removal)>> = Mutex::new(Vec::new());

static WATCHED: Once = Once::new();

/// While this is held, Ctrl-C removes something.
pub(super) struct Guard(u64);

/// Lets `remove` be called should the command be cut short while the guard is held. When the guard
/// is dropped, nothing is removed.
pub(super) fn guard(remove: impl FnOnce() + Send + 'static) -> Guard {
    WATCHED.call_once(watch);
    let mut removals = removals();
    let number = removals.last().map_or(0, |(number, _)| number + 1);
    removals.push((number, Box::new(remove)));
    Guard(number)
}

fn removals() -> MutexGuard<'static, Vec<(u64, Removal)>> {
    REMOVALS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Guard {
    fn drop(&mut self) {
        removals().retain(|(number, _)| *number != self.0);
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
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        let all: Vec<_> = removals().drain(..).collect();
        for (_, remove) in all.into_iter().rev() {
            remove();
        }
        std::process::exit(CUT_SHORT);
    };
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(wait);
}
