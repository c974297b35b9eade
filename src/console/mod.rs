//! The files of the web console that the executable contains.
//!
//! They lie in `assets/console/` as browsers get them. The build script compresses them (`pack.rs`, which
//! is compiled into the build script only), and `http` serves them. This module uses no other module of
//! Satchel.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use flate2::read::GzDecoder;
use rust_embed::RustEmbed;

/// The files that the build script wrote. Their names end in `.gz`, which this module removes.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/console"]
struct Embedded;

/// The suffix of every embedded name.
const PACKED: &str = ".gz";

/// The first page, which names the folder of the other files.
pub const FRONT_PAGE: &str = "index.html";

/// The folder in the address of every file but the first page. Its name is a hash of all files, so a
/// browser can keep them without asking again.
pub const FOLDER: &str = env!("SATCHEL_CONSOLE_FOLDER");

/// One file of the console.
pub struct ConsoleFile {
    /// The content, compressed with gzip.
    pub packed: Cow<'static, [u8]>,
    /// The SHA-256 of the compressed bytes.
    pub sha256: [u8; 32],
}

impl ConsoleFile {
    /// Returns the uncompressed content.
    ///
    /// # Errors
    /// Only if the build script wrote invalid gzip.
    pub fn unpacked(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        GzDecoder::new(&*self.packed).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Returns the file with this path in `assets/console/`, such as `core/api.js`.
pub fn file(path: &str) -> Option<ConsoleFile> {
    let embedded = Embedded::get(&format!("{path}{PACKED}"))?;
    Some(ConsoleFile { sha256: embedded.metadata.sha256_hash(), packed: embedded.data })
}

/// Returns the paths of all files.
pub fn files() -> impl Iterator<Item = String> {
    Embedded::iter().filter_map(|name| Some(name.strip_suffix(PACKED)?.to_owned()))
}
