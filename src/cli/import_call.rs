//! Sends what is to be imported to a place, and asks it to import, or to say what an import would
//! do.

use std::{fs::File, io::Seek, path::Path};

use anyhow::Context;
use serde_json::json;

use super::{
    input::Input,
    interrupt::{self, Cleanup, Guard},
    progress::Progress,
    target::{Answer, Client, JobWords, RequestRefused, Upload},
};
use crate::{http::paths, migration::ProjectName, model::FILE_NAME_CHARACTERS_MAX};

/// What is asked of an import.
pub(super) struct ImportOptions<'a> {
    pub types: Vec<&'static str>,
    pub replacing: ReplaceScope,
    /// Whether what is replaced may be replaced by nothing.
    pub allow_empty: bool,
    pub dry_run: bool,
    pub skip_errors: bool,
    /// What the rows of a table are.
    pub table: Option<&'a str>,
}

/// Which of its types an import empties in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplaceScope {
    Nothing,
    /// The types that have a document or a sheet.
    PresentTypes,
    /// All types.
    AllTypes,
}

impl ReplaceScope {
    /// Whether records can be removed because they are not in the project.
    pub fn removes(self) -> bool {
        self != ReplaceScope::Nothing
    }

    /// Whether types without a document or a sheet keep their records.
    fn keeps_absent(self) -> bool {
        self == ReplaceScope::PresentTypes
    }
}

/// The name of a project that lends itself to nothing better.
const UNNAMED: &str = "import";

/// Imports, and gives the report, whatever it says.
///
/// # Errors
/// There is no report: it cannot be sent, or is no project and no workbook.
pub(super) fn import(
    client: &Client,
    from: &Input,
    wish: &ImportOptions<'_>,
    progress: &Progress,
) -> anyhow::Result<Answer> {
    send(client, from, wish, progress, |import| import(wish.dry_run))
}

/// Finds out what an import would do, asks for consent to it, and imports. Gives no answer when
/// the consent is refused: nothing is changed then.
///
/// # Errors
/// As [`import`], and what `consent` fails with.
pub(super) fn import_with_consent(
    client: &Client,
    from: &Input,
    wish: &ImportOptions<'_>,
    consent: impl FnOnce(&Answer) -> anyhow::Result<bool>,
    progress: &Progress,
) -> anyhow::Result<Option<Answer>> {
    send(client, from, wish, progress, |import| {
        let preview = import(true)?;
        if consent(&preview)? { import(false).map(Some) } else { Ok(None) }
    })
}

/// Imports what was sent; as a dry run or not.
type ImportSent<'a> = dyn FnMut(bool) -> anyhow::Result<Answer> + 'a;

/// Sends what is to be imported, and lets `run` import it, as often as it likes.
fn send<T>(
    client: &Client,
    from: &Input,
    wish: &ImportOptions<'_>,
    progress: &Progress,
    run: impl FnOnce(&mut ImportSent<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    match from {
        Input::LibraryProject(name) => {
            run(&mut |dry_run| project(client, name.as_str(), wish, dry_run, progress))
        }
        Input::Bundle(input) | Input::Folder(input) => {
            send_bundle(client, input.path(), input.held()?, wish, progress, run)
        }
        Input::Workbook { input, media_type } => {
            let file = input.held()?;
            run(&mut |dry_run| workbook(client, file, media_type, wish, dry_run, progress))
        }
    }
}

/// Sends a workbook and imports it.
fn workbook(
    client: &Client,
    mut file: &File,
    media_type: &str,
    wish: &ImportOptions<'_>,
    dry_run: bool,
    progress: &Progress,
) -> anyhow::Result<Answer> {
    // It may have been sent before, for a preview.
    file.rewind().context("The workbook cannot be read")?;
    let on_error = if wish.skip_errors { "skip" } else { "fail" };
    let table = wish.table.map(|kind| format!("&kind={kind}")).unwrap_or_default();
    let path = format!(
        "{}?replace={}&keep_absent_types={}&allow_empty={}&dry_run={dry_run}\
         &on_error={on_error}{table}",
        paths::IMPORT_TOPOLOGY.pattern(),
        wish.replacing.removes(),
        wish.replacing.keeps_absent(),
        wish.allow_empty,
    );
    let upload = Upload { file, media_type, label: "sending", replace: true };
    client.post_file_as_job(&path, &upload, words(dry_run), progress)
}

/// Uploads a bundle to the project library, lets `run` import it from there, and removes it again.
fn send_bundle<T>(
    client: &Client,
    path: &Path,
    mut file: &File,
    wish: &ImportOptions<'_>,
    progress: &Progress,
    run: impl FnOnce(&mut ImportSent<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut name = name_of(path);
    let mut upload = |name: &str| {
        file.rewind().context("The bundle cannot be read")?;
        let upload =
            Upload { file, media_type: "application/zip", label: "sending", replace: false };
        client.put(&place_of(name), &upload, progress)
    };
    let deferred = interrupt::defer("Left at once: nothing was changed.".to_owned());
    let put = match upload(&name) {
        // Nobody's project is replaced for it.
        Err(error) if is_taken(&error) => {
            name = other_name(&name)?;
            upload(&name)
        }
        put => put,
    };
    drop(deferred);
    put.with_context(|| format!("{} cannot be taken", path.display()))?;
    let guard = remove_when_cut_short(client, &name);
    let answer = run(&mut |dry_run| project(client, &name, wish, dry_run, progress));
    let removed = client.delete(&place_of(&name));
    drop(guard);
    if let Err(error) = removed {
        progress.warn(&format!("the project “{name}” is left in the project library: {error:#}"));
    }
    answer
}

fn is_taken(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<RequestRefused>()
        .is_some_and(|refused| matches!(refused.status, 409 | 412))
}

fn remove_when_cut_short(client: &Client, name: &str) -> Guard {
    let (client, path) = (client.clone(), place_of(name));
    interrupt::guard(Cleanup::AtServer, move || drop(client.delete(&path)))
}

fn place_of(name: &str) -> String {
    paths::PROJECT.path([name])
}

/// Imports a project from the project library.
fn project(
    client: &Client,
    name: &str,
    wish: &ImportOptions<'_>,
    dry_run: bool,
    progress: &Progress,
) -> anyhow::Result<Answer> {
    let body = json!({
        "name": name,
        "import_export_types": wish.types,
        "empty_database_before_import": wish.replacing.removes(),
        "keep_absent_types": wish.replacing.keeps_absent(),
        "allow_empty": wish.allow_empty,
        "dry_run": dry_run,
        "on_error": if wish.skip_errors { "skip" } else { "fail" },
    });
    client.post_as_job(paths::IMPORT_PROJECT.pattern(), &body, words(dry_run), progress)
}

fn words(dry_run: bool) -> JobWords {
    if dry_run {
        JobWords { doing: "comparing", noun: "dry run" }
    } else {
        JobWords { doing: "importing", noun: "import" }
    }
}

/// The name of a bundle or folder in the project library: its own, as far as it can be one.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    let name: String = stem
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if belongs(c) { c } else { '_' })
        // Room for what tells it from another.
        .take(FILE_NAME_CHARACTERS_MAX / 2)
        .collect();
    match name.parse::<ProjectName>() {
        Ok(name) => name.to_string(),
        Err(_) => UNNAMED.to_owned(),
    }
}

fn other_name(name: &str) -> anyhow::Result<String> {
    let mut random = [0; 4];
    crate::disk::fill_random(&mut random).context("The system gives no random numbers")?;
    Ok(format!("{name}-{:08x}", u32::from_le_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_name_for_the_library() {
        for (path, name) in [
            ("x/a b.zip", "a b"),
            ("x/Gerät 1%.zip", "Ger_t 1_"),
            (".hidden", "import"),
            ("v1.2.zip", "v1.2"),
        ] {
            assert_eq!(name_of(Path::new(path)), name, "{path}");
            other_name(name).unwrap().parse::<ProjectName>().unwrap();
        }
        assert_eq!(name_of(Path::new(&format!("{}.zip", "x".repeat(300)))).len(), 64);
    }
}
