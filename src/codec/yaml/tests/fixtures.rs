//! Real documents are read equally by both readers, and written back byte for byte.

use std::fs;
use std::path::PathBuf;

use super::super::{read_value, value_text};
use super::{read, read_generally, values, write};

/// Returns the folder of fixtures. Without it these tests are skipped, except in CI.
fn projects() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let above = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    let named = std::env::var_os("SATCHEL_FIXTURES").map(PathBuf::from);
    let found = named.into_iter().chain([beside, above]).map(|path| path.join("projects"));
    let found = found.into_iter().find(|path| path.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no fixtures");
        println!("skipped: no fixtures");
    }
    found
}

/// Returns every document of a project except its metadata.
fn documents(project: &str) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = projects() else { return Vec::new() };
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder.join(project)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name != "metadata.yaml" {
            documents.push((name, fs::read(path).unwrap()));
        }
    }
    assert!(documents.len() > 6);
    documents
}

#[test]
fn both_readers_read_every_document_equally() {
    for project in ["default", "examples", "examples_exported_by_enms_4.6"] {
        for (name, text) in documents(project) {
            let general = read_generally(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let shortcut = read(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(general == shortcut, "{project}/{name}");
        }
    }
}

#[test]
fn documents_of_enms_are_written_back_byte_for_byte() {
    for project in ["examples", "examples_exported_by_enms_4.6"] {
        for (name, text) in documents(project) {
            let written = write(&values(read(&text).unwrap()));
            let at = written.iter().zip(&text).position(|(a, b)| a != b);
            let from = at.unwrap_or(0).saturating_sub(100);
            let shown = |text: &[u8]| {
                String::from_utf8_lossy(&text[from..text.len().min(from + 200)]).into_owned()
            };
            assert!(written == text, "{project}/{name}\n{}\n{}", shown(&written), shown(&text));
        }
    }
}

#[test]
fn metadata_is_written_back_byte_for_byte() {
    let Some(folder) = projects() else { return };
    for project in ["default", "examples", "examples_exported_by_enms_4.6"] {
        let text = fs::read(folder.join(project).join("metadata.yaml")).unwrap();
        assert_eq!(value_text(&read_value(&text).unwrap()).as_bytes(), text);
    }
}
