//! Makes projects on the disk for tests, and imports and exports them over REST.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use satchel::codec::yaml::read_records;
use satchel::model::Kind;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::harness::{ADMIN, Answer, Server};

/// The words of all types, in the order of the manual.
pub(crate) const KINDS: [&str; Kind::ALL.len()] = {
    let mut words = [""; Kind::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = Kind::ALL[at].as_str();
        at += 1;
    }
    words
};

/// A project's documents by kind. The key of its metadata is `metadata`.
pub(crate) type Documents = BTreeMap<String, Vec<u8>>;

/// The folder of the sample inventory, which has all peculiarities of real projects.
pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo")
}

/// The folder of broken projects.
pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The folder of a real project. Without the fixture the test is skipped; with CI=true it fails.
pub(crate) fn fixture(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("SATCHEL_FIXTURES").map(PathBuf::from);
    let beside = ["../shared/fixtures", "../../shared/fixtures"].map(|path| root.join(path));
    let places = named.into_iter().chain(beside).map(|path| path.join("projects").join(name));
    let found = places.into_iter().find(|path| path.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no fixtures");
        println!("skipped: no fixtures");
    }
    found
}

/// Reads the documents of a folder.
pub(crate) fn read_folder(folder: &Path) -> Documents {
    let mut documents = Documents::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            documents.insert(name, fs::read(&path).unwrap());
        }
    }
    assert!(!documents.is_empty(), "{} is no project", folder.display());
    documents
}

/// Documents with the text in a test.
pub(crate) fn documents(written: &[(&str, &str)]) -> Documents {
    written.iter().map(|(kind, text)| ((*kind).to_owned(), text.as_bytes().to_vec())).collect()
}

/// Copies a project's folder into the data directory, like a user by hand.
pub(crate) fn put_folder(server: &Server, name: &str, documents: &Documents) {
    let folder = server.data().join("migrations").join(name);
    fs::create_dir_all(&folder).unwrap();
    for (kind, text) in documents {
        fs::write(folder.join(format!("{kind}.yaml")), text).unwrap();
    }
}

/// Calls import for all types, with more members in the body.
pub(crate) fn import(server: &Server, name: &str, more: Value) -> Answer {
    call(server, "/rest/migrate/import", name, more)
}

/// Imports and expects success.
pub(crate) fn imported(server: &Server, name: &str, more: Value) -> Value {
    let answer = import(server, name, more);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let report = answer.json();
    assert_eq!(report["outcome"], "imported", "{report}");
    report
}

/// Calls export for all types, with more members in the body.
pub(crate) fn export(server: &Server, name: &str, more: Value) -> Value {
    let answer = call(server, "/rest/migrate/export", name, more);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

fn call(server: &Server, path: &str, name: &str, more: Value) -> Answer {
    let mut body = json!({"name": name, "import_export_types": KINDS});
    for (member, value) in more.as_object().unwrap() {
        body[member] = value.clone();
    }
    server.request("POST", path).login(ADMIN).json(&body).send()
}

/// Downloads a bundle.
pub(crate) fn fetch(server: &Server, name: &str) -> Vec<u8> {
    let path = format!("/rest/migrate/projects/{}", name.replace(' ', "%20"));
    let answer = server.request("GET", &path).login(ADMIN).send();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.body
}

/// The documents of a bundle.
pub(crate) fn unpack(bundle: &[u8]) -> Documents {
    let mut archive = ZipArchive::new(Cursor::new(bundle)).unwrap();
    let mut documents = Documents::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().rsplit('/').next().unwrap().to_owned();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        documents.insert(name.strip_suffix(".yaml").unwrap().to_owned(), text);
    }
    documents
}

/// A bundle that another program packed.
pub(crate) fn pack(documents: &Documents) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (kind, text) in documents {
        archive.start_file(format!("{kind}.yaml"), SimpleFileOptions::default()).unwrap();
        archive.write_all(text).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The documents of an export of the complete inventory.
pub(crate) fn inventory(server: &Server) -> Documents {
    export(server, "look", json!({}));
    let mut documents = unpack(&fetch(server, "look"));
    documents.remove("metadata");
    assert_eq!(documents.len(), KINDS.len());
    documents
}

/// A document as text.
pub(crate) fn text<'a>(documents: &'a Documents, kind: &str) -> &'a str {
    std::str::from_utf8(&documents[kind]).unwrap()
}

/// The names of a document's records, in order.
pub(crate) fn names(documents: &Documents, kind: &str) -> Vec<String> {
    let mut names = Vec::new();
    let read = read_records(&documents[kind][..], |item| {
        let satchel::model::Value::Map(record) = item.value else { panic!("no record") };
        names.push(record.get("name").and_then(|name| name.as_text()).unwrap().to_owned());
        ControlFlow::Continue(())
    });
    read.unwrap();
    names
}

/// Asserts that two states are equal. The message lists the documents that differ.
pub(crate) fn require_same(a: &Documents, b: &Documents) {
    assert_eq!(differing(a, b), Vec::<String>::new());
}

/// The kinds whose documents differ.
pub(crate) fn differing(a: &Documents, b: &Documents) -> Vec<String> {
    let kinds = KINDS.iter().filter(|kind| a.get(**kind) != b.get(**kind));
    kinds.map(|kind| (*kind).to_owned()).collect()
}

/// The entry of one kind in the report.
pub(crate) fn of_kind<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let types = report["types"].as_array().unwrap();
    types.iter().find(|entry| entry["type"] == kind).unwrap_or_else(|| panic!("{report}"))
}
