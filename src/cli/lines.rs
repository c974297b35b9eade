//! Lines of the log on their way to standard error, written by a thread of their own: no request
//! waits for the log of another, and lines that come close together share one write.
//!
//! Waking a thread for every line would cost a request more than the line itself.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How long the first line waits for others to share its write. Nobody who watches the log sees it.
const GATHERING: Duration = Duration::from_millis(20);

/// What may wait for standard error. Who logs the next line waits then: none is lost.
const WAITING_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Takes lines from anywhere.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Writes what still waits when it is dropped.
pub(super) struct LinesGuard {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    some: Condvar,
    room: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Nobody writes any more.
    closed: bool,
    closing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that writes to `out`.
///
/// # Errors
/// There is no thread to be had.
pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Lines, LinesGuard)> {
    let shared =
        Arc::new(Shared { state: Mutex::default(), some: Condvar::new(), room: Condvar::new() });
    let theirs = shared.clone();
    let writer =
        thread::Builder::new().name("log".to_owned()).spawn(move || write(&theirs, out))?;
    Ok((Lines(shared.clone()), LinesGuard { shared, writer: Some(writer) }))
}

fn write(shared: &Shared, mut out: impl Write) {
    let mut lines = Vec::new();
    loop {
        let mut state = shared.lock();
        while state.waiting.is_empty() && !state.closing {
            state = shared.some.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let gathered = shared.some.wait_timeout_while(state, GATHERING, |state| !state.closing);
        let mut state = gathered.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut state.waiting, &mut lines);
        let ending = state.closing && lines.is_empty();
        state.closed = ending;
        drop(state);
        shared.room.notify_all();
        if ending {
            return;
        }
        // Where standard error takes nothing, there is nobody to be told.
        let _ = out.write_all(&lines).and_then(|()| out.flush());
        lines.clear();
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let full = |state: &mut State| state.waiting.len() > WAITING_BYTES_MAX && !state.closed;
        let waited = self.0.room.wait_while(self.0.lock(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let first = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        drop(state);
        if first {
            self.0.some.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

impl Drop for LinesGuard {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.some.notify_all();
        if let Some(writer) = self.writer.take() {
            // A panic there has been printed, and there is no log to write it to.
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes everything, slowly.
    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            thread::sleep(Duration::from_millis(1));
            let bytes = &bytes[..bytes.len().min(256 * 1024)];
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_is_lost_or_torn_whoever_writes_and_however_slowly() {
        const THREADS: usize = 4;
        const LINES: usize = 5_000;
        let out = Slow::default();
        let (lines, guard) = start(out.clone()).unwrap();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let mut lines = lines.make_writer();
                scope.spawn(move || {
                    let rest = "é".repeat(300);
                    for number in 0..LINES {
                        let line = format!("{thread} {number} {rest}\n");
                        lines.write_all(line.as_bytes()).unwrap();
                    }
                });
            }
        });
        drop(guard);
        let written = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        let mut next = [0; THREADS];
        for line in written.lines() {
            let mut words = line.split(' ');
            let mut number = || words.next().unwrap().parse::<usize>().unwrap();
            let (thread, number) = (number(), number());
            assert_eq!(number, next[thread]);
            next[thread] += 1;
        }
        assert_eq!(next, [LINES; THREADS]);
    }

    #[test]
    fn a_line_is_written_without_another_one_coming() {
        let out = Slow::default();
        let (mut lines, _guard) = start(out.clone()).unwrap();
        lines.write_all(b"alone\n").unwrap();
        while out.0.lock().unwrap().is_empty() {
            thread::yield_now();
        }
        assert_eq!(*out.0.lock().unwrap(), b"alone\n");
    }
}
