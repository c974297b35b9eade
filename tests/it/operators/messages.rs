//! Output formats: `--json` for errors as well, and `--quiet`.

use std::fs;
use std::process::Output;

use serde_json::Value;

use super::{Workspace, assert_exit, run, stderr_of, stdout_of};
use crate::harness::{Server, satchel};
use crate::project::{demo, golden};

fn problem(output: &Output) -> Value {
    let problem: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout_of(output), stderr_of(output)));
    for member in ["type", "title", "detail"] {
        assert!(!problem[member].as_str().unwrap_or_default().is_empty(), "{member} in {problem}");
    }
    assert!(!stderr_of(output).is_empty(), "people are told as well");
    problem
}

#[test]
fn errors_are_json_with_the_json_flag() {
    let workspace = Workspace::new();
    let lost = workspace.data().to_str().unwrap().to_owned();
    let demo = demo().to_str().unwrap().to_owned();
    // Before any request.
    for (words, code) in [
        (vec!["export", "a", "--json", "--data", &lost], 1),
        (vec!["import", &demo, "--json", "--data", &lost], 1),
        (vec!["verify", "--json", "--data", &lost], 1),
        (vec!["inspect", "--json", "--data", &lost], 1),
        (vec!["undo", "--json", "--yes", "--data", &lost], 1),
        (vec!["diff", &demo, "--json", "--data", &lost], 2),
    ] {
        let output = run(satchel().args(&words));
        assert_exit(&output, code);
        let detail = problem(&output)["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("There is no data directory at"), "{words:?}: {detail}");
    }
    for (words, code) in [
        (vec!["undo", "--json", "--data", &lost], 1),
        (vec!["import", "no/such.zip", "--json", "--data", &lost], 1),
        (vec!["export", "a", "--json", "--types", "devise", "--data", &lost], 2),
        (vec!["verify", "--json", "--dta", &lost], 2),
        (vec!["verify", "--json", "--config", &lost], 2),
        (vec!["verify", "--json", "--server", "http://127.0.0.1:1", "--user", "x"], 1),
    ] {
        let output = run(satchel().args(&words).env("SATCHEL_PASSWORD", "x"));
        assert_exit(&output, code);
        problem(&output);
    }
    // The server's own problem document, unchanged.
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let words = ["export", "../x", "--json", "--user", "admin", "--server", &url];
    let output = run(satchel().args(words).env("SATCHEL_PASSWORD", "admin"));
    assert_exit(&output, 1);
    let refused = problem(&output);
    assert!(refused["type"].as_str().unwrap().starts_with("tag:"), "{refused}");
    assert!(refused["status"].is_number(), "{refused}");
    let output = run(satchel().args(words).env("SATCHEL_PASSWORD", "wrong"));
    assert_exit(&output, 1);
    assert_eq!(problem(&output)["status"], 401);
}

#[test]
fn quiet_commands_print_only_requested_output() {
    let workspace = Workspace::new();
    let quiet =
        |words: &[&str]| run(satchel().args(words).arg("-q").arg("--data").arg(workspace.data()));
    let demo = demo().to_str().unwrap().to_owned();
    let copy = workspace.path("copy.zip").to_str().unwrap().to_owned();
    for words in [
        &["import", &demo, "--create"][..],
        &["import", &demo],
        &["export", "a"],
        &["export", "a", "--output", &copy],
        &["export", "a.xlsx", "--workbook"],
        &["verify"],
        &["verify", &copy],
        &["undo", "--yes"],
    ] {
        let output = quiet(words);
        assert_exit(&output, 0);
        assert_eq!(
            (stdout_of(&output), stderr_of(&output)),
            (String::new(), String::new()),
            "{words:?}"
        );
    }
    // Requested output is printed with --quiet as well.
    for words in [
        &["import", &demo, "--dry-run"][..],
        &["inspect"],
        &["undo", "--dry-run"],
        &["verify", "--json"],
        &["export", "a", "--json"],
        &["diff", &demo],
    ] {
        let output = quiet(words);
        assert!(stdout_of(&output).len() > 20, "{words:?}: {}", stdout_of(&output));
        assert_eq!(stderr_of(&output), "", "{words:?}");
    }
    // So are errors.
    let broken = golden().join("missing_ends").to_str().unwrap().to_owned();
    let output = quiet(&["import", &broken]);
    assert_exit(&output, 1);
    assert!(stdout_of(&output).contains("Problems: "), "{}", stdout_of(&output));
    let output = run(satchel().args(["verify", "-q"]).arg(&broken));
    assert!(!stdout_of(&output).is_empty() || output.status.success());
}

#[test]
fn a_comparison_of_two_projects_imports_nothing() {
    let workspace = Workspace::new();
    let project = |name: &str, text: &str| {
        let folder = workspace.path(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("device.yaml"), text).unwrap();
        folder
    };
    let one = project("one", "- name: R 1%\n- name: é>b\n  port: x\n");
    let two = project("two", "- name: R 1%\n  vendor: Nokia\n- name: R2\n");
    let output = run(satchel().arg("diff").args([&one, &two]));
    assert_exit(&output, 1);
    let text = format!("{}{}", stdout_of(&output), stderr_of(&output));
    assert!(!text.contains("imported"), "{text}");
    assert!(text.contains("From the first project to the second: 1 created, 1 updated"), "{text}");
    assert!(text.contains("1 record of the first project left out"), "{text}");
}

#[test]
fn without_a_server_log_the_cause_of_a_failure_is_printed() {
    let workspace = Workspace::with_demo();
    // A file replaces the folder of the library, so the library cannot be listed.
    let library = workspace.data().join("migrations");
    fs::remove_dir_all(&library).unwrap();
    assert_exit(&run(workspace.command("export").arg("-q")), 0);
    let folder = library.join("b.zip");
    fs::create_dir(&folder).unwrap();
    let workbooks = workspace.data().join("spreadsheets");
    let _ = fs::remove_dir_all(&workbooks);
    fs::write(&workbooks, "").unwrap();
    let output =
        run(satchel().args(["export", "a.xlsx", "--workbook", "--data"]).arg(workspace.data()));
    assert_exit(&output, 1);
    let stderr = stderr_of(&output);
    assert!(!stderr.contains("server's log"), "{stderr}");
    assert!(stderr.contains("os error"), "the cause: {stderr}");
}

#[test]
fn counts_of_one_use_the_singular() {
    let workspace = Workspace::new();
    let folder = workspace.path("one");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("device.yaml"), "- name: R 1%\n").unwrap();
    let data = workspace.data();
    let on_data = |words: &[&str]| run(satchel().args(words).arg("--data").arg(&data));
    let import = ["import", folder.to_str().unwrap(), "--types", "device", "--create"];
    let mut all = String::new();
    for words in [
        &import[..],
        &["inspect"],
        &["verify"],
        &["export", "a", "--types", "device"],
        &["undo", "--dry-run"],
        &["undo", "--yes"],
        &["inspect"],
        &["verify"],
    ] {
        let output = on_data(words);
        assert_exit(&output, 0);
        all += &stdout_of(&output);
        all += &stderr_of(&output);
    }
    all += &stdout_of(&run(satchel().arg("inspect").arg(&folder)));
    let words: Vec<&str> = all.split_whitespace().collect();
    for pair in words.windows(2) {
        let noun = pair[1].trim_matches(|c: char| !c.is_alphabetic());
        let is_plural = noun.ends_with('s') && !matches!(noun, "is" | "was");
        assert!(!(pair[0] == "1" && is_plural), "{pair:?} in {all}");
    }
    assert!(all.contains("1 record"), "{all}");
}
