//! The ETag of a file: a strong validator (RFC 9110, section 8.8.1).

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
};

use sha2::{Digest as _, Sha256};

/// The last bytes of a file that are hashed. The directory of an archive is in them, with the
/// checksums of all its members.
const HASHED_TAIL_BYTES: u64 = 64 << 10;

/// The bytes of the hash that a validator holds.
const VALIDATOR_HASH_BYTES: usize = 16;

/// Returns the ETag of a file, without quotes: a hash of its inode, length, times and last 64 KB.
///
/// Satchel never changes a file in place: a new version is a new inode. If a person edits a file by
/// hand, its times and its last bytes differ.
///
/// # Errors
/// Any error of reading the file.
pub fn file_validator(file: &File, metadata: &Metadata) -> io::Result<String> {
    let mut hash = Sha256::new();
    for number in [metadata.dev(), metadata.ino(), metadata.len()] {
        hash.update(number.to_le_bytes());
    }
    for time in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
        hash.update(time.to_le_bytes());
    }
    let mut buffer = [0; 8 << 10];
    let mut offset = metadata.len().saturating_sub(HASHED_TAIL_BYTES);
    while offset < metadata.len() {
        let read = file.read_at(&mut buffer, offset)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        offset += read as u64;
    }
    let bytes = hash.finalize();
    Ok(bytes.iter().take(VALIDATOR_HASH_BYTES).map(|byte| format!("{byte:02x}")).collect())
}
