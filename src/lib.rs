//! Satchel: a network inventory in one file.

pub mod codec;
pub mod model;
