//! Refuses circles of imports between the files of one module.
//!
//! A file uses another file if a path in it leads there. A path to an item that a `mod.rs` imports
//! leads to the file that defines the item. Between a `mod.rs` and the files below it, both directions
//! are allowed: the `mod.rs` declares its files, and holds what several of them need. Tests do not
//! count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{blanked, is_word, sources};

/// The modules whose files can use each other in circles, with the reason.
const ALLOWED: [(&str, &str); 1] = [(
    "model",
    "kinds refer to each other: a group lists its users, a link its devices, and `Kind` all kinds",
)];

/// The path of a file's module, or of an item: `store`, `trees`, `Trees`.
type ModulePath = Vec<String>;

/// The paths in a source file.
#[derive(Debug, Default)]
struct SourceFile {
    /// The paths of its `use` declarations.
    imports: Vec<ModulePath>,
    /// All other paths.
    others: Vec<ModulePath>,
}

/// The files of the library by the paths of their modules.
type Files = BTreeMap<ModulePath, SourceFile>;

fn parsed(source: &str) -> SourceFile {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = blanked(code);
    let mut file = SourceFile::default();
    let mut rest = code.as_str();
    while let Some(begin) = rest.find(is_word) {
        let (before, path) = rest.split_at(begin);
        let is_import = before.is_empty() && code[..code.len() - rest.len()].ends_with("use ");
        let mut found = Vec::new();
        rest = read_paths(path, &[], &mut found);
        // The space keeps `use` before the path that follows it.
        rest = rest.strip_prefix(' ').unwrap_or(rest);
        if is_import { file.imports.extend(found) } else { file.others.extend(found) }
    }
    file
}

/// Reads a path, or a tree of paths as in a `use` declaration: `a::{b, c::d}`. Adds each with `prefix`
/// before it. Returns the text after it.
fn read_paths<'s>(text: &'s str, prefix: &[String], found: &mut Vec<ModulePath>) -> &'s str {
    let word = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let mut path = prefix.to_vec();
    if !matches!(&text[..word], "" | "self") || prefix.is_empty() {
        path.push(text[..word].to_owned());
    }
    let rest = &text[word..];
    let Some(next) = rest.strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let Some(mut group) = next.strip_prefix('{') else {
        if next.starts_with(is_word) {
            return read_paths(next, &path, found);
        }
        found.push(path);
        return next;
    };
    loop {
        group = group.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if let Some(rest) = group.strip_prefix('}') {
            return rest;
        }
        if group.is_empty() {
            return group;
        }
        group = read_paths(group, &path, found);
        // Passes over `as name`.
        group = &group[group.find([',', '}']).unwrap_or(group.len())..];
    }
}

/// The file to which a path in the module `from` leads. `None` if it leads to another crate.
fn target(files: &Files, from: &[String], path: &[String]) -> Option<ModulePath> {
    let supers = path.iter().take_while(|word| *word == "super").count();
    let (mut module, mut rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (from.to_vec(), &path[1..]),
        "super" => (from[..from.len().checked_sub(supers)?].to_vec(), &path[supers..]),
        _ => (from.to_vec(), path),
    };
    let begin = module.len();
    while let Some((word, after)) = rest.split_first()
        && files.contains_key(&[&module[..], std::slice::from_ref(word)].concat())
    {
        module.push(word.clone());
        rest = after;
    }
    let is_relative = !matches!(path[0].as_str(), "crate" | "self" | "super");
    if is_relative && module.len() == begin {
        return None;
    }
    let imported = rest.first().and_then(|item| {
        let imports = &files.get(&module)?.imports;
        let import = imports.iter().find(|import| import.last() == Some(item))?;
        if module == from && import == path { None } else { target(files, &module, import) }
    });
    imported.or_else(|| files.contains_key(&module).then_some(module))
}

/// Returns the imports that are part of a circle, as "a uses b".
fn circles(files: &Files) -> Vec<String> {
    let mut uses: BTreeMap<&ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
    for (from, file) in files {
        let paths = file.imports.iter().chain(&file.others);
        let used = paths.filter_map(|path| target(files, from, path)).filter(|to| {
            let is_same_module = to[0] == from[0];
            is_same_module && !to.starts_with(from) && !from.starts_with(to)
        });
        uses.insert(from, used.collect());
    }
    // A file that uses none of the rest, or that none of the rest uses, is in no circle.
    loop {
        let used: BTreeSet<ModulePath> = uses.values().flatten().cloned().collect();
        let left: BTreeSet<ModulePath> =
            uses.keys().filter(|from| used.contains(**from)).map(|from| (*from).clone()).collect();
        let before: usize = uses.values().map(BTreeSet::len).sum();
        uses.retain(|from, _| left.contains(*from));
        for to in uses.values_mut() {
            to.retain(|to| left.contains(to));
        }
        uses.retain(|_, to| !to.is_empty());
        if uses.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let shown = |path: &ModulePath| path.join("/");
    let edges = uses.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, to)));
    edges.map(|(from, to)| format!("{} uses {}", shown(from), shown(to))).collect()
}

#[test]
fn files_of_a_module_do_not_use_each_other_in_circles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Files::new();
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap().with_extension("");
        let mut module: ModulePath =
            inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let is_test = module.iter().any(|part| part == "tests");
        if !is_test && module != ["lib"] && module != ["main"] {
            files.insert(module, parsed(&fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(files.len() > 50, "the sources were not found");
    let (allowed, refused): (Vec<String>, Vec<String>) =
        circles(&files).into_iter().partition(|edge| {
            ALLOWED.iter().any(|(module, _)| edge.starts_with(&format!("{module}/")))
        });
    assert!(refused.is_empty(), "circles of imports:\n{}", refused.join("\n"));
    for (module, _) in ALLOWED {
        let prefix = format!("{module}/");
        assert!(
            allowed.iter().any(|edge| edge.starts_with(&prefix)),
            "{module} has no circle any more: take it off the list"
        );
    }
}

#[test]
fn circles_are_found_in_every_form_of_path() {
    let found = |sources: &[(&str, &str)]| {
        let files = sources.iter().map(|(module, source)| {
            (module.split('/').map(str::to_owned).collect(), parsed(source))
        });
        circles(&files.collect())
    };
    let both = ["store/a uses store/b", "store/b uses store/a"];
    let map = ("store", "mod a;\nmod b;\npub use b::{B, deep::C as D};\nfn own() {}\n");
    let a = ("store/a", "use super::{\n    b::{self, Thing},\n    x,\n};\n");
    assert_eq!(found(&[map, a, ("store/b", "use super::a::A;")]), both);
    assert_eq!(found(&[map, a, ("store/b", "fn f() { crate::store::a::g::<u8>(1) }")]), both);
    // Through an item that `mod.rs` exports again.
    let a = ("store/a", "use std::fmt;\nuse super::{B as Other, own};\n");
    assert_eq!(found(&[map, a, ("store/b", "fn f(a: super::a::A) {}")]), both);
    // No circle: one direction, tests, comments, the `mod.rs` itself, and other modules.
    let test = "#[cfg(test)]\nmod tests {\n    use super::super::a::A;\n}\n";
    assert_eq!(found(&[map, a, ("store/b", test)]), [""; 0]);
    assert_eq!(found(&[map, a, ("store/b", "//! super::a\nuse super::own;\n")]), [""; 0]);
    let other = ("model", "pub use a::A;");
    let model = ("model/a", "use crate::store::a;");
    let store = ("store/a", "use crate::model::A;");
    assert_eq!(found(&[map, other, model, store]), [""; 0]);
    // A circle of three, and a file that only uses it.
    let three = [
        ("store", "mod a; mod b; mod c; mod d;"),
        ("store/a", "use super::b::B;"),
        ("store/b", "use super::c::C;"),
        ("store/c", "use super::a::A;"),
        ("store/d", "use super::a::A;"),
    ];
    let edges = ["store/a uses store/b", "store/b uses store/c", "store/c uses store/a"];
    assert_eq!(found(&three), edges);
}
