//! The handler of `GET /metrics`: the metrics in the text format of Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4).

use std::{
    fmt::{self, Display, Write},
    fs,
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use hyper::{StatusCode, header::HeaderValue};

use crate::{
    audit::AuditState,
    backup::{BackupSchedule, BackupScheduleState},
    http::{
        app::App,
        blocking::Lane,
        call::Call,
        connection_table::ConnectionTable,
        metrics::{Counts, DURATION_BOUNDS, Metrics},
        problem::Problem,
        response::{self, Response},
        route::RouteTable,
    },
    inventory::Inventory,
    tls::ServerTls,
};

const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Handles `GET /metrics`.
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let (app, inventory) = (call.app.clone(), call.inventory());
    let page = move || page(&app, &inventory);
    let page = call.app.blocking.run(Lane::Quick, page).await?;
    let page = page.map_err(|error| Problem::internal(&error))?;
    Ok(response::whole(StatusCode::OK, PROMETHEUS, page))
}

/// Returns all metrics. A value that cannot be read is omitted.
fn page(app: &App, inventory: &Inventory) -> Result<String, fmt::Error> {
    let App { metrics, routes, jobs, connections, tls, .. } = app;
    let mut page = Page::default();
    let version = [("version", env!("CARGO_PKG_VERSION")), ("commit", env!("SATCHEL_COMMIT"))];
    page.family("satchel_build_info", "gauge", "Version and commit of the server; always 1.")?;
    page.sample("satchel_build_info", &version, 1)?;
    page.one(
        "process_start_time_seconds",
        "gauge",
        "Start time of the process.",
        seconds_of(metrics.started),
    )?;
    write_process(&mut page)?;
    write_inventory(&mut page, inventory)?;
    write_backups(&mut page, app)?;
    let about = "Running imports, exports and verifications.";
    page.one("satchel_jobs_running", "gauge", about, jobs.running())?;
    if let Some(not_after) = tls.as_ref().and_then(ServerTls::not_after) {
        let name = "satchel_tls_certificate_not_after_seconds";
        let about = "Unix time until which the certificate is valid.";
        page.one(name, "gauge", about, not_after.unix_timestamp())?;
    }
    write_connections(&mut page, connections)?;
    write_requests(&mut page, metrics, routes)?;
    write_audit(&mut page, &app.audit.state())?;
    Ok(page.text)
}

/// Writes the metrics of the inventory. The numbers of records are left out for a principal who cannot
/// read all records: each collection of the metrics would read every record to count them.
fn write_inventory(page: &mut Page, inventory: &Inventory) -> fmt::Result {
    if inventory.is_complete()
        && let Ok(counts) = inventory.count()
    {
        page.family("satchel_records", "gauge", "Records in the inventory.")?;
        for (kind, count) in counts.iter() {
            page.sample("satchel_records", &[("type", kind.as_str())], *count)?;
        }
    }
    if let Ok(space) = inventory.disk_space() {
        let name = "satchel_data_directory_free_bytes";
        page.one(name, "gauge", "Free space on the disk of the data directory.", space.free_bytes)?;
        let name = "satchel_data_directory_size_bytes";
        page.one(name, "gauge", "Size of the disk of the data directory.", space.size_bytes)?;
    }
    let earlier = inventory.earlier_generations();
    let about = "Kept copies of the inventory from before the last imports.";
    page.one("satchel_earlier_generations", "gauge", about, earlier.len())?;
    let about = "Size of the kept copies of the inventory.";
    let bytes: u64 = earlier.iter().map(|kept| kept.bytes).sum();
    page.one("satchel_earlier_generations_bytes", "gauge", about, bytes)?;
    if let Some(losses) = inventory.history_loss_count() {
        let about = "Lost parts of the history: damaged or missing archives and copies.";
        page.one("satchel_history_losses", "gauge", about, losses)?;
    }
    let name = "satchel_damage_total";
    page.family(name, "counter", "Reads of damaged data, by part of the store.")?;
    for (part, count) in inventory.damage_by_part() {
        page.sample(name, &[("part", part)], count)?;
    }
    let about = "Whether changes are accepted; 0 after a full disk or a failed write.";
    page.one("satchel_writable", "gauge", about, u8::from(inventory.is_writable()))
}

/// Writes the metrics of the stored and the scheduled backups.
fn write_backups(page: &mut Page, app: &App) -> fmt::Result {
    let stored = app.backups.stored();
    let schedule = app.schedule.as_ref().map(BackupSchedule::state);
    // A backup that a person made must not hide that the scheduled ones fail.
    let last = match (&schedule, &stored) {
        (Some(schedule), _) => {
            schedule.last_success.as_ref().map(|success| seconds_of(success.time.into()))
        }
        (None, Ok(stored)) => stored.newest.map(seconds_of),
        (None, Err(_)) => None,
    };
    if let Some(last) = last {
        let about = "When the last scheduled backup succeeded; without a schedule, when the newest stored one was made.";
        page.one("satchel_backup_last_success_timestamp_seconds", "gauge", about, last)?;
    }
    if let Some(schedule) = &schedule {
        write_schedule(page, schedule)?;
    }
    let Ok(stored) = stored else { return Ok(()) };
    page.one("satchel_backups", "gauge", "Stored backups.", stored.count)?;
    page.one("satchel_backups_bytes", "gauge", "Size of the stored backups.", stored.bytes)?;
    if let Some(verified) = &stored.newest_verified {
        let about = "Whether the last verification of the newest stored backup had no findings.";
        page.one("satchel_backup_last_verified", "gauge", about, u8::from(verified.whole))?;
    }
    Ok(())
}

/// Writes the metrics of the scheduled backups.
fn write_schedule(page: &mut Page, schedule: &BackupScheduleState) -> fmt::Result {
    let about = "Time between two scheduled backups.";
    page.one("satchel_backup_interval_seconds", "gauge", about, schedule.interval_seconds)?;
    let about = "Scheduled backups that were made and verified.";
    page.one("satchel_backup_successes_total", "counter", about, schedule.successes)?;
    let name = "satchel_backup_failures_total";
    page.family(name, "counter", "Failures of scheduled backups, by cause.")?;
    for (cause, count) in &schedule.failures {
        page.sample(name, &[("cause", cause.as_str())], count)?;
    }
    let about = "Documents about scheduled backups that the webhook did not take.";
    let name = "satchel_backup_webhook_failures_total";
    page.one(name, "counter", about, schedule.webhook_failures)?;
    let about = "Whether the last scheduled backup failed, or a later step of it.";
    page.one("satchel_backup_failed", "gauge", about, u8::from(schedule.has_failed))?;
    let about = "Whether no scheduled backup was written for twice the interval.";
    page.one("satchel_backup_overdue", "gauge", about, u8::from(schedule.is_overdue))?;
    if let Some(failure) = &schedule.last_failure {
        let about = "When a scheduled backup failed last.";
        let name = "satchel_backup_last_failure_timestamp_seconds";
        page.one(name, "gauge", about, seconds_of(failure.time.into()))?;
    }
    if let Some(success) = &schedule.last_success {
        let about = "Size of the last scheduled backup.";
        page.one("satchel_backup_last_size_bytes", "gauge", about, success.bytes)?;
        let about = "Duration of the last scheduled backup with its verification.";
        let seconds = Duration::from_millis(success.milliseconds).as_secs_f64();
        page.one("satchel_backup_last_duration_seconds", "gauge", about, seconds)?;
    }
    Ok(())
}

/// Returns the seconds since the Unix epoch.
fn seconds_of(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Writes the metrics of connections that had no place.
fn write_connections(page: &mut Page, connections: &ConnectionTable) -> fmt::Result {
    let about = "Idle connections that were closed to make place for others.";
    page.one("satchel_connections_given_up_total", "counter", about, connections.given_up())?;
    let about = "Connections that were refused, because there was no place.";
    page.one("satchel_connections_refused_total", "counter", about, connections.refused())
}

/// Writes the metrics of the audit log and of its messages to a collector.
fn write_audit(page: &mut Page, audit: &AuditState) -> fmt::Result {
    let about = "Entries of the audit log since it began.";
    page.one("satchel_audit_entries_total", "counter", about, audit.last)?;
    let about = "Events that the audit log lost, because the disk could not be written.";
    page.one("satchel_audit_lost_total", "counter", about, audit.lost)?;
    let Some(syslog) = &audit.syslog else { return Ok(()) };
    let about = "Whether the last message reached the syslog collector.";
    page.one("satchel_syslog_connected", "gauge", about, u8::from(syslog.is_connected))?;
    let about = "Messages sent to the syslog collector.";
    page.one("satchel_syslog_sent_total", "counter", about, syslog.sent)?;
    let about = "Messages that wait for the syslog collector.";
    page.one("satchel_syslog_waiting", "gauge", about, syslog.waiting)?;
    let about = "Messages that were lost, because the syslog collector did not take them.";
    page.one("satchel_syslog_lost_total", "counter", about, syslog.lost)
}

/// Writes the metrics of connections and requests.
fn write_requests(page: &mut Page, metrics: &Metrics, routes: &RouteTable) -> fmt::Result {
    page.one("satchel_connections", "gauge", "Open connections.", metrics.connections())?;
    let accepted = metrics.connections_accepted.load(Ordering::Relaxed);
    let about = "Accepted connections.";
    page.one("satchel_connections_accepted_total", "counter", about, accepted)?;
    let in_progress = metrics.requests_in_progress();
    let about = "Requests whose response is not sent completely.";
    page.one("satchel_requests_in_progress", "gauge", about, in_progress)?;
    let sent = metrics.bytes_sent.load(Ordering::Relaxed);
    let about = "Bytes of response bodies.";
    page.one("satchel_response_bytes_total", "counter", about, sent)?;

    let name = "satchel_requests_total";
    page.family(name, "counter", "Requests, by route and status class of the response.")?;
    let without_route = [("method", ""), ("route", "")];
    let without_route = [(without_route, &metrics.without_route)];
    for (labels, counts) in requested(metrics, routes).chain(without_route) {
        for (outcome, count) in counts.outcomes() {
            let [method, route] = labels;
            page.sample(name, &[method, route, ("status", outcome.as_str())], count)?;
        }
    }
    let name = "satchel_request_duration_seconds";
    page.family(name, "histogram", "Time from a request's head to the last byte of its response.")?;
    for (labels, counts) in requested(metrics, routes) {
        write_durations(page, name, labels, counts)?;
    }
    Ok(())
}

/// Returns the counters of the routes that were requested, with their labels.
fn requested<'m>(
    metrics: &'m Metrics,
    routes: &'m RouteTable,
) -> impl Iterator<Item = ([(&'static str, &'static str); 2], &'m Counts)> {
    routes.iter().filter_map(|route| {
        let counts = metrics.operation(route.description.operation)?;
        counts.outcomes().next()?;
        Some(([("method", route.method.as_str()), ("route", route.pattern)], counts))
    })
}

/// Writes the duration histogram of one route.
fn write_durations(
    page: &mut Page,
    name: &str,
    [method, route]: [(&str, &str); 2],
    counts: &Counts,
) -> fmt::Result {
    let bucket = format!("{name}_bucket");
    let numbers = counts.durations();
    for (bound, count) in DURATION_BOUNDS.iter().zip(numbers) {
        let bound = bound.as_secs_f64().to_string();
        page.sample(&bucket, &[method, route, ("le", &bound)], count)?;
    }
    let all = numbers[DURATION_BOUNDS.len()];
    page.sample(&bucket, &[method, route, ("le", "+Inf")], all)?;
    page.sample(&format!("{name}_sum"), &[method, route], counts.duration().as_secs_f64())?;
    page.sample(&format!("{name}_count"), &[method, route], all)
}

/// Writes the memory and files of this process, as Linux reports them, under the names of the client
/// libraries of Prometheus.
fn write_process(page: &mut Page) -> fmt::Result {
    if let Some(bytes) = resident_bytes() {
        page.one("process_resident_memory_bytes", "gauge", "Memory in use.", bytes)?;
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // One of them is the directory that is being read.
        let open = descriptors.count().saturating_sub(1);
        page.one("process_open_fds", "gauge", "Open files and connections.", open)?;
    }
    Ok(())
}

/// Returns the memory in use, in bytes, from the line `VmRSS:    1234 kB` of `status` (proc(5)).
fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// The text of the response.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Writes the head of a metric.
    fn family(&mut self, name: &str, type_: &str, about: &str) -> fmt::Result {
        writeln!(self.text, "# HELP {name} {about}\n# TYPE {name} {type_}")
    }

    /// Writes one sample of a metric.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) -> fmt::Result {
        self.text.push_str(name);
        // All labels are words of Satchel; no character needs escaping.
        for (number, (label, value)) in labels.iter().enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            write!(self.text, "{before}{label}=\"{value}\"")?;
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        writeln!(self.text, " {value}")
    }

    /// Writes a metric with one sample.
    fn one(&mut self, name: &str, type_: &str, about: &str, value: impl Display) -> fmt::Result {
        self.family(name, type_, about)?;
        self.sample(name, &[], value)
    }
}
