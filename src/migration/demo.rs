//! The sample inventory of `satchel serve --demo`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{ImportReport, ImportRequest, Migration, MigrationError, ProjectName};
use crate::{
    disk::sync_directory, import::ImportOutcome, job::Progress, model::Kind, store::Origin,
};

/// The name of the sample project in the project library.
const NAME: &str = "demo";

/// The files of the sample project, as eNMS writes them.
const FILES: [(&str, &str); 12] = [
    ("credential.yaml", include_str!("../../assets/demo/credential.yaml")),
    ("device.yaml", include_str!("../../assets/demo/device.yaml")),
    ("file.yaml", include_str!("../../assets/demo/file.yaml")),
    ("group.yaml", include_str!("../../assets/demo/group.yaml")),
    ("link.yaml", include_str!("../../assets/demo/link.yaml")),
    ("metadata.yaml", include_str!("../../assets/demo/metadata.yaml")),
    ("network.yaml", include_str!("../../assets/demo/network.yaml")),
    ("pool.yaml", include_str!("../../assets/demo/pool.yaml")),
    ("service.yaml", include_str!("../../assets/demo/service.yaml")),
    ("task.yaml", include_str!("../../assets/demo/task.yaml")),
    ("user.yaml", include_str!("../../assets/demo/user.yaml")),
    ("workflow_edge.yaml", include_str!("../../assets/demo/workflow_edge.yaml")),
];

/// The outcome of [`Migration::demo`].
#[derive(Debug)]
pub enum Demo {
    /// The sample project was imported, with this report.
    Imported(Box<ImportReport>),
    /// The inventory has records already and was not changed.
    NotEmpty,
}

impl Migration {
    /// Writes the sample project to the project library and imports it, if
    /// the inventory has no records except users.
    ///
    /// # Errors
    /// As [`Migration::import`]; and [`MigrationError::Sample`] if the project cannot be written.
    /// Nothing was imported.
    pub fn demo(&self, origin: &Origin) -> Result<Demo, MigrationError> {
        let summary = self.0.store.read().summary()?;
        if summary.records() > summary.kind(Kind::User).count {
            return Ok(Demo::NotEmpty);
        }
        let name: ProjectName =
            NAME.parse().unwrap_or_else(|error| unreachable!("{NAME} is a name: {error}"));
        write_files(&self.0.store.directory().migrations())?;
        let request = ImportRequest::new(name, Kind::ALL.to_vec());
        let report = self.import(&request, origin, &Progress::detached())?;
        debug_assert_eq!(report.outcome, ImportOutcome::Imported);
        Ok(Demo::Imported(Box::new(report)))
    }
}

/// Writes the sample project's folder, unless a project has its name.
fn write_files(library: &Path) -> Result<(), MigrationError> {
    let folder: PathBuf = library.join(NAME);
    if folder.exists() || library.join(format!("{NAME}.zip")).exists() {
        return Ok(());
    }
    let written = fs::create_dir(&folder).and_then(|()| {
        FILES.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))?;
        sync_directory(&folder)
    });
    written.map_err(|source| MigrationError::Sample { path: folder, source })
}
