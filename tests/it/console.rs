//! Tests of the web console: its files as the server returns them, and its copy of the model.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use satchel::{
    console,
    model::{InverseRelations, Kind, PropertyType, Target},
};
use sha2::{Digest, Sha256};

use crate::{
    browser::{BROWSER, get, text},
    harness::{Answer, Server},
};

/// The largest size of all files together, compressed, in bytes. The static executable has no room for
/// more.
const PACKED_BYTES_MAX: usize = 150_000;

/// The largest size of a source file, in lines. Files of libraries are not counted.
const LINES_MAX: usize = 600;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/console")
}

/// Checks the headers of a file: nothing from another site, no script from a text.
fn require_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.split("; ").any(|it| it == part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
}

#[test]
fn a_browser_is_led_to_the_console_and_other_clients_get_the_routes() {
    let server = Server::start();
    let led = get(&server, "/", &[("Accept", BROWSER)]);
    assert_eq!((led.status, led.header("location")), (307, Some("/console/")));
    assert_eq!(led.header("cache-control"), Some("no-store"));
    for accept in ["*/*", "application/json", "text/html;q=0.5, application/json"] {
        let list = get(&server, "/", &[("Accept", accept)]);
        assert_eq!(list.status, 200, "{accept}");
        assert!(text(&list).contains("GET    /rest/is_alive\n"), "{accept}");
    }
    let moved = get(&server, "/console", &[]);
    assert_eq!((moved.status, moved.header("location")), (308, Some("/console/")));
}

#[test]
fn files_are_served_without_a_login_compressed_or_not() {
    let server = Server::start();
    for path in console::files() {
        let is_front_page = path == console::FRONT_PAGE;
        let address = if is_front_page {
            "/console/".to_owned()
        } else {
            format!("/console/{}/{path}", console::FOLDER)
        };
        let plain = get(&server, &address, &[]);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{path}");
        require_guarded(&plain);
        assert_eq!(plain.header("vary"), Some("accept-encoding"), "{path}");
        let caching =
            if is_front_page { "no-cache" } else { "public, max-age=31536000, immutable" };
        assert_eq!(plain.header("cache-control"), Some(caching), "{path}");
        let packed = get(&server, &address, &[("Accept-Encoding", "gzip, deflate")]);
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain.body, "{path}");
        if !is_front_page {
            assert!(
                fs::read(folder().join(&path)).unwrap() == plain.body,
                "{path}: as it lies there"
            );
        }
        let etag = packed.header("etag").unwrap();
        assert_ne!(plain.header("etag"), Some(etag), "{path}: two forms, two validators");
        let encoding = ("Accept-Encoding", "gzip");
        let again = get(&server, &address, &[encoding, ("If-None-Match", etag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let head = server.request("HEAD", &address).send();
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("etag"), plain.header("etag"), "{path}");
    }
}

#[test]
fn unknown_files_and_other_versions_are_refused() {
    let server = Server::start();
    let version = console::FOLDER;
    for path in [
        format!("/console/{version}/nothing.js"),
        format!("/console/{version}/index.html"),
        format!("/console/{version}/vendor/VENDOR.toml"),
        format!("/console/{version}/vendor/LICENSE-htm"),
        format!("/console/{version}/core/%2e%2e%2fapp.js"),
        format!("/console/{version}/%3Cscript%3E.js"),
        "/console/nothing".to_owned(),
    ] {
        get(&server, &path, &[]).problem(404, "unknown-path");
    }
    let problem =
        get(&server, "/console/0123456789abcdef/app.js", &[]).problem(404, "unknown-path");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with("Load /console/ again."), "{detail}");
    server.request("POST", "/console/").send().problem(405, "method-not-allowed");
}

#[test]
fn the_first_page_loads_only_files_of_its_version() {
    let server = Server::start();
    let page = text(&get(&server, "/console/", &[]));
    let addresses = page.split('"').filter(|part| part.starts_with("/console/"));
    let mut count = 0;
    for address in addresses {
        let path = address.strip_prefix(&format!("/console/{}/", console::FOLDER)).unwrap();
        assert!(console::file(path).is_some(), "{path}");
        count += 1;
    }
    assert!(count > 3, "{page}");
    assert!(!page.contains("{{"), "{page}");
}

#[test]
fn the_files_are_small() {
    let packed: usize =
        console::files().map(|path| console::file(&path).unwrap().packed.len()).sum();
    assert!(packed <= PACKED_BYTES_MAX, "{packed}");
}

/// The policy refuses these at run time, so no file must contain them.
#[test]
fn no_source_file_needs_a_weaker_policy() {
    let own = |path: &String| !path.starts_with("vendor/") && !path.ends_with(".svg");
    for path in console::files().filter(own) {
        let source = fs::read_to_string(folder().join(&path)).unwrap();
        for refused in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "new Function",
            "document.write",
            "style=\"",
            "navigator.clipboard",
            "crypto.subtle",
            "serviceWorker",
            "http://",
            "https://",
        ] {
            assert!(!source.contains(refused), "{path} contains {refused}");
        }
        assert!(source.lines().count() <= LINES_MAX, "{path} is longer than {LINES_MAX} lines");
        let is_script = path.ends_with(".js");
        for line in source.lines().filter(|line| is_script && line.contains(" from \"")) {
            let module = line.split(" from \"").nth(1).unwrap();
            assert!(module.starts_with("./") || module.starts_with("../"), "{path}: {line}");
        }
    }
}

#[test]
fn the_libraries_are_the_listed_ones() {
    let folder = folder().join("vendor");
    let list: toml::Table =
        fs::read_to_string(folder.join("VENDOR.toml")).unwrap().parse().unwrap();
    let mut listed = vec!["VENDOR.toml".to_owned()];
    for library in list["library"].as_array().unwrap() {
        let text = |member: &str| library[member].as_str().unwrap().to_owned();
        let bytes = fs::read(folder.join(text("file"))).unwrap();
        let digest: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, text("sha256"), "{}", text("file"));
        assert!(["MIT", "Apache-2.0", "ISC"].contains(&&*text("licence")), "{}", text("licence"));
        assert!(!text("version").is_empty() && !text("package").is_empty());
        listed.extend([text("file"), text("licence_file")]);
    }
    let present = fs::read_dir(&folder).unwrap();
    for file in present.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(listed.contains(&file), "{file} is not listed in VENDOR.toml");
    }
}

/// The console knows the properties of each kind, for forms, columns and links between records.
#[test]
fn the_model_of_the_console_is_that_of_the_server() {
    let path = folder().join("core/model.js");
    let expected = model();
    if std::env::var_os("SATCHEL_DOCS_WRITE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == expected,
        "write it again: SATCHEL_DOCS_WRITE=1 cargo test --test it console::"
    );
}

fn model() -> String {
    let mut out = String::from(
        "// The kinds of records, with the types of their properties. A test writes this file from the\n\
         // model of the server: SATCHEL_DOCS_WRITE=1 cargo test --test it console::\n\n\
         export const KINDS = {\n",
    );
    for kind in Kind::ALL {
        let mut properties = BTreeMap::new();
        for property in kind.properties() {
            properties.insert(property.name, type_name(property.type_));
        }
        writeln!(out, "  {kind}: {{\n    properties: {{").unwrap();
        for (name, type_) in properties {
            writeln!(out, "      {name}: \"{type_}\",").unwrap();
        }
        writeln!(out, "    }},\n    inverse: {{").unwrap();
        for relation in &InverseRelations::of(kind).relations {
            writeln!(out, "      {}: \"{}\",", relation.name, relation.holder_kind()).unwrap();
        }
        writeln!(out, "    }},\n    texts: {:?},\n  }},", kind.long_texts()).unwrap();
    }
    out + "};\n"
}

fn type_name(type_: PropertyType) -> String {
    match type_ {
        PropertyType::Name => "name".to_owned(),
        PropertyType::Text => "text".to_owned(),
        PropertyType::Int => "integer".to_owned(),
        PropertyType::Bool => "boolean".to_owned(),
        PropertyType::Float => "number".to_owned(),
        PropertyType::Any => "any".to_owned(),
        PropertyType::Secret => "secret".to_owned(),
        PropertyType::One(target) => format!("one {}", target_name(target)),
        PropertyType::Many(target) => format!("many {}", target_name(target)),
    }
}

fn target_name(target: Target) -> String {
    match target {
        Target::Kind(kind) => kind.to_string(),
        Target::Node => "node".to_owned(),
    }
}
