//! Which pages there are, and in which order they are read. The build script reads this file too.

/// Pages that belong together.
pub struct Chapter {
    /// What stands above them in the list.
    pub title: &'static str,
    /// Their names: `start` is `assets/docs/start.md`, and `/docs/start.html`.
    pub pages: &'static [&'static str],
}

/// Every page, in the order of the list. A page that stands nowhere here fails the build.
pub const CHAPTERS: [Chapter; 4] = [
    Chapter { title: "Begin", pages: &["start", "install", "concepts"] },
    Chapter {
        title: "Work with it",
        pages: &["instances", "enms", "workbooks", "backup", "air-gap"],
    },
    Chapter {
        title: "Run it",
        pages: &["access", "settings", "operations", "recovery", "troubleshooting"],
    },
    Chapter {
        title: "Look it up",
        pages: &["rest", "commands", "promises", "differences", "changelog"],
    },
];

/// The names of all pages in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHAPTERS.iter().flat_map(|chapter| chapter.pages.iter().copied())
}
