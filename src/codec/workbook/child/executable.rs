//! Which file is started as the child.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf, absolute};

/// The executable that is running, even if the file it was started from was replaced since.
const RUNNING: &str = "/proc/self/exe";

/// The executable that is running.
///
/// Where there is no `/proc`, as in a bare chroot, that is the file it was started from. A server
/// that was replaced there has to be started again before it reads workbooks.
pub fn executable() -> PathBuf {
    let running = Path::new(RUNNING);
    // Not `exists`: a link to a file that was replaced leads nowhere, and can be started all the
    // same.
    if running.is_symlink() {
        return running.to_owned();
    }
    started_from(env::args_os().next().unwrap_or_default(), env::var_os("PATH"))
}

/// The file that a command of this name was started from. Without a slash in it, a shell has
/// looked for it along the `path`.
fn started_from(command: OsString, path: Option<OsString>) -> PathBuf {
    let command = PathBuf::from(command);
    if command.components().count() == 1 && !command.is_absolute() {
        let path = path.unwrap_or_default();
        let found = env::split_paths(&path).map(|folder| folder.join(&command));
        if let Some(found) = found.into_iter().find(|file| file.is_file()) {
            return found;
        }
    }
    // A child begins in another directory. Only an empty name cannot be made absolute.
    absolute(&command).unwrap_or(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_again_as_the_shell_found_it() {
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
    fn the_one_that_runs_is_known() {
        assert_eq!(executable(), Path::new(RUNNING));
    }
}
