//! Codecs: bytes ⇄ model. They know neither the store nor HTTP.

pub mod bundle;
