//! The settings of backups.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::backup::BackupFolder;

/// The settings `backup_…`.
#[derive(Args, Clone, Debug)]
pub struct BackupConfig {
    /// Folder in which backups are stored, outside of the data directory and best on another disk. It must
    /// exist [default: backups in the data directory]
    #[arg(long, env = "SATCHEL_BACKUP_DIR", value_name = "DIR", help_heading = "Backups",
          value_parser = BackupDir::parse)]
    backup_dir: Option<BackupDir>,
}

impl BackupConfig {
    /// The folder of stored backups.
    pub fn folder(&self) -> BackupFolder {
        match &self.backup_dir {
            Some(BackupDir(path)) => BackupFolder::At(path.clone()),
            None => BackupFolder::InData,
        }
    }
}

/// The value of the setting `backup_dir`: an absolute path.
#[derive(Clone, Debug)]
pub struct BackupDir(PathBuf);

impl BackupDir {
    /// Parses the value of the setting.
    ///
    /// # Errors
    /// A message if the path is not absolute.
    pub fn parse(text: &str) -> Result<Self, String> {
        absolute_path(text).map(Self)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Parses an absolute path: the directory in which a service starts is not that of a command.
fn absolute_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if !path.is_absolute() {
        return Err("expected an absolute path, which begins with “/”".to_owned());
    }
    Ok(path)
}
