//! Reading ahead: records are read by a thread of their own, while those before them are dealt with.

use std::{
    ops::ControlFlow,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use super::{StoreError, generation::guarded};

/// How many bytes of records are passed on at once.
const BATCH_BYTES: usize = 64 * 1024;

/// How many batches may wait.
const BATCHES_WAITING_MAX: usize = 16;

/// Runs `read` on a thread of its own, and calls `each` on this one with the name, the ordinal and
/// the body of every record that it pushes, until `each` breaks off.
///
/// # Errors
/// The first of `each`, else that of `read`.
pub(super) fn read<X: From<StoreError>>(
    read: impl FnOnce(&mut Batches) -> Result<ControlFlow<()>, StoreError> + Send,
    mut each: impl FnMut(&[u8], u64, &[u8]) -> Result<ControlFlow<()>, X>,
) -> Result<(), X> {
    thread::scope(|scope| {
        let (to, batches) = sync_channel(BATCHES_WAITING_MAX);
        let reading = move || {
            guarded("records that are read ahead", || {
                let mut batches = Batches { to, batch: Batch::default() };
                if read(&mut batches)?.is_continue() {
                    // Whether anybody still listens makes no difference any more.
                    let _ = batches.send();
                }
                Ok(())
            })
        };
        let reader = thread::Builder::new()
            .name("reading ahead".to_owned())
            .spawn_scoped(scope, reading)
            .map_err(StoreError::io("a thread that reads ahead"))?;
        let mut deal = || -> Result<(), X> {
            while let Ok(batch) = batches.recv() {
                for (name, ordinal, body) in batch.records() {
                    if each(name, ordinal, body)?.is_break() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        };
        let dealt = deal();
        // Without a receiver the reader ends with its next batch.
        drop(batches);
        // A panic has become an error already.
        let was_read = reader.join().unwrap_or(Ok(()));
        dealt?;
        Ok(was_read?)
    })
}

/// Records as they are stored, one behind the other.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    records: Vec<Lengths>,
}

/// What a batch knows of one record.
struct Lengths {
    name: usize,
    ordinal: u64,
    body: usize,
}

impl Batch {
    fn records(&self) -> impl Iterator<Item = (&[u8], u64, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.records.iter().map(move |record| {
            let (name, behind) = rest.split_at(record.name);
            let (body, behind) = behind.split_at(record.body);
            rest = behind;
            (name, record.ordinal, body)
        })
    }
}

/// Gathers records into batches, and passes these on.
pub(super) struct Batches {
    to: SyncSender<Batch>,
    batch: Batch,
}

impl Batches {
    /// Takes a record. Breaks off when nobody listens any more.
    pub fn push(&mut self, name: &[u8], ordinal: u64, body: &[u8]) -> ControlFlow<()> {
        self.batch.bytes.extend_from_slice(name);
        self.batch.bytes.extend_from_slice(body);
        self.batch.records.push(Lengths { name: name.len(), ordinal, body: body.len() });
        if self.batch.bytes.len() < BATCH_BYTES { ControlFlow::Continue(()) } else { self.send() }
    }

    fn send(&mut self) -> ControlFlow<()> {
        match self.to.send(std::mem::take(&mut self.batch)) {
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
    fn all_records_come_in_their_order() {
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
    fn whoever_breaks_off_ends_both() {
        let mut pushed = ControlFlow::Continue(());
        let mut dealt = 0;
        read(
            |batches| {
                pushed = push_all(batches);
                Ok(pushed)
            },
            |_, _, _| {
                dealt += 1;
                Ok::<_, StoreError>(ControlFlow::Break(()))
            },
        )
        .unwrap();
        assert_eq!((dealt, pushed), (1, ControlFlow::Break(())));
    }

    #[test]
    fn errors_and_panics_of_either_side_come_out() {
        let busy = || StoreError::Busy;
        let refused = read(
            |batches| Ok(push_all(batches)),
            |_, _, _| Err::<ControlFlow<()>, _>(StoreError::DiskFull),
        );
        assert!(matches!(refused, Err(StoreError::DiskFull)));
        let mut dealt = 0;
        let unread = read(
            |batches| {
                let _ = push_all(batches);
                Err(busy())
            },
            |_, _, _| {
                dealt += 1;
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            },
        );
        assert!(matches!(unread, Err(StoreError::Busy)) && dealt > 0);
        let panicked = read(
            |_| panic!("on purpose"),
            |_, _, _| Ok::<_, StoreError>(ControlFlow::Continue(())),
        );
        assert!(matches!(panicked, Err(StoreError::Io { .. })), "{panicked:?}");
    }
}
