//! HTTP: the only module that uses hyper.
//!
//! Every request passes one ordered list of steps, `pipeline::respond`. The files of this module
//! are in these groups. A file uses only the files of its own group and of the groups listed before
//! it.
//!
//! | group | files |
//! |---|---|
//! | routes as data, blocking work, the state of a connection | `paths`, `description`, `route`, `blocking`, `connection_state` |
//! | parts of a request and a response | `path`, `parameters`, `query_string`, `media_type`, `accept`, `conditional`, `body_memory`, `request_body`, `multipart`, `request_id`, `response`, `streamed_body`, `problem`, `json_response`, `flaws`, `object_reader`, `options` |
//! | transfer of files and rows | `upload`, `download`, `limited_places`, `chunk_stream`, `row_stream` |
//! | the appliance | `limits`, `host_names`, `client_address`, `connection_table`, `password_turns`, `metrics`, `openapi`, `app` |
//! | the parameters of a handler | `caller`, `session_cookie`, `credentials`, `call`, `operations` |
//! | the calls | `handlers`, `endpoint`, `routes`, `router` |
//! | the connection, lowest layer first | `timeout_stream`, `access_log`, `single_headers`, `pipeline`, `http2`, `connection`, `listener` |

mod accept;
mod access_log;
mod app;
mod audit;
mod blocking;
mod body_memory;
mod call;
mod caller;
mod chunk_stream;
mod client_address;
mod conditional;
mod connection;
mod connection_state;
mod connection_table;
mod credentials;
mod description;
mod download;
mod endpoint;
mod event_stream;
mod flaws;
mod handlers;
mod host_names;
mod http2;
mod json_response;
mod limited_places;
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
mod password_turns;
mod path;
pub mod paths;
mod pipeline;
mod plain_http;
mod problem;
mod query_string;
mod request_body;
mod request_id;
mod response;
mod route;
mod router;
mod routes;
mod row_stream;
mod session_cookie;
mod single_headers;
mod streamed_body;
mod timeout_stream;
mod transfer_encoding;
mod upload;
mod user_places;

pub use app::{App, AppParts};
pub use client_address::{Exposure, HealthAccess, TrustedProxies};
pub use description::{
    BodyRule, CallOption, Content, Description, Need, PathParameter, QueryRule, ResponseForm,
    ResponseHeader, Shape, Tag, ValueType,
};
pub use host_names::HostNames;
pub use limits::Limits;
pub use listener::{Drained, Listener, listen};
pub use openapi::describe;
pub use route::{Route, RouteTable};
pub use routes::route_table;
