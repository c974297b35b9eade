//! A replacing import without readable records removes nothing unless `allow_empty` is set.

use std::io::Cursor;

use satchel::codec::workbook::{Cell, Format, WorkbookWriter};
use serde_json::{Value, json};

use crate::forms::{Form, import as import_form, imported as imported_form, posted};
use crate::harness::{ADMIN, Answer, Server, satchel};
use crate::project::{
    documents, import, imported, inventory, names, of_kind, put_folder, require_same,
};

const DEVICES: u64 = 17;
const LINKS: u64 = 21;

fn with_demo() -> Server {
    Server::start_with(&["--demo"])
}

/// A workbook with these sheets, each with a heading and these names.
fn workbook(format: Format, sheets: &[(&str, &[&'static str])]) -> Vec<u8> {
    let mut writer = WorkbookWriter::new(format, &std::env::temp_dir()).unwrap();
    for (sheet, names) in sheets {
        writer.begin_sheet(sheet, ["name"]).unwrap();
        for name in *names {
            writer.row([Cell::from(*name)]).unwrap();
        }
    }
    writer.finish(Cursor::new(Vec::new())).unwrap().into_inner()
}

fn replacing(name: &str, bytes: &[u8]) -> Form {
    Form::of_file(name, bytes).field("replace", "true")
}

/// The kinds in the refusal, with the number of records that would be removed.
#[track_caller]
fn refused(answer: &Answer) -> Vec<(String, u64)> {
    let problem = answer.problem(422, "empty-replacement");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("allow_empty") && detail.contains("Nothing was changed"), "{problem}");
    let errors = problem["errors"].as_array().unwrap().iter();
    let kinds = errors.map(|error| {
        let place = error["sheet"].as_str().or(error["document"].as_str()).unwrap();
        let removed = error["removed"].as_u64().unwrap();
        assert_eq!(error["rule"], "empty-replacement", "{problem}");
        assert!(detail.contains(&removed.to_string()), "{problem}");
        (place.to_owned(), removed)
    });
    kinds.collect()
}

fn counts(server: &Server) -> (u64, u64) {
    let counts = server.request("GET", "/rest/count").login(ADMIN).send().json();
    (counts["device"].as_u64().unwrap(), counts["link"].as_u64().unwrap())
}

#[test]
fn a_sheet_without_records_or_no_sheet_at_all_replaces_nothing() {
    let server = with_demo();
    let devices: &[&str] = &["[Shared] é>b 1%"];
    for format in Format::ALL {
        for (sheets, expected) in [
            (&[("device", devices), ("link", &[])][..], &[("link", LINKS)][..]),
            (&[("device", devices)], &[("link", LINKS)]),
            (&[("link", &[])], &[("device", DEVICES), ("link", LINKS)]),
            (&[("device", &[]), ("link", &[])], &[("device", DEVICES), ("link", LINKS)]),
        ] {
            let bytes = workbook(format, sheets);
            for dry_run in ["false", "true"] {
                let form = replacing("a", &bytes).field("dry_run", dry_run);
                let expected: Vec<_> =
                    expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
                assert_eq!(refused(&import_form(&server, form.clone())), expected);
            }
            // Without replace it is an ordinary import, also with allow_empty.
            let merged = Form::of_file("a", &bytes).field("replace", "false");
            imported_form(&server, merged.field("allow_empty", "1").field("dry_run", "1"));
            let allowed = replacing("a", &bytes).field("allow_empty", "true").field("dry_run", "1");
            let report = imported_form(&server, allowed);
            assert_eq!(of_kind(&report, "link")["removed"], LINKS, "{report}");
        }
    }
    assert_eq!(counts(&server), (DEVICES, LINKS));
    let allowed = replacing("a", &workbook(Format::Xls, &[("device", devices)]));
    imported_form(&server, allowed.field("allow_empty", "true"));
    assert_eq!(counts(&server), (1, 0));
    // If no records would be removed, the import is accepted.
    imported_form(&server, replacing("a", &workbook(Format::Xlsx, &[("device", devices)])));
}

#[test]
fn a_table_whose_rows_are_not_recognised_replaces_nothing() {
    let server = with_demo();
    for table in [&b"name,port\n"[..], b"name,port", b"name,port\n,\n \n", b"name,port\r\r,\r\n"] {
        for (query, kind, count) in [
            ("?kind=device", "device", DEVICES),
            ("?kind=link", "link", LINKS),
            ("?kind=device&dry_run", "device", DEVICES),
        ] {
            let answer = posted(&server, query, replacing("a.csv", table).bytes()).send();
            let text = String::from_utf8_lossy(table);
            assert_eq!(refused(&answer), [(kind.to_owned(), count)], "{text:?}");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.starts_with("The table contains no readable record"), "{detail}");
        }
    }
    assert_eq!(counts(&server), (DEVICES, LINKS));
}

/// Valid records are imported beside invalid ones. If all records are invalid, the import is
/// refused.
#[test]
fn a_sheet_whose_records_are_all_rejected_replaces_nothing() {
    let server = with_demo();
    let table = b"name,port\na,many\nb/c,22\n";
    let form = replacing("a.csv", table).field("kind", "device");
    // Errors in rows are reported first.
    let answer = import_form(&server, form.clone());
    answer.problem(422, "import-rejected");
    let skip = form.field("on_error", "skip");
    assert_eq!(refused(&import_form(&server, skip.clone())), [("device".to_owned(), DEVICES)]);
    // So is a readable record with missing targets: the ends of the link do not exist.
    let links = b"name,source_name,destination_name\na,nowhere,nowhere\n";
    let form = replacing("a.csv", links).field("kind", "link").field("on_error", "skip");
    assert_eq!(refused(&import_form(&server, form)), [("link".to_owned(), LINKS)]);
    assert_eq!(counts(&server), (DEVICES, LINKS));
    let answer = import_form(&server, skip.field("allow_empty", "true"));
    assert_eq!(answer.status, 206, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(counts(&server).0, 0);
}

#[test]
fn a_document_without_records_removes_nothing() {
    let server = with_demo();
    let before = inventory(&server);
    put_folder(&server, "p", &documents(&[("task", "[]\n"), ("device", "- {name: R 1%}\n")]));
    let replace = |types: &[&str], more: Value| {
        let mut body = json!({
            "import_export_types": types,
            "empty_database_before_import": true,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        import(&server, "p", body)
    };
    for more in [json!({}), json!({"dry_run": true}), json!({"on_error": "skip"})] {
        let answer = replace(&["device", "task"], more);
        assert_eq!(refused(&answer), [("task.yaml".to_owned(), 2)]);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("The document task.yaml contains no readable record"),
            "{detail}"
        );
    }
    require_same(&inventory(&server), &before);
    // A listed type without a document is emptied, as the manual documents.
    let report = replace(&["credential"], json!({})).json();
    assert_eq!(of_kind(&report, "credential")["removed"], 2, "{report}");
    let report = replace(&["task"], json!({"allow_empty": true})).json();
    assert_eq!(of_kind(&report, "task")["removed"], 2, "{report}");
    // Without replace, an empty document is allowed.
    imported(&server, "p", json!({"import_export_types": ["task"]}));
    imported(
        &server,
        "p",
        json!({"import_export_types": ["task"], "empty_database_before_import": true}),
    );
}

/// The caller is never removed. Without other users, the import would remove nothing.
#[test]
fn an_empty_document_of_users_is_refused_if_other_users_exist() {
    let server = Server::start();
    put_folder(&server, "p", &documents(&[("user", "[]\n")]));
    let replace = json!({"import_export_types": ["user"], "empty_database_before_import": true});
    imported(&server, "p", replace.clone());
    let user = json!({"name": "eva"});
    let answer = server.request("POST", "/rest/instance/user").login(ADMIN).json(&user).send();
    assert_eq!(answer.status, 200);
    assert_eq!(refused(&import(&server, "p", replace)), [("user.yaml".to_owned(), 1)]);
    assert_eq!(names(&inventory(&server), "user"), ["admin", "eva"]);
}

#[test]
fn the_command_line_allows_it_by_a_flag() {
    let server = with_demo();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("task.yaml"), "[]\n").unwrap();
    let table = folder.path().join("links.csv");
    std::fs::write(&table, "name\n").unwrap();
    let url = format!("http://{}", server.address);
    let run = |words: &[&str]| {
        let mut command = satchel();
        command.args(words).args(["--server", &url, "--user", "admin"]);
        command.env("SATCHEL_PASSWORD", "admin").stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let project = ["import", project.to_str().unwrap(), "--types", "task", "--replace"];
    let table = ["import", table.to_str().unwrap(), "--kind", "link", "--replace"];
    for (words, found) in
        [(&project, "task.yaml"), (&table, "The table contains no readable record")]
    {
        for dry_run in [true, false] {
            let mut words = words.to_vec();
            words.push(if dry_run { "--dry-run" } else { "--yes" });
            let (code, said) = run(&words);
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains(found) && said.contains("--allow-empty"), "{said}");
        }
    }
    assert_eq!(counts(&server), (DEVICES, LINKS));
    for words in [project, table] {
        let (code, said) = run(&[&words[..], &["--allow-empty", "--yes"]].concat());
        assert_eq!(code, Some(0), "{said}");
    }
    let after = inventory(&server);
    assert!(names(&after, "task").is_empty() && names(&after, "link").is_empty());
    // Without --replace the flag is refused.
    let (code, said) = run(&["import", "p", "--allow-empty"]);
    assert_eq!(code, Some(2), "{said}");
}
