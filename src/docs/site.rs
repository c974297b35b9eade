//! The embedded files of the documentation site, each compressed with gzip.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::GzDecoder;
use rust_embed::RustEmbed;

use super::pages;

/// The files that the build script wrote. Their names end in `.gz`, which this module removes.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/site"]
struct Embedded;

/// The suffix of every embedded name.
const PACKED: &str = ".gz";

/// One file of the site.
pub struct File {
    /// The content, compressed with gzip.
    pub packed: Cow<'static, [u8]>,
    /// The SHA-256 of the compressed bytes.
    pub sha256: [u8; 32],
}

impl File {
    /// Returns the uncompressed content. It is empty only if the build script wrote invalid gzip.
    pub fn unpacked(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match GzDecoder::new(&*self.packed).read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(_) => Vec::new(),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.unpacked()).unwrap_or_default()
    }
}

/// Returns the file with this name, such as `start.html`.
pub fn file(name: &str) -> Option<File> {
    let embedded = Embedded::get(&format!("{name}{PACKED}"))?;
    Some(File { sha256: embedded.metadata.sha256_hash(), packed: embedded.data })
}

/// Returns the names of all files.
pub fn files() -> impl Iterator<Item = String> {
    Embedded::iter().filter_map(|name| Some(name.strip_suffix(PACKED)?.to_owned()))
}

/// Returns the name of a file whose name contains a hash: `asset("style", "css")` is
/// `style-HASH.css`.
pub fn asset(stem: &str, ending: &str) -> Option<String> {
    files().find(|name| {
        let hash = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-'));
        hash.and_then(|rest| rest.strip_suffix(ending)).is_some_and(|rest| rest.ends_with('.'))
    })
}

/// A page as Markdown.
pub struct Page {
    /// The name in URLs and on the command line.
    pub name: &'static str,
    /// The text of the page.
    pub markdown: String,
}

impl Page {
    /// Returns the text of the first heading.
    pub fn title(&self) -> &str {
        let titles = self.markdown.lines().filter_map(|line| line.strip_prefix("# "));
        titles.take(1).next().unwrap_or(self.name)
    }
}

/// Returns the page with this name.
pub fn page(name: &str) -> Option<Page> {
    let name = pages::names().find(|known| *known == name)?;
    Some(Page { name, markdown: file(&format!("{name}.md"))?.text() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_embedded_as_markdown_and_as_html() {
        for name in pages::names() {
            let page = page(name).unwrap();
            assert!(page.markdown.starts_with("# "), "{name} begins with its title");
            assert!(page.title().len() > 3, "{name}");
            let html = file(&format!("{name}.html")).unwrap().text();
            assert!(html.starts_with("<!doctype html>"), "{name}");
            assert!(html.ends_with("</html>\n"), "{name}");
        }
        for name in ["", "..", "start", "START.html", "start.html.gz", "../site/start.html"] {
            assert!(file(name).is_none(), "{name}");
        }
    }

    #[test]
    fn an_asset_is_found_by_its_stem() {
        for (stem, ending) in [("style", "css"), ("search", "js"), ("index", "js"), ("icon", "svg")]
        {
            let name = asset(stem, ending).unwrap();
            assert!(!file(&name).unwrap().unpacked().is_empty(), "{name}");
        }
        assert_eq!(asset("style", "js"), None);
        assert_eq!(asset("sty", "css"), None);
    }
}
