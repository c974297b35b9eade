//! The small subcommands, the help, and exit codes.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

use crate::harness::satchel;

fn output(arguments: &[&str]) -> Output {
    satchel().args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = output(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands that the help lists.
fn subcommands() -> Vec<String> {
    let help = printed(&["--help"]);
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = listed.lines().filter_map(|line| line.strip_prefix("  "));
    let names = names.filter(|line| !line.starts_with(' '));
    names.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn version_names_the_release_and_formats() {
    let short = printed(&["-V"]);
    assert_eq!(short, format!("satchel {}\n", env!("CARGO_PKG_VERSION")));
    let long = printed(&["--version"]);
    assert!(long.starts_with(&short), "{long}");
    for word in ["data directory format 8", "record format 1", "bundle format 1", "target "] {
        assert!(long.contains(word), "{word} in {long}");
    }
    assert!(long.contains(std::env::consts::ARCH), "{long}");
}

#[test]
fn every_help_has_examples_and_exit_codes() {
    let subcommands = subcommands();
    for name in ["serve", "passwd", "config", "completions", "man", "licenses"] {
        assert!(subcommands.iter().any(|known| known == name), "{name} in {subcommands:?}");
    }
    let whole = printed(&["--help"]);
    for word in ["Examples:", "Exit codes:", "130", "/etc/satchel.toml", "--config"] {
        assert!(whole.contains(word), "{word} in {whole}");
    }
    assert!(!whole.contains("decode"), "{whole}");
    for name in subcommands.iter().filter(|name| *name != "help") {
        let help = printed(&[name, "--help"]);
        assert!(help.contains("Exit codes:"), "{help}");
        // The settings of a command with subcommands belong to these.
        let settings = help.contains("env: SATCHEL_DATA") || help.contains("\nCommands:\n");
        assert_eq!(settings, help.contains("Settings:"), "{help}");
    }
}

#[test]
fn hidden_subcommands_are_not_listed() {
    for shown in [
        printed(&["man"]),
        printed(&["completions", "bash"]),
        printed(&["completions", "zsh"]),
        printed(&["completions", "fish"]),
    ] {
        assert!(!shown.contains("decode-workbook"), "{shown}");
        assert!(shown.contains("serve"));
    }
    assert_eq!(output(&["decode-workbok"]).status.code(), Some(2));
}

#[test]
fn completions_are_valid_scripts() {
    for (shell, check) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("licenses"), "{shell}");
        assert!(script.contains("cache-mib"), "{shell}");
        // The available shells differ between machines; bash is always available.
        let checking = Command::new(shell).args(check).stdin(Stdio::piped()).spawn();
        let mut checking = match checking {
            Err(error) if shell != "bash" => {
                eprintln!("not checked by {shell}: {error}");
                continue;
            }
            checking => checking.unwrap(),
        };
        checking.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(checking.wait().unwrap().success(), "{shell}");
    }
    // The completions of bash.
    let mut script = printed(&["completions", "bash"]);
    script += "\nCOMP_WORDS=(satchel lic) COMP_CWORD=1; _satchel satchel lic satchel\n\
               echo \"${COMPREPLY[@]}\"\n";
    let completed = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(completed.stdout).unwrap().trim(), "licenses");
}

#[test]
fn every_subcommand_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("R 1%/man1");
    let written = printed(&["man", "--output", pages.to_str().unwrap()]);
    let mut names: Vec<_> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<_> = subcommands()
        .iter()
        .filter(|name| *name != "help")
        .map(|name| format!("satchel-{name}.1"))
        .chain(["satchel.1".to_owned()])
        .collect();
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(written.lines().count(), names.len());
    for name in &names {
        let page = fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(".TH satchel"), "{name}: {page}");
        assert!(page.contains(".SH \"EXIT CODES\"\n.nf\n"), "{name}: {page}");
        let subcommand = name.trim_end_matches(".1").strip_prefix("satchel-");
        let alone = subcommand.map_or_else(|| printed(&["man"]), |name| printed(&["man", name]));
        assert_eq!(alone, page, "{name}");
    }
    let unknown = output(&["man", "serv"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("Did you mean “serve”?"));
}

#[test]
fn licences_are_complete() {
    let printed = printed(&["licenses"]);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = fs::read_to_string(root.join("LICENSE")).unwrap();
    let others = fs::read_to_string(root.join("assets/licenses/third-party.txt")).unwrap();
    assert!(printed == own + "\n" + &others);
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    for arguments in [&["licenses"][..], &["man"], &["completions", "bash"], &["config"]] {
        let mut child = satchel()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The reader closes the pipe before the output, or after its beginning.
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}: {said}");
        assert_eq!(said, "", "{arguments:?}");
    }
}

#[test]
fn exit_codes_tell_the_kind_of_failure() {
    let says = |arguments: &[&str], code: i32, words: &[&str]| {
        let output = output(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{word} in {said}");
        }
        assert!(!said.contains('\u{1b}'), "colours into a pipe: {said}");
    };
    says(&[], 2, &["Usage:"]);
    says(&["serv"], 2, &["serv", "'serve'"]);
    says(&["serve", "--lisen", "x"], 2, &["--lisen", "--listen"]);
    says(&["serve", "--cache-mib", "1"], 2, &["--cache-mib", "16..=65536"]);
    says(&["completions", "tcsh"], 2, &["bash", "zsh", "fish"]);
    says(&["passwd", "admin", "--data", "/proc/nowhere"], 1, &["/proc/nowhere"]);
}

#[test]
fn an_error_names_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = crate::harness::command(&data).args(["--listen", &address]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
    // Another process holds the lock.
    let server = crate::harness::Server::start();
    let data = server.data();
    let output = crate::harness::command(&data).args(["--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("in use") && said.contains("stop it"), "{said}");
}

#[test]
fn arguments_that_do_not_fit_the_input_are_wrong_usage_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(path("project")).unwrap();
    fs::write(path("project/device.yaml"), "- name: R 1%\n").unwrap();
    fs::write(path("a.csv"), "name,Anbieter\nR 1%,Nokia\n").unwrap();
    let (data, project, table) = (path("data"), path("project"), path("a.csv"));
    let missing = path("no folder/a.toml");
    for (code, words, told) in [
        (2, &[project.as_str(), "--map", "a=name"][..], "--map is for workbooks"),
        (2, &[&project, "--kind", "device"], "--kind is for workbooks"),
        (2, &[&project, "--save-map", "a.toml"], "--save-map is for workbooks"),
        (2, &[&table, "--kind", "device", "--sheet", "Foo"], "A table (.csv) is a single sheet"),
        (2, &[&table, "--kind", "device", "--types", "device"], "--types is for projects"),
        (2, &[&table, "--kind", "device", "--header-row", "0"], "from 1 to 1048576"),
        (1, &[&table, "--kind", "device", "--save-map", &missing], "No such file or directory"),
    ] {
        let output = output(&[&["import", "--create", "--data", &data], words].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(told) && !said.contains(".satchel-"), "{words:?}: {said}");
        assert!(!std::path::Path::new(&data).exists(), "{words:?}");
    }
    let said = output(&["import", "--create", "--data", &data, &path("project/device.yaml")]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("is one document of a project"), "{said}");
}
