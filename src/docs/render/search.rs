//! What the search looks through: every section of every page, as a script that the browser loads
//! when somebody begins to search. A script and not JSON, which no page from a disk may fetch.

use super::markdown::Page;

/// What stands before the list, and behind it. `src/docs/search.rs` takes them off again.
const AROUND: (&str, &str) = ("const SATCHEL_INDEX=", ";\n");

/// `[[page, title, anchor, heading, text], …]`
pub fn index(pages: &[Page]) -> String {
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

/// A text in JSON.
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
