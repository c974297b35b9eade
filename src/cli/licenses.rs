//! `satchel licenses`: under what terms this executable and all that is in it may be passed on.

use std::io::Read;
use std::process::ExitCode;

use flate2::read::GzDecoder;

use super::output::print;

/// `LICENSE` and `assets/licenses/third-party.txt`, put together and compressed by `build.rs`.
const LICENSES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/licenses.gz"));

/// Prints all of it.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    GzDecoder::new(LICENSES).read_to_string(&mut text)?;
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
