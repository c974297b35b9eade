//! The handlers of the routes. A handler has four steps: parse the request, authorise it (usually
//! the route's access is enough), call one operation through `blocking`, render the response.

pub(super) mod audit;
pub(super) mod backup;
pub(super) mod changes;
pub(super) mod console;
pub(super) mod docs;
pub(super) mod feeds;
pub(super) mod health;
pub(super) mod history;
pub(super) mod inventory;
pub(super) mod jobs;
pub(super) mod maintenance;
pub(super) mod metrics;
pub(super) mod migration;
mod migration_options;
mod moment;
pub(super) mod openapi;
mod packed_file;
pub(super) mod password;
pub(super) mod projects;
pub(super) mod reports;
pub(super) mod restore;
pub(super) mod sessions;
pub(super) mod setup;
pub(super) mod site;
pub(super) mod tokens;
pub(super) mod topology;
mod topology_options;
