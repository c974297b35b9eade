//! `GET /metrics`: what the server counts of itself, in the text format of Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4).

use std::fmt::{self, Display, Write};
use std::fs;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use hyper::StatusCode;
use hyper::header::HeaderValue;

use crate::http::blocking::Lane;
use crate::http::metrics::{Counts, DURATION_BOUNDS, Metrics};
use crate::http::problem::Problem;
use crate::http::request::Call;
use crate::http::response::{self, Response};
use crate::http::routes::ROUTES;
use crate::inventory::Inventory;
use crate::job::Jobs;

const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// `GET /metrics`
pub(in crate::http) async fn show(call: Call) -> Result<Response, Problem> {
    let app = call.app.clone();
    let page = move || page(&app.metrics, &app.inventory, &app.jobs);
    let page = call.app.blocking.run(Lane::Quick, page).await?;
    let page = page.map_err(|error| Problem::internal(&error))?;
    Ok(response::whole(StatusCode::OK, PROMETHEUS, page))
}

/// Everything, but for what cannot be read just now: that is left out, and shows as missing.
fn page(metrics: &Metrics, inventory: &Inventory, jobs: &Jobs) -> Result<String, fmt::Error> {
    let mut page = Page::default();
    let version = [("version", env!("CARGO_PKG_VERSION")), ("commit", env!("SATCHEL_COMMIT"))];
    page.family("satchel_build_info", "gauge", "What is running; always 1.")?;
    page.sample("satchel_build_info", &version, 1)?;
    let begun = metrics.begun.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    page.one("process_start_time_seconds", "gauge", "When it was started.", begun.as_secs_f64())?;
    of_process(&mut page)?;
    of_inventory(&mut page, inventory)?;
    let about = "Imports, exports and verifications that have not ended.";
    page.one("satchel_jobs_running", "gauge", about, jobs.running())?;
    of_requests(&mut page, metrics)?;
    Ok(page.text)
}

fn of_inventory(page: &mut Page, inventory: &Inventory) -> fmt::Result {
    if let Ok(counts) = inventory.count() {
        page.family("satchel_records", "gauge", "Records in the inventory.")?;
        for (kind, count) in counts.iter() {
            page.sample("satchel_records", &[("type", kind.as_str())], *count)?;
        }
    }
    if let Ok(space) = inventory.disk_space() {
        let name = "satchel_data_directory_free_bytes";
        page.one(name, "gauge", "Room on the disk of the data directory.", space.free_bytes)?;
        let name = "satchel_data_directory_size_bytes";
        page.one(name, "gauge", "Size of the disk of the data directory.", space.size_bytes)?;
    }
    let name = "satchel_damage_total";
    page.family(name, "counter", "Reads that met something damaged, by the part of the store.")?;
    for (part, count) in inventory.damage_by_part() {
        page.sample(name, &[("part", part)], count)?;
    }
    let about = "Whether changes are taken; 0 after a full disk or a failed write.";
    page.one("satchel_writable", "gauge", about, u8::from(inventory.is_writable()))
}

fn of_requests(page: &mut Page, metrics: &Metrics) -> fmt::Result {
    page.one("satchel_connections", "gauge", "Open connections.", metrics.connections())?;
    let accepted = metrics.connections_accepted.load(Ordering::Relaxed);
    let about = "Connections that were accepted.";
    page.one("satchel_connections_accepted_total", "counter", about, accepted)?;
    let in_hand = metrics.requests_in_hand();
    let about = "Requests whose answer has not left yet.";
    page.one("satchel_requests_in_hand", "gauge", about, in_hand)?;
    let sent = metrics.bytes_sent.load(Ordering::Relaxed);
    let about = "Bytes of answers, without their heads.";
    page.one("satchel_answer_bytes_total", "counter", about, sent)?;

    let name = "satchel_requests_total";
    page.family(name, "counter", "Requests, by route and class of the answer's status.")?;
    let routeless = [("method", ""), ("route", "")];
    for (labels, counts) in routes(metrics).chain([(routeless, &metrics.routeless)]) {
        for (outcome, count) in counts.outcomes() {
            let [method, route] = labels;
            page.sample(name, &[method, route, ("status", outcome.as_str())], count)?;
        }
    }
    let name = "satchel_request_duration_seconds";
    page.family(name, "histogram", "From a request's head to the last byte of its answer.")?;
    for (labels, counts) in routes(metrics) {
        durations(page, name, labels, counts)?;
    }
    Ok(())
}

/// The routes that were asked, with their labels.
fn routes(metrics: &Metrics) -> impl Iterator<Item = ([(&'static str, &'static str); 2], &Counts)> {
    ROUTES.iter().filter_map(|route| {
        let counts = metrics.route(route)?;
        counts.outcomes().next()?;
        Some(([("method", route.method.as_str()), ("route", route.pattern)], counts))
    })
}

fn durations(
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

/// What Linux says of this process. The names are those that Prometheus's own clients use.
fn of_process(page: &mut Page) -> fmt::Result {
    if let Some(bytes) = resident_bytes() {
        page.one("process_resident_memory_bytes", "gauge", "Memory in use.", bytes)?;
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // One of them is the directory itself.
        let open = descriptors.count().saturating_sub(1);
        page.one("process_open_fds", "gauge", "Open files and connections.", open)?;
    }
    Ok(())
}

/// The line `VmRSS:    1234 kB` of `status`; see proc(5).
fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// A page in the making.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Begins the samples of one name.
    fn family(&mut self, name: &str, type_: &str, about: &str) -> fmt::Result {
        writeln!(self.text, "# HELP {name} {about}\n# TYPE {name} {type_}")
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) -> fmt::Result {
        self.text.push_str(name);
        // Words of ours, all of them: nothing in them has to be escaped.
        for (number, (label, value)) in labels.iter().enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            write!(self.text, "{before}{label}=\"{value}\"")?;
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        writeln!(self.text, " {value}")
    }

    /// A name that has one sample.
    fn one(&mut self, name: &str, type_: &str, about: &str, value: impl Display) -> fmt::Result {
        self.family(name, type_, about)?;
        self.sample(name, &[], value)
    }
}
