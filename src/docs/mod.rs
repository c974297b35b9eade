//! The documentation pages that the executable contains.
//!
//! They are written in `assets/docs/`. The build script renders and compresses them (`render/`, which
//! is compiled into the build script only). `http` serves them, and `cli` prints them. This module
//! uses no other module of Satchel.

mod pages;
mod search;
mod site;

pub use pages::{CHAPTERS, Chapter, names};
pub use search::{Hit, search};
pub use site::{File, Page, asset, file, files, page};
