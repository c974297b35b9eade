//! Tests of jobs over REST: start, progress, cancellation, disconnected clients, interruption.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{ADMIN, GUEST, Server};
use crate::project::{Documents, KINDS, demo, import, imported, put_folder, read_folder};

/// The maximum time of a job on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The number of devices with which an import takes some seconds without optimisation.
pub(crate) const DEVICES: usize = 60_000;

const IMPORT: &str = "/rest/migrate/import";
const EXPORT: &str = "/rest/migrate/export";

/// A project with many devices, of one site.
pub(crate) fn project(site: &str, devices: usize) -> Documents {
    let mut text = String::new();
    for number in 0..devices {
        text += &format!(
            "- \"location\": \"{site}\"\n  \"name\": \"{site} -> [Shared] {number} 100% \\xE9\"\n"
        );
    }
    Documents::from([("device".to_owned(), text.into_bytes())])
}

/// Polls until the condition holds.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn body(name: &str, more: Value) -> Value {
    let mut body = json!({"name": name, "import_export_types": KINDS});
    for (member, value) in more.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

/// Starts a job, and returns its address.
fn begin(server: &Server, path: &str, body: &Value) -> String {
    let request = server.request("POST", path).login(ADMIN).header("Prefer", "respond-async");
    let answer = request.json(body).send();
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("preference-applied"), Some("respond-async"));
    let location = answer.header("location").unwrap().to_owned();
    assert_eq!(location, format!("/rest/jobs/{}", answer.json()["id"].as_str().unwrap()));
    location
}

fn job(server: &Server, location: &str) -> Value {
    let answer = server.request("GET", location).login(ADMIN).send();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// All jobs, the newest first.
pub(crate) fn jobs(server: &Server) -> Vec<Value> {
    let answer = server.request("GET", "/rest/jobs").login(ADMIN).send().json();
    answer["jobs"].as_array().unwrap().clone()
}

/// Waits for the end of a job, and returns it.
fn ended(server: &Server, location: &str) -> Value {
    let mut last = Value::Null;
    until(|| {
        last = job(server, location);
        last["ended"].is_string()
    });
    last
}

/// Waits until an unfinished job has started its work, and returns its address.
pub(crate) fn working(server: &Server, operation: &str) -> String {
    let mut location = String::new();
    until(|| {
        let jobs = jobs(server);
        let is_working =
            |job: &&Value| job["operation"] == operation && job["done"].as_u64() > Some(0);
        let Some(job) = jobs.iter().find(is_working) else { return false };
        location = format!("/rest/jobs/{}", job["id"].as_str().unwrap());
        true
    });
    location
}

/// The inventory as the bytes of its documents.
fn exported(server: &Server) -> Documents {
    crate::project::inventory(server)
}

/// Leftover files of jobs.
fn leftovers(server: &Server) -> Vec<String> {
    let data = server.data();
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let current = fs::read_to_string(data.join("CURRENT")).unwrap();
    let named: Vec<&str> = current.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let generations = names(&data).into_iter().filter(|name| {
        name.strip_prefix("inventory-").is_some_and(|number| !named.contains(&number))
    });
    let scratch = names(&data.join("scratch")).into_iter();
    let half = names(&data.join("jobs")).into_iter().filter(|name| !name.ends_with(".json"));
    generations.chain(scratch).chain(half).collect()
}

/// Requires that nothing is left over. A job is shown as ended a moment before its file has its last name.
fn require_no_leftovers(server: &Server) {
    until(|| leftovers(server).is_empty());
}

/// Blocks a job between the last possible cancellation and the switch of the pointer, at the write
/// of its job file.
pub(crate) struct Held(PathBuf);

impl Held {
    pub(crate) fn new(data: &Path, id: &str) -> Self {
        let path = data.join("jobs").join(format!("{id}.new"));
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self(path)
    }

    /// Waits until the job is blocked, and releases it.
    pub(crate) fn release(self) {
        // Opening the pipe for reading releases the waiting writer.
        let mut pipe = File::open(&self.0).unwrap();
        fs::remove_file(&self.0).unwrap();
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        assert!(text.contains("\"generation\":"), "{text}");
    }
}

/// Waits until a job refuses cancellation.
pub(crate) fn closed(server: &Server, location: &str) {
    until(|| job(server, location)["cancellable"] == false);
}

#[test]
fn a_job_is_accepted_and_followed_to_its_report() {
    let server = Server::start();
    put_folder(&server, "Big 1", &project("Évora", DEVICES));
    let location = begin(&server, IMPORT, &body("Big 1", json!({})));
    let mut seen = BTreeSet::new();
    let mut steps = BTreeSet::new();
    let mut last = Value::Null;
    until(|| {
        last = job(&server, &location);
        if let (Some(step), Some(done)) = (last["step"].as_str(), last["done"].as_u64()) {
            steps.insert(step.to_owned());
            if step == "applying" {
                seen.insert(done);
                assert_eq!(last["total"].as_u64(), Some(DEVICES as u64 + 1), "{last}");
                assert_eq!(last["cancellable"], true);
                assert_eq!(last["state"], "running");
            }
        }
        last["ended"].is_string()
    });
    assert!(seen.len() > 3, "progress grows: {seen:?}");
    assert!(steps.contains("decoding") && steps.contains("applying"), "{steps:?}");
    assert_eq!(last["state"], "finished", "{last}");
    assert_eq!(last["operation"], "import_project");
    assert_eq!(last["subject"], "Big 1");
    assert_eq!(last["user"], "admin");
    assert_eq!(last["dry_run"], false);
    assert_eq!(last["inventory"], "replaced");
    assert_eq!(last["status"], 200);
    assert_eq!(last["report"]["outcome"], "imported");
    assert_eq!(last["outcome"], last["report"]["summary"]);
    assert!(last["since"].as_str().unwrap() < last["ended"].as_str().unwrap(), "{last}");

    let listed = jobs(&server);
    assert_eq!(listed[0]["id"], last["id"]);
    assert!(listed[0]["report"].is_null(), "a list has no reports");
    // Too late.
    let answer = server.request("DELETE", &location).login(ADMIN).send();
    let problem = answer.problem(409, "job-not-cancellable");
    assert_eq!(problem["job"]["state"], "finished", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("has ended"), "{problem}");
    for method in ["GET", "DELETE"] {
        let answer = server.request(method, "/rest/jobs/0000000000000000").login(ADMIN).send();
        answer.problem(404, "unknown-job");
    }
}

#[test]
fn jobs_are_for_administrators() {
    let server = Server::start();
    let guest = json!({"name": GUEST.0, "password": GUEST.1});
    let made = server.request("POST", "/rest/instance/user").login(ADMIN).json(&guest).send();
    assert!((200..300).contains(&made.status), "{}", String::from_utf8_lossy(&made.body));
    let location = begin(&server, "/rest/verify", &json!({}));
    for (method, path) in [("GET", "/rest/jobs"), ("GET", &*location), ("DELETE", &*location)] {
        server.request(method, path).login(GUEST).send().problem(403, "forbidden");
        server.request(method, path).send().problem(401, "unauthenticated");
    }
}

#[test]
fn every_operation_is_a_job_with_the_response_of_the_call() {
    let server = Server::start();
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    let whole = body("out é".replace('é', "e").as_str(), json!({}));
    let dry = body("demo", json!({"dry_run": true}));
    let missing = body("nowhere", json!({}));
    let workbook = json!({"name": "out.xlsx"});
    for (path, asked, operation, state) in [
        (EXPORT, &whole, "export_project", "finished"),
        (IMPORT, &dry, "import_project", "finished"),
        (IMPORT, &missing, "import_project", "failed"),
        ("/rest/topology/export", &workbook, "export_topology", "finished"),
        ("/rest/verify", &json!({}), "verify", "finished"),
    ] {
        let direct = server.request("POST", path).login(ADMIN).json(asked).send();
        let job = ended(&server, &begin(&server, path, asked));
        assert_eq!(job["operation"], operation, "{job}");
        assert_eq!(job["state"], state, "{job}");
        assert_eq!(job["inventory"], "unchanged", "{job}");
        assert_eq!(job["dry_run"], *asked == dry, "{job}");
        assert_eq!(job["status"], direct.status, "{job}");
        let member = if state == "finished" { "report" } else { "problem" };
        assert_eq!(steady(job[member].clone()), steady(direct.json()), "{path}");
    }
    // A form with its file.
    let out = server.request("GET", "/rest/topology/workbooks/out.xlsx").login(ADMIN).send();
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let request = server.request("POST", "/rest/topology/import").login(ADMIN);
    let request = request.header("Prefer", "respond-async").header("Content-Type", xlsx);
    let answer = request.body(out.body).send();
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let job = ended(&server, answer.header("location").unwrap());
    assert_eq!(job["operation"], "import_topology", "{job}");
    assert_eq!(job["report"]["outcome"], "imported", "{job}");
    require_no_leftovers(&server);
    let metrics = server.request("GET", "/metrics").login(ADMIN).send();
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("\nsatchel_jobs_running 0\n"), "{metrics}");
}

/// Removes the values that differ in each run.
fn steady(mut answer: Value) -> Value {
    for name in ["milliseconds", "export_time", "report", "request_id", "bytes"] {
        answer.as_object_mut().unwrap().remove(name);
    }
    // The bundle's metadata contains the time.
    answer
}

#[test]
fn events_report_the_progress_until_the_end() {
    let server = Server::start();
    put_folder(&server, "big", &project("Évora", DEVICES));
    let location = begin(&server, IMPORT, &body("big", json!({})));
    let request = server.request("GET", &location).login(ADMIN);
    let answer = request.header("Accept", "text/event-stream").send();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let text = String::from_utf8(answer.body).unwrap();
    let events: Vec<(&str, Value)> = text
        .split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            (name.strip_prefix("event: ").unwrap(), data)
        })
        .collect();
    let (last, before) = events.split_last().unwrap();
    assert!(before.len() > 1, "{text}");
    assert!(before.iter().all(|(name, job)| *name == "progress" && job["ended"].is_null()));
    assert!(before.iter().any(|(_, job)| job["done"].as_u64() > Some(0)), "{text}");
    assert_eq!(last.0, "end");
    assert_eq!(last.1["report"]["outcome"], "imported", "{text}");

    // A job that has ended sends one event.
    let request = server.request("GET", &location).login(ADMIN);
    let answer = request.header("Accept", "text/event-stream").send();
    assert!(answer.body.starts_with(b"event: end\ndata: {"), "{answer:?}");
}

#[test]
fn a_cancelled_import_changes_nothing_and_leaves_no_file() {
    let server = Server::start();
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    let before = exported(&server);
    let big = project("Évora", DEVICES);
    put_folder(&server, "big", &big);

    let location = begin(&server, IMPORT, &body("big", json!({})));
    until(|| job(&server, &location)["step"] == "applying");
    let answer = server.request("DELETE", &location).login(ADMIN).send();
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json()["cancellable"], false);
    let end = ended(&server, &location);
    assert_eq!(end["state"], "cancelled", "{end}");
    assert_eq!(end["outcome"], "Cancelled: nothing was changed.");
    assert_eq!(end["inventory"], "unchanged");
    assert!(exported(&server) == before, "the inventory is another one");
    require_no_leftovers(&server);

    // A waiting client is informed, also if another user cancelled the job.
    let mut connection = server.connect();
    let waiting = server.request("POST", IMPORT).login(ADMIN).json(&body("big", json!({})));
    connection.send(&waiting.bytes());
    let location = working(&server, "import_project");
    assert_eq!(server.request("DELETE", &location).login(ADMIN).send().status, 202);
    let problem = connection.answer().problem(409, "cancelled");
    assert_eq!(problem["detail"], "Cancelled: nothing was changed.");
    assert!(exported(&server) == before, "the inventory is another one");
    require_no_leftovers(&server);
    // The next job is not blocked.
    put_folder(&server, "small", &project("Genève", 3));
    imported(&server, "small", json!({}));
}

#[test]
fn a_job_cannot_be_cancelled_while_its_result_takes_effect() {
    let server = Server::start();
    put_folder(&server, "big", &project("Évora", DEVICES));
    let location = begin(&server, IMPORT, &body("big", json!({})));
    let held = Held::new(&server.data(), location.rsplit('/').next().unwrap());
    closed(&server, &location);

    // Meanwhile others wait for it: the one for the write lock, the last one for a free thread.
    let waiting: Vec<String> = (0..3).map(|_| begin(&server, "/rest/verify", &json!({}))).collect();
    // An import that has not begun is cancelled when its client disconnects.
    let mut connection = server.connect();
    let late = server.request("POST", IMPORT).login(ADMIN).json(&body("big", json!({})));
    connection.send(&late.bytes());
    let is_late = |job: &Value| {
        job["operation"] == "import_project" && !location.ends_with(job["id"].as_str().unwrap())
    };
    until(|| jobs(&server).iter().any(is_late));
    drop(connection);
    until(|| jobs(&server).iter().any(|job| is_late(job) && job["state"] == "cancelled"));

    for other in &waiting {
        assert_eq!(job(&server, other)["state"], "waiting");
        assert_eq!(server.request("DELETE", other).login(ADMIN).send().status, 202);
        let end = ended(&server, other);
        assert_eq!(end["state"], "cancelled", "{end}");
    }

    let answer = server.request("DELETE", &location).login(ADMIN).send();
    let problem = answer.problem(409, "job-not-cancellable");
    assert!(problem["detail"].as_str().unwrap().contains("too late"), "{problem}");
    assert_eq!(problem["job"]["state"], "running", "{problem}");
    held.release();
    let end = ended(&server, &location);
    assert_eq!((&end["state"], &end["inventory"]), (&json!("finished"), &json!("replaced")));
    assert_eq!(count(&server), DEVICES as u64);
}

fn count(server: &Server) -> u64 {
    let counts = server.request("GET", "/rest/count").login(ADMIN).send().json();
    counts["device"].as_u64().unwrap()
}

#[test]
fn a_disconnected_client_cancels_exports_but_not_imports() {
    let server = Server::start();
    put_folder(&server, "big", &project("Évora", DEVICES));
    // Sends the request, waits until the work has begun, and disconnects.
    let lost = |path: &str, body: &Value, operation: &str| {
        let mut connection = server.connect();
        connection.send(&server.request("POST", path).login(ADMIN).json(body).bytes());
        let location = working(&server, operation);
        drop(connection);
        ended(&server, &location)
    };
    let dry = lost(IMPORT, &body("big", json!({"dry_run": true})), "import_project");
    assert_eq!((&dry["state"], &dry["dry_run"]), (&json!("cancelled"), &json!(true)), "{dry}");
    assert_eq!(count(&server), 0);
    let real = lost(IMPORT, &body("big", json!({})), "import_project");
    assert_eq!(real["state"], "finished", "{real}");
    assert_eq!(real["report"]["outcome"], "imported", "{real}");
    assert_eq!(count(&server), DEVICES as u64);
    for (path, asked, operation) in [
        (EXPORT, body("out", json!({})), "export_project"),
        ("/rest/topology/export", json!({"name": "out.xlsx"}), "export_topology"),
        ("/rest/verify", json!({}), "verify"),
    ] {
        let end = lost(path, &asked, operation);
        assert_eq!(end["state"], "cancelled", "{end}");
        assert_eq!(end["inventory"], "unchanged", "{end}");
    }
    assert!(!server.bundle("out").exists());
    assert!(!server.data().join("spreadsheets/out.xlsx").exists());
    require_no_leftovers(&server);

    // A client with `respond-async` can disconnect.
    let kept = begin(&server, EXPORT, &body("out", json!({})));
    assert_eq!(ended(&server, &kept)["state"], "finished");
    assert!(server.bundle("out").exists());
}

#[test]
fn a_restart_lists_interrupted_jobs_and_their_effect() {
    let mut server = Server::start();
    let mut sites = ["Évora", "Genève"].into_iter().cycle();
    for moment in ["decoding", "applying", "making_durable", "flip", "flip", "flip"] {
        let site = sites.next().unwrap();
        put_folder(&server, "big", &project(site, DEVICES / 2));
        let asked = body("big", json!({"empty_database_before_import": true}));
        let location = begin(&server, IMPORT, &asked);
        let id = location.rsplit('/').next().unwrap().to_owned();
        let file = server.data().join("jobs").join(format!("{id}.json"));
        let noted = || fs::read_to_string(&file).unwrap().contains("\"generation\":");
        until(|| match moment {
            // The job file records this just before the pointer is switched.
            "flip" => {
                noted() && !fs::read_to_string(&file).unwrap().contains("\"generation\":null")
            }
            step => {
                let job = job(&server, &location);
                assert!(job["ended"].is_null(), "it was too fast: {job}");
                job["step"] == step
            }
        });
        server = server.start_again();
        let end = job(&server, &location);
        let has_landed = first_location(&server).as_deref() == Some(site);
        let outcome = end["outcome"].as_str().unwrap().to_owned();
        match end["state"].as_str().unwrap() {
            // The kill was after the end of the job.
            "finished" => assert!(moment == "flip" && has_landed, "{end}"),
            "interrupted" if has_landed => {
                assert_eq!(end["inventory"], "replaced", "{end}");
                assert!(outcome.contains("the imported one"), "{end}");
            }
            "interrupted" => {
                assert_eq!(end["inventory"], "unchanged", "{end}");
                assert!(outcome.ends_with("Nothing was changed."), "{end}");
            }
            _ => panic!("{end}"),
        }
        assert_eq!(end["user"], "admin");
        assert_eq!(jobs(&server)[0]["id"], id.as_str());
        require_no_leftovers(&server);
        // The next import must have something to change.
        if !has_landed {
            imported(&server, "big", json!({"empty_database_before_import": true}));
        }
    }
    // After another start, the job is listed unchanged.
    let before = jobs(&server);
    assert!(before.iter().any(|job| job["state"] == "interrupted"), "{before:?}");
    server = server.start_again();
    assert_eq!(jobs(&server), before);
}

#[test]
fn a_server_finishes_its_jobs_before_it_stops() {
    let mut server = Server::start();
    put_folder(&server, "big", &project("Évora", DEVICES / 3));
    let location = begin(&server, IMPORT, &body("big", json!({})));
    until(|| job(&server, &location)["step"] == "applying");
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let server = server.start_again();
    let end = job(&server, &location);
    assert_eq!((&end["state"], &end["inventory"]), (&json!("finished"), &json!("replaced")));
    assert_eq!(end["report"]["outcome"], "imported", "{end}");
    assert_eq!(count(&server), DEVICES as u64 / 3);
}

/// The location of the first device.
fn first_location(server: &Server) -> Option<String> {
    let path = "/rest/instance/device?limit=1&columns=location";
    let answer = server.request("GET", path).login(ADMIN).send();
    if answer.status != 200 {
        return None;
    }
    let list = answer.json();
    list.get(0)?.get("location")?.as_str().map(str::to_owned)
}

#[test]
fn the_job_of_a_rejected_import_has_a_problem() {
    let server = Server::start();
    let bad = Documents::from([("link".to_owned(), b"- name: l\n  source: nowhere\n".to_vec())]);
    put_folder(&server, "bad", &bad);
    let direct = import(&server, "bad", json!({}));
    assert_eq!(direct.status, 422);
    let end = ended(&server, &begin(&server, IMPORT, &body("bad", json!({}))));
    assert_eq!((&end["state"], &end["status"]), (&json!("failed"), &json!(422)), "{end}");
    assert_eq!(end["inventory"], "unchanged");
    assert_eq!(steady(end["problem"].clone()), steady(direct.json()));
}
