//! Satchel from outside: each test starts the real executable on a free port with a data
//! directory of its own.

mod architecture;
mod bodies;
mod harness;
mod limits;
mod login;
mod pipeline;
mod projects;
mod routes;
mod serving;
