//! HTTP: the only module that names hyper.
//!
//! A request passes one ordered list of steps, `request::answer`. Below it stand the parts of
//! the connection (`listener`, `connection`, `stream`), above it what is asked for
//! (`routes`, `handlers`).

mod access_log;
mod app;
mod blocking;
mod body;
mod conditional;
mod connection;
mod credentials;
mod download;
mod handlers;
mod limits;
mod listener;
mod members;
mod path;
mod problem;
mod request;
mod response;
mod route;
mod routes;
mod stream;

pub use app::App;
pub use limits::Limits;
pub use listener::{Drained, listen};
pub use route::{Access, BodyRule, Route, Routes};
pub use routes::ROUTES;
