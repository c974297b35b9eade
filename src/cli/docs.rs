//! `satchel docs`: the pages inside, on the terminal or as a folder of files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::output::{counted, print};
use crate::docs;
use crate::model::nearest;

pub(super) const EXAMPLES: &str = "\
Examples:
  satchel docs
      lists the pages
  satchel docs backup | less
      reads one
  satchel docs --search 'dry run'
      says where the words stand
  satchel docs --html /media/stick/docs
      writes the pages as files that a browser opens without a server

A running server shows the same pages at /docs/.";

/// Files of the site that only a server fills.
const SERVED_ONLY: [&str; 2] = ["lost.html", "welcome.html"];

/// `satchel docs`
#[derive(Args, Debug)]
pub struct DocsArguments {
    /// The page to print; the list of all where none is named
    #[arg(value_name = "PAGE")]
    page: Option<String>,

    /// Print where these words stand
    #[arg(long, value_name = "WORDS", conflicts_with = "page")]
    search: Option<String>,

    /// Write all pages as HTML to a folder, which is made when it is not there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["page", "search"])]
    html: Option<PathBuf>,
}

/// Does what the arguments say.
pub(super) fn run(arguments: &DocsArguments) -> anyhow::Result<ExitCode> {
    match arguments {
        DocsArguments { html: Some(folder), .. } => write_site(folder)?,
        DocsArguments { search: Some(words), .. } => print(&found(words))?,
        DocsArguments { page: Some(name), .. } => print(&page(name)?)?,
        DocsArguments { page: None, search: None, html: None } => print(&list())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn page(name: &str) -> anyhow::Result<String> {
    let name = name.trim_end_matches(".md");
    if let Some(page) = docs::page(name) {
        return Ok(page.markdown);
    }
    match nearest(name, docs::names()) {
        Some(nearest) => bail!("There is no page “{name}”; was “{nearest}” meant?"),
        None => bail!("There is no page “{name}”; “satchel docs” lists all"),
    }
}

fn list() -> String {
    let width = docs::names().map(str::len).max().unwrap_or_default();
    let mut list = String::new();
    for chapter in &docs::CHAPTERS {
        list += &format!("{}\n", chapter.title);
        for page in chapter.pages.iter().filter_map(|name| docs::page(name)) {
            list += &format!("  {:width$}  {}\n", page.name, page.title());
        }
    }
    list + "\nsatchel docs PAGE prints one, satchel docs --search WORDS finds words in all.\n"
}

fn found(words: &str) -> String {
    let mut found = String::new();
    for hit in docs::search(words) {
        let heading = hit.heading.map_or(hit.title, |(_, heading)| heading);
        found += &format!("{}: {heading}\n    {}\n", hit.page, hit.excerpt);
    }
    if found.is_empty() {
        return format!("Nothing found for “{words}”.\n");
    }
    found
}

fn write_site(folder: &Path) -> anyhow::Result<()> {
    let failed = |path: &Path| format!("{} cannot be written", path.display());
    fs::create_dir_all(folder).with_context(|| failed(folder))?;
    let mut files = 0;
    for name in docs::files().filter(|name| !SERVED_ONLY.contains(&name.as_str())) {
        let Some(file) = docs::file(&name) else { continue };
        let path = folder.join(&name);
        fs::write(&path, file.unpacked()).with_context(|| failed(&path))?;
        files += 1;
    }
    let index = folder.join("index.html");
    print(&format!("{} written; open {}\n", counted(files, "file"), index.display()))
}
