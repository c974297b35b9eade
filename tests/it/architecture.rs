//! Checks the layers of modules (`assets/docs/design.md`, "The map") against the source code.

mod circles;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of modules, from bottom to top. A module can use the layers below its own, and no other
/// module of its own layer.
const LAYERS: [&[&str]; 8] = [
    &["panics", "wording", "disk"],
    &["model", "console", "docs", "job", "tls"],
    &["audit", "codec", "store"],
    &["access"],
    &["import"],
    &["migration", "topology", "inventory"],
    &["backup", "feeds"],
    &["http"],
];

/// The modules above the layers. They can use all layers.
const TOP: [&str; 2] = ["config", "cli"];

/// Crates that only some modules can use: the crate, and these modules.
const RESTRICTED_CRATES: [(&str, &[&str]); 15] = [
    ("ldap3", &["access"]),
    ("rcgen", &["tls"]),
    ("rustls", &["tls", "cli"]),
    ("tokio_rustls", &["tls"]),
    ("rust_embed", &["console", "docs"]),
    ("sled", &["store"]),
    ("calamine", &["codec"]),
    ("cfb", &["codec"]),
    ("rust_xlsxwriter", &["codec"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("http_body_util", &["http"]),
    ("multer", &["http"]),
    ("anyhow", &["main", "cli"]),
    ("clap", &["main", "cli", "config"]),
];

/// A line that breaks the rules.
#[derive(Debug, PartialEq)]
struct Breach {
    line: usize,
    detail: String,
}

/// Returns the breaches in one source file of a module.
fn breaches(module: &str, source: &str, depth: usize) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (name, line) in names(source, depth) {
        let detail = match name {
            Name::Module(used) if !can_use_module(module, &used) => format!("{module} uses {used}"),
            Name::Crate(name) if !can_use_crate(module, &name) => {
                format!("{module} uses the crate {name}")
            }
            Name::Module(_) | Name::Crate(_) => continue,
        };
        breaches.push(Breach { line, detail });
    }
    breaches
}

fn can_use_crate(module: &str, name: &str) -> bool {
    let restricted = RESTRICTED_CRATES.iter().find(|(restricted, _)| *restricted == name);
    restricted.is_none_or(|(_, modules)| modules.contains(&module))
}

fn can_use_module(module: &str, used: &str) -> bool {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    match (module, layer(module), layer(used)) {
        _ if module == used => true,
        // `lib.rs` declares all modules.
        ("lib", ..) => true,
        ("main", ..) => used == "cli",
        ("config", ..) => used != "cli",
        ("cli", ..) => true,
        (_, Some(own), Some(used)) => used < own,
        _ => false,
    }
}

/// A name at the beginning of a path in a source file.
#[derive(Debug, PartialEq)]
enum Name {
    /// A module of Satchel, after `crate::` or, outside of the library, `satchel::`.
    Module(String),
    /// The first segment of any other path.
    Crate(String),
}

/// Returns the beginning of every path with its line, outside of comments and strings. `crate::{a, b}`
/// gives both. `depth` is the depth of the file's module: as many `super`s lead to the root.
fn names(source: &str, depth: usize) -> Vec<(Name, usize)> {
    let source = blanked(source);
    let mut names = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        if !is_word(first) {
            line += usize::from(first == '\n');
            at += first.len_utf8();
            continue;
        }
        let (before, rest) = source.split_at(at);
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        at += word.len();
        let after = &source[at..];
        // In `a::b`, `b` does not start a path. In `::b` it does.
        let outer = before.strip_suffix("::").unwrap_or(before);
        if outer.len() < before.len() && outer.ends_with(|c| is_word(c) || c == '>') {
            continue;
        }
        match after.strip_prefix("::") {
            Some(path) => {
                let (supers, path) = match word {
                    "super" => supers(path),
                    _ => (0, path),
                };
                if matches!(word, "crate" | "satchel") || supers >= depth {
                    let modules =
                        group(path).filter(|(name, _)| word != "super" || is_module(name));
                    names.extend(modules.map(|(name, lines)| (Name::Module(name), line + lines)));
                } else if word != "super" {
                    names.push((Name::Crate(word.to_owned()), line));
                }
            }
            // `use sled;`, `use sled as tree;`
            None if outer.ends_with("use ") => names.push((Name::Crate(word.to_owned()), line)),
            None => {}
        }
    }
    names
}

/// Returns the number of `super`s at the beginning of a path, whose first one was read already, and
/// the rest of the path.
fn supers(mut path: &str) -> (usize, &str) {
    let mut supers = 1;
    while let Some(rest) = path.strip_prefix("super::") {
        supers += 1;
        path = rest;
    }
    (supers, path)
}

fn is_module(word: &str) -> bool {
    LAYERS.iter().any(|layer| layer.contains(&word)) || TOP.contains(&word)
}

/// Returns the first words of a path or of a group of paths, each with the number of lines before it.
fn group(path: &str) -> impl Iterator<Item = (String, usize)> {
    let mut words = Vec::new();
    let mut depth = 0;
    let mut lines = 0;
    let mut word = String::new();
    let mut begins = true;
    for c in path.chars() {
        match c {
            c if is_word(c) && begins && depth <= 1 => {
                word.push(c);
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if !word.is_empty() {
            words.push((std::mem::take(&mut word), lines));
            begins = false;
        }
        lines += usize::from(c == '\n');
        begins |= c == ',' && depth == 1;
        if depth <= 0 {
            break;
        }
    }
    words.into_iter()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Replaces comments and strings with blanks. Lines keep their positions.
fn blanked(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => text_end(rest),
            'r' if out.chars().next_back().is_none_or(|c| !is_word(c)) => raw_text_end(rest),
            '\'' => character_end(rest),
            _ => 0,
        };
        if skipped == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skipped..];
        }
    }
    out
}

/// Returns the length of a string with its quotes.
fn text_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// Returns the length of a raw string, or 0 if there is none.
fn raw_text_end(text: &str) -> usize {
    let hashes = text[1..].len() - text[1..].trim_start_matches('#').len();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let begin = hashes + 2;
    let end = format!("\"{}", "#".repeat(hashes));
    text[begin..].find(&end).map_or(text.len(), |at| begin + at + end.len())
}

/// Returns the length of a character literal, or 0 for a lifetime.
fn character_end(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(0, |at| at + 4),
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// Returns every source file in `folder` and its subfolders.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_module_uses_only_the_layers_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = sources(&root);
    assert!(sources.len() > 50, "the sources were not found");
    let mut bad = Vec::new();
    for path in sources {
        let inside = path.strip_prefix(&root).unwrap().to_owned();
        let first = inside.iter().next().unwrap().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs");
        let known = is_module(module) || ["main", "lib"].contains(&module);
        assert!(known, "src/{first} is not in a layer");
        // `mod.rs` has the depth of its folder.
        let depth = inside.iter().count() - usize::from(inside.ends_with("mod.rs"));
        for breach in breaches(module, &fs::read_to_string(&path).unwrap(), depth) {
            bad.push(format!("src/{}:{}: {}", inside.display(), breach.line, breach.detail));
        }
    }
    assert!(bad.is_empty(), "imports that break the layers:\n{}", bad.join("\n"));
}

#[test]
fn the_maps_of_the_documentation_show_these_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A row: the number of the layer, the module, its contents.
    let rows = |file: &str| -> Vec<String> {
        let is_row = |line: &String| {
            let number = line.strip_prefix("| ");
            number.is_some_and(|number| number.starts_with(char::is_numeric) && line.contains('`'))
        };
        let text = fs::read_to_string(root.join(file)).unwrap();
        let lines =
            text.lines().map(|line| line.trim_start_matches("//! ").replace(['[', ']'], ""));
        lines.filter(is_row).collect()
    };
    let map = rows("src/lib.rs");
    assert_eq!(map, rows("assets/docs/design.md"));

    let module = |row: &String| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let layer: usize = cells.next().unwrap().parse().unwrap();
        (layer, cells.next().unwrap().trim_matches('`').to_owned())
    };
    let shown: BTreeSet<_> = map.iter().map(module).collect();
    let layers = LAYERS.into_iter().chain([TOP.as_slice()]).enumerate();
    let checked = layers.flat_map(|(below, modules)| {
        modules.iter().map(move |module| (below + 1, (*module).to_owned()))
    });
    assert_eq!(shown, checked.collect());
}

#[test]
fn a_breach_is_found_in_every_form_of_path() {
    let found = |module: &str, source: &str| {
        let found = breaches(module, source, 2).into_iter();
        found.map(|breach| (breach.line, breach.detail)).collect::<Vec<_>>()
    };
    let one = |line: usize, detail: &str| vec![(line, detail.to_owned())];
    assert_eq!(found("codec", "//! x\nuse crate::store::Store;\n"), one(2, "codec uses store"));
    assert_eq!(
        found("store", "use crate::{\n    model::{Kind, http},\n    codec::{yaml, json},\n};\n"),
        one(3, "store uses codec")
    );
    assert_eq!(
        found("topology", "fn f() { crate::inventory::g() }"),
        one(1, "topology uses inventory")
    );
    assert_eq!(
        found("access", "impl From<sled::Error> for X {}"),
        one(1, "access uses the crate sled")
    );
    assert_eq!(
        found("migration", "let a = 'a';\nuse hyper as h;\n"),
        one(2, "migration uses the crate hyper")
    );
    assert_eq!(
        found("http", "pub(crate) use ::anyhow::Result;"),
        one(1, "http uses the crate anyhow")
    );
    assert_eq!(found("model", "let t = \"\\\"\"; crate::http::x()"), one(1, "model uses http"));
    assert_eq!(found("codec", "use super::super::store::Store;"), one(1, "codec uses store"));
    assert_eq!(found("codec", "use super::store::Store;"), []);
    assert_eq!(found("lib", "pub mod http;\n"), []);
}

#[test]
fn comments_and_strings_are_ignored() {
    let source = "//! crate::http, sled::Db\n/// [`crate::http`]\n// use hyper::body;\n\
                const A: &str = \"use crate::http; sled::x\";\nconst B: &str = r#\"sled::\"\"#;\n\
                fn f<'a>(c: &'a char) -> bool { *c == '\"' || x::sled::y() }\n";
    assert_eq!(breaches("model", source, 2), []);
}

/// `CONTRIBUTING.md` gives a reason for each dependency.
#[test]
fn every_dependency_has_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let guide = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let (_, reasons) = guide.split_once("\n## Dependencies\n").unwrap();
    let (reasons, _) = reasons.split_once("\n## ").unwrap();
    let listed: Vec<&str> = reasons.split('`').skip(1).step_by(2).collect();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest[section].as_table().unwrap();
        for (name, _) in dependencies {
            assert!(listed.contains(&name.as_str()), "{name} has no reason in CONTRIBUTING.md");
        }
    }
}

/// The files that can contain REST paths. The documentation is in a lower layer than `http`, so it
/// cannot use `http::paths`.
const PATH_SOURCES: [&str; 2] = ["http/paths.rs", "docs/render/layout.rs"];

/// Returns the lines of a source file whose code contains a REST path. Comments and the tests at the
/// end of the file can contain one.
fn lines_with_rest_paths(source: &str) -> Vec<usize> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines.filter(|(_, line)| line.contains("/rest/")).map(|(number, _)| number + 1).collect()
}

#[test]
fn rest_paths_occur_only_in_http_paths() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut duplicated = Vec::new();
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let lines = lines_with_rest_paths(&fs::read_to_string(&path).unwrap());
        if PATH_SOURCES.contains(&inside.as_str()) {
            assert!(!lines.is_empty(), "src/{inside} contains no path");
        } else {
            duplicated.extend(lines.into_iter().map(|line| format!("src/{inside}:{line}")));
        }
    }
    assert!(duplicated.is_empty(), "use http::paths instead:\n{}", duplicated.join("\n"));
}

#[test]
fn a_duplicated_path_is_found() {
    let source = "//! GET /rest/a\nconst A: &str = \"x\";\nlet b = format!(\"/rest/b/{id}\");\n\
                  #[cfg(test)]\nmod tests {\n    \"/rest/c\"\n}\n";
    assert_eq!(lines_with_rest_paths(source), [3]);
}
