//! Scheduled backups: when they are made, which stay, and how failures are noticed.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    backups::{create, get, put, put_text},
    commands::{Workspace, assert_exit, stderr_of},
    full_disk::Disk,
    harness::{ADMIN, Server, command, until},
    metrics::sample,
};

/// The state of the schedule.
pub(crate) fn schedule(server: &Server) -> Value {
    get(server, "/rest/state").json()["backup_schedule"].clone()
}

/// Waits until the schedule has a state, and returns it.
pub(crate) fn schedule_with(server: &Server, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut state = Value::Null;
    until(|| {
        state = schedule(server);
        is_so(&state)
    });
    state
}

/// Waits for the first successful backup.
pub(crate) fn first_success(server: &Server) -> Value {
    schedule_with(server, |state| state["successes"].as_u64() > Some(0))
}

/// The names of the stored backups.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    let mut names: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".zip").map(str::to_owned)).collect();
    names.sort();
    names
}

/// The check `backup` of `/readyz`.
fn backup_check(server: &Server) -> Value {
    let ready = server.request("GET", "/readyz").send();
    assert_eq!(ready.status, 200, "a missed backup does not hinder the work");
    let checks = ready.json()["checks"].as_array().unwrap().clone();
    checks.into_iter().find(|check| check["check"] == "backup").unwrap()
}

#[test]
fn a_scheduled_backup_is_made_verified_and_remembered() {
    let server = Server::start_with(&["--demo", "--backup-every", "1h"]);
    let state = first_success(&server);
    assert_eq!((&state["interval_seconds"], &state["at"]), (&json!(3600), &Value::Null));
    assert_eq!((&state["has_failed"], &state["is_overdue"]), (&json!(false), &json!(false)));
    let last = &state["last_success"];
    let name = last["backup"].as_str().unwrap().to_owned();
    assert!(name.starts_with("scheduled-20"), "{name}");

    let listed = get(&server, "/rest/backups").json()["backups"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["name"], &listed[0]["verified"]["whole"]), (&json!(name), &json!(true)));
    assert_eq!(listed[0]["manifest"]["made_by"], "schedule:");
    assert_eq!(listed[0]["manifest"]["change"], last["change"]);
    let jobs = get(&server, "/rest/jobs").json();
    let jobs: Vec<_> = jobs["jobs"]
        .as_array()
        .unwrap_or_else(|| jobs.as_array().unwrap())
        .iter()
        .map(|job| (job["operation"].clone(), job["state"].clone(), job["user"].clone()))
        .collect();
    let job = |operation: &str| (json!(operation), json!("finished"), json!("schedule:"));
    assert_eq!(jobs, [job("verify_backup"), job("create_backup")]);
    until(|| {
        let entries = get(&server, "/rest/audit").json().to_string();
        entries.contains("by the schedule") && entries.contains("verify_backup")
    });

    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let time = sample(&server, "satchel_backup_last_success_timestamp_seconds").unwrap();
    assert!((now - time).abs() < 600.0, "{time}");
    assert_eq!(sample(&server, "satchel_backup_interval_seconds"), Some(3600.0));
    assert_eq!(sample(&server, "satchel_backup_successes_total"), Some(1.0));
    assert_eq!(sample(&server, "satchel_backup_failed"), Some(0.0));
    assert_eq!(sample(&server, "satchel_backup_overdue"), Some(0.0));
    let failures = "satchel_backup_failures_total{cause=\"no_room\"}";
    assert_eq!(sample(&server, failures), Some(0.0));
    assert_eq!(sample(&server, "satchel_backup_last_failure_timestamp_seconds"), None);
    let check = backup_check(&server);
    assert_eq!((&check["passed"], &check["last"]), (&json!(true), &last["time"]));
    assert!(check.get("warning").is_none(), "{check}");

    // A restart does not make the next one earlier. A backup of a person is none of the schedule.
    let server = server.start_again_with(&["--backup-every", "1h"]);
    create(&server, &json!({"name": "by hand"}));
    let again = schedule(&server);
    assert_eq!(again, state);
    // Longer ago than the interval: the missed one is made.
    let server = server.start_again_with(&["--backup-every", "1s"]);
    schedule_with(&server, |state| state["successes"].as_u64() > Some(1));
    assert_eq!(get(&server.start_again(), "/rest/state").json()["backup_schedule"], Value::Null);
}

#[test]
fn a_missed_backup_is_made_up_after_the_start() {
    let server = Server::start_with(&["--backup-at", "02:30"]);
    let state = first_success(&server);
    assert_eq!((&state["at"], &state["interval_seconds"]), (&json!("02:30"), &json!(86_400)));
    let next = state["next"].as_str().unwrap();
    assert!(next.contains("T02:30:00"), "{next}");
    let file = server.data().join("SCHEDULE");
    let record = || -> Value { serde_json::from_slice(&fs::read(&file).unwrap()).unwrap() };
    let mut server = server;
    server.kill();
    let mut missed = record();
    missed["last_run"]["started"] = json!("2026-01-02T02:30:00Z");
    fs::write(&file, missed.to_string()).unwrap();
    let server = server.start_again_with(&["--backup-at", "02:30"]);
    let state = schedule_with(&server, |state| state["successes"] == 2);
    assert!(state["next"].as_str().unwrap().contains("T02:30:00"), "{state}");
}

#[test]
fn a_missing_folder_is_a_failure_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("é>b 1%");
    let options = ["--backup-every", "1s", "--backup-dir", other.to_str().unwrap()];
    let server = Server::start_with(&options);
    let state = schedule_with(&server, |state| state["failures"]["not_made"].as_u64() > Some(0));
    assert_eq!((&state["has_failed"], &state["last_success"]), (&json!(true), &Value::Null));
    assert_eq!(state["last_failure"]["cause"], "not_made");
    let detail = state["last_failure"]["detail"].as_str().unwrap();
    assert!(detail.contains("might not be mounted"), "{detail}");
    let state = schedule_with(&server, |state| state["is_overdue"] == true);
    assert!(state["last_failure"]["time"].is_string());
    until(|| sample(&server, "satchel_backup_failures_total{cause=\"overdue\"}") > Some(0.0));
    assert_eq!(sample(&server, "satchel_backup_failed"), Some(1.0));
    assert_eq!(sample(&server, "satchel_backup_overdue"), Some(1.0));
    assert_eq!(sample(&server, "satchel_backup_last_success_timestamp_seconds"), None);
    assert!(sample(&server, "satchel_backup_last_failure_timestamp_seconds") > Some(1e9));
    let check = backup_check(&server);
    let warning = check["warning"].as_str().unwrap();
    assert_eq!(check["passed"], true);
    assert_eq!(warning, "No scheduled backup was written for twice the interval.");
    let logged = |cause: &str| {
        let log = server.log();
        let errors = log.iter().filter(|line| line["level"] == "ERROR").map(ToString::to_string);
        errors.filter(|line| line.contains(&format!("\"{cause}\""))).count()
    };
    until(|| logged("not_made") > 0 && logged("overdue") > 0);
    assert!(!other.exists());
    until(|| get(&server, "/rest/audit").json().to_string().contains("it failed"));

    fs::create_dir(&other).unwrap();
    first_success(&server);
    until(|| sample(&server, "satchel_backup_failed") == Some(0.0));
    assert!(!names(&other).is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_a_failure() {
    // Nobody can create a file here, not even root.
    let options = ["--backup-every", "1h", "--backup-dir", "/sys/kernel"];
    let server = Server::start_with(&options);
    let state = schedule_with(&server, |state| state["has_failed"] == true);
    assert_eq!(state["last_failure"]["cause"], "not_made", "{state}");
    let check = backup_check(&server);
    assert_eq!(check["warning"], "The last scheduled backup failed: no backup could be made.");
    // It is repeated soon, not after an hour.
    let time = |text: &Value| {
        let format = &time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(text.as_str().unwrap(), format).unwrap()
    };
    let wait = time(&state["next"]) - time(&state["last_failure"]["time"]);
    assert!(wait <= time::Duration::minutes(15), "{state}");
}

#[test]
fn a_full_or_read_only_disk_is_a_failure_until_there_is_room() {
    let Some(disk) = Disk::new(4) else { return };
    let folder = disk.path().join("é>b");
    fs::create_dir(&folder).unwrap();
    let server = Server::start_with(&["--demo"]);
    put(&server, "device", &json!({"name": "R 1%"}));
    put_text(&server, "/rest/configuration/R%201%25", &random_hex(300_000));
    disk.fill_all_but(200_000);
    let options = ["--backup-every", "1s", "--backup-dir", folder.to_str().unwrap()];
    let server = server.start_again_with(&options);
    let state = schedule_with(&server, |state| state["has_failed"] == true);
    assert_eq!(state["last_failure"]["cause"], "no_room", "{state}");
    assert!(sample(&server, "satchel_backup_failures_total{cause=\"no_room\"}") > Some(0.0));
    disk.make_room();
    first_success(&server);
    assert!(!names(&folder).is_empty());
    // No file is left of the attempts that failed.
    let temporary = || {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| name.as_encoded_bytes().starts_with(b".aside-")).count()
    };
    until(|| temporary() <= 1);

    // Less room than the last backup took: nothing is written.
    disk.fill_all_but(100_000);
    let failed = |state: &Value| {
        state["last_failure"]["detail"].as_str().unwrap_or_default().contains("the last backup has")
    };
    schedule_with(&server, failed);
    assert_eq!(temporary(), 0);
    disk.make_room();
    schedule_with(&server, |state| state["has_failed"] == false);
    let mut server = server;
    server.kill();
    disk.make_read_only();
    let server = server.start_again_with(&options);
    let state = schedule_with(&server, |state| state["last_failure"]["cause"] == "not_made");
    let detail = state["last_failure"]["detail"].as_str().unwrap();
    assert!(detail.contains("Read-only file system"), "{detail}");
    assert_eq!(backup_check(&server)["passed"], true);
}

#[test]
fn old_scheduled_backups_are_removed_and_those_of_people_stay() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let place = ["--demo", "--backup-dir", folder.to_str().unwrap()];
    let server = Server::start_with(&place);
    create(&server, &json!({"name": "by hand 1"}));
    let old = [
        "scheduled-2020-01-31-023000",
        "scheduled-2020-02-28-023000",
        "scheduled-2020-02-29-023000",
        "scheduled-2020-02-29-143000",
        "scheduled-2020-02-29-143000-2",
        "scheduled-of a person",
    ];
    for name in old {
        fs::copy(folder.join("by hand 1.zip"), folder.join(format!("{name}.zip"))).unwrap();
        if name != old[0] {
            let path = format!("/rest/backups/{}/verify", name.replace(' ', "%20"));
            let verified = server.request("POST", &path).login(ADMIN).send();
            assert_eq!(verified.json()["whole"], true, "{}", verified.json());
        }
    }
    let kept = [&place[..], &["--backup-every", "1h", "--backup-keep-daily", "2"]].concat();
    let server = server.start_again_with(&kept);
    let state = first_success(&server);
    let new = state["last_success"]["backup"].as_str().unwrap().to_owned();
    until(|| names(folder).len() < 5);
    // Of two in one second, the later one stays. One that was not verified is no good one.
    let expected = ["by hand 1", old[4], old[5], &new];
    assert_eq!(
        names(folder).iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        expected.into()
    );
    assert!(!folder.join(format!("{}.verified", old[1])).exists());
    until(|| {
        let entries = get(&server, "/rest/audit?event=operation").json().to_string();
        old[..4].iter().all(|name| entries.contains(name)) && entries.contains("delete_backup")
    });

    // Nobody else can use such a name, because the schedule would remove the backup.
    let body = json!({"name": "scheduled-2020-01-31-023000"});
    let made = server.request("POST", "/rest/backup").login(ADMIN).json(&body).send();
    let problem = made.problem(400, "malformed-request");
    assert!(problem["detail"].as_str().unwrap().contains("scheduled-"), "{problem}");
    let upload = server.request("PUT", "/rest/backups/scheduled-x").login(ADMIN);
    let file = fs::read(folder.join("by hand 1.zip")).unwrap();
    upload.body(file).send().problem(400, "malformed-request");
}

/// A text that cannot be compressed to less than half of its length.
fn random_hex(bytes: usize) -> String {
    let mut random = vec![0_u8; bytes];
    getrandom::fill(&mut random).unwrap();
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A server with an inventory whose backup takes a while.
fn server_with_texts() -> Server {
    let server = Server::start();
    for number in 0..16 {
        put(&server, "device", &json!({"name": format!("R {number:02}%")}));
        put_text(&server, &format!("/rest/configuration/R%20{number:02}%25"), &random_hex(500_000));
    }
    server
}

/// Waits until a backup is being written.
fn wait_for_partial_file(folder: &Path) {
    until(|| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let is_partial = entry.file_name().as_encoded_bytes().starts_with(b".aside-");
            is_partial && entry.metadata().is_ok_and(|metadata| metadata.len() > 1_000_000)
        })
    });
}

#[test]
fn a_killed_or_stopped_server_leaves_no_partial_backup() {
    let hourly = ["--backup-every", "1h"];
    let mut server = server_with_texts().start_again_with(&hourly);
    let folder = server.data().join("backups");
    wait_for_partial_file(&folder);
    server.kill();
    assert!(names(&folder).is_empty());
    let record = server.data().join("SCHEDULE");
    let record = || -> Value { serde_json::from_slice(&fs::read(&record).unwrap()).unwrap() };
    assert_eq!(record()["last_run"]["outcome"], Value::Null);

    // It is not repeated at once: it could be the reason why the server ended.
    let server = server.start_again_with(&hourly);
    let state = schedule_with(&server, |state| state["has_failed"] == true);
    assert_eq!(state["last_failure"]["cause"], "interrupted");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let mut server = server.start_again_with(&["--backup-every", "1s"]);
    wait_for_partial_file(&folder);
    server.terminate();
    assert!(server.wait().success());
    assert!(names(&folder).is_empty());
    assert_eq!(record()["last_run"]["outcome"], "stopped");

    // A stopped one is made up at once, and is no failure.
    let server = server.start_again_with(&hourly);
    let state = first_success(&server);
    assert_eq!(state["failures"]["interrupted"], 1);
    assert_eq!(names(&folder), [state["last_success"]["backup"].as_str().unwrap()]);
}

#[test]
fn a_cancelled_scheduled_backup_waits_for_the_next_time() {
    let server = server_with_texts().start_again_with(&["--backup-every", "1h"]);
    let folder = server.data().join("backups");
    wait_for_partial_file(&folder);
    let jobs = get(&server, "/rest/jobs").json();
    let jobs = jobs["jobs"].as_array().unwrap_or_else(|| jobs.as_array().unwrap());
    let path = format!("/rest/jobs/{}", jobs[0]["id"].as_str().unwrap());
    server.request("DELETE", &path).login(ADMIN).send();
    let state = schedule_with(&server, |state| state["has_failed"] == true);
    assert_eq!(state["last_failure"]["cause"], "cancelled", "{state}");
    let seconds = |text: &Value| text.as_str().unwrap()[11..16].to_owned();
    assert_ne!(seconds(&state["next"]), seconds(&state["last_failure"]["time"]));
    assert!(names(&folder).is_empty());
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let workspace = Workspace::with_demo();
    for (options, code, said) in [
        (&["--backup-keep-daily", "3"][..], 1, "without backup_every or backup_at"),
        (&["--backup-at", "02:30", "--backup-every", "5h"], 1, "6h, 12h, 1d, 7d"),
        (&["--backup-at", "25:00"], 2, "a time of the day in UTC"),
        (&["--backup-every", "0s"], 2, "such as 6h or 1d"),
        (&["--backup-every", "24"], 2, "such as 6h or 1d"),
        (&["--backup-every", "1d", "--backup-keep-daily", "-1"], 2, "-1"),
        (&["--backup-every", "1d", "--backup-keep-monthly", "many"], 2, "many"),
    ] {
        let output = command(&workspace.data()).args(options).output().unwrap();
        assert_exit(&output, code);
        assert!(stderr_of(&output).contains(said), "{options:?}: {}", stderr_of(&output));
    }
}
