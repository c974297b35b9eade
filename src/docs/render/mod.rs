//! Renders the Markdown in `assets/docs/` to a site of complete, compressed files.
//!
//! This is a part of the build script. `src/docs/` embeds the files that it writes, the server
//! serves them at `/docs/`, and `satchel docs --html` writes them to a folder. All links are
//! relative, so that the same files work on a server and from a disk.

mod console;
mod layout;
mod markdown;
mod search;

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fs;
use std::hash::Hasher;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use self::layout::Assets;
use self::markdown::Page;
use super::pages;

/// A result whose error the build prints.
pub(super) type Fallible<T> = Result<T, Box<dyn Error>>;

/// Renders `assets/docs/` with `assets/site/` into the folder `out`, which is emptied first.
///
/// # Errors
/// If a listed page is missing, a page is not listed, or a page cannot be rendered.
pub(super) fn site(root: &Path, out: &Path) -> Fallible<()> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    let source = root.join("assets/docs");
    require_listed(&source)?;

    let mut rendered = Vec::new();
    for name in pages::names() {
        let path = source.join(name).with_extension("md");
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}.md: {error}"))?;
        let page = markdown::render(name, &text).map_err(|error| format!("{name}.md: {error}"))?;
        pack(out, &format!("{name}.md"), text.as_bytes())?;
        rendered.push(page);
    }

    let asset = |stem: &str, ending: &str, bytes: &[u8]| -> Fallible<String> {
        let name = format!("{stem}-{:016x}.{ending}", hash(bytes));
        pack(out, &name, bytes)?;
        Ok(name)
    };
    let file = |name: &str| fs::read(root.join("assets/site").join(name));
    let assets = Assets {
        style: asset("style", "css", &file("style.css")?)?,
        script: asset("search", "js", &file("search.js")?)?,
        icon: asset("icon", "svg", &file("icon.svg")?)?,
        index: asset("index", "js", search::index(&rendered).as_bytes())?,
    };
    write_pages(out, &rendered, &assets)
}

fn write_pages(out: &Path, rendered: &[Page], assets: &Assets) -> Fallible<()> {
    for (at, page) in rendered.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &rendered[at]);
        let html = layout::page(page, before, rendered.get(at + 1), rendered, assets);
        pack(out, &format!("{}.html", page.name), html.as_bytes())?;
    }
    pack(out, "index.html", layout::front(rendered, assets).as_bytes())?;
    pack(out, "search.html", layout::results(rendered, assets).as_bytes())?;
    pack(out, "lost.html", layout::lost(rendered, assets).as_bytes())?;
    pack(out, "setup.html", layout::setup(rendered, assets).as_bytes())?;
    pack(out, "welcome.html", layout::welcome(rendered, assets).as_bytes())
}

/// Checks that the list contains every file in `assets/docs/`.
///
/// # Errors
/// If a file is not in the list: readers would not find it.
fn require_listed(source: &Path) -> Fallible<()> {
    for entry in fs::read_dir(source)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let listed =
            name.strip_suffix(".md").is_some_and(|name| pages::names().any(|it| it == name));
        if !listed {
            return Err(format!("assets/docs/{name} is not listed in src/docs/pages.rs").into());
        }
    }
    Ok(())
}

/// Writes a compressed file.
fn pack(out: &Path, name: &str, bytes: &[u8]) -> Fallible<()> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    fs::write(out.join(format!("{name}.gz")), packed.finish()?)?;
    Ok(())
}

/// Returns a hash of a file's content, which becomes part of its name. Browsers can then cache the
/// file without asking again.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Escapes a text for HTML, attributes included.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
