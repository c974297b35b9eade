//! The build script: renders the documentation site, packs the web console, the licences and the OpenAPI
//! description, and tells the executable its commit and target.

#[path = "src/console/pack.rs"]
mod pack_console;
#[expect(unreachable_pub, reason = "the library exports these items")]
#[path = "src/docs/pages.rs"]
mod pages;
#[path = "src/docs/render/mod.rs"]
mod render;

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> render::Fallible<()> {
    pack("licenses.gz", &["LICENSE", "assets/licenses/third-party.txt"])?;
    pack("openapi.json.gz", &["assets/openapi.json"])?;
    let commit = commit().unwrap_or_default();
    println!("cargo::rustc-env=SATCHEL_COMMIT={commit}");
    println!("cargo::rustc-env=SATCHEL_TARGET={}", env::var("TARGET").unwrap_or_default());
    println!("cargo::rerun-if-env-changed=SATCHEL_COMMIT");
    // Once one path is named, Cargo watches only the named ones.
    for path in [
        "build.rs",
        "assets/docs",
        "assets/site",
        "src/docs/pages.rs",
        "src/docs/render",
        "assets/console",
        "src/console/pack.rs",
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let out = env::var("OUT_DIR")?;
    let (root, out) = (Path::new(&root), Path::new(&out));
    let folder = pack_console::console(&root.join("assets/console"), &out.join("console"))?;
    println!("cargo::rustc-env=SATCHEL_CONSOLE_FOLDER={folder}");
    render::site(root, &out.join("site"))
}

/// Writes files into one compressed file, which the executable embeds. An empty line separates them.
fn pack(name: &str, parts: &[&str]) -> io::Result<()> {
    let folder = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let file = File::create(Path::new(&folder).join(name))?;
    let mut packed = GzEncoder::new(file, Compression::best());
    for (number, part) in parts.iter().enumerate() {
        println!("cargo::rerun-if-changed={part}");
        if number > 0 {
            packed.write_all(b"\n")?;
        }
        packed.write_all(&fs::read(part)?)?;
    }
    packed.finish()?;
    Ok(())
}

/// Returns the commit: from the environment, for builds from a source archive, or from git. A debug
/// build has none, so that a commit does not cause a complete rebuild.
fn commit() -> Option<String> {
    if let Ok(commit) = env::var("SATCHEL_COMMIT") {
        return Some(commit);
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    // Without git, or outside of a clone, there is no commit. Cargo would run this again for each
    // build if a named path were missing. In a further work tree, `.git` is a file.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

/// Returns the output of a git command without white space at its ends. None if it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
