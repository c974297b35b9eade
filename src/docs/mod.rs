//! The pages inside: what people read about Satchel, in the executable itself.
//!
//! Written in `assets/docs/`, rendered and packed by the build script (`assets/site/render/`),
//! served by `http` and printed by `cli`. Pure data: no part of Satchel is known here.

mod pages;
mod search;
mod site;

pub use pages::{CHAPTERS, Chapter, names};
pub use search::{Hit, search};
pub use site::{File, Page, asset, file, files, page};
