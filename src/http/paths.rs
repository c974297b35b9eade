//! The path of every route. No other file contains a path.
//!
//! The route table uses these constants as patterns. Handlers and the command line build addresses
//! from the same constants. So a path changes everywhere at the same time.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that stay as they are in a segment of a path (RFC 3986's unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a route with `N` parameters: literal segments and `{name}` segments.
#[derive(Clone, Copy, Debug)]
pub struct PathPattern<const N: usize>(&'static str);

impl<const N: usize> PathPattern<N> {
    /// Fails to compile in a constant whose number of `{` is not `N`.
    const fn new(pattern: &'static str) -> Self {
        let bytes = pattern.as_bytes();
        let mut at = 0;
        let mut parameters = 0;
        while at < bytes.len() {
            if bytes[at] == b'{' {
                parameters += 1;
            }
            at += 1;
        }
        assert!(parameters == N, "the number of parameters in a path differs from its type");
        Self(pattern)
    }

    /// Returns the pattern itself, as the route table holds it.
    pub const fn pattern(self) -> &'static str {
        self.0
    }

    /// Returns the path with these parameters, percent-encoded.
    pub fn path(self, parameters: [&str; N]) -> String {
        let mut parameters = parameters.into_iter();
        let segments = self.0.split('/').map(|segment| match segment.strip_prefix('{') {
            Some(_) => percent_encode(parameters.next().unwrap_or_default()),
            None => segment.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// Percent-encodes a text for use as a segment of a path.
pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The front page, with the list of all routes.
pub const FRONT_PAGE: PathPattern<0> = PathPattern::new("/");
/// Redirects to the documentation.
pub const DOCS: PathPattern<0> = PathPattern::new("/docs");
/// The table of contents of the documentation.
pub const DOCS_FRONT: PathPattern<0> = PathPattern::new("/docs/");
/// A file of the documentation.
pub const DOCS_FILE: PathPattern<1> = PathPattern::new("/docs/{file}");
/// Redirects to the web console.
pub const CONSOLE: PathPattern<0> = PathPattern::new("/console");
/// The first page of the web console.
pub const CONSOLE_FRONT: PathPattern<0> = PathPattern::new("/console/");
/// A file that the web console loads.
pub const CONSOLE_FILE: PathPattern<2> = PathPattern::new("/console/{version}/{file}");
/// A file that the web console loads, in a folder.
pub const CONSOLE_FOLDER_FILE: PathPattern<3> =
    PathPattern::new("/console/{version}/{folder}/{file}");
/// The page on which the first administrator sets a password.
pub const SETUP: PathPattern<0> = PathPattern::new("/setup");
/// The metrics of the server.
pub const METRICS: PathPattern<0> = PathPattern::new("/metrics");
/// The sign of life of the process.
pub const LIVEZ: PathPattern<0> = PathPattern::new("/livez");
/// The checks of the server's health.
pub const READYZ: PathPattern<0> = PathPattern::new("/readyz");
/// The state of the server: it runs if it responds.
pub const IS_ALIVE: PathPattern<0> = PathPattern::new("/rest/is_alive");
/// The OpenAPI description.
pub const OPENAPI: PathPattern<0> = PathPattern::new("/rest/openapi.json");

/// The instances of a kind: listed, created and updated.
pub const INSTANCES: PathPattern<1> = PathPattern::new("/rest/instance/{kind}");
/// One instance, by its kind and name.
pub const INSTANCE: PathPattern<2> = PathPattern::new("/rest/instance/{kind}/{name}");
/// The changes of one instance.
pub const INSTANCE_HISTORY: PathPattern<2> =
    PathPattern::new("/rest/instance/{kind}/{name}/history");
/// The changes of the inventory.
pub const HISTORY: PathPattern<0> = PathPattern::new("/rest/history");
/// The entries of the audit log.
pub const AUDIT: PathPattern<0> = PathPattern::new("/rest/audit");
/// One change, by its number.
pub const CHANGE: PathPattern<1> = PathPattern::new("/rest/history/{number}");
/// The changes after a given one, for programs that follow the inventory.
pub const CHANGES: PathPattern<0> = PathPattern::new("/rest/changes");
/// The differences of the inventory between two moments.
pub const DIFFERENCE: PathPattern<0> = PathPattern::new("/rest/diff");
/// The instances of a kind that have given values.
pub const QUERY: PathPattern<1> = PathPattern::new("/rest/query/{kind}");
/// Columns of the instances that match criteria.
pub const SEARCH: PathPattern<0> = PathPattern::new("/rest/search");
/// Delete several instances.
pub const DELETE: PathPattern<0> = PathPattern::new("/rest/delete");
/// A long text of a device.
pub const CONFIGURATION: PathPattern<1> = PathPattern::new("/rest/configuration/{device}");
/// The versions of a long text of a device.
pub const CONFIGURATION_HISTORY: PathPattern<1> =
    PathPattern::new("/rest/configuration/{device}/history");
/// The differences of two versions of a long text of a device.
pub const CONFIGURATION_DIFFERENCE: PathPattern<1> =
    PathPattern::new("/rest/configuration/{device}/diff");
/// Computes the members of all pools.
pub const UPDATE_ALL_POOLS: PathPattern<0> = PathPattern::new("/rest/update_all_pools");
/// The number of instances of each kind.
pub const COUNT: PathPattern<0> = PathPattern::new("/rest/count");

/// The list of feeds.
pub const FEEDS: PathPattern<0> = PathPattern::new("/feeds");
/// The inventory in the format of another tool.
pub const FEED: PathPattern<1> = PathPattern::new("/feeds/{feed}");
/// The entry of one host in a feed.
pub const FEED_HOST: PathPattern<2> = PathPattern::new("/feeds/{feed}/{host}");

/// The state of the inventory.
pub const STATE: PathPattern<0> = PathPattern::new("/rest/state");
/// Starts a verification of the inventory.
pub const VERIFY: PathPattern<0> = PathPattern::new("/rest/verify");
/// Undoes the last import.
pub const UNDO: PathPattern<0> = PathPattern::new("/rest/undo");

/// Makes a backup: GET sends it, POST stores it.
pub const BACKUP: PathPattern<0> = PathPattern::new("/rest/backup");
/// The list of stored backups.
pub const BACKUPS: PathPattern<0> = PathPattern::new("/rest/backups");
/// One stored backup, by its name.
pub const STORED_BACKUP: PathPattern<1> = PathPattern::new("/rest/backups/{name}");

/// Verifies a stored backup.
pub const VERIFY_BACKUP: PathPattern<1> = PathPattern::new("/rest/backups/{name}/verify");

/// Restores a backup.
pub const RESTORE: PathPattern<0> = PathPattern::new("/rest/restore");

/// The tokens.
pub const TOKENS: PathPattern<0> = PathPattern::new("/rest/tokens");
/// One token, by its key or name.
pub const TOKEN: PathPattern<1> = PathPattern::new("/rest/tokens/{key}");
/// The session of a browser: begun, shown and ended.
pub const SESSION: PathPattern<0> = PathPattern::new("/rest/session");
/// The list of sessions.
pub const SESSIONS: PathPattern<0> = PathPattern::new("/rest/sessions");
/// One session, by its id.
pub const ONE_SESSION: PathPattern<1> = PathPattern::new("/rest/sessions/{id}");
/// The password of the caller.
pub const PASSWORD: PathPattern<0> = PathPattern::new("/rest/password");
/// The list of jobs.
pub const JOBS: PathPattern<0> = PathPattern::new("/rest/jobs");
/// One job, by its id.
pub const JOB: PathPattern<1> = PathPattern::new("/rest/jobs/{id}");

/// Starts the export of a project.
pub const EXPORT_PROJECT: PathPattern<0> = PathPattern::new("/rest/migrate/export");
/// Starts the import of a project.
pub const IMPORT_PROJECT: PathPattern<0> = PathPattern::new("/rest/migrate/import");
/// The full report of a project's import, by its id.
pub const PROJECT_REPORT: PathPattern<1> = PathPattern::new("/rest/migrate/reports/{id}");
/// The list of projects.
pub const PROJECTS: PathPattern<0> = PathPattern::new("/rest/migrate/projects");
/// One project as a bundle, by its name.
pub const PROJECT: PathPattern<1> = PathPattern::new("/rest/migrate/projects/{name}");

/// Starts the export of a workbook.
pub const EXPORT_TOPOLOGY: PathPattern<0> = PathPattern::new("/rest/topology/export");
/// Starts the import of a workbook.
pub const IMPORT_TOPOLOGY: PathPattern<0> = PathPattern::new("/rest/topology/import");
/// The full report of a workbook's import, by its id.
pub const TOPOLOGY_REPORT: PathPattern<1> = PathPattern::new("/rest/topology/reports/{id}");
/// The imported workbook with its errors marked, by the id of the report.
pub const MARKED_WORKBOOK: PathPattern<1> =
    PathPattern::new("/rest/topology/reports/{id}/workbook");
/// The list of exported workbooks.
pub const WORKBOOKS: PathPattern<0> = PathPattern::new("/rest/topology/workbooks");
/// One exported workbook, by its name.
pub const WORKBOOK: PathPattern<1> = PathPattern::new("/rest/topology/workbooks/{name}");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_percent_encoded_in_their_segments() {
        assert_eq!(INSTANCE.path(["device", "R 1%/ä"]), "/rest/instance/device/R%201%25%2F%C3%A4");
        assert_eq!(MARKED_WORKBOOK.path(["7"]), "/rest/topology/reports/7/workbook");
        assert_eq!(JOBS.path([]), JOBS.pattern());
        assert_eq!(FRONT_PAGE.path([]), "/");
    }
}
