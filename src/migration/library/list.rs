//! The list of projects.

use std::{ffi::OsStr, fs, path::Path};

use super::{
    super::ProjectName, BUNDLE_ENDING, FileProblem, Layout, LibraryError, Project, ProjectSummary,
    Sort,
};
use crate::{codec::bundle::Limits, wording::chain};

/// All projects in a folder, by name, a bundle before the folder that it hides.
pub(super) fn projects(dir: &Path, limits: Limits) -> Result<Vec<ProjectSummary>, LibraryError> {
    let mut projects = Vec::new();
    for entry in fs::read_dir(dir)? {
        let file = entry?.file_name();
        let sort = super::sort(&dir.join(&file))?;
        if let Some((name, layout)) = recognise(&file, sort) {
            projects.extend(summary(&dir.join(&file), name, layout, limits));
        }
    }
    projects.sort_unstable_by(|a, b| (&a.name, a.layout).cmp(&(&b.name, b.layout)));
    for at in 1..projects.len() {
        if projects[at].name == projects[at - 1].name {
            let sentence = "the bundle of the same name is used in its place";
            projects[at].problem.get_or_insert_with(|| sentence.to_owned());
        }
    }
    Ok(projects)
}

/// The name and layout of what could be a project. Other files are somebody's notes.
fn recognise(file: &OsStr, sort: Sort) -> Option<(String, Layout)> {
    let name = file.to_string_lossy();
    if name.starts_with('.') {
        return None;
    }
    let bundle = name.strip_suffix(BUNDLE_ENDING).map(|name| (name.to_owned(), Layout::Bundle));
    let folder = (name.to_string(), Layout::Folder);
    match sort {
        Sort::Folder => Some(folder),
        Sort::File | Sort::Special => bundle,
        // What it leads to is not looked at; by its name it may be either.
        Sort::Link => Some(bundle.unwrap_or(folder)),
        Sort::Missing => None,
    }
}

/// The summary of one project; nothing where it went away meanwhile.
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
