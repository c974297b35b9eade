//! HTTP: the only module that names hyper.
//!
//! Every request passes one ordered list of steps, `pipeline::answer`. The files of this module
//! stand in these groups; each group uses only those above it.
//!
//! | group | files |
//! |---|---|
//! | routes as data, blocking work, the state of a connection | `paths`, `description`, `route`, `blocking`, `connection_state` |
//! | parts of a request and a response | `path`, `parameters`, `query_string`, `media_type`, `accept`, `conditional`, `request_body`, `multipart`, `request_id`, `response`, `streamed_body`, `problem`, `answer`, `flaws`, `object_reader`, `options` |
//! | files and rows in and out | `upload`, `download`, `row_stream` |
//! | the appliance | `limits`, `metrics`, `openapi`, `app` |
//! | what a handler gets and uses | `caller`, `call`, `operations` |
//! | the calls | `handlers`, `endpoint`, `routes`, `router` |
//! | the connection, from the bottom to the top | `timeout_stream`, `access_log`, `credentials`, `pipeline`, `connection`, `listener` |

mod accept;
mod access_log;
mod answer;
mod app;
mod blocking;
mod call;
mod caller;
mod conditional;
mod connection;
mod connection_state;
mod credentials;
mod description;
mod download;
mod endpoint;
mod flaws;
mod handlers;
mod limits;
mod listener;
mod media_type;
mod metrics;
mod multipart;
mod object_reader;
mod openapi;
mod operations;
mod options;
mod parameters;
mod path;
pub mod paths;
mod pipeline;
mod problem;
mod query_string;
mod request_body;
mod request_id;
mod response;
mod route;
mod router;
mod routes;
mod row_stream;
mod streamed_body;
mod timeout_stream;
mod transfer_encoding;
mod upload;

pub use app::{App, AppParts};
pub use description::{
    Access, AnswerForm, AnswerHeader, BodyRule, CallOption, Content, Description, Need,
    PathParameter, QueryRule, Shape, Tag, ValueType,
};
pub use limits::Limits;
pub use listener::{Drained, listen};
pub use route::{Route, RouteTable};
pub use routes::route_table;
