//! Files whose names resemble those of the documents of a project.

use std::fmt;

use super::{METADATA_NAME, document_name};
use crate::model::{Kind, nearest};

/// Extensions, in lower case, with which programs save a document by mistake.
const EXTENSIONS: [&str; 6] = ["json", "toml", "txt", "xml", "yaml", "yml"];

/// A file whose name resembles that of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimilarDocument {
    /// The path of the file in its project.
    pub found: String,
    /// The name that a document must have.
    pub document: String,
}

impl SimilarDocument {
    /// Returns the document whose name resembles that of a file, for example `device.yaml` for
    /// `devices.yaml`, `Device.YAML`, `device.yaml.txt` and `device (1).json`.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let (stem, extensions) = name.split_once('.')?;
        let mut parts = extensions.split('.').map(str::to_ascii_lowercase);
        if !parts.any(|part| nearest(&part, EXTENSIONS).is_some()) {
            return None;
        }
        // Programs add " (1)" and " - Copy" to the name.
        let is_word = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-');
        let word =
            stem.split(|c| !is_word(c)).next().unwrap_or_default().trim_end_matches(['-', '_']);
        let metadata = METADATA_NAME.trim_end_matches(".yaml");
        let known = || Kind::ALL.into_iter().map(Kind::as_str).chain([metadata]);
        let found = nearest(stem, known()).or_else(|| nearest(word, known()))?;
        let document = match found.parse() {
            Ok(kind) => document_name(kind),
            Err(_) => METADATA_NAME.to_owned(),
        };
        Some(Self { found: path.to_owned(), document })
    }
}

impl fmt::Display for SimilarDocument {
    /// Continues a message after a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ". It has '{}'. Did you mean '{}'?", self.found, self.document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_of_a_document_are_similar() {
        for (path, document) in [
            ("devices.yaml", "device.yaml"),
            ("DEVICE.YAML", "device.yaml"),
            ("device.yml", "device.yaml"),
            ("sub/link.yaml", "link.yaml"),
            ("link.yaml.txt", "link.yaml"),
            ("link.json", "link.yaml"),
            ("Service.YAML", "service.yaml"),
            ("device (1).yaml", "device.yaml"),
            ("device - Copy.yaml", "device.yaml"),
            ("workflow-edge.yaml", "workflow_edge.yaml"),
            ("metadata.yml", "metadata.yaml"),
            ("device.yamll", "device.yaml"),
        ] {
            let found = SimilarDocument::of(path).map(|similar| similar.document);
            assert_eq!(found.as_deref(), Some(document), "{path}");
        }
        for path in ["notes.txt", "access.yaml", "device", "link.png", ".yaml", "", "readme.md"] {
            assert_eq!(SimilarDocument::of(path), None, "{path}");
        }
    }
}
