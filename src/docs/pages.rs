//! The list of pages, in reading order. The build script compiles this file too.

/// A group of pages.
pub struct Chapter {
    /// The heading of the group in the list of pages.
    pub title: &'static str,
    /// The names of its pages: `start` is `assets/docs/start.md` and `/docs/start.html`.
    pub pages: &'static [&'static str],
}

/// Every page, in order. A page in `assets/docs/` that is missing here fails the build.
pub const CHAPTERS: [Chapter; 4] = [
    Chapter { title: "Begin", pages: &["start", "install", "concepts"] },
    Chapter {
        title: "Work with it",
        pages: &[
            "console",
            "instances",
            "enms",
            "workbooks",
            "ansible",
            "feeds",
            "history",
            "backup",
            "backups",
            "air-gap",
        ],
    },
    Chapter {
        title: "Run it",
        pages: &[
            "access",
            "site-logins",
            "audit",
            "keys",
            "hardening",
            "settings",
            "operations",
            "standby",
            "recovery",
            "troubleshooting",
        ],
    },
    Chapter {
        title: "Look it up",
        pages: &["rest", "commands", "promises", "design", "differences", "changelog"],
    },
];

/// The names of all pages, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHAPTERS.iter().flat_map(|chapter| chapter.pages.iter().copied())
}
