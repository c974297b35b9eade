//! Paths that are not usable data directories: each has its own message.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use satchel::store::DIRECTORY_FORMAT;

use super::{
    COMMANDS, NOBODY, Workspace, assert_exit, is_refused, is_root, run, run_with, stderr_of,
};
use crate::harness::{Server, satchel, until};
use crate::project::demo;

/// The commands that create no data directory.
const MAKE_NONE: [&str; 4] = ["import", "export", "verify", "passwd"];

fn refused(workspace: &Workspace, name: &str) -> Output {
    run_with(&mut workspace.command(name), "x\n")
}

#[test]
fn only_serve_and_import_create_make_a_missing_or_empty_directory() {
    let workspace = Workspace::new();
    for name in MAKE_NONE {
        let output = refused(&workspace, name);
        is_refused(&output, &["there is no data directory at", "satchel serve --data"]);
        assert!(!workspace.data().exists());
    }
    let dry = ["--create", "--dry-run"];
    is_refused(&run(workspace.command("import").args(dry)), &["there is no data directory at"]);
    assert!(!workspace.data().exists());
    fs::create_dir(workspace.data()).unwrap();
    // A new file system contains this folder.
    fs::create_dir(workspace.data().join("lost+found")).unwrap();
    for name in MAKE_NONE {
        is_refused(&refused(&workspace, name), &["the directory is empty", "satchel serve --data"]);
    }
    is_refused(&run(workspace.command("import").args(dry)), &["the directory is empty"]);
    assert_eq!(fs::read_dir(workspace.data()).unwrap().count(), 1);
    assert_exit(&run(workspace.command("import").args(["--create", "-q"])), 0);
    assert_exit(&run(&mut workspace.command("verify")), 0);
    // So does serve.
    let workspace = Workspace::new();
    fs::create_dir_all(workspace.data().join("lost+found")).unwrap();
    ends_after_ready(&mut workspace.command("serve"));
    assert!(workspace.data().join("CURRENT").exists());
}

fn ends_after_ready(command: &mut Command) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("satchel is listening on "), "{line}");
}

#[test]
fn a_folder_of_another_program_is_unchanged() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.data()).unwrap();
    fs::write(workspace.data().join("thesis “1”.odt"), "years").unwrap();
    let create = |name| {
        let mut command = workspace.command(name);
        if name == "import" {
            command.arg("--create");
        }
        command
    };
    for name in COMMANDS {
        let output = run_with(&mut create(name), "x\n");
        is_refused(&output, &["is not a data directory of Satchel", "thesis", "empty or new"]);
        assert_eq!(fs::read_dir(workspace.data()).unwrap().count(), 1, "{name}");
    }
    // A file, and a path below a file.
    let workspace = Workspace::new();
    fs::write(workspace.data(), "").unwrap();
    for name in COMMANDS {
        is_refused(
            &run(&mut workspace.command(name)),
            &["is not a data directory", "it is a file"],
        );
        let below = run(workspace.command(name).arg("--data").arg(workspace.data().join("x")));
        // clap takes one --data only.
        assert_exit(&below, 2);
    }
}

#[test]
fn an_inaccessible_path_is_not_reported_as_missing() {
    if !is_root() {
        return;
    }
    let workspace = Workspace::with_demo();
    workspace.give_to(NOBODY);
    fs::set_permissions(workspace.folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let copy = Workspace::new();
    for name in COMMANDS {
        let mut command = copy.command_as(NOBODY, name);
        // The same with a directory below an inaccessible folder.
        let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let program = command.get_program().to_owned();
        let envs: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        command = Command::new(program);
        let words = words
            .into_iter()
            .map(|word| if word == copy.data() { workspace.data().into() } else { word });
        std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
        std::os::unix::process::CommandExt::gid(&mut command, NOBODY);
        let output = run(command.args(words).envs(envs).current_dir("/"));
        is_refused(
            &output,
            &["cannot be reached", "no permission to enter", "belongs to the user root"],
        );
        assert!(!stderr_of(&output).contains("there is no"), "{}", stderr_of(&output));
        assert!(!stderr_of(&output).contains("empty"), "{}", stderr_of(&output));
    }
}

#[test]
fn a_directory_that_cannot_be_created_names_the_blocking_folder() {
    if !is_root() {
        return;
    }
    let workspace = Workspace::new();
    let mut import = workspace.command_as(NOBODY, "import");
    for command in [&mut workspace.command_as(NOBODY, "serve"), import.arg("--create")] {
        let words = ["cannot be created", "no permission to write in", "sudo -u root"];
        is_refused(&run(command), &words);
    }
}

#[test]
fn a_directory_in_use_names_the_process_and_the_address() {
    let server = Server::start();
    let workspace = Workspace::new();
    std::os::unix::fs::symlink(server.data(), workspace.data()).unwrap();
    let process = format!("process {}", server.id());
    let url = format!("the server at http://{}", server.address);
    for name in COMMANDS {
        is_refused(&refused(&workspace, name), &["is in use by", &url, &process]);
    }
    // The suggested command works.
    let output = run(satchel().args(["export", "a b", "--data"]).arg(server.data()));
    let ask = format!("satchel export 'a b' --server http://{} --user admin", server.address);
    is_refused(&output, &[&ask]);
    assert!(!stderr_of(&output).contains(":8080"), "{}", stderr_of(&output));
    // The text of a killed server is ignored.
    let mut server = server;
    server.kill();
    assert_exit(&run(&mut workspace.command("verify")), 0);
    assert_eq!(fs::read(server.data().join("LOCK")).unwrap(), b"");
}

#[test]
fn a_directory_in_use_by_a_command_names_the_command() {
    let workspace = Workspace::with_demo();
    // The command holds the directory while it waits for the password.
    let mut child = workspace
        .command("passwd")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lock = workspace.data().join("LOCK");
    until(|| fs::read_to_string(&lock).unwrap().ends_with("command passwd\nend\n"));
    let process = format!("the command satchel passwd, process {}", child.id());
    for name in COMMANDS {
        is_refused(
            &run(&mut workspace.command(name)),
            &[&process, "Wait until the process has ended"],
        );
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_exit(&run(&mut workspace.command("verify")), 0);
}

#[test]
fn a_directory_of_a_newer_format_needs_a_newer_satchel() {
    let workspace = Workspace::with_demo();
    let pointer = workspace.data().join("CURRENT");
    let text = fs::read_to_string(&pointer).unwrap();
    let newer = DIRECTORY_FORMAT + 1;
    fs::write(&pointer, format!("satchel {newer}\ncurrent 2\n")).unwrap();
    let (found, known) =
        (format!("has format {newer}"), format!("reads format {DIRECTORY_FORMAT}"));
    for name in COMMANDS {
        let words = [&*found, &*known, "Use a newer version of Satchel"];
        is_refused(&refused(&workspace, name), &words);
    }
    fs::write(&pointer, "satchel 1\ncurrent 2\n").unwrap();
    for name in COMMANDS {
        is_refused(
            &refused(&workspace, name),
            &["format 1", "Export everything with the version of Satchel"],
        );
    }
    fs::write(&pointer, text).unwrap();
    assert_exit(&run(satchel().arg("diff").arg(demo()).arg("--data").arg(workspace.data())), 0);
}

#[test]
fn serve_completes_an_interrupted_first_start() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.data()).unwrap();
    fs::write(workspace.data().join("LOCK"), "").unwrap();
    for name in MAKE_NONE {
        is_refused(&refused(&workspace, name), &["there is no inventory in the data directory"]);
    }
    ends_after_ready(&mut workspace.command("serve"));
    assert_exit(&run(&mut workspace.command("verify")), 0);
}
