//! The events of requests for the audit log.

use std::{net::IpAddr, sync::Arc};

use hyper::{Method, StatusCode};

use super::{
    app::App,
    caller::Caller,
    options::{Options, PROJECT_NAME, RESTORED_BACKUP},
    parameters::Parameters,
    request_id::RequestId,
    route::Route,
};
use crate::{
    access::{LoginError, LoginSource},
    audit::{Event, EventKind},
};

/// The operations that change the inventory. The log has them with their changes, so the requests are not
/// recorded a second time.
const CHANGES: [&str; 8] = [
    "put_instances",
    "delete_instance",
    "delete_instances",
    "put_configuration",
    "post_configuration",
    "update_all_pools",
    "set_up",
    "change_password",
];

/// The operations with another method than GET that change nothing worth an entry.
const READS: [&str; 3] = ["search_instances", "verify", "cancel_job"];

/// Returns the kind of event of a route. `None` if its requests are not recorded.
fn kind_of(route: &Route) -> Option<EventKind> {
    let operation = route.description.operation;
    match operation {
        "import_project" | "import_topology" | "upload_project" | "upload_backup" => {
            Some(EventKind::Import)
        }
        "export_project" | "export_topology" | "create_backup" => Some(EventKind::Export),
        "download_project" | "download_workbook" | "download_backup" | "send_backup" => {
            Some(EventKind::Download)
        }
        "undo" => Some(EventKind::Undo),
        "restore" => Some(EventKind::Restore),
        "make_token" | "revoke_token" => Some(EventKind::Token),
        _ if route.method == Method::GET => None,
        _ if CHANGES.contains(&operation) || READS.contains(&operation) => None,
        _ => Some(EventKind::Operation),
    }
}

/// Records a login with a password, also that of a session. `error` is the reason if it failed.
pub(super) fn password_login(
    app: &App,
    user: &str,
    source: LoginSource,
    error: Option<&LoginError>,
) {
    let Some(kind) = error.map_or(Some(EventKind::Login), failure) else { return };
    app.audit.record(Event::new(kind).by(user).from(Some(source.address)));
}

/// Records the use of a token.
pub(super) fn token_use(app: &App, user: &str, token: &str, source: LoginSource) {
    let event = Event::new(EventKind::TokenUse).by(user).from(Some(source.address));
    app.audit.record(Event { subject: Some(token.to_owned()), ..event });
}

/// Records a refused token. `key` is its public part, if it has one.
pub(super) fn token_failed(app: &App, key: Option<&str>, source: LoginSource, error: &LoginError) {
    let Some(kind) = failure(error) else { return };
    let event = Event::new(kind).from(Some(source.address));
    app.audit.record(Event { subject: key.map(str::to_owned), ..event });
}

/// Returns the kind of event of a failed login. `None` if nothing is known about the credentials.
fn failure(error: &LoginError) -> Option<EventKind> {
    match error {
        LoginError::Locked { .. } => Some(EventKind::LoginLocked),
        LoginError::Accounts(_) => None,
        _ => Some(EventKind::LoginFailed),
    }
}

/// The event of a request. It is recorded when the request ends, also if the client disconnects before.
pub(super) struct RequestEvent {
    app: Arc<App>,
    id: RequestId,
    /// `None` until the caller is known, and for requests that are not recorded.
    event: Option<Event>,
}

impl RequestEvent {
    /// Returns the event of a request of which nothing is known yet.
    pub(super) fn new(app: Arc<App>, id: RequestId) -> Self {
        Self { app, id, event: None }
    }

    /// Begins the event, if requests of this route are recorded. An anonymous request has none.
    pub(super) fn begin(
        &mut self,
        route: &Route,
        caller: &Caller,
        address: IpAddr,
        parameters: &Parameters,
    ) {
        let (Some(principal), Some(kind)) = (caller.principal(), kind_of(route)) else { return };
        let event = Event::new(kind).by(&principal.name).from(Some(address));
        self.event = Some(Event {
            operation: Some(route.description.operation.to_owned()),
            request: Some(self.id.to_string()),
            subject: parameters.last().map(str::to_owned),
            ..event
        });
    }

    /// Adds the name of a project, workbook or restored backup, which is an option.
    pub(super) fn set_options(&mut self, options: &Options) {
        if let Some(event) = &mut self.event
            && let Some(name) = options.text(&PROJECT_NAME).or(options.text(&RESTORED_BACKUP))
        {
            event.subject = Some(name.to_owned());
        }
    }

    /// Adds the status of the response.
    pub(super) fn set_status(&mut self, status: StatusCode) {
        if let Some(event) = &mut self.event {
            event.status = Some(status.as_u16());
        }
    }
}

impl Drop for RequestEvent {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.app.audit.record(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Right, http::route_table};

    /// A call that changes something is recorded, by itself or by its change.
    #[test]
    fn every_operation_is_recorded_or_listed() {
        let table = route_table();
        let listed: Vec<_> = CHANGES.into_iter().chain(READS).collect();
        for name in &listed {
            let is_known = table.iter().any(|route| route.description.operation == *name);
            assert!(is_known, "{name} is no operation");
        }
        for route in table.iter() {
            let operation = route.description.operation;
            let is_recorded = kind_of(route).is_some();
            if route.method != Method::GET {
                assert_ne!(is_recorded, listed.contains(&operation), "{operation}");
            }
            // Bundles contain secrets.
            if operation.starts_with("download") {
                assert!(is_recorded && matches!(route.right, Right::Backup | Right::Export));
            }
        }
    }
}
