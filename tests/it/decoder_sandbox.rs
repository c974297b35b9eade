//! Tests of the restrictions of the process that decodes workbooks.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::harness::{ADMIN, Server};

const EPERM: &str = "refused 1";
const EACCES: &str = "refused 13";

/// Runs a probe with these restrictions. Returns the result of each attempt.
fn probe(restrictions: &str) -> BTreeMap<String, String> {
    let probe = Command::new(env!("CARGO_BIN_EXE_satchel"))
        .args(["decode-workbook", "probe", restrictions])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(probe.status.success(), "{probe:?}");
    let report = String::from_utf8(probe.stdout).unwrap();
    let lines = report.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(name, result)| (name.to_owned(), result.to_owned())).collect()
}

/// Returns whether the kernel has a restriction. In CI it must.
fn has(report: &BTreeMap<String, String>, restriction: &str) -> bool {
    let has = report[restriction] != "missing";
    assert!(has || std::env::var_os("CI").is_none(), "this kernel has no {restriction}");
    if !has {
        println!("skipped: this kernel has no {restriction}");
    }
    has
}

#[test]
fn a_process_without_restrictions_can_do_everything() {
    let report = probe("none");
    for attempt in ["file", "socket", "descriptor", "process"] {
        assert_eq!(report[attempt], "opened", "{report:?}");
    }
}

#[test]
fn landlock_refuses_files_and_tcp() {
    let report = probe("landlock");
    if has(&report, "landlock") {
        assert_eq!((&*report["file"], &*report["process"]), (EACCES, EACCES), "{report:?}");
        if report["landlock"] == "full" {
            assert_eq!(report["socket"], EACCES, "{report:?}");
        }
        assert_eq!(report["descriptor"], "opened", "{report:?}");
    }
}

#[test]
fn seccomp_refuses_every_other_system_call() {
    let report = probe("seccomp");
    if has(&report, "seccomp") {
        for attempt in ["file", "socket", "descriptor", "process"] {
            assert_eq!(report[attempt], EPERM, "{report:?}");
        }
    }
}

/// The server's own word for what its kernel enforces.
#[test]
fn the_state_shows_the_restrictions_of_the_decoder() {
    let report = probe("landlock,seccomp");
    let server = Server::start();
    let state = server.request("GET", "/rest/state").login(ADMIN).send().json();
    for restriction in ["landlock", "seccomp"] {
        assert_eq!(state["decoder"][restriction], report[restriction].as_str(), "{state}");
    }
}

/// A descriptor that the server inherited does not reach the process that decodes.
#[test]
fn a_decoding_process_has_no_inherited_descriptors() {
    let listing = Command::new("sh")
        .args(["-c", "exec 9</; \"$0\" decode-workbook probe none; exec ls /proc/self/fd"])
        .arg(env!("CARGO_BIN_EXE_satchel"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let lines = String::from_utf8(listing.stdout).unwrap();
    assert!(lines.lines().any(|line| line == "9"), "the shell passes descriptor 9: {lines}");
    assert!(lines.lines().any(|line| line == "descriptors 3"), "{lines}");
}
