//! The handlers of `livez` and `readyz`, for programs that watch the server. The paths, and the option
//! `exclude`, are those of Kubernetes (<https://kubernetes.io/docs/reference/using-api/health-checks/>).

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    http::{
        app::App,
        blocking::Lane,
        call::Call,
        json_response,
        options::EXCLUDE,
        paths,
        problem::{Problem, ProblemKind},
        response::Response,
    },
    inventory::Inventory,
    store::KeyState,
    wording::counted,
};

/// The free space in bytes below which the disk is nearly full: twice the space that the server reserves for
/// itself. An import can need more.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// A check of the health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Check {
    /// Changes are accepted. They are refused after a full disk or a failed write, and if the data directory was
    /// removed.
    Changes,
    /// No read has found damage since the start, and no part of the history is lost.
    Damage,
    /// The disk of the data directory has at least 64 MiB free.
    Disk,
    /// The key that encrypts secrets is there and right, so that the server can start again.
    Key,
    /// The audit log can be written.
    Audit,
    /// The scheduled backups succeed, and the last verification of the newest stored backup had no findings.
    /// Always passed, because a missed backup does not hinder the work of the server.
    Backup,
}

impl Check {
    const ALL: [Self; 6] =
        [Self::Changes, Self::Damage, Self::Disk, Self::Key, Self::Audit, Self::Backup];

    fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Damage => "damage",
            Self::Disk => "disk",
            Self::Key => "key",
            Self::Audit => "audit",
            Self::Backup => "backup",
        }
    }

    /// Does the check.
    fn result(self, app: &App, inventory: &Inventory) -> CheckResult {
        let detail = self.failure(app, inventory);
        let mut result = CheckResult {
            check: self,
            passed: detail.is_none(),
            detail,
            warning: None,
            last: None,
        };
        if self == Self::Backup {
            result.warning = backup_warning(app);
            result.last = last_backup(app);
        }
        result
    }

    /// Does the check. Returns what is wrong, and how to find out more.
    fn failure(self, app: &App, inventory: &Inventory) -> Option<String> {
        match self {
            Self::Changes => (!inventory.is_writable()).then(|| {
                "Changes are refused: the disk is full, a write failed, or the data directory was removed. The \
                 response to a change has the cause."
                    .to_owned()
            }),
            Self::Damage => damage(inventory),
            Self::Disk => match inventory.disk_space() {
                Ok(space) if space.free_bytes >= FREE_BYTES_MIN => None,
                Ok(space) => Some(format!(
                    "The disk of the data directory has only {} MiB free.",
                    space.free_bytes >> 20
                )),
                Err(error) => Some(format!("The free space of the disk cannot be read: {error}.")),
            },
            Self::Key => match inventory.key_state() {
                Ok(KeyState::Right | KeyState::Unproven) => None,
                Ok(KeyState::Unusable(problem)) => Some(format!(
                    "{problem}. The running server still has the key in memory: make a backup before it stops."
                )),
                Err(error) => Some(format!("The key cannot be read: {error}.")),
            },
            Self::Audit => (!app.audit.state().is_writable)
                .then(|| "The audit log cannot be written. The log has the cause.".to_owned()),
            // Its faults are warnings.
            Self::Backup => None,
        }
    }
}

/// Returns what is wrong with the backups.
fn backup_warning(app: &App) -> Option<String> {
    if let Some(fault) = app.schedule.as_ref().and_then(|schedule| schedule.state().fault()) {
        return Some(fault);
    }
    match app.backups.stored() {
        Ok(stored) => stored.newest_verified.filter(|verified| !verified.whole).map(|_| {
            "The last verification of the newest stored backup had findings. Make a new backup."
                .to_owned()
        }),
        // The message of the error contains a path.
        Err(_) => {
            let list = paths::BACKUPS.pattern();
            Some(format!("The stored backups cannot be listed. GET {list} has the reason."))
        }
    }
}

/// Returns the time of the last backup: the last scheduled one that succeeded, or the newest stored one.
fn last_backup(app: &App) -> Option<OffsetDateTime> {
    match &app.schedule {
        Some(schedule) => schedule.state().last_success.map(|success| success.time),
        None => app.backups.stored().ok()?.newest.map(OffsetDateTime::from),
    }
}

fn damage(inventory: &Inventory) -> Option<String> {
    let reads: u64 = inventory.damage_by_part().values().sum();
    let losses = inventory.history_loss_count();
    if reads > 0 {
        let reads = counted(reads, "read");
        Some(format!("{reads} found damaged data since the start. Run `satchel verify`."))
    } else {
        match losses {
            Some(0) => None,
            Some(_) => Some("A part of the history is lost. Run `satchel recover`.".to_owned()),
            None => Some("The state of the history cannot be read.".to_owned()),
        }
    }
}

/// The sign of life of the process.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct Liveness {
    /// Always true.
    alive: bool,
}

/// The result of all checks of the server's health.
#[derive(JsonSchema, Serialize)]
pub(in crate::http) struct Readiness {
    /// True if all checks have passed.
    ready: bool,
    /// The checks, without the excluded ones.
    checks: Vec<CheckResult>,
}

/// The result of a check.
#[derive(JsonSchema, Serialize)]
struct CheckResult {
    check: Check,
    passed: bool,
    /// The fault in a sentence. Absent if the check has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// A fault in a sentence that does not hinder the work of the server. Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// When the last backup was made, in UTC (RFC 3339): the last scheduled one that succeeded, or without a
    /// schedule the newest stored one. Only in the check `backup`; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    #[schemars(with = "String")]
    last: Option<OffsetDateTime>,
}

/// Handles `GET /livez`.
pub(in crate::http) async fn live(call: Call) -> Result<Response, Problem> {
    require_access(&call)?;
    json_response::json(StatusCode::OK, &Liveness { alive: true })
}

/// Handles `GET /readyz`.
pub(in crate::http) async fn ready(call: Call) -> Result<Response, Problem> {
    require_access(&call)?;
    let excluded = excluded(&call)?;
    let (app, inventory) = (call.app.clone(), call.inventory());
    let check = move || {
        let checks = Check::ALL.into_iter().filter(|check| !excluded.contains(check));
        checks.map(|check| check.result(&app, &inventory)).collect::<Vec<_>>()
    };
    let checks = call.app.blocking.run(Lane::Quick, check).await?;
    let ready = checks.iter().all(|check| check.passed);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json_response::json(status, &Readiness { ready, checks })
}

/// Returns the checks that the client does not want.
///
/// # Errors
/// 400 for the name of a check that does not exist.
fn excluded(call: &Call) -> Result<Vec<Check>, Problem> {
    let Some(names) = call.query.one(EXCLUDE.name)? else { return Ok(Vec::new()) };
    let check = |name: &str| {
        Check::ALL.into_iter().find(|check| check.as_str() == name).ok_or_else(|| {
            let known = Check::ALL.map(Check::as_str).join(", ");
            let detail = format!("There is no check “{name}”. The checks are: {known}.");
            Problem::new(ProblemKind::MalformedRequest, detail)
        })
    };
    names.split(',').map(check).collect()
}

/// Refuses a client that may not ask.
fn require_access(call: &Call) -> Result<(), Problem> {
    if call.app.health.admits(call.source.distance) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::Forbidden,
        "Only programs on the machine of the server can ask about its health. The setting health = \
         \"network\" lets others ask too.",
    ))
}
