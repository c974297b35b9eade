//! Tests of the REST calls that download, upload and delete bundles.

use std::fs;

use serde_json::json;

use crate::harness::{ADMIN, Answer, Request, Server, until};

/// Exports the inventory, and returns the bundle's bytes.
fn exported(server: &Server, name: &str) -> Vec<u8> {
    let body = json!({"name": name, "import_export_types": ["user"]});
    let answer = server.request("POST", "/rest/migrate/export").login(ADMIN).json(&body).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    fs::read(server.bundle(name)).unwrap()
}

fn project<'s>(server: &'s Server, method: &str, name: &str) -> Request<'s> {
    server.request(method, &format!("/rest/migrate/projects/{name}")).login(ADMIN)
}

fn names(server: &Server) -> Vec<String> {
    let answer = server.request("GET", "/rest/migrate/projects").login(ADMIN).send();
    let list = answer.json();
    let projects = list["projects"].as_array().unwrap().iter();
    projects.map(|project| project["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_bundle_is_downloaded_completely() {
    let server = Server::start();
    let bytes = exported(&server, "a b");
    let answer = project(&server, "GET", "a%20b").send();
    assert_eq!((answer.status, &answer.body), (200, &bytes));
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"a b.zip\""));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert!(answer.header("last-modified").is_some());
    assert_eq!(names(&server), ["a b"]);

    let head = project(&server, "HEAD", "a%20b").send();
    assert_eq!(head.status, 200);
    for name in ["content-length", "etag", "content-type", "content-disposition"] {
        assert_eq!(head.header(name), answer.header(name));
    }
    project(&server, "GET", "other").send().problem(404, "unknown-project");
}

#[test]
fn a_bundle_is_downloaded_in_ranges() {
    let server = Server::start();
    let bytes = exported(&server, "a");
    let total = bytes.len();
    let part = |range: &str| project(&server, "GET", "a").header("Range", range).send();
    let check = |answer: Answer, first: usize, last: usize| {
        assert_eq!((answer.status, &*answer.body), (206, &bytes[first..=last]));
        let place = format!("bytes {first}-{last}/{total}");
        assert_eq!(answer.header("content-range"), Some(&*place));
    };
    check(part("bytes=2-4"), 2, 4);
    check(part("bytes=5-"), 5, total - 1);
    check(part("bytes=-3"), total - 3, total - 1);
    assert_eq!(part("bytes=0-1,3-4").body, bytes);

    let beyond = part(&format!("bytes={total}-"));
    beyond.problem(416, "range-not-satisfiable");
    assert_eq!(beyond.header("content-range"), Some(&*format!("bytes */{total}")));

    let changed = project(&server, "GET", "a").header("Range", "bytes=0-1");
    assert_eq!(changed.header("If-Range", "\"other\"").send().body, bytes);
}

#[test]
fn a_known_bundle_is_not_sent_again() {
    let server = Server::start();
    exported(&server, "a");
    let etag = project(&server, "HEAD", "a").send().header("etag").unwrap().to_owned();
    let again = project(&server, "GET", "a").header("If-None-Match", &etag).send();
    assert_eq!((again.status, again.header("etag")), (304, Some(&*etag)));
}

#[test]
fn a_downloaded_bundle_can_be_uploaded_to_another_server() {
    let (here, there) = (Server::start(), Server::start());
    let bytes = exported(&here, "a");
    let put =
        || project(&there, "PUT", "a").header("Content-Type", "application/zip").body(&*bytes);
    let created = put().send();
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("location"), Some("/rest/migrate/projects/a"));
    assert_eq!(created.json()["name"], "a");
    assert_eq!(put().send().status, 200);
    assert_eq!(project(&there, "GET", "a").send().body, bytes);

    put().header("If-None-Match", "*").send().problem(412, "stale");
    put().header("If-Match", "\"other\"").send().problem(412, "stale");
    project(&there, "DELETE", "a").header("If-Match", "\"other\"").send().problem(412, "stale");
    assert_eq!(project(&there, "DELETE", "a").send().status, 204);
    project(&there, "DELETE", "a").send().problem(404, "unknown-project");
    assert!(names(&there).is_empty());
}

#[test]
fn a_form_is_not_accepted_as_a_bundle() {
    let server = Server::start();
    let form =
        project(&server, "PUT", "a").header("Content-Type", "multipart/form-data; boundary=x");
    form.body("--x--").send().problem(415, "unsupported-media-type");
}

#[test]
fn an_incomplete_upload_leaves_no_file() {
    let server = Server::start();
    let mut connection = server.connect();
    let upload = project(&server, "PUT", "a").header("Content-Length", "1000000");
    connection.send(upload.header("Expect", "100-continue").head().as_bytes());
    assert_eq!(connection.answer().status, 100);
    connection.send(&[0; 600_000]);
    drop(connection);
    until(|| server.log().iter().any(|line| line["method"] == "PUT"));
    assert!(names(&server).is_empty());
    let directory = server.bundle("a").parent().unwrap().to_owned();
    until(|| fs::read_dir(&directory).map_or(0, Iterator::count) == 0);
}
