//! Compares the output of a command with the one shown, ignoring parts that differ in each run.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// Patterns of text that differs from run to run, and their replacements.
static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pairs = [
        (r"\b\d{8}-\d{6}-[0-9a-f]{8}\b", "REPORT"),
        (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE"),
        (r"\bsat_[0-9a-f]{16}\.[0-9a-f]{64}", "TOKEN"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
        (r#""id": ?"[0-9a-f]{16}""#, "JOB"),
        (r"/rest/jobs/[0-9a-f]{16}", "JOB"),
        (r#""key": ?"[0-9a-f]{16}""#, "KEY"),
        (r#""request_id": ?"[0-9a-f]{16}""#, "REQUEST"),
        (r#""request": ?"[0-9a-f]{16}""#, "REQUEST"),
        (r"\brequest +[0-9a-f]{16}\b", "REQUEST"),
        (r"x-request-id: [0-9a-f]{16}", "REQUEST"),
        (r"content-length: \d+", "LENGTH"),
        (r"retry-after: \d+", "SECONDS"),
        (r#"etag: "[^"]*""#, "ETAG"),
        (r#""milliseconds": ?\{[^}]*\}"#, "DURATIONS"),
        (r#""(milliseconds|seconds)": ?[0-9.]+"#, "DURATION"),
        (r"\b[0-9.]+ (ms|s)\b", "DURATION"),
        // The size of a bundle depends on the time of the export in it.
        (r#""bytes": ?\d+"#, "BYTES"),
        (r"\b[0-9.,]+ (bytes|kB|KB|MB|KiB|MiB)\b", "BYTES"),
        (r"/tmp/[\w./-]+", "FOLDER"),
    ];
    pairs.map(|(pattern, word)| (Regex::new(pattern).unwrap(), word)).to_vec()
});

fn normal(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, word) in VARYING.iter() {
        text = pattern.replace_all(&text, *word).into_owned();
    }
    text
}

/// Returns whether the output matches the one shown. `…` matches any text within a line, and any
/// lines if it is alone on a line.
pub(super) fn same(shown: &str, printed: &str) -> bool {
    let mut pattern = String::from("^");
    for line in normal(shown).lines() {
        if line.trim() == "…" {
            pattern += r"(?:[^\n]*\n)*?";
        } else {
            let parts: Vec<String> = line.trim_end().split('…').map(regex::escape).collect();
            pattern += &parts.join(r"[^\n]*");
            pattern += r"[ \t]*\n";
        }
    }
    pattern += "$";
    let mut printed = normal(printed);
    if !printed.is_empty() && !printed.ends_with('\n') {
        printed.push('\n');
    }
    let pattern = RegexBuilder::new(&pattern).size_limit(256 * 1024 * 1024).build().unwrap();
    pattern.is_match(&printed)
}

#[test]
fn only_varying_text_is_ignored() {
    for (shown, printed, is_same) in [
        ("a\n", "a\n", true),
        ("a\n", "a", true),
        ("a\n", "b\n", false),
        ("a\n", "a\nb\n", false),
        ("a…c\n", "abbc\n", true),
        ("a…c\n", "ab\nc\n", false),
        ("a\n…\n", "a\n", true),
        ("a\n…\nd\n", "a\nb\nc\nd\n", true),
        ("a\n…\nd\n", "a\nb\n", false),
        (r#"{"milliseconds":3}"#, r#"{"milliseconds":71}"#, true),
        (r#"{"records":3}"#, r#"{"records":4}"#, false),
        ("at 2026-11-23 05:40:56.276825", "at 2027-01-02 00:00:00.1", true),
        ("", "", true),
        ("", "x\n", false),
    ] {
        assert_eq!(same(shown, printed), is_same, "{shown:?} {printed:?}");
    }
}
