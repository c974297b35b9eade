//! Satchel: a network inventory in one file.

pub mod codec;
pub mod migration;
pub mod model;
