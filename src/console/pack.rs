//! Compresses the files of the web console. This is a part of the build script.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::render::Fallible;

/// The mark in the first page that stands for the folder of the other files.
const FOLDER: &str = "{{folder}}";

/// The first page.
const FRONT_PAGE: &str = "index.html";

/// The types of files that browsers load. Others, such as the list of libraries, are not packed.
const LOADED: [&str; 4] = ["html", "css", "js", "svg"];

/// Compresses the files in `from` into the folder `out`, which is emptied first. Returns the name of
/// the folder in their addresses: a hash of all names and contents.
///
/// # Errors
/// If a file cannot be read or written, or if the first page does not name the folder.
pub(super) fn console(from: &Path, out: &Path) -> Fallible<String> {
    let mut files = BTreeMap::new();
    collect(from, "", &mut files)?;
    let mut hasher = DefaultHasher::new();
    for (path, bytes) in &files {
        hasher.write(path.as_bytes());
        hasher.write_usize(bytes.len());
        hasher.write(bytes);
    }
    let folder = format!("{:016x}", hasher.finish());
    let page = files.remove(FRONT_PAGE).ok_or("assets/console/index.html is missing")?;
    let page = String::from_utf8(page)?;
    if !page.contains(FOLDER) {
        return Err(format!("assets/console/index.html does not contain {FOLDER}").into());
    }
    files.insert(FRONT_PAGE.to_owned(), page.replace(FOLDER, &folder).into_bytes());
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    for (path, bytes) in &files {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes)?;
        let path = out.join(format!("{path}.gz"));
        fs::create_dir_all(path.parent().unwrap_or(out))?;
        fs::write(path, packed.finish()?)?;
    }
    Ok(folder)
}

/// Reads the files in a folder and its subfolders, by their paths in it.
fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Fallible<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| "a file name is not UTF-8")?;
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if name.rsplit_once('.').is_some_and(|(_, end)| LOADED.contains(&end)) {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}
