//! What the executable knows of its own making, and the pages that it shows.

#[path = "src/docs/pages.rs"]
mod pages;
#[path = "assets/site/render/mod.rs"]
mod render;

use std::env;
use std::path::Path;
use std::process::Command;

fn main() -> render::Fallible<()> {
    let commit = commit().unwrap_or_default();
    println!("cargo::rustc-env=SATCHEL_COMMIT={commit}");
    println!("cargo::rustc-env=SATCHEL_TARGET={}", env::var("TARGET").unwrap_or_default());
    println!("cargo::rerun-if-env-changed=SATCHEL_COMMIT");
    // With one path named, cargo looks at no other.
    for path in ["build.rs", "assets/docs", "assets/site", "src/docs/pages.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let out = env::var("OUT_DIR")?;
    render::site(Path::new(&root), &Path::new(&out).join("site"))
}

/// The commit that is built, where there is one: from the environment, for who builds from an
/// archive, or from git. A debug build has none, so that a commit does not build all anew.
fn commit() -> Option<String> {
    if let Ok(commit) = env::var("SATCHEL_COMMIT") {
        return Some(commit);
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/logs/HEAD");
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_owned())
}
