//! Compares this codec with PyYAML on random documents, in both directions.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::properties::records;
use super::{read, read_generally, values, write};
use crate::model::{Map, Value};

/// The number of compared documents, unless `SATCHEL_YAML_CASES` says otherwise.
const CASES: usize = 100;

/// The number of documents that one Python process reads.
const BATCH: usize = 500;

/// PyYAML reads our documents and dumps them to the same bytes. We read PyYAML's documents, in all of
/// its styles, as the same values.
#[test]
fn pyyaml_agrees_on_random_documents() {
    if !has_pyyaml() {
        return;
    }
    let cases = std::env::var("SATCHEL_YAML_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = cases.unwrap_or(CASES);
    // Few cases are the same ones every time; many are new ones.
    let mut runner =
        if cases > CASES { TestRunner::default() } else { TestRunner::deterministic() };
    let strategy = records();
    let mut done = 0;
    while done < cases {
        let count = BATCH.min(cases - done);
        let batch = (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current());
        compare(&batch.collect::<Vec<_>>());
        done += count;
    }
    println!("{done} documents compared");
}

/// Floats are written as Python writes them, although Rust formats them differently.
#[test]
fn pyyaml_agrees_on_random_floats() {
    if !has_pyyaml() {
        return;
    }
    let strategy = vec(prop_oneof![any::<f64>(), -1e17..1e17, -1e3..1e3], 3000);
    let mut runner = TestRunner::default();
    let floats = strategy.new_tree(&mut runner).unwrap().current();
    let floats = floats.into_iter().filter(|float| !float.is_nan()).map(Value::Float);
    let entry = (Value::from("floats"), Value::List(floats.collect()));
    compare(&[vec![Value::Map(Map::from_entries(vec![entry]))]]);
}

/// Returns whether PyYAML is installed.
fn has_pyyaml() -> bool {
    let probe = Command::new("python3").args(["-c", "import yaml"]).output();
    let found = probe.is_ok_and(|probe| probe.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no PyYAML");
        println!("skipped: no PyYAML");
    }
    found
}

fn compare(batch: &[Vec<Value>]) {
    let folder = tempfile::tempdir().unwrap();
    for (number, records) in batch.iter().enumerate() {
        let text = write(records);
        fs::write(folder.path().join(format!("{number:05}.yaml")), text).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/codec/yaml/tests/pyyaml.py");
    let python = Command::new("python3").arg(script).arg(folder.path()).output().unwrap();
    let complaints = String::from_utf8_lossy(&python.stdout).into_owned();
    if !python.status.success() || !complaints.is_empty() {
        let errors = String::from_utf8_lossy(&python.stderr).into_owned();
        panic!("{:?}: {complaints}{errors}", folder.keep());
    }
    let mut differing = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let number: usize = path.file_stem().unwrap().to_string_lossy().parse().unwrap();
        let text = fs::read(&path).unwrap();
        for (way, found) in [("short", read(&text)), ("general", read_generally(&text))] {
            match found {
                Ok(items) if values(items.clone()) == batch[number] => {}
                found => differing.push(format!(
                    "{path:?} ({way})\n found {found:?}\n instead of {:?}",
                    batch[number]
                )),
            }
        }
    }
    if let Some(shortest) = differing.iter().min_by_key(|each| each.len()) {
        panic!("{} differ in {:?}: {shortest}", differing.len(), folder.keep());
    }
}
