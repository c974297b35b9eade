//! Satchel: a network inventory in one file.

pub mod model;
pub mod store;
