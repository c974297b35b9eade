//! Random bytes from the kernel.
//!
//! The `getrandom` crate is not used: in a statically linked executable it finds no dynamic linker
//! to ask whether the C library has `getrandom`, and falls back to `/dev/urandom`, which an empty
//! chroot lacks.

use std::io;

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `bytes` with random bytes of cryptographic quality. Right after the machine has started, it
/// waits until the kernel has gathered enough entropy.
///
/// # Errors
/// Any error of `getrandom(2)`: the kernel lacks it, or a sandbox forbids it.
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
    fn two_buffers_are_filled_completely_and_differ() {
        let (mut one, mut other) = ([0; 1000], [0; 1000]);
        fill_random(&mut one).unwrap();
        fill_random(&mut other).unwrap();
        // Sixteen random bytes are not zero or equal by chance.
        for (one, other) in one.chunks(16).zip(other.chunks(16)) {
            assert!(one != other && one.iter().any(|byte| *byte != 0));
        }
        fill_random(&mut []).unwrap();
    }
}
