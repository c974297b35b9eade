//! Random numbers, from the kernel itself.
//!
//! A statically linked executable has no dynamic linker to ask whether the C library knows
//! `getrandom`. The crate of that name takes this for no, and opens `/dev/urandom`, which a bare
//! chroot has not.

use std::io;

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `bytes` with random numbers that are good enough for keys. Right after the machine was
/// started it waits until there are any.
///
/// # Errors
/// The kernel has no such call, or does not allow it.
pub fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_filled_and_never_twice_alike() {
        let (mut one, mut other) = ([0; 1000], [0; 1000]);
        fill_random(&mut one).unwrap();
        fill_random(&mut other).unwrap();
        // Each sixteenth: that one is zero, or that two are alike, does not happen by chance.
        for (one, other) in one.chunks(16).zip(other.chunks(16)) {
            assert!(one != other && one.iter().any(|byte| *byte != 0));
        }
        fill_random(&mut []).unwrap();
    }
}
