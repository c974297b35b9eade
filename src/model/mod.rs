//! What exists: the eleven kinds of record, their properties and relations. Pure data: no I/O, no
//! async, and neither hyper nor sled.

mod nearest;
mod value;
mod view;

pub use nearest::nearest;
pub use value::{Map, Shared, VALUE_DEPTH_MAX, Value};
pub use view::View;
