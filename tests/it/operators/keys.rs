//! The key of a data directory: missing, wrong or correct.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{COMMANDS, Workspace, assert_exit, is_refused, run, run_with, stderr_of};

/// The advice that every message about the key contains.
const ADVICE: [&str; 2] = ["Restore the file `key` from a backup", "satchel recover --data"];

fn refused_by_all(workspace: &Workspace, words: &[&str]) {
    for name in COMMANDS {
        let output = run_with(&mut workspace.command(name), "x\n");
        is_refused(&output, &[words, &ADVICE, &["--new-key"]].concat());
        assert!(!stderr_of(&output).contains("empty"), "{}", stderr_of(&output));
    }
}

#[test]
fn a_wrong_missing_or_short_key_is_refused_at_start() {
    let (workspace, other) = (Workspace::with_demo(), Workspace::with_demo());
    let (key, check) = (workspace.data().join("key"), workspace.data().join("key.check"));
    assert_eq!(fs::metadata(&check).unwrap().permissions().mode() & 0o777, 0o600);
    let right = fs::read(&key).unwrap();
    let key_path = key.to_str().unwrap();

    fs::copy(other.data().join("key"), &key).unwrap();
    refused_by_all(&workspace, &[key_path, "is not the key of this data directory"]);
    fs::write(&key, &right[..31]).unwrap();
    refused_by_all(&workspace, &[key_path, "31 bytes instead of 32"]);
    fs::remove_file(&key).unwrap();
    refused_by_all(&workspace, &[key_path, "is missing"]);
    assert!(!key.exists(), "no other is made in its place");

    fs::write(&key, &right).unwrap();
    assert_exit(&run(&mut workspace.command("verify")), 0);
    // A `key.check` of another key does not disprove the correct key: stored secrets prove it.
    fs::copy(other.data().join("key.check"), &check).unwrap();
    let output = run(&mut workspace.command("verify"));
    assert_exit(&output, 0);
    assert_exit(&run(&mut workspace.command("verify")), 0);
    assert_ne!(fs::read(&check).unwrap(), fs::read(other.data().join("key.check")).unwrap());
}

/// Directories of older versions have no `key.check`, and a damaged one proves nothing.
#[test]
fn stored_secrets_verify_the_key_if_the_key_check_is_missing() {
    let (workspace, other) = (Workspace::with_demo(), Workspace::with_demo());
    let (key, check) = (workspace.data().join("key"), workspace.data().join("key.check"));
    let (right, written) = (fs::read(&key).unwrap(), fs::read(&check).unwrap());
    for damaged in [None, Some(&b""[..]), Some(b"satchel key check 1\n%%\n"), Some(b"\0\0\0\0")] {
        let damage = || match damaged {
            Some(bytes) => fs::write(&check, bytes).unwrap(),
            None => fs::remove_file(&check).unwrap(),
        };
        damage();
        assert_exit(&run(&mut workspace.command("verify")), 0);
        assert_eq!(fs::read(&check).unwrap(), written, "it is written again");
        damage();
        fs::copy(other.data().join("key"), &key).unwrap();
        refused_by_all(&workspace, &["cannot decrypt the secret of the user '"]);
        assert!(
            fs::read(&check).ok().as_deref() == damaged,
            "no key check is written for a wrong key"
        );
        fs::write(&key, &right).unwrap();
        assert_exit(&run(&mut workspace.command("verify")), 0);
    }
}
