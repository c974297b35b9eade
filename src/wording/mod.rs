//! Words for messages to a person: numbers with their noun, errors with their causes, bytes.

mod chain;
mod count;
mod hex;

pub use chain::{Chain, chain};
pub use count::{counted, plural};
pub use hex::hex;
