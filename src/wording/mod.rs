//! Words for messages to a person: numbers with their noun, errors with their causes.

mod chain;
mod count;

pub use chain::{Chain, chain};
pub use count::{counted, plural};
