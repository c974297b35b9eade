//! A damaged data directory is refused or reports its damage. It never shows another inventory than
//! the one that was acknowledged.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{BufRead, BufReader},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::data_files::{copy_data_directory, current_database, current_generation};
use crate::harness::{ADMIN, Server, command, satchel};
use crate::project::KINDS;

/// The exit code of a command that refuses a damaged inventory.
const DAMAGED: i32 = 3;

/// Starts `satchel serve`. Returns the server, or the output of one that refused the directory.
fn start(data: &Path, arguments: &[&str]) -> Result<Server, Output> {
    let mut child = command(data)
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        return Err(child.wait_with_output().unwrap());
    }
    Ok(Server::adopt(child, &line))
}

/// Starts `satchel serve` and expects that it refuses the directory. Returns its standard error.
fn refused(data: &Path) -> String {
    let Err(output) = start(data, &[]) else { panic!("the server started") };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(DAMAGED), "{said}");
    said
}

fn change(server: &Server, path: &str, body: &Value) {
    let answer = server.request("POST", path).login(ADMIN).json(body).send();
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
}

fn remove_snapshots(generation: &Path) {
    for entry in fs::read_dir(generation).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// Regression test: one changed byte gave an empty inventory with a user `admin` and the public
/// default password.
#[test]
fn one_changed_byte_never_gives_an_empty_inventory() {
    let server = Server::start_with(&["--demo"]);
    for number in 0..200 {
        let device = json!({"name": format!("R{number} 100% é>b"), "notes": "x".repeat(5000)});
        change(&server, "/rest/instance/device", &device);
    }
    let seen = Seen::of(&server);
    let directory = server.kill_and_keep();
    let data = directory.path().join("data");
    remove_snapshots(&current_generation(&data));
    let mut refusals = 0;
    let length = fs::metadata(current_database(&data)).unwrap().len();
    for offset in [500, 8192].into_iter().chain((16_000..length).step_by(107_000)) {
        let damaged = tempfile::tempdir().unwrap();
        copy_data_directory(&data, damaged.path());
        let database = current_database(damaged.path());
        let file = OpenOptions::new().read(true).write(true).open(&database).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 0x5a], offset).unwrap();
        let before = fs::read(&database).unwrap();

        let said = match start(damaged.path(), &[]) {
            // The byte is in a part of the log that was replaced since.
            Ok(server) => {
                assert!(Seen::of(&server) == seen, "offset {offset}");
                continue;
            }
            Err(output) => {
                assert_eq!(output.status.code(), Some(DAMAGED), "offset {offset}");
                String::from_utf8(output.stderr).unwrap()
            }
        };
        refusals += 1;
        assert!(said.contains("is damaged") && said.contains("satchel recover"), "{said}");
        assert!(said.contains("change 20"), "it says what was known: {said}");
        // Every other command refuses the directory too, and none changed it.
        for words in [&["export", "nightly"][..], &["verify"], &["inspect"], &["undo", "--yes"]] {
            let output = satchel().args(words).arg("--data").arg(damaged.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(DAMAGED), "{words:?}: {said}");
            assert!(output.stdout.is_empty() && said.contains("is damaged"), "{words:?}: {said}");
        }
        assert!(!damaged.path().join("migrations/nightly.zip").exists());
        assert!(fs::read(&database).unwrap() == before, "offset {offset}: the evidence changed");
    }
    assert!(refusals >= 3, "{refusals}");
}

#[test]
fn the_database_of_another_inventory_is_refused_without_creating_a_user() {
    let mut server = Server::start();
    let data = server.data();
    server.kill();
    // A generation without users exists only after damage or manual changes: an empty inventory
    // replaces this one.
    let other = Server::start_with(&["--demo"]).kill_and_keep();
    fs::remove_dir_all(data.join("inventory-1")).unwrap();
    copy_data_directory(&other.path().join("data/inventory-2"), &data.join("inventory-1"));
    let said = refused(&data);
    assert!(said.contains("belongs to another"), "{said}");
    assert!(!said.contains("password “admin”"), "{said}");
}

#[test]
fn files_of_another_directory_and_lost_ones_are_noticed() {
    let other = Server::start_with(&["--demo"]).kill_and_keep();
    for lost in ["another mark", "everything but the key", "another key"] {
        let directory = Server::start_with(&["--demo"]).kill_and_keep();
        let data = directory.path().join("data");
        match lost {
            "another mark" => {
                fs::copy(other.path().join("data/MARK"), data.join("MARK")).unwrap();
            }
            "everything but the key" => {
                for name in ["CURRENT", "MARK"] {
                    fs::remove_file(data.join(name)).unwrap();
                }
                for entry in fs::read_dir(&data).unwrap().map(Result::unwrap) {
                    if entry.file_name().to_string_lossy().starts_with("inventory-") {
                        fs::remove_dir_all(entry.path()).unwrap();
                    }
                }
            }
            _ => {
                for name in ["key", "key.check"] {
                    fs::copy(other.path().join("data").join(name), data.join(name)).unwrap();
                }
            }
        }
        let Err(output) = start(&data, &[]) else { panic!("{lost}: the server started") };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("password “admin”"), "{lost}: {said}");
        let words = if lost == "another key" { "the key" } else { "is damaged" };
        assert!(said.contains(words), "{lost}: {said}");
    }
}

#[test]
fn damaged_tokens_are_refused_as_damage() {
    let directory = Server::start().kill_and_keep();
    let data = directory.path().join("data");
    let path = data.join("tokens");
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    let said = refused(&data);
    assert!(said.contains("with the tokens is damaged. Move it away"), "{said}");
    fs::remove_file(&path).unwrap();
    Server::start_on_data(directory);
}

#[test]
fn a_damaged_previous_generation_is_reported_by_commands_that_read_it() {
    let directory = Server::start_with(&["--demo"]).kill_and_keep();
    let data = directory.path().join("data");
    fs::write(data.join("inventory-1/SEAL"), b"damaged").unwrap();
    let server = Server::start_on_data(directory);
    let state = server.request("GET", "/rest/state").login(ADMIN).send();
    assert_eq!(state.status, 200, "{}", String::from_utf8_lossy(&state.body));
    let undo = server.request("POST", "/rest/undo").login(ADMIN).send().problem(500, "damaged");
    assert!(undo["detail"].as_str().unwrap().contains("previous generation"), "{undo}");
}

/// The inventory as a server shows it: records by kind and name, and configurations.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    records: BTreeMap<(String, String), Value>,
    configurations: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn encoded(name: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

const CONFIGURED: &str = "Lisbon core 1";

impl Seen {
    fn of(server: &Server) -> Self {
        let mut seen = Self::default();
        for kind in KINDS {
            let answer =
                server.request("GET", &format!("/rest/instance/{kind}")).login(ADMIN).send();
            assert_eq!(answer.status, 200);
            for record in answer.json().as_array().unwrap() {
                let name = record["name"].as_str().unwrap().to_owned();
                // A single record is shown with its inverse relations.
                let path = format!("/rest/instance/{kind}/{}", encoded(&name));
                let record = server.request("GET", &path).login(ADMIN).send().json();
                seen.records.insert((kind.to_owned(), name), record);
            }
        }
        let path = format!("/rest/configuration/{}", encoded(CONFIGURED));
        let answer = server.request("GET", &path).login(ADMIN).send();
        if answer.status == 200 {
            seen.configurations.insert(CONFIGURED.to_owned(), answer.body);
        }
        seen
    }
}

/// The outcome for a damaged directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// All acknowledged data is shown.
    Intact,
    /// The server does not start and reports the damage.
    Refused,
    /// The server shows every record unchanged, or reports it as damaged.
    Reported,
}

/// Starts the server on a damaged directory and compares what it shows.
fn outcome(data: &Path, arguments: &[&str], expected: &Seen, damage: &str) -> Outcome {
    let server = match start(data, arguments) {
        Ok(server) => server,
        Err(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            // A damaged key or format has its own message.
            let is_damaged = output.status.code() == Some(DAMAGED) && said.contains("is damaged");
            let is_key = said.contains("the key") || said.contains("was written in format");
            assert!(is_damaged || is_key, "{damage}: {said}");
            assert!(!said.contains("panicked at src/"), "{damage}: {said}");
            return Outcome::Refused;
        }
    };
    let mut outcome = Outcome::Intact;
    // No removed record reappears: a list shows known records, or rows with damage.
    for kind in KINDS {
        let answer = server.request("GET", &format!("/rest/instance/{kind}")).login(ADMIN).send();
        if answer.status != 200 {
            answer.problem(500, "damaged");
            outcome = Outcome::Reported;
            continue;
        }
        let mut shown = 0;
        for row in answer.json().as_array().unwrap() {
            if row.get("damaged").is_some_and(serde_json::Value::is_string) {
                outcome = Outcome::Reported;
                continue;
            }
            let name = row["name"].as_str().unwrap().to_owned();
            let is_known = expected.records.contains_key(&(kind.to_owned(), name.clone()));
            assert!(is_known, "{damage}: {kind} {name} came back");
            shown += 1;
        }
        let known = expected.records.keys().filter(|(known, _)| known == kind).count();
        assert!(shown == known || outcome == Outcome::Reported, "{damage}: {shown} of {known}");
    }
    for ((kind, name), record) in &expected.records {
        let path = format!("/rest/instance/{kind}/{}", encoded(name));
        let answer = server.request("GET", &path).login(ADMIN).send();
        match answer.status {
            200 => {
                let mut shown = answer.json();
                // A damaged pool could contain the record. Its other pools are shown.
                if shown["pools_incomplete"] == true {
                    let known = record["pools"].as_array().unwrap();
                    let pools = shown["pools"].as_array().unwrap();
                    assert!(pools.iter().all(|pool| known.contains(pool)), "{damage}: {pools:?}");
                    shown["pools"] = record["pools"].clone();
                    shown.as_object_mut().unwrap().remove("pools_incomplete");
                    outcome = Outcome::Reported;
                }
                assert_eq!(&shown, record, "{damage}: {kind} {name}");
            }
            500 => {
                answer.problem(500, "damaged");
                outcome = Outcome::Reported;
            }
            status => panic!("{damage}: {kind} {name}: {status}"),
        }
    }
    for (device, text) in &expected.configurations {
        let path = format!("/rest/configuration/{}", encoded(device));
        let answer = server.request("GET", &path).login(ADMIN).send();
        match answer.status {
            200 => assert_eq!(&answer.body, text, "{damage}: configuration"),
            500 => {
                answer.problem(500, "damaged");
                outcome = Outcome::Reported;
            }
            status => panic!("{damage}: configuration: {status}"),
        }
    }
    outcome
}

/// Reproducible random numbers from a seed (SplitMix64).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

const PAGE: u64 = 4096;

/// Damages one random file of a directory. Returns a description. `other` is a directory of another
/// inventory.
fn damage(data: &Path, other: &Path, rng: &mut Rng) -> String {
    let mut files = Vec::new();
    collect(data, &mut files);
    files.sort();
    // The databases are the largest files, so they are damaged most often.
    let databases: Vec<&PathBuf> = files.iter().filter(|file| file.ends_with("db")).collect();
    let path = if rng.below(2) == 0 {
        databases[rng.below(databases.len() as u64) as usize].clone()
    } else {
        files[rng.below(files.len() as u64) as usize].clone()
    };
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len() as u64;
    let page = |rng: &mut Rng| (rng.below(length.div_ceil(PAGE)) * PAGE) as usize;
    let shown = path.strip_prefix(data).unwrap().display().to_string();
    let how = match rng.below(10) {
        0..=3 if length > 0 => {
            let at = rng.below(length) as usize;
            bytes[at] ^= 1 << rng.below(8);
            format!("bit flipped in byte {at}")
        }
        4 if length > 0 => {
            let at = page(rng);
            let end = (at + PAGE as usize).min(bytes.len());
            bytes[at..end].fill(0);
            format!("page at {at} zeroed")
        }
        5 if length > 2 * PAGE => {
            let (one, two) = (page(rng), page(rng));
            let size = (PAGE as usize).min(bytes.len() - one.max(two));
            let saved = bytes[one..one + size].to_vec();
            bytes.copy_within(two..two + size, one);
            bytes[two..two + size].copy_from_slice(&saved);
            format!("pages at {one} and {two} swapped")
        }
        6 => {
            bytes.truncate(rng.below(length) as usize);
            format!("truncated to {} of {length}", bytes.len())
        }
        7 => {
            let junk = rng.below(10_000);
            bytes.extend((0..junk).map(|_| rng.next() as u8));
            format!("{junk} bytes appended")
        }
        8 => {
            fs::remove_file(&path).unwrap();
            return format!("{shown}: removed");
        }
        _ => {
            let theirs = other.join(path.strip_prefix(data).unwrap());
            match fs::read(&theirs) {
                Ok(theirs) => bytes = theirs,
                Err(_) => bytes.clear(),
            }
            "replaced by that of another directory".to_owned()
        }
    };
    fs::write(&path, bytes).unwrap();
    format!("{shown}: {how}")
}

/// The files of the inventory. Projects and reports are copies, and are checked when they are read.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if ["migrations", "backups", "reports", "scratch", "spreadsheets", "jobs"]
            .iter()
            .any(|skip| name == *skip)
        {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), files);
        } else if name != "RESERVE" && name != "LOCK" {
            files.push(entry.path());
        }
    }
}

/// A directory, the way in which its server ended, and its contents.
struct Base {
    directory: TempDir,
    seen: Seen,
    name: &'static str,
}

impl Base {
    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

/// Imports, single changes, a configuration and an undo, on a server that is running.
fn fill(server: &Server) {
    let types = json!({"name": "all", "import_export_types": KINDS});
    change(server, "/rest/migrate/export", &types);
    let devices: Vec<Value> = (0..400)
        .map(|number| {
            let notes = "n".repeat(if number % 50 == 0 { 9000 } else { 300 });
            json!({"name": format!("R{number} 100% é>b"), "vendor": "[Shared]", "notes": notes})
        })
        .collect();
    change(server, "/rest/instance/device", &json!(devices));
    // It removes the new devices, so it writes a new generation.
    let replace = json!({
        "name": "all", "import_export_types": ["device"], "empty_database_before_import": true,
    });
    change(server, "/rest/migrate/import", &replace);
    change(server, "/rest/undo", &json!({}));
    single_changes(server, "first");
}

fn single_changes(server: &Server, word: &str) {
    for number in 0..20 {
        let name = format!("{word} {number} %20é");
        change(server, "/rest/instance/device", &json!({"name": name, "notes": "y".repeat(900)}));
    }
    let path = format!("/rest/configuration/{}", encoded(CONFIGURED));
    let text = format!("{word}\n{}", "interface Loopback0\n".repeat(2000));
    let answer = server.request("PUT", &path).login(ADMIN).body(text).send();
    assert_eq!(answer.status, 200);
    let path = format!("/rest/instance/device/{}", encoded(&format!("{word} 3 %20é")));
    assert_eq!(server.request("DELETE", &path).login(ADMIN).send().status, 200);
}

/// The directories that are damaged: killed and cleanly stopped, with and without snapshot files.
fn bases() -> Vec<Base> {
    let killed = {
        let server = Server::start_with(&["--demo"]);
        fill(&server);
        let seen = Seen::of(&server);
        Base { seen, directory: server.kill_and_keep(), name: "killed" }
    };
    let started_again = {
        let server = Server::start_with(&["--demo"]);
        fill(&server);
        let server = server.start_again();
        single_changes(&server, "second");
        let seen = Seen::of(&server);
        Base { seen, directory: server.kill_and_keep(), name: "started again and killed" }
    };
    let stopped = {
        let server = Server::start_with(&["--demo"]);
        fill(&server);
        let mut server = server.start_again();
        let seen = Seen::of(&server);
        server.terminate();
        assert!(server.wait().success());
        Base { seen, directory: server.kill_and_keep(), name: "stopped" }
    };
    let without_snapshot = {
        let server = Server::start_with(&["--demo"]);
        fill(&server);
        let server = server.start_again();
        single_changes(&server, "second");
        let seen = Seen::of(&server);
        let directory = server.kill_and_keep();
        remove_snapshots(&current_generation(&directory.path().join("data")));
        Base { seen, directory, name: "without snapshot" }
    };
    vec![killed, started_again, stopped, without_snapshot]
}

/// `SATCHEL_DAMAGES` sets the number of damages and `SATCHEL_DAMAGE_SEED` the first one's seed. 100
/// take about a minute in a debug build.
#[test]
fn every_random_damage_is_harmless_refused_or_reported() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let (damages, seed) = (number("SATCHEL_DAMAGES", 100), number("SATCHEL_DAMAGE_SEED", 1));
    let bases = bases();
    let mut counted: BTreeMap<(&str, Outcome), u64> = BTreeMap::new();
    for seed in seed..seed + damages {
        let mut rng = Rng(seed);
        let base = &bases[rng.below(bases.len() as u64) as usize];
        let other = &bases[rng.below(bases.len() as u64) as usize];
        let folder = tempfile::tempdir().unwrap();
        copy_data_directory(&base.data(), folder.path());
        let how = damage(folder.path(), &other.data(), &mut rng);
        // A large database is not read when it is opened: its damage is found later.
        let arguments: &[&str] =
            if rng.below(2) == 0 { &[] } else { &["--check-at-open-mib", "0"] };
        let how = format!("seed {seed}, {}, {arguments:?}, {how}", base.name);
        let outcome = outcome(folder.path(), arguments, &base.seen, &how);
        if std::env::var_os("SATCHEL_DAMAGES").is_some() {
            println!("{outcome:?}: {how}");
        }
        *counted.entry((base.name, outcome)).or_default() += 1;
    }
    for ((base, outcome), count) in &counted {
        println!("{base}: {outcome:?} {count}");
    }
    // A test without any finding would prove nothing.
    assert!(counted.keys().any(|(_, outcome)| *outcome == Outcome::Refused));
}

/// The command in the message exists.
#[test]
fn help_names_the_exit_code_of_a_damaged_inventory() {
    for command in ["serve", "export", "import", "verify", "undo"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_satchel")).args(["help", command]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("3    the inventory is damaged"), "{command}: {help}");
    }
}
