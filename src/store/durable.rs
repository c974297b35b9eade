//! Makes sled's flush durable.
//!
//! On Linux, sled 0.34 flushes with `sync_file_range(2)`, whose manual page warns that it "does
//! not write out the file's metadata" and gives no guarantee after a crash: after simulated power
//! cuts, acknowledged writes were lost in 10 of 10 runs. This module defines the same symbol, which
//! replaces that of libc in the whole executable and calls `fdatasync(2)` instead. With it, 245 cuts
//! lost nothing (`assets/docs/design.md`, "The store"). A test checks with strace that commits call
//! this function.
//!
//! Every sled transaction begins a buffer of its own, and several threads write buffers at the same
//! time. Threads that request a sync while another one runs share the next sync, which begins after
//! all of them have written.
#![allow(
    unsafe_code,
    reason = "the C library's symbols are replaced and called here, and only here"
)]

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use libc::{c_int, c_uint, off64_t};

/// The syncs of every file, by its descriptor. Reusing a descriptor for another file continues its
/// count.
static SYNCS: Mutex<BTreeMap<c_int, Syncs>> = Mutex::new(BTreeMap::new());

/// Notified when a sync has ended.
static ENDED: Condvar = Condvar::new();

/// The syncs of one file: they run one after the other and are numbered from 1.
#[derive(Clone, Copy, Default)]
struct Syncs {
    /// The number of the last sync that has begun.
    begun: u64,
    /// The number of the last sync that has ended.
    ended: u64,
    /// The number and the `errno` of the last failed sync. The kernel reports an error once; all threads
    /// that shared the sync get it.
    failed: Option<(u64, c_int)>,
}

fn lock() -> MutexGuard<'static, BTreeMap<c_int, Syncs>> {
    SYNCS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Replaces libc's `sync_file_range`. Ignores the range and the flags: makes the data of the whole file
/// durable, with the metadata that is needed to read it.
#[unsafe(no_mangle)]
extern "C" fn sync_file_range(fd: c_int, _: off64_t, _: off64_t, _: c_uint) -> c_int {
    let mut all = lock();
    // The next sync to begin.
    let mine = all.entry(fd).or_default().begun + 1;
    loop {
        let syncs = all.entry(fd).or_default();
        if syncs.ended >= mine {
            return match syncs.failed {
                Some((number, errno)) if number >= mine => fail(errno),
                _ => 0,
            };
        }
        if syncs.begun == syncs.ended {
            syncs.begun = mine;
            drop(all);
            let errno = fdatasync(fd);
            all = lock();
            let syncs = all.entry(fd).or_default();
            syncs.ended = mine;
            if let Err(errno) = errno {
                syncs.failed = Some((mine, errno));
            }
            ENDED.notify_all();
        } else {
            all = ENDED.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Calls `fdatasync(2)`. Returns its `errno` on failure.
fn fdatasync(fd: c_int) -> Result<(), c_int> {
    // SAFETY: `fdatasync` takes any number; for one that is no open file it fails with EBADF.
    match unsafe { libc::fdatasync(fd) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)),
    }
}

/// Sets `errno` and returns -1, as a function of the C library does.
fn fail(errno: c_int) -> c_int {
    // SAFETY: the C library gives every thread a place for its error number.
    unsafe { *libc::__errno_location() = errno };
    -1
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io, os::fd::AsRawFd, sync::Barrier};

    use super::*;

    #[test]
    fn concurrent_syncs_share_one_and_none_is_skipped() {
        const THREADS: usize = 16;
        const SYNCS: usize = 20;
        let file = tempfile::tempfile().unwrap();
        let together = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    together.wait();
                    for _ in 0..SYNCS {
                        let before = lock().get(&file.as_raw_fd()).map_or(0, |syncs| syncs.begun);
                        assert_eq!(sync_file_range(file.as_raw_fd(), 0, 0, 0), 0);
                        // A sync that began after the request has ended.
                        assert!(lock()[&file.as_raw_fd()].ended > before);
                    }
                });
            }
        });
        let syncs = lock()[&file.as_raw_fd()];
        assert_eq!(syncs.begun, syncs.ended);
    }

    #[test]
    fn a_failed_sync_returns_its_errno_and_the_next_one_can_succeed() {
        // A pipe does not support fdatasync.
        let (pipe, _other) = io::pipe().unwrap();
        assert_eq!(sync_file_range(pipe.as_raw_fd(), 0, 0, 0), -1);
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(sync_file_range(-1, 0, 0, 0), -1);
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
        let file: File = tempfile::tempfile().unwrap();
        assert_eq!(sync_file_range(file.as_raw_fd(), 0, 0, 0), 0);
    }
}
