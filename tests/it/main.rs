//! Satchel from outside: each test starts the real executable on a free port with a data
//! directory of its own, or a child that changes a store until it is killed.
#![allow(clippy::panic, clippy::unwrap_used, reason = "in a test, a panic is how to fail")]

mod architecture;
mod bodies;
mod command_line;
mod commands;
mod config;
mod docs;
mod durability;
mod forms;
mod full_disk;
mod harness;
mod instances;
mod inventory;
mod kills;
mod limits;
mod login;
mod metrics;
mod migration;
mod mutants;
mod openapi;
mod passwd;
mod pipeline;
mod power_cuts;
mod project;
mod projects;
mod queries;
mod random;
mod record_limits;
mod replacing;
mod routes;
mod serving;
mod supervisor;
mod texts;
mod topology;
mod topology_http;
mod topology_mutants;
mod undo;
mod workbooks;
