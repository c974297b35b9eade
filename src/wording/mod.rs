//! How messages to a person are worded: numbers with their noun, and errors with their causes.

mod chain;
mod count;

pub use chain::{Chain, chain};
pub use count::{counted, plural};
