//! A stand-in with the types that `http` is written against. The real module takes its place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::SystemTime;

use serde::Serialize;

const PROJECT_NAME_BYTES_MAX: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    User,
    Group,
    Device,
    File,
    Link,
    Service,
    Network,
    WorkflowEdge,
    Task,
    Credential,
    Pool,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::User,
        Kind::Group,
        Kind::Device,
        Kind::File,
        Kind::Link,
        Kind::Service,
        Kind::Network,
        Kind::WorkflowEdge,
        Kind::Task,
        Kind::Credential,
        Kind::Pool,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Group => "group",
            Kind::Device => "device",
            Kind::File => "file",
            Kind::Link => "link",
            Kind::Service => "service",
            Kind::Network => "network",
            Kind::WorkflowEdge => "workflow_edge",
            Kind::Task => "task",
            Kind::Credential => "credential",
            Kind::Pool => "pool",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no such kind")]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownKind)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectName(String);

#[derive(Debug, thiserror::Error)]
#[error(
    "a project's name is 1 to 128 letters, digits, spaces, dots, underscores and hyphens, and does not start with a dot"
)]
pub struct NameError;

impl ProjectName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
        let fits = (1..=PROJECT_NAME_BYTES_MAX).contains(&name.len());
        if fits && !name.starts_with('.') && name.chars().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    Included,
    LeftOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyFirst {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    Fail,
    Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Apply,
    DryRun,
}

#[derive(Debug)]
pub struct ExportRequest {
    pub name: ProjectName,
    pub kinds: Vec<Kind>,
    pub secrets: Secrets,
}

#[derive(Debug)]
pub struct ImportRequest {
    pub name: ProjectName,
    pub kinds: Vec<Kind>,
    pub empty: EmptyFirst,
    pub on_error: OnError,
    pub mode: Mode,
}

#[derive(Debug, Serialize)]
pub struct ExportReport {
    pub name: String,
    pub kinds: Vec<Kind>,
    pub download: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    Imported,
    ImportedInPart,
    Rejected,
    DryRun,
}

#[derive(Debug, Serialize)]
pub struct ImportReport {
    pub outcome: ImportOutcome,
    pub errors: Vec<serde_json::Value>,
}

#[derive(Debug, Serialize)]
pub struct ProjectSummary {
    pub name: String,
    pub bytes: u64,
}

pub struct BundleFile {
    pub file: File,
    pub bytes: u64,
    pub sha256_hex: String,
    pub modified: SystemTime,
}

#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("there is no project named “{name}”")]
    NoSuchProject { name: String },
    #[error("there is no report {id:?}")]
    NoSuchReport { id: String },
    #[error("the disk of the appliance is full")]
    DiskFull,
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[derive(Clone)]
pub struct Migration {
    directory: PathBuf,
}

impl Migration {
    pub fn new(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self { directory })
    }

    fn path(&self, name: &ProjectName) -> PathBuf {
        self.directory.join(format!("{}.zip", name.as_str()))
    }

    fn no_such(name: &ProjectName) -> impl Fn(io::Error) -> MigrationError {
        move |error| match error.kind() {
            io::ErrorKind::NotFound => {
                MigrationError::NoSuchProject { name: name.as_str().to_owned() }
            }
            _ => error.into(),
        }
    }

    pub fn export(&self, request: &ExportRequest) -> Result<ExportReport, MigrationError> {
        let words: Vec<_> = request.kinds.iter().map(|kind| kind.as_str()).collect();
        fs::write(self.path(&request.name), format!("{} {words:?}", request.name.as_str()))?;
        Ok(ExportReport {
            name: request.name.as_str().to_owned(),
            kinds: request.kinds.clone(),
            download: format!("/rest/migrate/projects/{}", request.name.as_str()),
        })
    }

    pub fn import(
        &self,
        request: &ImportRequest,
        _caller: &str,
    ) -> Result<ImportReport, MigrationError> {
        self.open(&request.name)?;
        let outcome = match request.mode {
            Mode::Apply => ImportOutcome::Imported,
            Mode::DryRun => ImportOutcome::DryRun,
        };
        Ok(ImportReport { outcome, errors: Vec::new() })
    }

    pub fn projects(&self) -> Result<Vec<ProjectSummary>, MigrationError> {
        fs::read_dir(&self.directory)?
            .map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().trim_end_matches(".zip").to_owned();
                Ok(ProjectSummary { name, bytes: entry.metadata()?.len() })
            })
            .filter(|summary| summary.as_ref().is_ok_and(|summary| !summary.name.starts_with('.')))
            .collect()
    }

    pub fn open(&self, name: &ProjectName) -> Result<BundleFile, MigrationError> {
        use sha2::{Digest, Sha256};
        let mut file = File::open(self.path(name)).map_err(Self::no_such(name))?;
        let mut hash = Sha256::new();
        let bytes = io::copy(&mut file, &mut hash)?;
        let sha256_hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let modified = file.metadata()?.modified()?;
        Ok(BundleFile { file, bytes, sha256_hex, modified })
    }

    pub fn upload(&self, name: &ProjectName) -> Result<Upload, MigrationError> {
        let aside = self.directory.join(format!(".{}.upload", name.as_str()));
        let file = File::create(&aside)?;
        Ok(Upload { name: name.clone(), file, aside, path: self.path(name) })
    }

    pub fn remove(&self, name: &ProjectName) -> Result<(), MigrationError> {
        fs::remove_file(self.path(name)).map_err(Self::no_such(name))
    }

    pub fn report(&self, id: &str) -> Result<File, MigrationError> {
        Err(MigrationError::NoSuchReport { id: id.to_owned() })
    }
}

pub struct Upload {
    name: ProjectName,
    file: File,
    aside: PathBuf,
    path: PathBuf,
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Upload {
    pub fn finish(self) -> Result<ProjectSummary, MigrationError> {
        self.file.sync_all()?;
        fs::rename(&self.aside, &self.path)?;
        let bytes = self.file.metadata()?.len();
        Ok(ProjectSummary { name: self.name.as_str().to_owned(), bytes })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.aside);
    }
}
