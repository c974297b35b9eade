//! Lines of the log on their way to standard error, written by a thread of their own: no request
//! waits for the log of another, and lines that come close together share one write.
//!
//! Waking a thread for every line would cost a request more than the line itself.
//!
//! Standard error may be a pipe that nobody reads. Then the queue fills up, further lines are
//! dropped and counted, and the count is logged when lines are written again. Neither a request
//! nor the shutdown waits for the reader.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// How long the first line waits for others to share its write. Nobody who watches the log sees it.
const GATHERING: Duration = Duration::from_millis(20);

/// The most bytes that wait for standard error. Lines beyond it are dropped: some 10,000 lines of
/// requests, which a reader that is only slow takes in a second.
const WAITING_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The bytes of one write: what a pipe takes at once on Linux. Each write that ends is progress.
const WRITE_BYTES: usize = 64 * 1024;

/// How long the end of the process waits for a reader that takes nothing.
const STALL_WAIT_MAX: Duration = Duration::from_secs(2);

/// Takes lines from anywhere.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Writes what still waits when it is dropped, unless standard error takes nothing.
pub(super) struct LinesGuard {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Notified when a line waits, and when the guard is dropped.
    some: Condvar,
    /// Notified when a write has ended.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The lines that were dropped and not reported yet.
    dropped: u64,
    /// The number of writes that have ended.
    writes: u64,
    closing: bool,
    /// The thread has written everything.
    closed: bool,
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
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        some: Condvar::new(),
        progress: Condvar::new(),
    });
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
        let dropped = std::mem::take(&mut state.dropped);
        let ending = state.closing && lines.is_empty();
        state.closed = ending;
        drop(state);
        shared.progress.notify_all();
        if ending {
            return;
        }
        for piece in lines.chunks(WRITE_BYTES) {
            // If standard error is closed, nobody can be told.
            let _ = out.write_all(piece);
            shared.lock().writes += 1;
            shared.progress.notify_all();
        }
        let _ = out.flush();
        lines.clear();
        if dropped > 0 {
            // The line joins the queue, in the format of all others.
            tracing::error!(
                lines = dropped,
                "log lines were dropped, because standard error was not read fast enough"
            );
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.waiting.len() > WAITING_BYTES_MAX {
            state.dropped += 1;
            return Ok(line.len());
        }
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
        let mut state = self.shared.lock();
        state.closing = true;
        self.shared.some.notify_all();
        let (mut writes, mut stalled) = (state.writes, Instant::now());
        while !state.closed {
            if self.writer.as_ref().is_none_or(JoinHandle::is_finished)
                || stalled.elapsed() >= STALL_WAIT_MAX
            {
                // The thread ends with the process, and what still waits is lost.
                return;
            }
            let waited = self.shared.progress.wait_timeout(state, STALL_WAIT_MAX / 20);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.writes != writes {
                (writes, stalled) = (state.writes, Instant::now());
            }
        }
        drop(state);
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
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes numbered lines from several threads.
    fn write_lines(lines: &Lines, threads: usize, count: usize) {
        thread::scope(|scope| {
            for thread in 0..threads {
                let mut lines = lines.make_writer();
                scope.spawn(move || {
                    let rest = "é".repeat(300);
                    for number in 0..count {
                        let line = format!("{thread} {number} {rest}\n");
                        lines.write_all(line.as_bytes()).unwrap();
                    }
                });
            }
        });
    }

    #[test]
    fn no_line_is_lost_or_torn_whoever_writes() {
        const THREADS: usize = 4;
        const LINES: usize = 800;
        let out = Slow::default();
        let (lines, guard) = start(out.clone()).unwrap();
        write_lines(&lines, THREADS, LINES);
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
    fn a_pipe_that_nobody_reads_blocks_neither_the_writers_nor_the_end() {
        const LINES: usize = 10_000;
        let (reader, writer) = io::pipe().unwrap();
        let (lines, guard) = start(writer).unwrap();
        write_lines(&lines, 1, LINES);
        let state = lines.0.lock();
        assert!(state.waiting.len() <= WAITING_BYTES_MAX + 1024, "{}", state.waiting.len());
        let dropped = state.dropped;
        drop(state);
        assert!(dropped > 0 && dropped < LINES as u64, "{dropped}");
        let begun = Instant::now();
        drop(guard);
        assert!(begun.elapsed() < STALL_WAIT_MAX * 5);
        drop(reader);
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
