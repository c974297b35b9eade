//! Satchel: a network inventory in one file.

pub mod model;

pub mod codec;
pub mod store;

pub mod migration;

pub mod access;

pub mod http;

pub mod cli;
pub mod config;
