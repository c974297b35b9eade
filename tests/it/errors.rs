//! The wording of errors: each part of a chain of causes occurs once.

use std::fs;
use std::path::Path;

use crate::architecture::sources;
use crate::harness::satchel;

/// The attribute of an error whose message repeats its source.
fn repeating(source: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("#[error(") {
        let rest = &source[at..];
        let Some(end) = rest.find(")]") else { continue };
        let (message, item) = rest.split_at(end);
        let item = &item[..item.find("\n    #[error(").unwrap_or(item.len())];
        let item = &item[..item.find("\n}").unwrap_or(item.len())];
        let unnamed = item.contains("(#[from]") || item.contains("(#[source]");
        let named = item.contains(" source: ");
        let repeats = (unnamed && (message.contains("{0") || message.contains(", .0")))
            || (named && (message.contains("{source") || message.contains(".source")));
        if repeats {
            found.push(source[..at].lines().count() + 1);
        }
    }
    found
}

#[test]
fn no_error_repeats_its_cause() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut errors = 0;
    let mut bad = Vec::new();
    for path in sources(&root) {
        let source = fs::read_to_string(&path).unwrap();
        errors += source.matches("#[error(").count();
        bad.extend(repeating(&source).iter().map(|line| format!("{}:{line}", path.display())));
    }
    assert!(errors > 150, "the sources were not found");
    assert!(bad.is_empty(), "these show their source, which a chain shows again: {bad:?}");
}

#[test]
fn an_error_that_repeats_its_cause_is_found() {
    let enumeration = |variants: &str| format!("enum X {{\n    {variants}\n}}\n");
    for bad in [
        "#[error(\"x: {0}\")]\n    Io(#[from] io::Error),",
        "#[error(\"y\")]\n    Y,\n    #[error(\"x {0:?}\")]\n    Io(#[source] io::Error),",
        "#[error(\"{what}: {source}\")]\n    Io { what: String, source: io::Error },",
        "#[error(\"{}: x\", .source)]\n    Io { source: io::Error },",
    ] {
        assert_eq!(repeating(&enumeration(bad)).len(), 1, "{bad}");
    }
    for good in [
        "#[error(\"x: {0}\")]\n    Text(String),\n    #[error(\"x\")]\n    Io(#[from] io::Error),",
        "#[error(transparent)]\n    Io(#[from] io::Error),",
        "#[error(\"{what}\")]\n    Io { what: String, source: io::Error },",
    ] {
        assert!(repeating(&enumeration(good)).is_empty(), "{good}");
    }
}

/// The output of the executable for errors of the system.
#[test]
fn a_cause_is_printed_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("R 1% é>b");
    fs::write(&file, "no folder").unwrap();
    let below = file.join("data").to_str().unwrap().to_owned();
    let lost = folder.path().join("nowhere/x.zip").to_str().unwrap().to_owned();
    let data = folder.path().join("data").to_str().unwrap().to_owned();
    let demo = crate::project::demo();
    let demo = demo.to_str().unwrap();
    let done = satchel().args(["import", demo, "--create", "-q", "--data", &data]).status();
    assert!(done.unwrap().success());
    for words in [
        vec!["serve", "--listen", "127.0.0.1:0", "--data", &below],
        vec!["import", demo, "--create", "--data", &below],
        vec!["export", "a", "--data", &below],
        vec!["verify", "--data", &below],
        vec!["passwd", "admin", "--data", &below],
        vec!["export", "a", "--output", &lost, "--data", &data],
        vec!["inspect", "--config", &below],
        vec!["inspect", "--server", "http://127.0.0.1:1", "--user", "x", "--ca", &below],
    ] {
        let output = satchel().args(&words).env("SATCHEL_PASSWORD", "x").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0), "{words:?}: {said}");
        let line = said.lines().find(|line| line.starts_with("satchel: ")).expect(&said);
        let mut parts: Vec<_> = line.split(": ").collect();
        let all = parts.len();
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts.len(), all, "{words:?}: {said}");
        assert!(line.matches("(os error").count() <= 1, "{words:?}: {said}");
    }
}
