//! SIGXFSZ: a write beyond the limit on file sizes fails, and does not end the process.
//!
//! The kernel sends SIGXFSZ to a process that writes beyond RLIMIT_FSIZE (`ulimit -f`), and the
//! default action ends the process. With a handler, the write fails with EFBIG, which the store
//! treats like a full disk. tokio installs the handler, so that no unsafe code is needed here; it
//! stays installed after its runtime is dropped.

use std::io;

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// Makes writes beyond the limit on file sizes fail with EFBIG. Call it once, before the first file
/// is written.
///
/// # Errors
/// `io::Error` if the handler cannot be installed.
pub(super) fn survive_file_size_limit() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let _handler = signal(SignalKind::from_raw(libc::SIGXFSZ))?;
    Ok(())
}
