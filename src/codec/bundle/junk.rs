//! Files that operating systems add to folders and archives.

/// The folder of macOS for the attributes of files.
const ATTRIBUTES_FOLDER: &str = "__MACOSX";

/// The beginning of macOS's file for the attributes of another file.
const ATTRIBUTES_PREFIX: &str = "._";

/// Files of macOS, Windows and KDE for the view of a folder.
const VIEW_FILES: [&str; 6] =
    [".DS_Store", ".localized", "Thumbs.db", "ehthumbs.db", "desktop.ini", ".directory"];

/// Returns whether an operating system made this file or folder. `path` has slashes, and the path of
/// a folder ends with one.
pub fn is_junk(path: &str) -> bool {
    let mut parts = path.trim_end_matches('/').split('/');
    if parts.clone().any(|part| part.eq_ignore_ascii_case(ATTRIBUTES_FOLDER)) {
        return true;
    }
    let name = parts.next_back().unwrap_or_default();
    name.starts_with(ATTRIBUTES_PREFIX)
        || VIEW_FILES.iter().any(|file| name.eq_ignore_ascii_case(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_operating_systems_are_junk() {
        for path in [
            "__MACOSX/",
            "__MACOSX/nightly/._device.yaml",
            "nightly/.DS_Store",
            "._device.yaml",
            "thumbs.db",
            "x/Desktop.ini",
        ] {
            assert!(is_junk(path), "{path}");
        }
        for path in ["device.yaml", "nightly/", "MACOSX/a", "x/DS_Store", ".yaml", ""] {
            assert!(!is_junk(path), "{path}");
        }
    }
}
