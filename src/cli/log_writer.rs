//! Writes log lines to standard error on a separate thread, so that no request waits for the log.
//!
//! Lines that arrive within [`GATHER_TIME`] share one write, because waking the thread for every line
//! would cost a request more than the line itself.
//!
//! Standard error can be a pipe that no process reads. Then the queue fills up. Further lines are
//! dropped and counted, and the count is logged when lines are written again. Neither a request nor
//! the shutdown waits for the reader.
//!
//! `tracing-appender` 0.2.5 (`non_blocking`) was tried instead. It cannot keep these promises:
//! - At the end it waits for the reader for one second in total, so a slow reader loses lines. This
//!   writer waits as long as the reader reads data.
//! - If the queue is full at the end, it prints a message on standard output, which programs parse.
//! - Its limit counts lines, so the memory of the queue is not bounded.
//! - It counts dropped lines, but logs no count, and it wakes its thread for every line.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// The time that the first line waits for further lines in the same write. A person who watches the
/// log does not notice it.
const GATHER_TIME: Duration = Duration::from_millis(20);

/// The size limit of the queue, in bytes: about 10,000 lines of requests. A slow reader reads them
/// in a second. Further lines are dropped.
const QUEUE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The bytes of one write: the capacity of a pipe on Linux. Each completed write shows progress of
/// the reader.
const WRITE_BYTES: usize = 64 * 1024;

/// The time that the shutdown waits for a reader that reads nothing.
const STALL_WAIT_MAX: Duration = Duration::from_secs(2);

/// Accepts log lines from all threads.
#[derive(Clone)]
pub(super) struct LogWriter(Arc<Shared>);

/// Writes the queued lines when it is dropped, unless the reader reads nothing.
pub(super) struct LogWriterGuard {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Notified when a line is queued, and when the guard is dropped.
    queued: Condvar,
    /// Notified when a write has completed.
    progress: Condvar,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    /// The number of dropped lines that were not logged yet.
    dropped: u64,
    /// The number of completed writes.
    writes: u64,
    is_closing: bool,
    /// True after the thread has written its last line.
    is_closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that writes to `out`.
///
/// # Errors
/// An I/O error if the thread cannot be started.
pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(LogWriter, LogWriterGuard)> {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        queued: Condvar::new(),
        progress: Condvar::new(),
    });
    let of_thread = shared.clone();
    let writer =
        thread::Builder::new().name("log".to_owned()).spawn(move || run(&of_thread, out))?;
    Ok((LogWriter(shared.clone()), LogWriterGuard { shared, writer: Some(writer) }))
}

/// The thread: writes the queued lines until the guard is dropped.
fn run(shared: &Shared, mut out: impl Write) {
    let mut lines = Vec::new();
    loop {
        let mut queue = shared.lock();
        while queue.bytes.is_empty() && !queue.is_closing {
            queue = shared.queued.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let gathered =
            shared.queued.wait_timeout_while(queue, GATHER_TIME, |queue| !queue.is_closing);
        let mut queue = gathered.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut queue.bytes, &mut lines);
        let dropped = std::mem::take(&mut queue.dropped);
        let is_finished = queue.is_closing && lines.is_empty();
        queue.is_closed = is_finished;
        drop(queue);
        shared.progress.notify_all();
        if is_finished {
            return;
        }
        for piece in lines.chunks(WRITE_BYTES) {
            // If standard error is closed, the lines are lost.
            let _ = out.write_all(piece);
            shared.lock().writes += 1;
            shared.progress.notify_all();
        }
        let _ = out.flush();
        lines.clear();
        if dropped > 0 {
            // Queued like other lines, and in their format.
            tracing::error!(
                lines = dropped,
                "Log lines were dropped, because standard error was not read fast enough."
            );
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock();
        if queue.bytes.len() > QUEUE_BYTES_MAX {
            queue.dropped += 1;
            return Ok(line.len());
        }
        let was_empty = queue.bytes.is_empty();
        queue.bytes.extend_from_slice(line);
        drop(queue);
        if was_empty {
            self.0.queued.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogWriter;

    fn make_writer(&'a self) -> LogWriter {
        self.clone()
    }
}

impl Drop for LogWriterGuard {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.is_closing = true;
        self.shared.queued.notify_all();
        let (mut writes, mut last_progress) = (queue.writes, Instant::now());
        while !queue.is_closed {
            if self.writer.as_ref().is_none_or(JoinHandle::is_finished)
                || last_progress.elapsed() >= STALL_WAIT_MAX
            {
                // The thread ends with the process, and the queued lines are lost.
                return;
            }
            let waited = self.shared.progress.wait_timeout(queue, STALL_WAIT_MAX / 20);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            if queue.writes != writes {
                (writes, last_progress) = (queue.writes, Instant::now());
            }
        }
        drop(queue);
        if let Some(writer) = self.writer.take() {
            // A panic of the thread cannot be logged without the thread.
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts everything, slowly.
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
    fn write_lines(writer: &LogWriter, threads: usize, count: usize) {
        thread::scope(|scope| {
            for thread in 0..threads {
                let mut lines = writer.make_writer();
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
    fn lines_of_several_threads_are_complete_and_in_order() {
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
    fn a_pipe_that_nobody_reads_blocks_neither_writers_nor_shutdown() {
        const LINES: usize = 10_000;
        let (reader, writer) = io::pipe().unwrap();
        let (lines, guard) = start(writer).unwrap();
        write_lines(&lines, 1, LINES);
        let queue = lines.0.lock();
        assert!(queue.bytes.len() <= QUEUE_BYTES_MAX + 1024, "{}", queue.bytes.len());
        let dropped = queue.dropped;
        drop(queue);
        assert!(dropped > 0 && dropped < LINES as u64, "{dropped}");
        let begun = Instant::now();
        drop(guard);
        assert!(begun.elapsed() < STALL_WAIT_MAX * 5);
        drop(reader);
    }

    #[test]
    fn a_single_line_is_written_without_another_one() {
        let out = Slow::default();
        let (mut lines, _guard) = start(out.clone()).unwrap();
        lines.write_all(b"alone\n").unwrap();
        while out.0.lock().unwrap().is_empty() {
            thread::yield_now();
        }
        assert_eq!(*out.0.lock().unwrap(), b"alone\n");
    }

    /// The reader needs more time for all lines than the shutdown waits for a reader that reads
    /// nothing.
    #[test]
    fn the_shutdown_waits_for_a_slow_reader() {
        const READ_PAUSE: Duration = Duration::from_millis(250);
        const LINES: usize = 1_200;
        let (mut reader, out) = io::pipe().unwrap();
        let (writer, guard) = start(out).unwrap();
        write_lines(&writer, 1, LINES);
        let read = thread::spawn(move || {
            let (mut text, mut buffer) = (Vec::new(), vec![0; WRITE_BYTES]);
            loop {
                thread::sleep(READ_PAUSE);
                match io::Read::read(&mut reader, &mut buffer).unwrap() {
                    0 => return text,
                    count => text.extend_from_slice(&buffer[..count]),
                }
            }
        });
        let begun = Instant::now();
        drop((guard, writer));
        assert!(begun.elapsed() > STALL_WAIT_MAX, "{:?}", begun.elapsed());
        let text = String::from_utf8(read.join().unwrap()).unwrap();
        assert_eq!(text.lines().count(), LINES);
    }
}
