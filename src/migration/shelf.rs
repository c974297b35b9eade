//! PROVISIONAL until the shelf lands.
use crate::{
    codec::bundle::{BundleError, BundleReader, Limits, Metadata},
    model::{Kind, PerKind},
};
use serde::Serialize;
use std::{
    fs::{self, File},
    io::{self, Read, Seek, Write},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::SystemTime,
};

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
impl std::fmt::Display for ProjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for ProjectName {
    type Err = NameError;
    fn from_str(name: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_alphanumeric() || " ._-".contains(c);
        if (1..=128).contains(&name.chars().count())
            && !name.starts_with('.')
            && name.chars().all(allowed)
        {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError)
        }
    }
}
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error("there is no project '{name}'")]
    NotFound { name: String },
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("{0}")]
    Io(#[from] io::Error),
}
#[derive(Clone, Debug, Serialize)]
pub struct ProjectSummary {
    pub name: String,
    pub bytes: u64,
}
pub struct BundleFile {
    pub file: File,
    pub bytes: u64,
    pub etag: String,
    pub modified: SystemTime,
}
#[derive(Clone)]
pub struct Shelf {
    dir: PathBuf,
}
pub struct Project {
    name: ProjectName,
    what: What,
    metadata: Option<Metadata>,
}
enum What {
    Bundle(BundleReader<File>),
    Folder(PathBuf),
}
pub struct NewBundle {
    file: File,
    aside: PathBuf,
    path: PathBuf,
}
pub type Upload = NewBundle;
impl Write for NewBundle {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        self.file.write(b)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
impl Seek for NewBundle {
    fn seek(&mut self, p: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(p)
    }
}
impl NewBundle {
    pub fn commit(self) -> Result<ProjectSummary, ShelfError> {
        self.file.sync_all()?;
        fs::rename(&self.aside, &self.path)?;
        Ok(ProjectSummary { name: String::new(), bytes: self.file.metadata()?.len() })
    }
    pub fn finish(self) -> Result<ProjectSummary, ShelfError> {
        self.commit()
    }
}
impl Shelf {
    pub fn open(dir: PathBuf) -> Result<Self, ShelfError> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }
    fn path(&self, name: &ProjectName) -> PathBuf {
        self.dir.join(format!("{name}.zip"))
    }
    pub fn projects(&self) -> Result<Vec<ProjectSummary>, ShelfError> {
        Ok(vec![])
    }
    pub fn project(&self, name: &ProjectName) -> Result<Project, ShelfError> {
        if let Ok(file) = File::open(self.path(name)) {
            let reader = BundleReader::open(file, Limits::default())?;
            let metadata = Some(reader.metadata().clone());
            return Ok(Project { name: name.clone(), what: What::Bundle(reader), metadata });
        }
        let dir = self.dir.join(name.as_str());
        if !dir.is_dir() {
            return Err(ShelfError::NotFound { name: name.to_string() });
        }
        let metadata = fs::read(dir.join("metadata.yaml"))
            .ok()
            .map(|t| Metadata::parse(&t))
            .transpose()
            .map_err(BundleError::from)?;
        Ok(Project { name: name.clone(), what: What::Folder(dir), metadata })
    }
    pub fn file(&self, name: &ProjectName) -> Result<BundleFile, ShelfError> {
        let file = File::open(self.path(name))
            .map_err(|_| ShelfError::NotFound { name: name.to_string() })?;
        let m = file.metadata()?;
        Ok(BundleFile {
            bytes: m.len(),
            etag: format!("{}", m.len()),
            modified: m.modified()?,
            file,
        })
    }
    pub fn create(&self, name: &ProjectName) -> Result<NewBundle, ShelfError> {
        let aside = self.dir.join(format!(".new-{name}"));
        Ok(NewBundle {
            file: File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&aside)?,
            aside,
            path: self.path(name),
        })
    }
    pub fn upload(&self, name: &ProjectName) -> Result<Upload, ShelfError> {
        self.create(name)
    }
    pub fn remove(&self, name: &ProjectName) -> Result<(), ShelfError> {
        Ok(fs::remove_file(self.path(name))?)
    }
}
impl Project {
    pub fn name(&self) -> &ProjectName {
        &self.name
    }
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
    pub fn ignored(&self) -> Vec<String> {
        vec![]
    }
    pub fn documents(&self) -> PerKind<Option<u64>> {
        match &self.what {
            What::Bundle(b) => {
                let mut d = PerKind::default();
                for (k, n) in b.documents() {
                    d[k] = Some(n);
                }
                d
            }
            What::Folder(dir) => {
                PerKind::new(|k| fs::metadata(dir.join(format!("{k}.yaml"))).ok().map(|m| m.len()))
            }
        }
    }
    pub fn document(&self, kind: Kind) -> Result<Option<Box<dyn Read + Send>>, ShelfError> {
        Ok(match &self.what {
            What::Bundle(b) => b.document(kind).map(|d| Box::new(d) as Box<dyn Read + Send>),
            What::Folder(dir) => match File::open(dir.join(format!("{kind}.yaml"))) {
                Ok(f) => Some(Box::new(f)),
                Err(_) => None,
            },
        })
    }
}
#[allow(dead_code)]
type _Unused = Arc<()>;
