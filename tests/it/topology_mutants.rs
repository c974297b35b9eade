//! Sends workbooks with a few changed bytes to a server. The server keeps running, its memory does
//! not grow, every response is documented, and its inventory changes only if the response reports
//! it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::forms::{Form, exported, posted};
use crate::harness::{Answer, Server};
use crate::mutants::{Chance, XlsMutants, XlsxMutants, mutations};
use crate::project::{inventory, require_same};

/// The maximum growth of the server's memory while it refuses workbooks or runs dry runs: the
/// memory that its allocator keeps.
const GROWTH_KIB_MAX: u64 = 24 * 1024;

/// The number of rounds after which the memory of the server is stable.
const WARM_ROUNDS: usize = 20;

/// One of this number of mutants is imported; the others are dry runs.
const REAL_EVERY: usize = 4;

/// Sends mutants with `replace`. A refused import and a dry run change nothing.
fn survive(name: &str, mutant: impl Fn(&Server, &mut Chance) -> Vec<u8>) {
    let server = Server::start_with(&["--demo"]);
    let mut before = inventory(&server);
    let mut chance = Chance::new();
    let mut outcomes = BTreeMap::<String, usize>::new();
    let mut slowest = Duration::ZERO;
    let mut warm = 0;
    for round in 0..mutations() {
        let bytes = mutant(&server, &mut chance);
        let is_real = round.is_multiple_of(REAL_EVERY);
        let dry_run = if is_real { "False" } else { "True" };
        let form = Form::of_file(name, &bytes).field("replace", "True").field("dry_run", dry_run);
        let since = Instant::now();
        let answer = posted(&server, "", form.bytes()).send();
        slowest = slowest.max(since.elapsed());
        let outcome = outcome(&server, &answer, round);
        match &*outcome {
            "imported" => before = inventory(&server),
            _ if is_real => require_same(&inventory(&server), &before),
            _ => {}
        }
        *outcomes.entry(outcome).or_default() += 1;
        if round == WARM_ROUNDS {
            warm = server.peak_kib();
        }
    }
    let grown = server.peak_kib().saturating_sub(warm);
    println!("{name}: {outcomes:?}, slowest {slowest:?}, {grown} KiB more");
    assert!(warm == 0 || grown < GROWTH_KIB_MAX, "{grown} KiB more");
    // The same server process, the same inventory, and no leftover files.
    require_same(&inventory(&server), &before);
    let left = std::fs::read_dir(server.data().join("scratch")).unwrap().count();
    assert_eq!(left, 0, "files left in scratch");
}

/// Checks that the response to a mutant is a documented one, and returns its outcome.
fn outcome(server: &Server, answer: &Answer, round: usize) -> String {
    match answer.status {
        200 => answer.json()["outcome"].as_str().unwrap().to_owned(),
        422 => {
            let problem = answer.json();
            let errors = problem["errors"].as_array().unwrap();
            assert!(!errors.is_empty(), "mutant {round}: {problem}");
            for error in errors {
                assert!(error["detail"].is_string(), "mutant {round}: {problem}");
                assert_ne!(error["rule"], "workbook-decoder", "mutant {round}: {problem}");
            }
            problem["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
        }
        other => {
            let log = server.log();
            let error = log.iter().rfind(|line| line["level"] == "ERROR");
            panic!("mutant {round}: {other}, and the log says {error:?}")
        }
    }
}

#[test]
fn importing_mutated_xls_files_does_not_stop_the_server() {
    let mutants = std::cell::OnceCell::new();
    survive("a.xls", |server, chance| {
        mutants.get_or_init(|| XlsMutants::of(exported(server, "a.xls"))).next(chance)
    });
}

#[test]
fn importing_mutated_xlsx_files_does_not_stop_the_server() {
    let mutants = std::cell::OnceCell::new();
    survive("a.xlsx", |server, chance| {
        mutants.get_or_init(|| XlsxMutants::of(exported(server, "a.xlsx"))).next(chance)
    });
}
