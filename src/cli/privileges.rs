//! Drops privileges permanently: makes the process run as another user, or closes the descriptors that it
//! inherited, or keeps them from its children.
//!
//! This calls the functions of the C library, which change all threads of the process. The system
//! calls themselves (`rustix::thread::set_thread_uid`) change the calling thread only: a thread that
//! was started before, such as the log thread, would stay root.
#![allow(unsafe_code, reason = "the C library's functions are called here, and only here")]

use std::io;

use libc::c_int;

/// Makes all threads run as this user, with this group as their only group. The saved user and group
/// ids change too, so root cannot be regained.
///
/// # Errors
/// The error of the system, for example in a container where root lacks CAP_SETUID. The process
/// must end then, because some of its ids might have changed.
pub(super) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // The groups come first: only root can change them.
    let groups = [gid];
    // SAFETY: the pointer is to an array of `groups.len()` groups.
    check(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })?;
    // SAFETY: the call takes any numbers.
    check(unsafe { libc::setresgid(gid, gid, gid) })?;
    // SAFETY: the call takes any numbers.
    check(unsafe { libc::setresuid(uid, uid, uid) })
}

/// Closes all descriptors but standard input, output and error. The process that decodes workbooks must not
/// get those that the server inherited. Linux before 5.9 cannot do it; then they stay open.
pub(super) fn close_other_descriptors() {
    let (first, last, flags) = (3_u32, u32::MAX, 0_u32);
    // SAFETY: the process has just started, so no value owns one of these descriptors.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
}

/// Keeps the descriptors that this process has inherited from those that it will start. A command of the site
/// must not get the files of whoever started the server. Linux before 5.11 cannot do it.
pub(super) fn keep_descriptors_from_children() {
    /// `CLOSE_RANGE_CLOEXEC` (close_range(2)): sets the flag and closes nothing.
    const CLOEXEC: u32 = 4;
    let (first, last) = (3_u32, u32::MAX);
    // SAFETY: no descriptor is closed.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, CLOEXEC) };
}

fn check(returned: c_int) -> io::Result<()> {
    match returned {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
