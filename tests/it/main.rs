//! Satchel from outside: each test starts the real executable on a free port with a data
//! directory of its own, or a child that changes a store until it is killed.

mod bodies;
mod durability;
mod full_disk;
mod harness;
mod limits;
mod login;
mod pipeline;
mod projects;
mod routes;
mod serving;
