//! The pages as the server and `satchel docs` return them.

use std::io::Read;
use std::process::Output;

use flate2::read::GzDecoder;

use crate::{
    browser::{BROWSER, get, text},
    harness::{Answer, Server, satchel},
};

/// Checks the security headers: browsers must run and load nothing from other sites.
fn require_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'"] {
        assert!(policy.split("; ").any(|it| it == part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
}

#[test]
fn pages_are_served_without_a_login_compressed_or_not() {
    // Without a default password, of which the pages would warn.
    let server = Server::start_with(&["--setup-link"]);
    let moved = get(&server, "/docs", &[]);
    assert_eq!((moved.status, moved.header("location")), (308, Some("/docs/")));
    let moved = get(&server, "/docs/backup", &[]);
    assert_eq!((moved.status, moved.header("location")), (308, Some("/docs/backup.html")));
    for name in satchel::docs::files() {
        if ["lost.html", "setup.html", "welcome.html"].contains(&&*name) {
            assert_eq!(get(&server, &format!("/docs/{name}"), &[]).status, 404);
            continue;
        }
        let path = format!("/docs/{name}");
        let plain = get(&server, &path, &[]);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{name}");
        require_guarded(&plain);
        // The search page is rendered for each request.
        if name == "search.html" {
            continue;
        }
        assert_eq!(plain.header("vary"), Some("accept-encoding"), "{name}");
        let packed = get(&server, &path, &[("Accept-Encoding", "gzip, br")]);
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{name}");
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain.body, "{name}");
        let etag = plain.header("etag").unwrap();
        assert_ne!(packed.header("etag"), Some(etag), "{name}: two forms, two validators");
        let again = get(&server, &path, &[("If-None-Match", etag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{name}");
        assert_eq!(again.header("etag"), Some(etag), "{name}");
        let caching = plain.header("cache-control").unwrap();
        if name.ends_with(".html") || name.ends_with(".md") {
            assert_eq!(caching, "no-cache", "{name}");
        } else {
            assert_eq!(caching, "public, max-age=31536000, immutable", "{name}");
        }
    }
}

#[test]
fn unknown_pages_link_to_the_start_page() {
    let server = Server::start();
    for path in ["/docs/nowhere.html", "/docs/a/b/c", "/docs/%3Cscript%3E"] {
        let page = get(&server, path, &[("Accept", BROWSER)]);
        assert_eq!(
            (page.status, page.header("content-type")),
            (404, Some("text/html; charset=utf-8"))
        );
        require_guarded(&page);
        assert!(text(&page).contains("<a href=\"/docs/\">"), "{path}");
        get(&server, path, &[]).problem(404, "unknown-path");
    }
    // Outside of /docs/, a browser gets the same problem as every client.
    get(&server, "/nowhere", &[("Accept", BROWSER)]).problem(404, "unknown-path");
    let welcome = get(&server, "/", &[]);
    require_guarded(&welcome);
    assert!(text(&welcome).contains("GET    /rest/is_alive\n"));
    assert!(text(&welcome).contains("href=\"/docs/start.html\""));
}

#[test]
fn a_search_needs_no_script() {
    let server = Server::start();
    let found = get(&server, "/docs/search.html?q=dry+RUN", &[]);
    assert!(text(&found).contains(".html#"), "{}", text(&found));
    let hostile = "%3Cscript%3Ealert(1)%3C/script%3E%22";
    let nothing = get(&server, &format!("/docs/search.html?q={hostile}"), &[]);
    assert!(text(&nothing).contains("Nothing found for “&lt;script&gt;"), "{}", text(&nothing));
    require_guarded(&nothing);
    assert!(!text(&nothing).contains("<script>"));
    let long = "x".repeat(8000);
    assert!(get(&server, &format!("/docs/search.html?q={long}"), &[]).status < 500);
    get(&server, "/docs/search.html?p=1", &[]).problem(400, "malformed-request");
}

fn docs(arguments: &[&str]) -> (Output, String) {
    let output = satchel().arg("docs").args(arguments).output().unwrap();
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    (output, said)
}

#[test]
fn the_command_shows_searches_and_writes_the_pages() {
    let (_, list) = docs(&[]);
    for name in satchel::docs::names() {
        assert!(list.contains(&format!("  {name} ")), "{list}");
        let (_, said) = docs(&[name]);
        let written = std::fs::read_to_string(super::page(name)).unwrap();
        // While pages are being written, the executable still contains the earlier ones.
        assert!(said == written || super::writes_pages(), "{name}");
    }
    let (_, found) = docs(&["--search", "dry run"]);
    assert!(found.to_lowercase().contains("dry run"), "{found}");
    let (_, nothing) = docs(&["--search", "qwertyuiop"]);
    assert_eq!(nothing, "Nothing found for “qwertyuiop”.\n");
    let (output, _) = docs(&["bakcup"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Did you mean “backup”?"));

    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("a/site");
    let (output, said) = docs(&["--html", &site.to_string_lossy()]);
    assert!(output.status.success(), "{said}");
    for name in ["index.html", "backup.html", "search.html"] {
        let html = std::fs::read_to_string(site.join(name)).unwrap();
        // Links must be relative, because the pages can be opened from a disk.
        assert!(!html.contains("=\"/"), "{name}");
    }
}
