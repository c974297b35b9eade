//! HTTP: the only module that names hyper.
//!
//! A request passes one ordered list of steps, `request::answer`. Below it stand the parts of
//! the connection (`listener`, `connection`, `stream`), above it what is asked for
//! (`routes`, `handlers`).

mod accept;
mod access_log;
mod app;
mod blocking;
mod body;
mod conditional;
mod connection;
mod credentials;
mod description;
mod download;
mod handlers;
mod job;
mod limits;
mod listener;
mod members;
mod metrics;
mod multipart;
mod openapi;
mod operations;
mod options;
mod path;
mod pieces;
mod problem;
mod query_string;
mod readers;
mod receive;
mod request;
mod response;
mod route;
mod routes;
mod routing;
mod rows;
mod stream;

pub use app::App;
pub use limits::Limits;
pub use listener::{Drained, listen};
pub use route::{
    Access, AnswerForm, AnswerHeader, BodyRule, CallOption, Content, Description, Need,
    PathParameter, QueryRule, Route, Shape, Tag, ValueType,
};
pub use routes::ROUTES;
pub use routing::Routes;
