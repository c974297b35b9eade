//! Becomes another user for good, as only root can.
//!
//! The C library's functions are called and not the system calls: those change the calling thread
//! alone (`rustix::thread::set_thread_uid` says so in its name), and a thread that was started
//! before, as that of the log, would stay root. The C library changes all threads of the process.
#![allow(unsafe_code, reason = "the C library's functions are called here, and only here")]

use std::io;

use libc::c_int;

/// Gives up root: all threads become this user, with this group as the only one. The saved numbers
/// change too, so there is no way back.
///
/// # Errors
/// The system refuses, as in a container that has taken the right (CAP_SETUID) from root. The
/// process must not go on then: it may have changed in part.
pub(super) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // The groups first: a user who is not root must not change them.
    let groups = [gid];
    // SAFETY: the pointer is that of an array of as many groups as are announced.
    done(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })?;
    // SAFETY: the call takes any numbers.
    done(unsafe { libc::setresgid(gid, gid, gid) })?;
    // SAFETY: the call takes any numbers.
    done(unsafe { libc::setresuid(uid, uid, uid) })
}

fn done(returned: c_int) -> io::Result<()> {
    match returned {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
