//! `satchel docs`: prints the built-in documentation, or writes it as a folder of HTML files.

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
      finds the words in all pages
  satchel docs --html /media/stick/docs
      writes the pages as HTML files, which a browser opens without a server

A running server shows the same pages at /docs/.";

/// Pages that need a running server.
const SERVED_ONLY: [&str; 3] = ["lost.html", "setup.html", "welcome.html"];

/// `satchel docs`
#[derive(Args, Debug)]
pub(super) struct DocsArgs {
    /// The page to print; without it, the list of pages
    #[arg(value_name = "PAGE")]
    page: Option<String>,

    /// Find these words in all pages
    #[arg(long, value_name = "WORDS", conflicts_with = "page")]
    search: Option<String>,

    /// Write all pages as HTML to this folder, which is created if it is missing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["page", "search"])]
    html: Option<PathBuf>,
}

/// Prints a page, the list or the hits of a search, or writes the HTML files.
pub(super) fn run(args: &DocsArgs) -> anyhow::Result<ExitCode> {
    match args {
        DocsArgs { html: Some(folder), .. } => write_site(folder)?,
        DocsArgs { search: Some(words), .. } => print(&search(words))?,
        DocsArgs { page: Some(name), .. } => print(&page(name)?)?,
        DocsArgs { page: None, search: None, html: None } => print(&list())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn page(name: &str) -> anyhow::Result<String> {
    let name = name.trim_end_matches(".md");
    if let Some(page) = docs::page(name) {
        return Ok(page.markdown);
    }
    match nearest(name, docs::names()) {
        Some(nearest) => bail!("There is no page “{name}”. Did you mean “{nearest}”?"),
        None => bail!("There is no page “{name}”. `satchel docs` lists all pages"),
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
    list + "\nsatchel docs PAGE prints a page, satchel docs --search WORDS searches all pages.\n"
}

fn search(words: &str) -> String {
    let mut hits = String::new();
    for hit in docs::search(words) {
        let heading = hit.heading.map_or(hit.title, |(_, heading)| heading);
        hits += &format!("{}: {heading}\n    {}\n", hit.page, hit.excerpt);
    }
    if hits.is_empty() {
        return format!("Nothing found for “{words}”.\n");
    }
    hits
}

fn write_site(folder: &Path) -> anyhow::Result<()> {
    let failed = |path: &Path| format!("Cannot write {}", path.display());
    fs::create_dir_all(folder).with_context(|| failed(folder))?;
    let mut files = 0;
    for name in docs::files().filter(|name| !SERVED_ONLY.contains(&name.as_str())) {
        let Some(file) = docs::file(&name) else { continue };
        let path = folder.join(&name);
        fs::write(&path, file.unpacked()).with_context(|| failed(&path))?;
        files += 1;
    }
    let index = folder.join("index.html");
    print(&format!("{} written. Open {}\n", counted(files, "file"), index.display()))
}
