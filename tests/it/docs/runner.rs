//! Runs the commands of a page from top to bottom, as a reader would type them.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::console::{Step, steps};
use super::markdown::{Sort, blocks};
use super::same::same;
use crate::harness::{Server, satchel};

/// The address in all pages.
const ADDRESS: &str = "127.0.0.1:8080";

/// The time for all commands of a page. They usually take a second or two.
const SECONDS_MAX: &str = "180";

/// The number of pages that run at the same time.
const PAGES_AT_ONCE: usize = 3;

/// Longer lines are truncated when they are written into a page.
const LINE_CHARS_MAX: usize = 400;

/// Longer outputs are truncated when they are written into a page.
const OUTPUT_LINES_MAX: usize = 400;

/// A step of a page, the line of its block, and the text that it printed.
struct Executed {
    step: Step,
    line: usize,
    printed: String,
}

/// Runs these pages and compares the outputs, or writes those that differ.
pub(super) fn check(pages: &[PathBuf]) {
    if !has_tools() {
        return;
    }
    let mut wrong = Vec::new();
    for pages in pages.chunks(PAGES_AT_ONCE) {
        thread::scope(|scope| {
            let runs: Vec<_> =
                pages.iter().map(|page| scope.spawn(move || check_page(page))).collect();
            for run in runs {
                wrong.extend(run.join().unwrap());
            }
        });
    }
    assert!(
        wrong.is_empty(),
        "SATCHEL_DOCS_WRITE=1 writes what is printed into the pages.\n\n{}",
        wrong.join("\n")
    );
}

/// Returns whether the tools that the pages use are installed. With `CI=true` they must be.
fn has_tools() -> bool {
    let needed = "command -v curl unzip && python3 -c 'import requests'";
    let has = Command::new("bash").args(["-c", needed]).output().unwrap().status.success();
    let must = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(has || !must, "curl, unzip and Python with requests are needed to run the pages");
    if !has {
        eprintln!("skipped: curl, unzip or Python's requests is missing");
    }
    has
}

/// Returns the outputs of a page that differ.
fn check_page(path: &Path) -> Vec<String> {
    let page = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    let ran = run(&page, &name);
    if !super::writes_pages() {
        let differs = ran.iter().filter(|(_, ran)| !same(&ran.step.output, &ran.printed));
        let said = differs.map(|(_, Executed { step, line, printed })| {
            let Step { command, output } = step;
            format!("{name}:{line}: $ {command}\n--- shown\n{output}--- printed\n{printed}")
        });
        return said.collect();
    }
    let mut written = page.clone();
    for (range, steps) in by_block(ran).into_iter().rev() {
        let block = steps.iter().map(|ran| format!("$ {}\n{}", ran.step.command, shown(ran)));
        written.replace_range(range, &block.collect::<String>());
    }
    if written != page {
        fs::write(path, written).unwrap();
    }
    Vec::new()
}

/// Returns the output to write into the page: the one shown, if it still matches.
fn shown(ran: &Executed) -> String {
    if same(&ran.step.output, &ran.printed) {
        return ran.step.output.clone();
    }
    let mut shown = String::new();
    for (number, line) in ran.printed.lines().enumerate() {
        if number == OUTPUT_LINES_MAX {
            shown += "…\n";
            break;
        }
        shown.extend(line.chars().take(LINE_CHARS_MAX));
        shown += if line.chars().count() > LINE_CHARS_MAX { "…\n" } else { "\n" };
    }
    shown
}

fn by_block(ran: Vec<(Range<usize>, Executed)>) -> Vec<(Range<usize>, Vec<Executed>)> {
    let mut blocks: Vec<(Range<usize>, Vec<Executed>)> = Vec::new();
    for (range, ran) in ran {
        match blocks.last_mut() {
            Some((last, steps)) if *last == range => steps.push(ran),
            _ => blocks.push((range, vec![ran])),
        }
    }
    blocks
}

/// Starts the server for a page: with the sample inventory, or empty if a comment in the page
/// requests it.
fn server(page: &str) -> Server {
    if page.contains("<!-- server: empty -->") {
        Server::start()
    } else {
        Server::start_with(&["--demo"])
    }
}

/// Runs every command of a page in one shell. Returns each with the range of its block.
fn run(page: &str, name: &str) -> Vec<(Range<usize>, Executed)> {
    let server = server(page);
    let address = server.address.to_string();
    // The folder that contains `data`, as in the pages.
    let folder = server.data().parent().unwrap().to_owned();
    let aside = tempfile::tempdir().unwrap();
    let aside = aside.path();
    symlink(env!("CARGO_BIN_EXE_satchel"), aside.join("satchel")).unwrap();
    // On a terminal, curl shows no progress for such small bodies. Without a terminal it would.
    fs::write(aside.join(".curlrc"), "silent\nshow-error\n").unwrap();

    let mut script = String::from("STATUS=0\n");
    let mut ran = Vec::new();
    for block in blocks(page) {
        match block.sort() {
            Sort::File(file) => {
                let body = block.body.replace(ADDRESS, &address);
                script += &format!("cat >'{file}' <<'END OF FILE'\n{body}END OF FILE\n");
            }
            Sort::Commands => {
                let steps = steps(&block.body);
                let steps = steps.unwrap_or_else(|error| panic!("{name}:{}: {error}", block.line));
                for step in steps {
                    let command = step.command.replace(ADDRESS, &address);
                    let out = aside.join(ran.len().to_string());
                    script += &format!(
                        "{{ (exit $STATUS)\n{command}\n}} >'{}' 2>&1 </dev/null\nSTATUS=$?\n",
                        out.display()
                    );
                    let line = block.line;
                    ran.push((
                        block.range.clone(),
                        Executed { step, line, printed: String::new() },
                    ));
                }
            }
            Sort::Shown => {}
        }
    }
    if ran.is_empty() {
        return ran;
    }
    fs::write(aside.join("script"), script).unwrap();
    // The same environment as for a command of a test: without variables of Satchel.
    let mut shell = Command::new("timeout");
    for (variable, value) in satchel().get_envs() {
        match value {
            Some(value) => shell.env(variable, value),
            None => shell.env_remove(variable),
        };
    }
    let search = std::env::var("PATH").unwrap_or_default();
    let said = shell
        .args([SECONDS_MAX, "bash"])
        .arg(aside.join("script"))
        .current_dir(&folder)
        .env("PATH", format!("{}:{search}", aside.display()))
        .env("HOME", aside)
        .envs([("COLUMNS", "80"), ("LC_ALL", "C.UTF-8"), ("TERM", "dumb"), ("NO_COLOR", "1")])
        .output()
        .unwrap();
    let wrong = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && wrong.is_empty(), "{name}: {}: {wrong}", said.status);
    for (number, (_, ran)) in ran.iter_mut().enumerate() {
        let printed = fs::read(aside.join(number.to_string())).unwrap();
        let printed =
            String::from_utf8_lossy(&printed).replace('\r', "").replace(&address, ADDRESS);
        // The folder of the executable in this test is shown as the usual one.
        let printed = printed.replace(&*aside.to_string_lossy(), "/usr/local/bin");
        ran.printed = printed.replace(&*folder.to_string_lossy(), "/srv");
        let fence = ran.printed.lines().any(|line| line.starts_with("```"));
        assert!(!fence, "{name}: {} would end its own block", ran.step.command);
        let crashed = ran.printed.contains("Traceback (most recent call last)");
        assert!(!crashed, "{name}: {}\n{}", ran.step.command, ran.printed);
    }
    ran
}
