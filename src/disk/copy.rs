//! Copies folders.

use std::{fs, io, path::Path};

/// Copies the files of a folder and of its subfolders. Creates `to` if it is missing. The copy is
/// not made durable.
///
/// # Errors
/// Any error of reading `from` or writing `to`. A partial copy stays in `to`.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_the_files_of_all_subfolders() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("top"), "1").unwrap();
        fs::write(from.join("a/b/deep é"), "2").unwrap();
        copy_folder(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("top")).unwrap(), b"1");
        assert_eq!(fs::read(to.join("a/b/deep é")).unwrap(), b"2");
    }
}
