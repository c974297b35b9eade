//! Sends what is to be imported to a place, and asks it to import, or to say what an import would
//! do.

use std::{fs::File, path::Path};

use anyhow::Context;
use serde_json::json;

use super::{
    interrupt::{self, Guard},
    place::{Answer, Client, Refused, Upload},
    progress::Progress,
    source::{self, Source},
};
use crate::migration::{PROJECT_NAME_CHARACTERS_MAX, ProjectName, pack_folder};
use crate::store;

/// What is asked of an import.
pub(super) struct Wish<'a> {
    pub types: Vec<&'static str>,
    pub replace: bool,
    /// Whether what is replaced may be replaced by nothing.
    pub allow_empty: bool,
    pub dry_run: bool,
    pub skip_errors: bool,
    /// What the rows of a table are.
    pub table: Option<&'a str>,
}

/// The name of a project that lends itself to nothing better.
const UNNAMED: &str = "import";

/// Imports, and gives the report, whatever it says.
///
/// # Errors
/// There is no report: it cannot be sent, or is no project and no workbook.
pub(super) fn import(
    client: &Client,
    from: &Source,
    wish: &Wish<'_>,
    progress: &Progress,
) -> anyhow::Result<Answer> {
    match from {
        Source::Shelf(name) => project(client, name.as_str(), wish, progress),
        Source::Bundle(path) => {
            let file = source::open(path)?;
            sent(client, path, &file, wish, progress)
        }
        Source::Folder(path) => {
            let packed = tempfile::tempfile().context("No file can be set aside")?;
            let packed = pack_folder(path, packed)
                .with_context(|| format!("The folder {} cannot be read", path.display()))?;
            sent(client, path, &packed, wish, progress)
        }
        Source::Workbook { path, media_type } => {
            let file = source::open(path)?;
            let on_error = if wish.skip_errors { "skip" } else { "fail" };
            let table = wish.table.map(|kind| format!("&kind={kind}")).unwrap_or_default();
            let path = format!(
                "/rest/topology/import?replace={}&allow_empty={}&dry_run={}&on_error={on_error}{table}",
                wish.replace, wish.allow_empty, wish.dry_run
            );
            let upload = Upload { file: &file, media_type, label: "sending", replace: true };
            client.post_file(&path, &upload, progress)
        }
    }
}

/// Sends a bundle to the shelf, imports it from there, and takes it off the shelf again.
fn sent(
    client: &Client,
    path: &Path,
    mut file: &File,
    wish: &Wish<'_>,
    progress: &Progress,
) -> anyhow::Result<Answer> {
    use std::io::Seek;
    let mut name = name_of(path);
    let mut upload = |name: &str| {
        file.rewind().context("The bundle cannot be read")?;
        let upload =
            Upload { file, media_type: "application/zip", label: "sending", replace: false };
        client.put(&place_of(name), &upload, progress)
    };
    let put = match upload(&name) {
        // Nobody's project is replaced for it.
        Err(error) if is_taken(&error) => {
            name = other_name(&name)?;
            upload(&name)
        }
        put => put,
    };
    put.with_context(|| format!("{} cannot be taken", path.display()))?;
    let guard = remove_when_cut_short(client, &name);
    let answer = project(client, &name, wish, progress);
    let removed = client.delete(&place_of(&name));
    drop(guard);
    if let Err(error) = removed {
        progress.warn(&format!("the project “{name}” is left on the shelf: {error:#}"));
    }
    answer
}

fn is_taken(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| matches!(refused.status, 409 | 412))
}

fn remove_when_cut_short(client: &Client, name: &str) -> Guard {
    let (client, path) = (client.clone(), place_of(name));
    interrupt::guard(move || drop(client.delete(&path)))
}

fn place_of(name: &str) -> String {
    format!("/rest/migrate/projects/{}", name.replace(' ', "%20"))
}

/// Imports a project from the shelf.
fn project(
    client: &Client,
    name: &str,
    wish: &Wish<'_>,
    progress: &Progress,
) -> anyhow::Result<Answer> {
    let body = json!({
        "name": name,
        "import_export_types": wish.types,
        "empty_database_before_import": wish.replace,
        "allow_empty": wish.allow_empty,
        "dry_run": wish.dry_run,
        "on_error": if wish.skip_errors { "skip" } else { "fail" },
    });
    let label = if wish.dry_run { "comparing" } else { "importing" };
    client.post("/rest/migrate/import", &body, label, progress)
}

/// The name under which a bundle or folder goes to the shelf: its own, as far as it can be one.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let stem = match path.is_dir() {
        true => path.file_name(),
        false => path.file_stem(),
    };
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    let name: String = stem
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if belongs(c) { c } else { '_' })
        // Room for what tells it from another.
        .take(PROJECT_NAME_CHARACTERS_MAX / 2)
        .collect();
    match name.parse::<ProjectName>() {
        Ok(name) => name.to_string(),
        Err(_) => UNNAMED.to_owned(),
    }
}

fn other_name(name: &str) -> anyhow::Result<String> {
    let mut random = [0; 4];
    store::fill_random(&mut random).context("The system gives no random numbers")?;
    Ok(format!("{name}-{:08x}", u32::from_le_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_name_for_the_shelf() {
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
