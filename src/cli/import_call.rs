//! The REST calls of an import: uploads the input and runs the import, or its dry run.

use std::{fs::File, io::Seek, path::Path};

use anyhow::Context;
use serde_json::json;

use super::{
    input::Input,
    interrupt::{self, Cleanup, CleanupGuard},
    progress::Progress,
    reading::ReadArgs,
    target::{ApiResponse, Client, JobWords, RequestRefused, Upload},
};
use crate::{http::paths, migration::ProjectName, model::FILE_NAME_CHARACTERS_MAX};

/// The options of an import.
pub(super) struct ImportOptions<'a> {
    pub types: Vec<&'static str>,
    pub replace: ReplaceScope,
    /// True if an empty document is allowed to remove all records of its type.
    pub allow_empty: bool,
    pub dry_run: bool,
    pub skip_errors: bool,
    /// The options to read a workbook or table.
    pub reading: &'a ReadArgs,
}

/// The types whose existing records are removed if they are not in the project or workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplaceScope {
    None,
    /// Types with a document or sheet.
    PresentTypes,
    /// All types.
    AllTypes,
}

impl ReplaceScope {
    /// The scope that `--replace` and `--replace-all` select. clap refuses both together.
    pub(super) fn of_flags(replace: bool, replace_all: bool) -> Self {
        if replace_all {
            ReplaceScope::AllTypes
        } else if replace {
            ReplaceScope::PresentTypes
        } else {
            ReplaceScope::None
        }
    }

    /// Returns whether the import can remove records.
    pub(super) fn can_remove(self) -> bool {
        self != ReplaceScope::None
    }

    /// Returns whether types without a document or sheet keep their records.
    fn keeps_absent_types(self) -> bool {
        self == ReplaceScope::PresentTypes
    }
}

/// The project name for a file whose own name cannot be one.
const DEFAULT_NAME: &str = "import";

/// Imports, or runs a dry run. Returns the report, also of a rejected import.
///
/// # Errors
/// An error if the upload fails, or the input is not a project or workbook. A rejected import is not
/// an error; it returns its report.
pub(super) fn import(
    client: &Client,
    from: &Input,
    options: &ImportOptions<'_>,
    progress: &Progress,
) -> anyhow::Result<ApiResponse> {
    upload(client, from, options, progress, |import| import(options.dry_run))
}

/// Previews an import, asks for confirmation and imports. Returns `None` if the user did not
/// confirm. Nothing is changed then.
///
/// # Errors
/// As [`import`], and the errors of `confirm`.
pub(super) fn import_after_confirmation(
    client: &Client,
    from: &Input,
    options: &ImportOptions<'_>,
    confirm: impl FnOnce(&ApiResponse) -> anyhow::Result<bool>,
    progress: &Progress,
) -> anyhow::Result<Option<ApiResponse>> {
    upload(client, from, options, progress, |import| {
        let preview = import(true)?;
        if confirm(&preview)? { import(false).map(Some) } else { Ok(None) }
    })
}

/// Imports the uploaded input. The argument is true for a dry run.
type ImportUploaded<'a> = dyn FnMut(bool) -> anyhow::Result<ApiResponse> + 'a;

/// Uploads the input and calls `run`, which can import it several times.
fn upload<T>(
    client: &Client,
    from: &Input,
    options: &ImportOptions<'_>,
    progress: &Progress,
    run: impl FnOnce(&mut ImportUploaded<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    match from {
        Input::LibraryProject(name) => {
            run(&mut |dry_run| project(client, name.as_str(), options, dry_run, progress))
        }
        Input::Bundle(input) | Input::Folder(input) => {
            upload_bundle(client, input.path(), input.file()?, options, progress, run)
        }
        Input::Workbook { input, media_type } => {
            let file = input.file()?;
            run(&mut |dry_run| workbook(client, file, media_type, options, dry_run, progress))
        }
    }
}

/// Uploads and imports a workbook.
fn workbook(
    client: &Client,
    mut file: &File,
    media_type: &str,
    options: &ImportOptions<'_>,
    dry_run: bool,
    progress: &Progress,
) -> anyhow::Result<ApiResponse> {
    // The preview might already have read the file.
    file.rewind().context("Cannot read the workbook")?;
    let on_error = if options.skip_errors { "skip" } else { "fail" };
    let path = format!(
        "{}?replace={}&keep_absent_types={}&allow_empty={}&dry_run={dry_run}\
         &on_error={on_error}{}",
        paths::IMPORT_TOPOLOGY.pattern(),
        options.replace.can_remove(),
        options.replace.keeps_absent_types(),
        options.allow_empty,
        options.reading.parameters()?,
    );
    let upload = Upload { file, media_type, label: "uploading", replace: true };
    client.post_file_as_job(&path, &upload, job_words(dry_run), progress)
}

/// Uploads a bundle to the project library, lets `run` import it from there, and removes it again.
fn upload_bundle<T>(
    client: &Client,
    path: &Path,
    mut file: &File,
    options: &ImportOptions<'_>,
    progress: &Progress,
    run: impl FnOnce(&mut ImportUploaded<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut name = name_of(path);
    let mut upload = |name: &str| {
        file.rewind().context("Cannot read the bundle")?;
        let upload =
            Upload { file, media_type: "application/zip", label: "uploading", replace: false };
        client.put(&project_path(name), &upload, progress)
    };
    let deferred = interrupt::defer("Stopped. Nothing was changed.".to_owned());
    let put = match upload(&name) {
        // A stored project of the same name must not be replaced.
        Err(error) if is_name_taken(&error) => {
            name = unique_name(&name)?;
            upload(&name)
        }
        put => put,
    };
    drop(deferred);
    put.with_context(|| format!("Cannot upload {}", path.display()))?;
    let guard = remove_if_interrupted(client, &name);
    let response = run(&mut |dry_run| project(client, &name, options, dry_run, progress));
    let removed = client.delete(&project_path(&name)).map(drop);
    drop(guard);
    if let Err(error) = removed {
        progress.warn(&format!(
            "the project “{name}” could not be removed from the project library: {error:#}"
        ));
    }
    response
}

fn is_name_taken(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<RequestRefused>()
        .is_some_and(|refused| matches!(refused.status, 409 | 412))
}

fn remove_if_interrupted(client: &Client, name: &str) -> CleanupGuard {
    let (client, path) = (client.clone(), project_path(name));
    interrupt::clean_up_on_signal(Cleanup::Server, move || drop(client.delete(&path)))
}

fn project_path(name: &str) -> String {
    paths::PROJECT.path([name])
}

/// Imports a project of the project library.
fn project(
    client: &Client,
    name: &str,
    options: &ImportOptions<'_>,
    dry_run: bool,
    progress: &Progress,
) -> anyhow::Result<ApiResponse> {
    let body = json!({
        "name": name,
        "import_export_types": options.types,
        "empty_database_before_import": options.replace.can_remove(),
        "keep_absent_types": options.replace.keeps_absent_types(),
        "allow_empty": options.allow_empty,
        "dry_run": dry_run,
        "on_error": if options.skip_errors { "skip" } else { "fail" },
    });
    client.post_as_job(paths::IMPORT_PROJECT.pattern(), &body, job_words(dry_run), progress)
}

fn job_words(dry_run: bool) -> JobWords {
    if dry_run {
        JobWords { doing: "comparing", noun: "dry run" }
    } else {
        JobWords { doing: "importing", noun: "import" }
    }
}

/// The project name for a bundle or folder: its file name, with `_` for invalid characters.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
    let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    let name: String = stem
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if is_valid(c) { c } else { '_' })
        // Leaves room for a suffix that makes the name unique.
        .take(FILE_NAME_CHARACTERS_MAX / 2)
        .collect();
    match name.parse::<ProjectName>() {
        Ok(name) => name.to_string(),
        Err(_) => DEFAULT_NAME.to_owned(),
    }
}

/// The name with a random suffix.
fn unique_name(name: &str) -> anyhow::Result<String> {
    let mut random = [0; 4];
    crate::disk::fill_random(&mut random).context("The system provides no random numbers")?;
    Ok(format!("{name}-{:08x}", u32::from_le_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_project_name() {
        for (path, name) in [
            ("x/a b.zip", "a b"),
            ("x/Gerät 1%.zip", "Ger_t 1_"),
            (".hidden", "import"),
            ("v1.2.zip", "v1.2"),
        ] {
            assert_eq!(name_of(Path::new(path)), name, "{path}");
            unique_name(name).unwrap().parse::<ProjectName>().unwrap();
        }
        assert_eq!(name_of(Path::new(&format!("{}.zip", "x".repeat(300)))).len(), 64);
    }
}
