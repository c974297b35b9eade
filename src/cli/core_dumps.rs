//! Forbids core dumps: the memory of the server contains the key and passwords in clear.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Makes sure that a crash writes no memory to the disk, and that other processes of the same user cannot
/// read it with `ptrace(2)`. The kernel gives the files below `/proc/PID` to root then. The process itself
/// can still read them through `/proc/self`.
///
/// Call it after the user of the process was changed: that resets the attribute (prctl(2)).
///
/// # Errors
/// The error of `prctl(2)` or `setrlimit(2)`.
pub(super) fn forbid() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // A pipe in kernel.core_pattern ignores this limit, and a file ignores the attribute if
    // fs.suid_dumpable is 2. So both are needed.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}
