//! Codecs: bytes ⇄ model. They know neither the store nor HTTP.

pub mod bundle;
pub mod json;
pub mod workbook;
pub mod yaml;
mod zip;
