//! Recovery from a stored project: imports it into an empty inventory in the scratch folder, whose
//! database then replaces the damaged one.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;

use crate::{
    access::FIRST_USER_NAME,
    job::Progress,
    migration::{ImportReport, ImportRequest, Migration, ProjectName, ProjectSummary},
    model::Kind,
    store::{CreateDirectory, Options, Origin, Recovery, Store},
};

/// An empty inventory beside the damaged one, with the same key and the same project library.
pub(super) struct Scratch {
    store: Arc<Store>,
    migration: Migration,
}

impl Scratch {
    /// Creates the inventory.
    ///
    /// # Errors
    /// The key is missing, or a file cannot be written.
    pub(super) fn make(recovery: &Recovery, options: Options) -> anyhow::Result<Self> {
        let directory = recovery.directory();
        let path = directory.scratch().join("recover");
        let what = || format!("Cannot create the scratch folder {}", path.display());
        if path.exists() {
            fs::remove_dir_all(&path).with_context(what)?;
        }
        fs::create_dir(&path).with_context(what)?;
        // A key outside of the data directory is that of the scratch folder too.
        if options.key_file.is_none() {
            let key = directory.path().join("key");
            fs::copy(&key, path.join("key"))
                .with_context(|| format!("Cannot copy the key {}", key.display()))?;
        }
        let library = std::path::absolute(directory.migrations()).with_context(what)?;
        symlink(library, path.join("migrations")).with_context(what)?;
        let options = Options { create: CreateDirectory::IfMissing, ..options };
        let store = Arc::new(Store::open_with(&path, options)?);
        let migration = Migration::new(store.clone())?;
        Ok(Self { store, migration })
    }

    /// Imports every document of a project.
    ///
    /// # Errors
    /// The project is missing or damaged, or a record is rejected.
    pub(super) fn import(&self, name: &ProjectName) -> anyhow::Result<ImportReport> {
        let listed = self.migration.projects()?;
        let project = listed.iter().find(|project| project.name == name.as_str());
        let project = project
            .with_context(|| format!("There is no project “{name}” in the project library"))?;
        let has = |kind: &Kind| project.documents[*kind].is_some();
        let kinds = Kind::ALL.into_iter().filter(has).collect();
        let request = ImportRequest::new(name.clone(), kinds);
        let origin = Origin::of_user(FIRST_USER_NAME, "recover");
        Ok(self.migration.import(&request, &origin, &Progress::detached())?)
    }

    /// Closes the inventory. Returns its data directory.
    ///
    /// # Errors
    /// [`StoreError`](crate::store::StoreError) if the inventory cannot be made durable.
    pub(super) fn close(self) -> anyhow::Result<PathBuf> {
        let path = self.store.directory().path().to_owned();
        self.store.flush()?;
        Ok(path)
    }
}

/// The projects of a library that can be imported, the newest first.
///
/// # Errors
/// The folder cannot be read.
pub(in crate::cli) fn projects(library: &Path) -> anyhow::Result<Vec<ProjectSummary>> {
    let mut projects = Migration::projects_in(library)?;
    projects.retain(|project| project.problem.is_none());
    projects.sort_by(|a, b| b.export_time.cmp(&a.export_time));
    Ok(projects)
}
