//! The input of `import`, `diff`, `inspect` and `verify`: a file, a folder or a stored project.

use std::{
    cell::OnceCell,
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    codec::{
        bundle::{BundleError, BundleReader, Limits},
        workbook::{FOREIGN_BYTES, ForeignFile},
    },
    migration::{ProjectName, pack_folder},
};

/// The first bytes of a zip archive: a bundle or an .xlsx workbook.
const ZIP: &[u8] = b"PK";

/// The first bytes of an OLE2 file: an .xls workbook.
const OLE2: &[u8] = b"\xD0\xCF\x11\xE0";

/// A source of records.
#[derive(Debug)]
pub(super) enum Input {
    Bundle(InputFile),
    /// A project folder, as eNMS writes it.
    Folder(InputFile),
    Workbook {
        input: InputFile,
        media_type: &'static str,
    },
    /// A project in the target's project library.
    LibraryProject(ProjectName),
}

impl Input {
    /// Finds the input that an argument names. A file or folder is recognised by its content. Any
    /// other name is a project in the project library.
    ///
    /// # Errors
    /// An error if there is no such file and the argument is not a project name, or if the file has
    /// another format.
    pub(super) fn find(argument: &OsStr) -> anyhow::Result<Self> {
        let path = Path::new(argument);
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Ok(Input::Folder(InputFile::new(path))),
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => bail!("{} is neither a file nor a folder", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let name = argument.to_str().and_then(|name| name.parse().ok());
                return match name {
                    Some(name) if !has_file_extension(path) => Ok(Input::LibraryProject(name)),
                    Some(_) | None => bail!("There is no file or folder {}", path.display()),
                };
            }
            Err(error) => {
                return Err(error).context(format!("Cannot access {}", path.display()));
            }
        }
        let mut first = [0; FOREIGN_BYTES];
        let mut file = open(path)?;
        let read = file.read(&mut first).with_context(|| unreadable(path))?;
        let first = &first[..read];
        match media_type(path) {
            Some(media_type) => Ok(Input::Workbook { input: InputFile::new(path), media_type }),
            None if first.starts_with(OLE2) => {
                Ok(Input::Workbook { input: InputFile::new(path), media_type: XLS })
            }
            None if first.starts_with(ZIP) => match BundleReader::open(file, Limits::default()) {
                // A `.zip` without metadata is reported as an incomplete project.
                Err(BundleError::MetadataMissing { .. }) if !is_zip(path) => {
                    Ok(Input::Workbook { input: InputFile::new(path), media_type: XLSX })
                }
                // Errors in a bundle are reported when it is read.
                Ok(_) | Err(_) => Ok(Input::Bundle(InputFile::new(path))),
            },
            None => match ForeignFile::of(first) {
                Some(ForeignFile::Text) | None if is_document(path) => {
                    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                    let folder = folder.unwrap_or(Path::new("."));
                    bail!(
                        "{} is one document of a project. Import its folder: satchel import {}",
                        path.display(),
                        folder.display()
                    )
                }
                Some(ForeignFile::Text) | None => bail!(
                    "{} is not a bundle, workbook or project folder (the name of a CSV table must end in \
                     .csv)",
                    path.display()
                ),
                Some(format) => bail!("{}: {format}", path.display()),
            },
        }
    }
}

/// A file or folder, which is opened as the user who runs the command.
#[derive(Debug)]
pub(super) struct InputFile {
    path: PathBuf,
    /// The open file; for a folder, the bundle with its documents.
    opened: OnceCell<File>,
}

impl InputFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), opened: OnceCell::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the open file, or a bundle of the folder. The first call opens it.
    ///
    /// # Errors
    /// The file or folder cannot be read.
    pub(super) fn file(&self) -> anyhow::Result<&File> {
        if let Some(file) = self.opened.get() {
            return Ok(file);
        }
        let file = if self.path.is_dir() {
            let packed = tempfile::tempfile().context("Cannot create a temporary file")?;
            pack_folder(&self.path, packed)
                .with_context(|| format!("Cannot read the folder {}", self.path.display()))?
        } else {
            open(&self.path)?
        };
        Ok(self.opened.get_or_init(|| file))
    }
}

impl Input {
    /// Opens the file. It must be called before root switches to the owner of a data directory, because
    /// the owner might have no permission to read the file.
    ///
    /// # Errors
    /// The file or folder cannot be read.
    pub(super) fn open(&self) -> anyhow::Result<()> {
        match self {
            Input::Bundle(input) | Input::Folder(input) | Input::Workbook { input, .. } => {
                input.file().map(drop)
            }
            Input::LibraryProject(_) => Ok(()),
        }
    }
}

const XLS: &str = "application/vnd.ms-excel";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const XLSB: &str = "application/vnd.ms-excel.sheet.binary.macroenabled.12";
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";
pub(super) const CSV: &str = "text/csv";

/// Returns whether the extension belongs to a bundle or workbook. `v1.2` is a project name.
fn has_file_extension(path: &Path) -> bool {
    is_zip(path) || media_type(path).is_some()
}

/// Returns whether the name is that of a document of a project, or its metadata.
fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
}

fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

/// The media type of a workbook, by its extension. `None` for other extensions.
fn media_type(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "xls" => Some(XLS),
        "xlsx" | "xlsm" => Some(XLSX),
        "xlsb" => Some(XLSB),
        "ods" => Some(ODS),
        "csv" => Some(CSV),
        _ => None,
    }
}

/// Opens a file for reading.
///
/// # Errors
/// The file cannot be opened.
pub(super) fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| unreadable(path))
}

fn unreadable(path: &Path) -> String {
    format!("Cannot read {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_of_a_file_follows_from_its_bytes_and_extension() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            Input::find(path.as_os_str())
        };
        assert!(matches!(of("a", b"PK\x03\x04").unwrap(), Input::Bundle(_)));
        assert!(matches!(of("b.XLSX", b"PK\x03\x04").unwrap(), Input::Workbook { .. }));
        assert!(matches!(of("c", OLE2).unwrap(), Input::Workbook { media_type: XLS, .. }));
        assert!(matches!(of("d.csv", b"name").unwrap(), Input::Workbook { media_type: CSV, .. }));
        assert!(of("é>b", b"name").is_err());
        let document = of("device.yaml", b"- name: R 1%\n").unwrap_err().to_string();
        let folder_shown = folder.path().display().to_string();
        assert!(document.ends_with(&format!("satchel import {folder_shown}")), "{document}");
        for (name, first) in
            [("a.fods", &b"<?xml?><office:document x"[..]), ("a.tgz", b"\x1F\x8B\x08")]
        {
            let error = of(name, first).unwrap_err().to_string();
            assert!(error.contains("this is a flat") || error.contains("gzip"), "{error}");
        }
        let find = |word: &str| Input::find(OsStr::new(word));
        assert!(matches!(find(folder.path().to_str().unwrap()).unwrap(), Input::Folder(_)));
        for word in ["no such project", "v1.2"] {
            assert!(matches!(find(word).unwrap(), Input::LibraryProject(_)), "{word}");
        }
        for word in ["nothing/here", "nothing.zip", "nothing.XLS", "..x"] {
            assert!(find(word).is_err(), "{word}");
        }
    }
}
