//! The search index: every section of every page. It is a script that the browser loads when a
//! search begins. It is not JSON, because a page that was opened from a disk cannot fetch JSON.

use super::markdown::Page;

/// The text before and after the index. `src/docs/search.rs` removes it.
const AROUND: (&str, &str) = ("const SATCHEL_INDEX=", ";\n");

/// Returns the index: `[[page, title, anchor, heading, text], …]`.
pub(super) fn index(pages: &[Page]) -> String {
    let mut list = String::from("[");
    for page in pages {
        for section in &page.sections {
            let (anchor, heading) = match &section.heading {
                Some((anchor, heading)) => (anchor.as_str(), heading.as_str()),
                None => ("", ""),
            };
            if list.len() > 1 {
                list.push_str(",\n");
            }
            let fields = [page.name, &page.title, anchor, heading, &section.text];
            list.push('[');
            list.push_str(&fields.map(quoted).join(","));
            list.push(']');
        }
    }
    list.push(']');
    format!("{}{list}{}", AROUND.0, AROUND.1)
}

/// Returns a text as a JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
