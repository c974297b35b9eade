//! Lists the projects of a library.

use std::{ffi::OsStr, fs, path::Path};

use super::{
    super::ProjectName,
    BUNDLE_ENDING,
    error::{FileProblem, LibraryError},
    file::{FileType, file_type},
    project::Project,
    summary::{Layout, ProjectSummary},
};
use crate::{codec::bundle::Limits, wording::chain};

/// Returns the projects of a library by name, a bundle before the folder of the same name.
pub(super) fn projects(dir: &Path, limits: Limits) -> Result<Vec<ProjectSummary>, LibraryError> {
    let mut projects = Vec::new();
    for entry in fs::read_dir(dir).map_err(LibraryError::at(dir))? {
        let file = entry.map_err(LibraryError::at(dir))?.file_name();
        let found = file_type(&dir.join(&file))?;
        if let Some((name, layout)) = recognise(&file, found) {
            projects.extend(summary(&dir.join(&file), name, layout, limits));
        }
    }
    projects.sort_unstable_by(|a, b| (&a.name, a.layout).cmp(&(&b.name, b.layout)));
    for at in 1..projects.len() {
        if projects[at].name == projects[at - 1].name {
            let sentence = "the bundle of the same name is used instead";
            projects[at].problem.get_or_insert_with(|| sentence.to_owned());
        }
    }
    Ok(projects)
}

/// Returns the name and layout of a file or folder that can be a project. Other files are ignored.
fn recognise(file: &OsStr, file_type: FileType) -> Option<(String, Layout)> {
    let name = file.to_string_lossy();
    if name.starts_with('.') {
        return None;
    }
    let bundle = name.strip_suffix(BUNDLE_ENDING).map(|name| (name.to_owned(), Layout::Bundle));
    let folder = (name.to_string(), Layout::Folder);
    match file_type {
        FileType::Folder => Some(folder),
        FileType::File | FileType::Special => bundle,
        // Links are not followed, so only the name determines the layout.
        FileType::Link => Some(bundle.unwrap_or(folder)),
        FileType::Missing => None,
    }
}

/// Returns the summary of one project, or `None` if it was removed meanwhile.
fn summary(path: &Path, name: String, layout: Layout, limits: Limits) -> Option<ProjectSummary> {
    let named = name.parse::<ProjectName>();
    let opened = match layout {
        Layout::Bundle => Project::open_bundle(path, limits),
        Layout::Folder => Project::open_folder(path, limits),
    };
    let mut summary = match opened {
        Ok(project) => project.summary(),
        Err(LibraryError::File { problem: FileProblem::Changed, .. }) if !path.exists() => {
            return None;
        }
        Err(error) => {
            let bytes = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
            let bytes = bytes.map_or(0, |metadata| metadata.len());
            ProjectSummary::broken(name, layout, bytes, chain(&error))
        }
    };
    if let Err(error) = named {
        summary.problem = Some(error.to_string());
    }
    Some(summary)
}
