//! Satchel from outside: each test starts the real executable on a free port with a data
//! directory of its own.

mod architecture;
mod bodies;
mod harness;
mod kills;
mod limits;
mod login;
mod migration;
mod pipeline;
mod project;
mod projects;
mod routes;
mod serving;
