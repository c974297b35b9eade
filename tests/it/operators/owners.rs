//! Root and other users on a service's data directory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Stdio;

use super::{
    COMMANDS, NOBODY, NUMBERED, Workspace, all_belong_to, assert_exit, is_refused, is_root, run,
    run_with, stderr_of, stdout_of,
};
use crate::harness::satchel;
use crate::project::demo;

#[test]
fn root_works_as_the_owner_of_the_directory() {
    if !is_root() {
        return;
    }
    for (uid, named) in [(NOBODY, "as the user nobody"), (NUMBERED, "as the user with id 4711")] {
        let workspace = Workspace::new();
        let data = workspace.empty_of(uid);
        // Input that only root can read is imported, and the output is in root's own folder.
        let own = workspace.path("own");
        fs::create_dir(&own).unwrap();
        let bundle = own.join("a.zip");
        let source = Workspace::with_demo();
        assert_exit(&run(source.command("export").args(["-q", "--output"]).arg(&bundle)), 0);
        fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();

        let on_data = |words: &[&str]| {
            let mut command = satchel();
            command.args(words).arg("--data").arg(&data);
            command
        };
        let output = run(on_data(&["import", "--create"]).arg(&bundle));
        assert_exit(&output, 0);
        assert!(stderr_of(&output).contains(named), "{}", stderr_of(&output));
        all_belong_to(&data, uid);
        // A folder of root.
        let folder = own.join("folder");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("device.yaml"), "- name: R 1%\n").unwrap();
        assert_exit(&run(on_data(&["import", "--types", "device"]).arg(&folder)), 0);
        // A workbook, decoded in a child process, and its marked copy.
        let (table, marked) = (own.join("t.csv"), own.join("marked.xlsx"));
        fs::write(&table, "name,port\nR 1%,22.5\n").unwrap();
        let words = ["import", "--kind", "device", "--marked", marked.to_str().unwrap()];
        assert_exit(&run(on_data(&words).arg(&table)), 1);
        assert!(fs::read(&marked).unwrap().starts_with(b"PK"));

        let copy = own.join("copy.zip");
        assert_exit(&run(on_data(&["export", "nightly"]).arg("--output").arg(&copy)), 0);
        assert_exit(&run(satchel().arg("verify").arg(&copy)), 0);
        let metadata = fs::metadata(&copy).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600));
        for words in [&["verify"][..], &["inspect"], &["undo", "--yes"]] {
            assert_exit(&run(&mut on_data(words)), 0);
        }
        assert_exit(&run(on_data(&["diff"]).arg(&bundle)), 0);
        assert_exit(&run_with(&mut on_data(&["passwd", "admin"]), "another one\n"), 0);
        all_belong_to(&data, uid);
        // Only the requested files remain.
        let mut left: Vec<_> =
            fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a.zip", "copy.zip", "folder", "marked.xlsx", "t.csv"]);

        // Root and the owner can both serve it.
        for mut command in [workspace.command("serve"), workspace.command_as(uid, "serve")] {
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert!(line.starts_with("satchel is listening on "), "{line}");
            for thread in fs::read_dir(format!("/proc/{}/task", child.id())).unwrap() {
                let status = thread.unwrap().path().join("status");
                let status = fs::read_to_string(status).unwrap();
                for (field, numbers) in [("Uid", 4), ("Gid", 4)] {
                    let expected = format!("{field}:{}", format!("\t{uid}").repeat(numbers));
                    assert!(status.contains(&expected), "{expected} in {status}");
                }
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        all_belong_to(&data, uid);
    }
}

#[test]
fn a_failed_output_leaves_no_file_in_roots_folder() {
    let workspace = Workspace::with_demo();
    let own = workspace.path("own");
    fs::create_dir(&own).unwrap();
    let to = own.join("a.zip");
    // Refused by the server, and by the data directory.
    assert_exit(
        &run(workspace.command("export").args(["--types", "pool", "--output"]).arg(&to)),
        0,
    );
    fs::remove_file(&to).unwrap();
    let output = run(satchel()
        .args(["export", "../x", "--output"])
        .arg(&to)
        .arg("--data")
        .arg(workspace.data()));
    assert_exit(&output, 1);
    let lost = workspace.path("lost");
    assert_exit(
        &run(satchel().args(["export", "x", "--output"]).arg(&to).arg("--data").arg(lost)),
        1,
    );
    assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
    // A folder of that name cannot be replaced.
    fs::create_dir(&to).unwrap();
    fs::write(to.join("a.zip"), "").unwrap();
    fs::remove_file(to.join("a.zip")).unwrap();
    fs::create_dir(to.join("a.zip")).unwrap();
    let output = run(workspace.command("export").arg("--output").arg(&to));
    is_refused(&output, &["Cannot write ", "a.zip"]);
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
}

#[test]
fn another_user_is_refused_and_the_error_names_the_owner() {
    if !is_root() {
        return;
    }
    for (owner, caller, sudo) in [
        (NOBODY, NUMBERED, "sudo -u nobody satchel"),
        (NUMBERED, NOBODY, "sudo -u '#4711' satchel"),
    ] {
        let workspace = Workspace::with_demo();
        workspace.give_to(owner);
        // Also if all users can read it.
        for mode in [0o700, 0o755, 0o777] {
            fs::set_permissions(workspace.data(), fs::Permissions::from_mode(mode)).unwrap();
            for name in COMMANDS {
                let output = run(&mut workspace.command_as(caller, name));
                is_refused(&output, &["belongs to the user", "this command runs as", sudo]);
                assert!(!stderr_of(&output).contains("empty"), "{}", stderr_of(&output));
                assert!(!stderr_of(&output).contains("There is no"), "{}", stderr_of(&output));
            }
        }
        all_belong_to(&workspace.data(), owner);
    }
}

#[test]
fn files_left_by_root_are_reported_with_the_remedy() {
    if !is_root() {
        return;
    }
    for left in ["inventory-2/db", "key", "LOCK", "CURRENT", "inventory-2"] {
        let workspace = Workspace::with_demo();
        workspace.give_to(NOBODY);
        let path = workspace.data().join(left);
        chown(&path, Some(0), Some(0)).unwrap();
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for name in COMMANDS {
            let output = run_with(&mut workspace.command_as(NOBODY, name), "x\n");
            let data = workspace.data();
            let chown = format!("sudo chown -R nobody {}", data.display());
            is_refused(&output, &[left, "belongs to the user root", &chown]);
            assert!(!stderr_of(&output).contains("empty"), "{}", stderr_of(&output));
        }
    }
}

/// The volume of a container belongs to root, and its contents belong to the user of the container.
#[test]
fn a_volume_of_root_is_used_by_the_owner_of_its_key() {
    if !is_root() {
        return;
    }
    let workspace = Workspace::new();
    let data = workspace.data();
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    assert_exit(&run(workspace.command_as(NUMBERED, "import").args(["--create", "-q"])), 0);
    assert_exit(&run(&mut workspace.command_as(NUMBERED, "verify")), 0);
    is_refused(&run(&mut workspace.command_as(NOBODY, "verify")), &["sudo -u '#4711'"]);
    let output = run(&mut workspace.command("verify"));
    assert_exit(&output, 0);
    assert!(stderr_of(&output).contains("as the user with id 4711"), "{}", stderr_of(&output));
    assert!(stdout_of(&output).contains("Inventory OK"));
    assert_eq!(fs::metadata(data.join("CURRENT")).unwrap().uid(), NUMBERED);
    assert_exit(&run(satchel().arg("diff").arg(demo()).arg("--data").arg(&data)), 0);
}
