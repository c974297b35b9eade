//! Tests of the documentation: every command in the pages is run and must print the output that they
//! show; generated parts must be up to date; every link must have a target.
//!
//! With `SATCHEL_DOCS_WRITE=1` in the environment, outputs and generated parts that differ are written
//! into the pages instead. Review the difference before you commit it.

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

/// Every page, and the README.
fn pages() -> Vec<PathBuf> {
    satchel::docs::names().map(page).chain([root().join("README.md")]).collect()
}

fn writes_pages() -> bool {
    std::env::var_os("SATCHEL_DOCS_WRITE").is_some_and(|value| value == "1")
}

/// Blocks that no test can run: the page, the beginning of the block, and the reason.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README", "cargo run --release -- serve", "builds a release"),
    ("README", "cargo test", "runs all tests"),
    ("start", "cargo build --release", "builds a release"),
    ("start", "satchel serve --demo", "does not end; the runner has started a server"),
    ("install", "sudo dpkg -i satchel_*.deb", "installs a package"),
    (
        "install",
        "sudo install -m 755 satchel /usr/local/bin/satchel",
        "writes outside of the temporary folder",
    ),
    ("install", "satchel completions bash > /usr", "writes outside of the temporary folder"),
    ("install", "./install.sh", "installs software; packaging/tests/bare-root.sh runs it"),
    ("install", "journalctl -u satchel", "needs systemd"),
    ("install", "podman load -i satchel-oci.tar", "needs a container engine"),
    ("ansible", "ansible-playbook", "needs Ansible; tests/clients/ansible_page.py runs it"),
    ("access", "server {", "the configuration of nginx"),
    ("site-logins", "ldap_url = ", "needs Active Directory"),
    (
        "site-logins",
        "ldap_url = ",
        "needs OpenLDAP; tests/clients/ldap_logins.py has these settings",
    ),
    (
        "site-logins",
        "ldap_url = ",
        "needs OpenLDAP; tests/clients/ldap_logins.py has these settings",
    ),
    (
        "audit",
        "sed 's/",
        "needs a data directory of this name; tests/it/audit/chain.rs checks the same",
    ),
    ("audit", "<108>1", "a message to a collector; tests/it/audit/syslog.rs checks one"),
    ("keys", "[Service]", "the configuration of systemd"),
    ("backups", "{\"event\":", "documents of a webhook; tests/it/backup_hooks.rs checks the same"),
    ("operations", "scrape_configs:", "the configuration of Prometheus"),
    ("standby", "systemctl disable", "needs systemd"),
];

/// One test, because the generated parts must be written before they are run.
#[test]
fn every_command_in_the_pages_prints_the_output_shown() {
    generated::check();
    runner::check(&pages());
}

#[test]
fn blocks_that_are_not_run_are_listed_with_a_reason() {
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
    assert!(listed.is_empty(), "listed, but in no page: {listed:?}");
}
