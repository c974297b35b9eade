//! What the routes do. A handler has four steps: parse, authorise (as a rule the route has said
//! all there is), do (one call into an operation, through the blocking door), render.

pub(super) mod docs;
mod import_report;
pub(super) mod inventory;
pub(super) mod jobs;
pub(super) mod maintenance;
pub(super) mod metrics;
pub(super) mod migration;
mod migration_options;
pub(super) mod projects;
pub(super) mod site;
pub(super) mod topology;
mod topology_options;
