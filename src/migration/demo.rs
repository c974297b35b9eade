//! The sample inventory, for whoever looks at Satchel for the first time.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{EmptyFirst, ImportReport, ImportRequest, Migration, MigrationError, ProjectName};
use crate::{
    disk::sync_directory,
    import::{EmptyReplacement, ImportOutcome, Mode, OnError},
    job::Progress,
    model::Kind,
};

/// The name of the sample project in the project library.
const NAME: &str = "demo";

/// The sample project's files, as eNMS would write them.
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

/// What became of the wish for a sample inventory.
#[derive(Debug)]
pub enum Demo {
    Imported(Box<ImportReport>),
    /// There is an inventory already, which is not touched.
    NotEmpty,
}

impl Migration {
    /// Puts the sample project in the project library and imports it for the user `caller`, where the
    /// inventory holds nothing but users.
    ///
    /// # Errors
    /// Nothing was imported.
    pub fn demo(&self, caller: &str) -> Result<Demo, MigrationError> {
        let summary = self.0.store.read().summary()?;
        if summary.records() > summary.kind(Kind::User).count {
            return Ok(Demo::NotEmpty);
        }
        let name: ProjectName =
            NAME.parse().unwrap_or_else(|error| unreachable!("{NAME} is a name: {error}"));
        put_down(&self.0.store.directory().migrations())?;
        let request = ImportRequest {
            name,
            kinds: Kind::ALL.to_vec(),
            empty: EmptyFirst::No,
            empty_replacement: EmptyReplacement::Refused,
            on_error: OnError::Fail,
            mode: Mode::Apply,
        };
        let report = self.import(&request, caller, &Progress::detached())?;
        debug_assert_eq!(report.outcome, ImportOutcome::Imported);
        Ok(Demo::Imported(Box::new(report)))
    }
}

/// Writes the folder, unless a project of the name is there.
fn put_down(library: &Path) -> io::Result<()> {
    let folder: PathBuf = library.join(NAME);
    if folder.exists() || library.join(format!("{NAME}.zip")).exists() {
        return Ok(());
    }
    fs::create_dir(&folder)?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    sync_directory(&folder)
}
