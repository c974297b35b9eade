//! A standby: a second data directory into which the example units of systemd restore the server.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{
    backups::{DEVICE_PATH, get, put, server as changed_server},
    commands::{Workspace, assert_exit, run, stderr_of, stdout_of},
    harness::{ADMIN, Server, satchel},
    restores::{change, delete, state},
};

const SERVICE: &str = include_str!("../../packaging/examples/satchel-standby.service");
const TIMER: &str = include_str!("../../packaging/examples/satchel-standby.timer");

/// The unit on one machine: its files and its environment.
struct Unit<'w> {
    workspace: &'w Workspace,
    server: String,
    token: String,
}

impl Unit<'_> {
    /// The values of a setting of the unit.
    fn values(name: &str) -> impl Iterator<Item = &'static str> {
        let settings = SERVICE.lines().filter_map(|line| line.split_once('='));
        settings.filter(move |(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Runs the commands of the unit as systemd does: one after the other, until one fails. A dash before
    /// a command ignores its failure. Returns the outputs of satchel.
    fn start(&self) -> Vec<Output> {
        // PrivateTmp=yes: each run has an empty folder.
        assert_eq!(Self::values("PrivateTmp").collect::<Vec<_>>(), ["yes"]);
        let private = tempfile::tempdir().unwrap();
        let mut outputs = Vec::new();
        for line in Self::values("ExecStart") {
            let words = line.trim_start_matches('-').split(' ').map(|word| {
                let word = word.replace("/var/tmp", private.path().to_str().unwrap());
                word.replace("/var/lib/satchel", self.workspace.data().to_str().unwrap())
            });
            let words: Vec<String> = words.collect();
            let is_satchel = words[0] == "/usr/bin/satchel";
            let mut command = if is_satchel { satchel() } else { Command::new(&words[0]) };
            command.args(&words[1..]);
            command.env("SATCHEL_SERVER", &self.server).env("SATCHEL_TOKEN", &self.token);
            let output = run(&mut command);
            let is_ended = !output.status.success() && !line.starts_with('-');
            if is_satchel {
                outputs.push(output);
            }
            if is_ended {
                break;
            }
        }
        outputs
    }

    /// Starts the unit, which must succeed. Returns what the restore printed.
    fn restores(&self) -> String {
        let outputs = self.start();
        outputs.iter().for_each(|output| assert_exit(output, 0));
        assert_eq!(outputs.len(), 2);
        stdout_of(&outputs[1])
    }

    /// Starts the unit, which must fail. Returns the error of the last command.
    fn fails(&self) -> String {
        let outputs = self.start();
        let last = outputs.last().unwrap();
        assert_eq!(last.status.code(), Some(1), "{}", stdout_of(last));
        stderr_of(last)
    }
}

/// A token that only makes backups.
fn token(server: &Server) -> String {
    let request = server.request("POST", "/rest/tokens").login(ADMIN);
    let made = request.json(&json!({"name": "standby", "scope": "backup"})).send();
    made.json()["token"].as_str().unwrap().to_owned()
}

fn unit<'w>(workspace: &'w Workspace, server: &Server) -> Unit<'w> {
    Unit { workspace, server: format!("http://{}", server.address), token: token(server) }
}

/// The backups that restores stored in a data directory.
fn stored(data: &Path) -> usize {
    fs::read_dir(data.join("backups")).map_or(0, Iterator::count)
}

#[test]
fn a_standby_follows_the_server_and_replaces_it() {
    let server = changed_server();
    let workspace = Workspace::new();
    let standby = unit(&workspace, &server);
    assert!(standby.restores().contains("The backup was restored"));
    change(&server);
    assert!(standby.restores().contains("The backup was restored"));
    let before = stored(&workspace.data());
    // Without changes nothing is written.
    assert!(standby.restores().contains("Nothing was changed"));
    assert_eq!((before, stored(&workspace.data())), (1, 1));
    delete(&server, DEVICE_PATH);
    assert!(standby.restores().contains("1 removed"));
    let last = state(&server);
    // What comes after the last run is lost.
    put(&server, "device", &json!({"name": "after the last run é"}));

    let address = server.address;
    let failed = server.kill_and_keep();
    let refused = standby.fails();
    assert!(refused.contains(&format!("http://{address}")), "{refused}");

    let promoted = Server::start_on_data(workspace.into_folder());
    assert_eq!(state(&promoted), last);
    let verified = promoted.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
    put(&promoted, "device", &json!({"name": "at the standby"}));

    // The repaired machine follows the standby, with its records and its history from before.
    let workspace = Workspace::in_folder(failed);
    assert!(unit(&workspace, &promoted).restores().contains("The backup was restored"));
    let repaired = Server::start_on_data(workspace.into_folder());
    assert_eq!(state(&repaired), state(&promoted));
    let listed = get(&repaired, "/rest/history?limit=2").json();
    assert_eq!(listed[0]["operation"], "restore", "{listed}");
    assert_eq!(listed[1]["names"][0]["name"], "after the last run é", "{listed}");
}

/// A forgotten timer does not overwrite the changes of a standby that replaced the server.
#[test]
fn a_standby_that_serves_is_not_overwritten() {
    let server = changed_server();
    let (workspace, linked) = (Workspace::new(), Workspace::new());
    std::os::unix::fs::symlink(workspace.data(), linked.data()).unwrap();
    let unit = unit(&workspace, &server);
    unit.restores();
    let unit = Unit { workspace: &linked, ..unit };
    let standby = Server::start_on_data(workspace.into_folder());
    put(&standby, "device", &json!({"name": "at the standby"}));
    let before = state(&standby);
    let refused = unit.fails();
    assert!(refused.contains("is in use by the server"), "{refused}");
    assert_eq!(state(&standby), before);
}

/// A revoked token, and a backup that is cut off.
#[test]
fn a_run_that_fails_leaves_the_standby_as_it_is() {
    let server = changed_server();
    let workspace = Workspace::new();
    let mut standby = unit(&workspace, &server);
    standby.restores();
    let verify = || {
        let verified = workspace.on_directory(&["verify", "--json"]);
        assert_exit(&verified, 0);
        crate::commands::json(&verified)["counts"].clone()
    };
    let before: Value = verify();
    put(&server, "device", &json!({"name": "later é"}));
    standby.token = format!("{}x", standby.token);
    let refused = standby.fails();
    assert!(refused.contains("401") || refused.contains("token"), "{refused}");
    assert_eq!(verify(), before);

    let file = workspace.path("cut.zip");
    let whole = get(&server, "/rest/backup").body;
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let cut = workspace.on_directory(&["restore", file.to_str().unwrap(), "--yes"]);
    assert_exit(&cut, 1);
    assert_eq!(verify(), before);
    assert_eq!(stored(&workspace.data()), 0);
}

/// The page shows the units that the tests run, and systemd understands them.
#[test]
fn the_units_are_those_of_the_page_and_valid() {
    let page = include_str!("../../assets/docs/standby.md");
    for (name, unit) in [("satchel-standby.service", SERVICE), ("satchel-standby.timer", TIMER)] {
        assert!(page.contains(&format!("```ini {name}\n{unit}```\n")), "{name} differs");
    }
    let folder = tempfile::tempdir().unwrap();
    // systemd-analyze checks that the executable exists.
    let service = SERVICE.replace("/usr/bin/satchel", env!("CARGO_BIN_EXE_satchel"));
    let path = folder.path().join("satchel-standby.service");
    fs::write(&path, service).unwrap();
    let timer = folder.path().join("satchel-standby.timer");
    fs::write(&timer, TIMER).unwrap();
    match Command::new("systemd-analyze").arg("verify").args([&path, &timer]).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let own = said.lines().find(|line| line.contains("satchel-standby"));
            // The manual pages of Satchel are not installed on this machine.
            assert!(own.is_none_or(|line| line.contains("man satchel-restore")), "{said}");
        }
        Err(error) => eprintln!("skipped: systemd-analyze cannot be run: {error}"),
    }
}
