//! `satchel licenses`: prints the licences of Satchel and of the libraries in the executable.

use std::io::Read;
use std::process::ExitCode;

use flate2::read::GzDecoder;

use super::output::print;

/// `LICENSE` and `assets/licenses/third-party.txt`, joined and compressed by `build.rs`.
const LICENSES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/licenses.gz"));

/// Prints the licences.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    GzDecoder::new(LICENSES).read_to_string(&mut text)?;
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
