//! The pages inside, held against what they are about: every command in them is run, and prints
//! what they show; what is generated is what would be generated now; every link leads somewhere.
//!
//! With `SATCHEL_DOCS_WRITE=1` in the environment, what has changed is written into the pages
//! instead: look at the difference before it is committed.

#[path = "../../../src/docs/render/console.rs"]
mod console;
mod generated;
mod html;
mod markdown;
mod rest;
mod runner;
mod same;
mod served;

use std::fs;
use std::path::{Path, PathBuf};

use self::markdown::Block;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> PathBuf {
    root().join("assets/docs").join(name).with_extension("md")
}

/// Every page, and the README, which is one too.
fn pages() -> Vec<PathBuf> {
    satchel::docs::names().map(page).chain([root().join("README.md")]).collect()
}

fn is_to_write() -> bool {
    std::env::var_os("SATCHEL_DOCS_WRITE").is_some_and(|value| value == "1")
}

/// Blocks that no test can run, and why. There should be few.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README", "cargo run --release -- serve", "builds a release"),
    ("README", "cargo test", "runs all tests"),
    ("start", "cargo build --release", "builds a release"),
    ("start", "satchel serve --demo", "does not end; the runner has started it"),
    ("install", "sudo dpkg -i satchel_*.deb", "installs a package"),
    (
        "install",
        "sudo install -m 755 satchel /usr/local/bin/satchel",
        "writes outside of the folder",
    ),
    ("install", "satchel completions bash > /usr", "writes outside of the folder"),
    ("install", "./install.sh", "installs; packaging/tests/bare-root.sh runs it"),
    ("install", "systemctl stop satchel", "asks systemd"),
    ("install", "podman load -i satchel-oci.tar", "wants a container engine"),
    ("access", "server {", "the configuration of nginx"),
    ("operations", "scrape_configs:", "the configuration of Prometheus"),
];

/// One test, because what is generated has to be there before it is run.
#[test]
fn every_command_in_the_pages_prints_what_they_show() {
    generated::check();
    runner::check(&pages());
}

#[test]
fn what_is_not_run_is_listed_with_a_reason() {
    let mut listed = NOT_RUN.to_vec();
    for path in pages() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        for block in markdown::blocks(&fs::read_to_string(&path).unwrap()) {
            match block.sort() {
                markdown::Sort::Commands | markdown::Sort::File(_) => {}
                markdown::Sort::Shown => {
                    let Block { body, line, .. } = &block;
                    let first = body.lines().next().unwrap_or_default();
                    let at = listed
                        .iter()
                        .position(|(page, begins, _)| *page == name && first.starts_with(begins));
                    let at = at.unwrap_or_else(|| {
                        panic!("{name}.md:{line}: the block “{first}” is not run, and not listed")
                    });
                    listed.remove(at);
                }
            }
        }
    }
    assert!(listed.is_empty(), "listed and not there: {listed:?}");
}
