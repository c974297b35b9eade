//! Tests of the rendered pages: well-formed HTML, valid links, nothing loaded from other sites.

use std::collections::{BTreeMap, BTreeSet};

use satchel::docs;

/// Elements without an end tag.
const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "hr"];

/// A tag with its attributes.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
}

/// Returns the tags of a page. Fails if a tag is not closed, or closed without being open.
fn tags(file: &str, html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>\n").expect(file);
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "{file}: a bare > in {:?}", &rest[..at]);
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").expect(file).1;
            continue;
        }
        let (tag, after) = rest.split_once('>').expect(file);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{file}: before {rest:.80}");
            continue;
        }
        let tag = tag.trim_end_matches(" /");
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        assert!(is_name(name), "{file}: <{tag}>");
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
        tags.push(Tag { name: name.to_owned(), attributes: attributes_of(file, attributes) });
    }
    assert!(open.is_empty(), "{file}: never closed: {open:?}");
    tags
}

fn attributes_of(file: &str, mut text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    while !text.trim_start().is_empty() {
        text = text.trim_start();
        let end = text.find(['=', ' ']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let (value, rest) = match rest.strip_prefix("=\"") {
            Some(rest) => rest.split_once('"').expect(file),
            None => ("", rest),
        };
        let before = attributes.insert(name.to_owned(), value.to_owned());
        assert!(before.is_none(), "{file}: {name} twice");
        text = rest;
    }
    attributes
}

fn html_files() -> BTreeMap<String, Vec<Tag>> {
    let names = docs::files().filter(|name| name.ends_with(".html"));
    let parsed = names.map(|name| {
        let html = String::from_utf8(docs::file(&name).unwrap().unpacked()).unwrap();
        let tags = tags(&name, &html);
        (name, tags)
    });
    parsed.collect()
}

fn ids(file: &str, tags: &[Tag]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for id in tags.iter().filter_map(|tag| tag.attributes.get("id")) {
        assert!(ids.insert(id.clone()), "{file}: the id {id} is used twice");
    }
    ids
}

#[test]
fn every_page_is_well_formed_and_accessible() {
    let files = html_files();
    assert!(files.len() > 15);
    for (file, tags) in &files {
        ids(file, tags);
        let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        for once in ["title", "h1", "main", "header"] {
            assert_eq!(count(once), 1, "{file}: {once}");
        }
        assert_eq!(tags[0].attributes["lang"], "en", "{file}");
        let mut level = 1;
        for tag in tags.iter().skip_while(|tag| tag.name != "h1") {
            let Some(next) = tag.name.strip_prefix('h').and_then(|it| it.parse::<u32>().ok())
            else {
                continue;
            };
            assert!(next <= level + 1, "{file}: an {} below an h{level}", tag.name);
            level = next;
        }
        for tag in tags {
            let named = |name: &str| tag.attributes.contains_key(name);
            assert!(tag.name != "img" || named("alt"), "{file}: {tag:?}");
            assert!(tag.name != "nav" || named("aria-label"), "{file}: {tag:?}");
            // The content security policy forbids inline styles and scripts.
            assert!(!named("style") && tag.name != "style", "{file}: {tag:?}");
            assert!(!tag.attributes.keys().any(|name| name.starts_with("on")), "{file}: {tag:?}");
            assert!(tag.name != "script" || named("src"), "{file}: {tag:?}");
        }
    }
}

#[test]
fn every_link_has_a_target_and_nothing_is_loaded_from_other_sites() {
    let files = html_files();
    let ids: BTreeMap<&String, BTreeSet<String>> =
        files.iter().map(|(file, tags)| (file, ids(file, tags))).collect();
    let all: BTreeSet<String> = docs::files().collect();
    for (file, tags) in &files {
        for tag in tags {
            for name in ["href", "src", "action", "data-index"] {
                let Some(link) = tag.attributes.get(name) else { continue };
                let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
                let path = path.strip_prefix("/docs/").unwrap_or(path);
                if path == "/rest/openapi.json" {
                    continue;
                }
                let target = match path {
                    "" if link.starts_with('#') => file,
                    "" => &"index.html".to_owned(),
                    path => &path.to_owned(),
                };
                assert!(all.contains(target), "{file}: the link {link} has no target");
                let there = anchor.is_empty() || ids[target].contains(anchor);
                assert!(there, "{file}: the link {link} has an unknown anchor");
            }
        }
    }
    for name in &all {
        let bytes = docs::file(name).unwrap().unpacked();
        let text = String::from_utf8(bytes).unwrap();
        if name.ends_with(".css") || name.starts_with("search-") {
            assert!(!text.contains("http:") && !text.contains("https:"), "{name}");
            assert!(!text.contains("url(") && !text.contains("@import"), "{name}");
        }
    }
}

#[test]
fn every_page_is_in_the_list_on_every_page() {
    for (file, tags) in html_files() {
        let links: BTreeSet<&str> = tags
            .iter()
            .filter_map(|tag| tag.attributes.get("href"))
            .map(|link| link.trim_start_matches("/docs/"))
            .collect();
        for name in docs::names() {
            assert!(links.contains(&*format!("{name}.html")), "{file} has no link to {name}");
        }
    }
}
