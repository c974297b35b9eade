//! Files and directories that only their owner can use.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::{fs::Mode, process::umask};

/// The permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Takes all permissions of other users away from the files and directories that this process will
/// create, whatever the umask of its parent.
pub fn make_new_files_private() {
    umask(Mode::from_raw_mode(OTHERS));
}

/// Returns whether users other than the owner have permissions on the file or directory.
///
/// # Errors
/// Any error of reading its permissions.
pub fn is_open_to_others(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & OTHERS != 0)
}

/// Takes all permissions of other users away from the entries of a directory. The entries of a directory
/// below it are then out of their reach too. Symbolic links are left alone.
///
/// # Errors
/// Any error of reading the directory or of changing permissions.
pub fn make_entries_private(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let mode = metadata.permissions().mode();
        if !metadata.is_symlink() && mode & OTHERS != 0 {
            fs::set_permissions(entry.path(), Permissions::from_mode(mode & !OTHERS))?;
        }
    }
    Ok(())
}

/// Opens a file for reading. A symbolic link in its place is not followed, and a pipe does not block.
///
/// # Errors
/// Any error of `open(2)`; `ELOOP` for a symbolic link.
pub fn open_without_following(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn entries_become_private_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
        let (file, link) = (folder.path().join("é>b 100%"), folder.path().join("link"));
        fs::write(&file, "x").unwrap();
        set(&file, 0o644).unwrap();
        set(outside.path(), 0o644).unwrap();
        symlink(outside.path(), &link).unwrap();

        make_entries_private(folder.path()).unwrap();
        assert_eq!((mode(&file), mode(outside.path())), (0o600, 0o644));
        assert!(!is_open_to_others(&file).unwrap());
        assert!(is_open_to_others(outside.path()).unwrap());
        open_without_following(&file).unwrap();
        let refused = open_without_following(&link).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ELOOP));
    }
}
