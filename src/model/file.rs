//! The file.

use super::{Int, InverseName, KindFacts, Many, Name, Text, entity::entity};

entity! {
    /// A file or folder. Its name is its path with `/` written `>`.
    File {
        creator: Text = "",
        description: Text = "",
        files: Many<File>,
        folder: Text = "",
        folder_id: Int,
        last_modified: Text = "",
        last_modified_by: Text = "",
        last_updated: Text = "",
        name: Name,
        path: Text = "",
        r#type: Text = "file",
    }
}

impl KindFacts for File {
    const INVERSE_NAMES: &'static [InverseName] = &[InverseName::new("files", "folders")];
}
