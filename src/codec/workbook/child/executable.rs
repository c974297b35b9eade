//! The executable file of the child process.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf, absolute};

/// The running executable, even if its file has been replaced.
const RUNNING: &str = "/proc/self/exe";

/// Returns a path of the running executable.
///
/// Without `/proc`, as in a bare chroot, it is the path from which the process was started. If the
/// file at this path is replaced, the server must be restarted before it can read workbooks.
pub fn executable() -> PathBuf {
    let running = Path::new(RUNNING);
    // Not `exists`: after the file was replaced the link points to no path, but can be started.
    if running.is_symlink() {
        return running.to_owned();
    }
    started_from(env::args_os().next().unwrap_or_default(), env::var_os("PATH"))
}

/// Returns the file that a command was started from. If the command has no slash, the shell has
/// searched the folders of `path`.
fn started_from(command: OsString, path: Option<OsString>) -> PathBuf {
    let command = PathBuf::from(command);
    if command.components().count() == 1 && !command.is_absolute() {
        let path = path.unwrap_or_default();
        let found = env::split_paths(&path).map(|folder| folder.join(&command));
        if let Some(found) = found.into_iter().find(|file| file.is_file()) {
            return found;
        }
    }
    // The child starts in another directory. Only an empty name cannot be made absolute.
    absolute(&command).unwrap_or(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_in_the_folders_of_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("R 1%");
        std::fs::write(&file, "").unwrap();
        let path = env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();

        assert_eq!(started_from("R 1%".into(), Some(path.clone())), file);
        assert_eq!(started_from("/opt/é>b".into(), Some(path.clone())), Path::new("/opt/é>b"));
        let here = env::current_dir().unwrap();
        assert_eq!(started_from("bin/satchel".into(), Some(path)), here.join("bin/satchel"));
        assert_eq!(started_from("satchel".into(), None), here.join("satchel"));
        assert_eq!(started_from(OsString::new(), None), Path::new(""));
    }

    #[test]
    fn the_running_executable_is_found_in_proc() {
        assert_eq!(executable(), Path::new(RUNNING));
    }
}
