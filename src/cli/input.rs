//! What a command is given to import or to look at.

use std::{
    cell::OnceCell,
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    codec::bundle::{BundleError, BundleReader, Limits},
    migration::{ProjectName, pack_folder},
};

/// What the first bytes of a file say.
const ZIP: &[u8] = b"PK";
const OLE2: &[u8] = b"\xD0\xCF\x11\xE0";

/// Where records come from.
#[derive(Debug)]
pub(super) enum Input {
    Bundle(InputFile),
    /// A project's folder, as eNMS writes it.
    Folder(InputFile),
    Workbook {
        input: InputFile,
        media_type: &'static str,
    },
    /// A project in the project library of the target.
    LibraryProject(ProjectName),
}

impl Input {
    /// A file or folder, by what is in it; where there is none, the name of a project in the library.
    ///
    /// # Errors
    /// There is nothing, or nothing that could be imported.
    pub fn parse(word: &OsStr) -> anyhow::Result<Self> {
        let path = Path::new(word);
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Ok(Input::Folder(InputFile::new(path))),
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => bail!("{} is neither a file nor a folder", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let name = word.to_str().and_then(|word| word.parse().ok());
                return match name {
                    Some(name) if !is_of_file(path) => Ok(Input::LibraryProject(name)),
                    Some(_) | None => bail!("There is no file or folder {}", path.display()),
                };
            }
            Err(error) => {
                return Err(error).context(format!("{} cannot be looked at", path.display()));
            }
        }
        let mut first = [0; 4];
        let mut file = open(path)?;
        let read = file.read(&mut first).with_context(|| unreadable(path))?;
        let first = &first[..read];
        let of_workbook = media_type(path);
        match of_workbook {
            Some(media_type) => Ok(Input::Workbook { input: InputFile::new(path), media_type }),
            None if first.starts_with(OLE2) => {
                Ok(Input::Workbook { input: InputFile::new(path), media_type: XLS })
            }
            None if first.starts_with(ZIP) => match BundleReader::open(file, Limits::default()) {
                Err(BundleError::MetadataMissing) => {
                    Ok(Input::Workbook { input: InputFile::new(path), media_type: XLSX })
                }
                // What is wrong with a bundle is said where it is read.
                Ok(_) | Err(_) => Ok(Input::Bundle(InputFile::new(path))),
            },
            None => bail!(
                "{} is neither a bundle, a workbook nor a project's folder (a table must end in \
                 .csv)",
                path.display()
            ),
        }
    }
}

/// A file or folder that is read as the user who runs the command.
#[derive(Debug)]
pub(super) struct InputFile {
    path: PathBuf,
    /// The file; of a folder the bundle that it was packed into.
    held: OnceCell<File>,
}

impl InputFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), held: OnceCell::new() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, or the folder packed into one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn held(&self) -> anyhow::Result<&File> {
        if let Some(file) = self.held.get() {
            return Ok(file);
        }
        let file = if self.path.is_dir() {
            let packed = tempfile::tempfile().context("No file can be set aside")?;
            pack_folder(&self.path, packed)
                .with_context(|| format!("The folder {} cannot be read", self.path.display()))?
        } else {
            open(&self.path)?
        };
        Ok(self.held.get_or_init(|| file))
    }
}

impl Input {
    /// Opens what is to be sent. To be called before root becomes the owner of a data directory,
    /// who may have no permission to read it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn hold(&self) -> anyhow::Result<()> {
        match self {
            Input::Bundle(input) | Input::Folder(input) | Input::Workbook { input, .. } => {
                input.held().map(drop)
            }
            Input::LibraryProject(_) => Ok(()),
        }
    }
}

const XLS: &str = "application/vnd.ms-excel";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const XLSB: &str = "application/vnd.ms-excel.sheet.binary.macroenabled.12";
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";
const CSV: &str = "text/csv";

/// Whether the ending says that a file is meant: `v1.2` is a project's name.
fn is_of_file(path: &Path) -> bool {
    let is_bundle = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    is_bundle || media_type(path).is_some()
}

/// What a workbook is sent as, where its ending tells that it is one.
fn media_type(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "xls" => Some(XLS),
        "xlsx" | "xlsm" => Some(XLSX),
        "xlsb" => Some(XLSB),
        "ods" => Some(ODS),
        "csv" => Some(CSV),
        _ => None,
    }
}

/// Opens a file to read it.
pub(super) fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| unreadable(path))
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_its_bytes_and_its_ending_tell() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            Input::parse(path.as_os_str())
        };
        assert!(matches!(of("a", b"PK\x03\x04").unwrap(), Input::Bundle(_)));
        assert!(matches!(of("b.XLSX", b"PK\x03\x04").unwrap(), Input::Workbook { .. }));
        assert!(matches!(of("c", OLE2).unwrap(), Input::Workbook { media_type: XLS, .. }));
        assert!(matches!(of("d.csv", b"name").unwrap(), Input::Workbook { media_type: CSV, .. }));
        assert!(of("é>b", b"name").is_err());
        let parse = |word: &str| Input::parse(OsStr::new(word));
        assert!(matches!(parse(folder.path().to_str().unwrap()).unwrap(), Input::Folder(_)));
        for word in ["no such project", "v1.2"] {
            assert!(matches!(parse(word).unwrap(), Input::LibraryProject(_)), "{word}");
        }
        for word in ["nothing/here", "nothing.zip", "nothing.XLS", "..x"] {
            assert!(parse(word).is_err(), "{word}");
        }
    }
}
