//! By what a file that is fetched is told from another one of the same name.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
};

use sha2::{Digest as _, Sha256};

/// How much of a file's end goes into its validator, in bytes: the directories of archives stand
/// there, and in them the checksums of all that they hold.
const VALIDATOR_BYTES: u64 = 64 << 10;

/// A strong validator: it differs whenever the file differs.
///
/// A file of ours never changes in place: another one is another file. Should somebody write into
/// one by hand, its times and what stands at its end tell.
///
/// # Errors
/// The file cannot be read.
pub fn file_validator(file: &File, metadata: &Metadata) -> io::Result<String> {
    let mut hash = Sha256::new();
    for number in [metadata.dev(), metadata.ino(), metadata.len()] {
        hash.update(number.to_le_bytes());
    }
    for time in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
        hash.update(time.to_le_bytes());
    }
    let mut buffer = [0; 8 << 10];
    let mut at = metadata.len().saturating_sub(VALIDATOR_BYTES);
    while at < metadata.len() {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        at += read as u64;
    }
    Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}
