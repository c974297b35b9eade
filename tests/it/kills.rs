//! SIGKILL at random moments of imports, backups, restores and undos. The inventory afterwards has the state before or
//! after the request, and the state after it if the request was acknowledged.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{ADMIN, Request, Server};
use crate::project::{
    Documents, KINDS, demo, differing, imported, inventory, put_folder, read_folder,
};

/// The default number of kills. `SATCHEL_KILLS` sets another one.
const KILLS: usize = 20;

/// The number of kills of other requests for each kill in a restore. A restart, the dry run and the reading
/// of the whole inventory take some seconds.
const KILLS_PER_RESTORE: usize = 4;

/// The number of devices beside the sample inventory. With them an import takes long enough to be
/// killed in each of its steps.
const DEVICES: usize = 1500;

/// The tolerance of a socket timeout.
const SPIN: Duration = Duration::from_millis(5);

/// The sample inventory with many more devices, of one site.
fn project(site: &str) -> Documents {
    let mut documents = read_folder(&demo());
    let devices = documents.get_mut("device").unwrap();
    for number in 0..DEVICES {
        let device = format!(
            "- \"location\": \"{site}\"\n  \"name\": \"{site} -> [Shared] {number} 100% \\xE9\"\n"
        );
        devices.extend_from_slice(device.as_bytes());
    }
    documents
}

/// The number of kills of each test.
fn kills() -> usize {
    std::env::var("SATCHEL_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

/// The number of kills in a restore or its undo: `SATCHEL_KILLS` sets it exactly.
fn restore_kills() -> usize {
    std::env::var("SATCHEL_KILLS").map_or(KILLS / KILLS_PER_RESTORE, |text| text.parse().unwrap())
}

/// A random number below `end`.
fn random_below(end: u64) -> u64 {
    getrandom::u64().unwrap() % end
}

/// The temporary files in a data directory.
fn leftovers(data: &Path) -> Vec<String> {
    let list = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut left = Vec::new();
    let known = [
        "AUDIT",
        "audit",
        "CURRENT",
        "LOCK",
        "RESERVE",
        "ARCHIVE",
        "history",
        "MARK",
        "MARK.audit",
        "SCHEDULE",
        "jobs",
        "key",
        "tokens",
        "key.check",
        "migrations",
        "backups",
        "reports",
        "scratch",
        "secret_properties",
        "spreadsheets",
    ];
    let mut generations = 0;
    for name in list(data) {
        match name.strip_prefix("inventory-") {
            Some(_) => generations += 1,
            None if known.contains(&&*name) => {}
            None => left.push(name),
        }
    }
    let pointer = fs::read_to_string(data.join("CURRENT")).unwrap();
    let is_generation =
        |line: &&str| ["current ", "previous ", "older "].iter().any(|word| line.starts_with(word));
    let named = pointer.lines().filter(is_generation).count();
    if generations != named {
        left.push(format!("{generations} generations of {named}"));
    }
    left.extend(list(&data.join("scratch")).into_iter().map(|name| format!("scratch/{name}")));
    let projects = ["a", "b", "demo", "look.zip"];
    let others = list(&data.join("migrations")).into_iter();
    left.extend(others.filter(|name| !projects.contains(&&**name)));
    if data.join("backups").is_dir() {
        let backups = list(&data.join("backups")).into_iter();
        left.extend(backups.filter(|name| name.starts_with('.')));
    }
    let reports = list(&data.join("reports")).into_iter();
    left.extend(reports.filter(|name| !name.ends_with(".json")));
    left
}

/// Two states of an inventory, and the request that changes one to the other.
struct Between {
    /// The two states. The server starts with the second.
    states: [Documents; 2],
    /// The minimum duration of the request.
    shortest: Duration,
    /// Requests the state with this number.
    request: for<'s> fn(&'s Server, usize) -> Request<'s>,
    /// Reads the state.
    read: fn(&Server) -> Documents,
}

#[test]
fn a_kill_in_an_import_leaves_the_state_before_or_the_state_after() {
    let server = Server::start();
    let empty_first = json!({"empty_database_before_import": true});
    let mut shortest = Duration::MAX;
    let states = [("a", "Évora"), ("b", "Genève")].map(|(name, site)| {
        put_folder(&server, name, &project(site));
        // The first request needs a login, and creates more records than the following ones.
        for _ in 0..3 {
            let begun = Instant::now();
            imported(&server, name, empty_first.clone());
            shortest = shortest.min(begun.elapsed());
        }
        inventory(&server)
    });
    assert_eq!(differing(&states[0], &states[1]), ["device", "pool"]);
    Between { states, shortest, request: import, read: inventory }.kill(server, kills());
}

fn import(server: &Server, other: usize) -> Request<'_> {
    let body = json!({
        "name": if other == 0 { "a" } else { "b" },
        "import_export_types": KINDS,
        "empty_database_before_import": true,
    });
    server.request("POST", "/rest/migrate/import").login(ADMIN).json(&body)
}

#[test]
fn a_kill_in_an_undo_leaves_the_state_before_or_the_state_after() {
    let server = Server::start_with(&["--demo"]);
    let with_demo = inventory(&server);
    put_folder(&server, "a", &project("Évora"));
    imported(&server, "a", json!({}));
    let states = [with_demo, inventory(&server)];
    let mut shortest = Duration::MAX;
    for _ in 0..4 {
        let begun = Instant::now();
        assert_eq!(server.request("POST", "/rest/undo").login(ADMIN).send().status, 200);
        shortest = shortest.min(begun.elapsed());
    }
    Between { states, shortest, request: undo, read: inventory }.kill(server, kills());
}

fn undo(server: &Server, _other: usize) -> Request<'_> {
    server.request("POST", "/rest/undo").login(ADMIN)
}

/// Stores a backup of each of two states. Returns the server in the second state, and both states.
fn two_backups() -> (Server, [Documents; 2]) {
    let server = Server::start();
    let states = [("a", "Évora"), ("b", "Genève")].map(|(name, site)| {
        put_folder(&server, name, &project(site));
        imported(&server, name, json!({"empty_database_before_import": true}));
        let backup = server.request("POST", "/rest/backup").login(ADMIN);
        assert_eq!(backup.json(&json!({"name": name})).send().status, 200);
        inventory(&server)
    });
    assert_eq!(differing(&states[0], &states[1]), ["device", "pool"]);
    (server, states)
}

#[test]
fn a_kill_in_a_restore_leaves_the_state_before_or_the_state_after() {
    let (server, states) = two_backups();
    let mut shortest = Duration::MAX;
    for other in [0, 1, 0, 1] {
        let request = restore(&server, other);
        let begun = Instant::now();
        assert_eq!(request.send().status, 200);
        shortest = shortest.min(begun.elapsed());
        assert_eq!(differing(&states[other], &inventory(&server)), Vec::<String>::new());
    }
    Between { states, shortest, request: restore, read: inventory }.kill(server, restore_kills());
}

/// The restore of the backup of a state, with the plan of its dry run.
fn restore(server: &Server, other: usize) -> Request<'_> {
    let mut body = json!({"backup": if other == 0 { "a" } else { "b" }, "dry_run": true});
    let dry_run = server.request("POST", "/rest/restore").login(ADMIN).json(&body).send();
    assert_eq!(dry_run.status, 200, "{}", dry_run.json());
    body["dry_run"] = false.into();
    body["plan"] = dry_run.json()["plan"].clone();
    server.request("POST", "/rest/restore").login(ADMIN).json(&body)
}

#[test]
fn a_kill_in_the_undo_of_a_restore_leaves_the_state_before_or_the_state_after() {
    let (server, mut states) = two_backups();
    assert_eq!(restore(&server, 0).send().status, 200);
    states.reverse();
    let mut shortest = Duration::MAX;
    for state in [0, 1, 0, 1] {
        let begun = Instant::now();
        assert_eq!(undo(&server, state).send().status, 200);
        shortest = shortest.min(begun.elapsed());
        assert_eq!(differing(&states[state], &inventory(&server)), Vec::<String>::new());
    }
    Between { states, shortest, request: undo, read: inventory }.kill(server, restore_kills());
}

/// A stored backup is complete or absent, and it is present if it was acknowledged.
#[test]
fn a_kill_in_a_backup_leaves_a_complete_backup_or_none() {
    let mut server = Server::start();
    put_folder(&server, "a", &project("Évora"));
    imported(&server, "a", json!({}));
    let begun = Instant::now();
    let make = |server: &Server, name: &str| {
        let request = server.request("POST", "/rest/backup").login(ADMIN);
        request.json(&json!({"name": name})).bytes()
    };
    let mut connection = server.connect();
    connection.send(&make(&server, "first"));
    assert_eq!(connection.status(), Some(200));
    let window = u64::try_from(begun.elapsed().as_nanos()).unwrap() * 2;
    let kills = kills();
    let mut acknowledged = vec!["first".to_owned()];
    for kill in 0..kills {
        let name = format!("b {kill}");
        let mut connection = server.connect();
        connection.send(&make(&server, &name));
        let wait = Duration::from_nanos(random_below(window));
        connection.is_silent_for(wait.max(Duration::from_micros(1)));
        server.kill();
        if connection.status() == Some(200) {
            acknowledged.push(name);
        }
        server = server.start_again();
        assert_eq!(leftovers(&server.data()), Vec::<String>::new(), "kill {kill}");
        let listed = server.request("GET", "/rest/backups").login(ADMIN).send().json();
        let listed = listed["backups"].as_array().unwrap().clone();
        let damaged = listed.iter().find(|one| !one["problem"].is_null());
        assert!(damaged.is_none(), "kill {kill}: {damaged:?}");
        for name in &acknowledged {
            assert!(listed.iter().any(|one| one["name"] == **name), "kill {kill}: no {name}");
        }
    }
    println!("{} of {kills} backups were acknowledged", acknowledged.len() - 1);
    let path = "/rest/backups/first/verify";
    let verified = server.request("POST", path).login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}

/// The undo of an import after which something was changed: the whole inventory is written again.
#[test]
fn a_kill_in_an_undo_that_keeps_later_changes_leaves_the_state_before_or_the_state_after() {
    let server = Server::start_with(&["--demo"]);
    put_folder(&server, "a", &project("Évora"));
    imported(&server, "a", json!({}));
    let mut shortest = Duration::MAX;
    let mut states = [Documents::new(), Documents::new()];
    // The first undo of the import's undo creates the devices in another order than the import.
    for state in [0, 1, 0, 1] {
        let request = undo_and_keep(&server, state);
        let begun = Instant::now();
        let answer = request.send();
        shortest = shortest.min(begun.elapsed());
        assert_eq!(answer.json()["written"], "new_generation", "{}", answer.json());
        states[state] = without_times(&server);
    }
    assert_ne!(differing(&states[0], &states[1]), Vec::<String>::new());
    Between { states, shortest, request: undo_and_keep, read: without_times }.kill(server, kills());
}

/// The inventory without the times of the last changes, which an undo does not set back.
fn without_times(server: &Server) -> Documents {
    let mut documents = inventory(server);
    for document in documents.values_mut() {
        let text = String::from_utf8(std::mem::take(document)).unwrap();
        let lines = text.lines().filter(|line| !line.contains("last_modified"));
        *document = lines.collect::<Vec<_>>().join("\n").into_bytes();
    }
    documents
}

/// The undo of the last change of the whole inventory, after two later changes.
fn undo_and_keep(server: &Server, _other: usize) -> Request<'_> {
    let listed = server.request("GET", "/rest/history?limit=1000").login(ADMIN).send().json();
    let change =
        listed.as_array().unwrap().iter().find(|one| !one["generation"].is_null()).unwrap();
    let device = "/rest/instance/device";
    let put = server.request("POST", device).login(ADMIN).json(&json!({"name": "later"}));
    assert_eq!(put.send().status, 200);
    let deleted = server.request("DELETE", &format!("{device}/later")).login(ADMIN).send();
    assert_eq!(deleted.status, 200);
    let body = json!({"change": change["number"]});
    server.request("POST", "/rest/undo").login(ADMIN).json(&body)
}

/// The number of the last change in the history.
fn last_change(server: &Server) -> u64 {
    let answer = server.request("GET", "/rest/history?limit=1").login(ADMIN).send();
    answer.json()[0]["number"].as_u64().unwrap()
}

impl Between {
    /// Kills the server repeatedly at random moments of such requests.
    fn kill(self, mut server: Server, kills: usize) {
        let Self { states, shortest, request, read } = self;
        // Follows how fast the machine is just now, so that as many kills come before as after.
        let mut window = u64::try_from(shortest.as_nanos()).unwrap() * 2;
        let (mut current, mut acknowledged, mut done) = (1, 0, 0);
        for kill in 0..kills {
            let other = 1 - current;
            let bytes = request(&server, other).bytes();
            let change_before = last_change(&server);
            let mut connection = server.connect();
            let wait = Duration::from_nanos(random_below(window));
            connection.send(&bytes);
            // The moment is what is tested. A core that spins would slow the request down, so only
            // the last of the wait is spent so; an answer ends it, and is followed by the kill at
            // once.
            let sent = Instant::now();
            if connection.is_silent_for(wait.saturating_sub(SPIN).max(Duration::from_micros(1))) {
                while sent.elapsed() < wait {
                    std::hint::spin_loop();
                }
            }
            server.kill();
            let status = connection.status();

            server = server.start_again();
            let found = read(&server);
            let moment = format!("kill {kill} after {wait:?}, status {status:?}");
            let state = states.iter().position(|state| *state == found);
            let Some(state) = state else {
                panic!(
                    "{moment}: neither before ({:?} differ) nor after ({:?} differ)",
                    differing(&states[current], &found),
                    differing(&states[other], &found)
                );
            };
            // The change and its entry in the history are there together, or neither is.
            let is_listed = last_change(&server) > change_before;
            assert_eq!(
                is_listed,
                state == other,
                "{moment}: the history has the change: {is_listed}"
            );
            if let Some(status) = status {
                assert_eq!(status, 200, "{moment}");
                assert_eq!(state, other, "{moment}: what was acknowledged is not there");
                acknowledged += 1;
            }
            done += usize::from(state == other);
            assert_eq!(leftovers(&server.data()), Vec::<String>::new(), "{moment}");
            let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
            assert_eq!(verified["whole"], true, "{moment}: {verified}");
            window = if state == other { window - window / 8 } else { window + window / 8 };
            current = state;
        }
        println!(
            "{kills} kills of requests that take {shortest:?}: {done} after the change \
             ({acknowledged} of them acknowledged), {} before it",
            kills - done
        );
    }
}
