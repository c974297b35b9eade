//! Read-ahead: a second thread reads records while the caller handles the previous ones.

use std::{
    ops::ControlFlow,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use super::{StoreError, generation::guarded};

/// The size of a batch of records, in bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// The number of batches that can wait for the caller.
const BATCHES_WAITING_MAX: usize = 16;

/// Runs `read` on a second thread, and calls `each` on this thread with the name, the ordinal and the
/// body of every record that `read` pushes, until `each` returns `Break`.
///
/// # Errors
/// - The first error of `each`.
/// - Otherwise the error of `read`.
/// - [`StoreError::Io`] if the thread cannot be started, or if `read` panics.
pub(super) fn read<X: From<StoreError>>(
    read: impl FnOnce(&mut Batches) -> Result<ControlFlow<()>, StoreError> + Send,
    mut each: impl FnMut(&[u8], u64, &[u8]) -> Result<ControlFlow<()>, X>,
) -> Result<(), X> {
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(BATCHES_WAITING_MAX);
        let reading = move || {
            guarded("reading records ahead", || {
                let mut batches = Batches { sender, batch: Batch::default() };
                if read(&mut batches)?.is_continue() {
                    // The last batch: it does not matter whether the caller has stopped.
                    let _ = batches.send();
                }
                Ok(())
            })
        };
        let reader = thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn_scoped(scope, reading)
            .map_err(StoreError::io("starting a thread"))?;
        let mut handle = || -> Result<(), X> {
            while let Ok(batch) = batches.recv() {
                for (name, ordinal, body) in batch.records() {
                    if each(name, ordinal, body)?.is_break() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        };
        let handled = handle();
        // Closes the channel, so that the reader stops with its next batch.
        drop(batches);
        // `guarded` turns a panic of the reader into an error.
        let was_read = reader.join().unwrap_or(Ok(()));
        handled?;
        Ok(was_read?)
    })
}

/// Consecutive records: the bytes of their names and bodies, and their lengths.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    records: Vec<BatchEntry>,
}

/// One record of a batch: its lengths in bytes, and its ordinal.
struct BatchEntry {
    name_bytes: usize,
    ordinal: u64,
    body_bytes: usize,
}

impl Batch {
    fn records(&self) -> impl Iterator<Item = (&[u8], u64, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.records.iter().map(move |record| {
            let (name, tail) = rest.split_at(record.name_bytes);
            let (body, tail) = tail.split_at(record.body_bytes);
            rest = tail;
            (name, record.ordinal, body)
        })
    }
}

/// Collects records into batches and sends these to the caller.
pub(super) struct Batches {
    sender: SyncSender<Batch>,
    batch: Batch,
}

impl Batches {
    /// Adds a record. Returns `Break` if the caller has stopped.
    pub(super) fn push(&mut self, name: &[u8], ordinal: u64, body: &[u8]) -> ControlFlow<()> {
        self.batch.bytes.extend_from_slice(name);
        self.batch.bytes.extend_from_slice(body);
        self.batch.records.push(BatchEntry {
            name_bytes: name.len(),
            ordinal,
            body_bytes: body.len(),
        });
        if self.batch.bytes.len() < BATCH_BYTES { ControlFlow::Continue(()) } else { self.send() }
    }

    fn send(&mut self) -> ControlFlow<()> {
        match self.sender.send(std::mem::take(&mut self.batch)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: u64 = 10_000;

    /// Pushes records of different lengths, empty ones among them.
    fn push_all(batches: &mut Batches) -> ControlFlow<()> {
        for number in 0..RECORDS {
            let name = format!("[Shared] é>{number}");
            batches.push(name.as_bytes(), number, &vec![7; (number % 300) as usize])?;
        }
        ControlFlow::Continue(())
    }

    #[test]
    fn records_arrive_in_order() {
        let mut next = 0;
        read(
            |batches| Ok(push_all(batches)),
            |name, ordinal, body| {
                assert_eq!(ordinal, next);
                assert_eq!(name, format!("[Shared] é>{next}").as_bytes());
                assert_eq!(body.len() as u64, next % 300);
                next += 1;
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            },
        )
        .unwrap();
        assert_eq!(next, RECORDS);
    }

    #[test]
    fn a_break_stops_both_threads() {
        let mut pushed = ControlFlow::Continue(());
        let mut handled = 0;
        read(
            |batches| {
                pushed = push_all(batches);
                Ok(pushed)
            },
            |_, _, _| {
                handled += 1;
                Ok::<_, StoreError>(ControlFlow::Break(()))
            },
        )
        .unwrap();
        assert_eq!((handled, pushed), (1, ControlFlow::Break(())));
    }

    #[test]
    fn errors_and_panics_of_both_threads_are_returned() {
        let busy = || StoreError::Busy;
        let refused = read(
            |batches| Ok(push_all(batches)),
            |_, _, _| Err::<ControlFlow<()>, _>(StoreError::DiskFull),
        );
        assert!(matches!(refused, Err(StoreError::DiskFull)));
        let mut handled = 0;
        let unread = read(
            |batches| {
                let _ = push_all(batches);
                Err(busy())
            },
            |_, _, _| {
                handled += 1;
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            },
        );
        assert!(matches!(unread, Err(StoreError::Busy)) && handled > 0);
        let panicked = read(
            |_| panic!("on purpose"),
            |_, _, _| Ok::<_, StoreError>(ControlFlow::Continue(())),
        );
        assert!(matches!(panicked, Err(StoreError::Io { .. })), "{panicked:?}");
    }
}
