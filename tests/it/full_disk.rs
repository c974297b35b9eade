//! Tests on a file system that runs full.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    harness::{ADMIN, Server, satchel},
    project::{
        demo, documents, import, imported, inventory, names, put_folder, read_folder, require_same,
    },
};
use satchel::job::Progress;
use satchel::{
    codec::workbook::{Format, WorkbookWriter, WriteError},
    model::{Device, Entity, Kind, Name, Record},
    store::{Load, LoadRecord, Origin, Store, StoreError},
};

/// A small file system, which is unmounted when it is dropped.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` without permission to mount.
    pub(crate) fn new(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "satchel-test"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                eprintln!("skipped: a small disk cannot be mounted: {other:?}");
                None
            }
        }
    }

    /// The folder where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes it read-only.
    pub(crate) fn make_read_only(&self) {
        let remount = ["-o", "remount,ro", self.0.path().to_str().unwrap()];
        assert!(Command::new("mount").args(remount).status().unwrap().success());
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    /// Fills the disk.
    fn fill(&self) {
        let mut file = File::create(self.0.path().join("filler")).unwrap();
        while file.write_all(&[1; 64 * 1024]).is_ok() {}
        while file.write_all(&[1]).is_ok() {}
    }

    /// Fills the disk except for this number of bytes.
    pub(crate) fn fill_all_but(&self, bytes: u64) {
        let disk = rustix::fs::statvfs(self.0.path()).unwrap();
        let free = disk.f_bavail * disk.f_frsize;
        let mut file = File::create(self.0.path().join("filler")).unwrap();
        for _ in 0..free.saturating_sub(bytes) / 65_536 {
            file.write_all(&[1; 65_536]).unwrap();
        }
    }

    /// Fills the remaining space.
    fn fill_more(&self) {
        let filler = self.0.path().join("filler");
        let mut file = File::options().append(true).open(filler).unwrap();
        while file.write_all(&[1; 64 * 1024]).is_ok() {}
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn put(store: &Store, number: u32) -> Result<(), StoreError> {
    let mut device = Device::named(Name::parse(format!("[{number:0>6}] é")).unwrap());
    device
        .set("text", "x".repeat(if number.is_multiple_of(5) { 20_000 } else { 700 }).into())
        .unwrap();
    store.change(&Origin::internal("test"), |transaction| transaction.put(device).map(drop))
}

/// Asserts that the store holds the first `acknowledged` devices, and at most one
/// more, whose change failed with an unknown result.
fn holds(store: &Store, acknowledged: u32) -> u32 {
    let names: Vec<String> = store
        .read()
        .scan::<Device>()
        .map(|found| found.unwrap().record.name().to_string())
        .collect();
    let count = u32::try_from(names.len()).unwrap();
    assert!((acknowledged..=acknowledged + 1).contains(&count), "{count} of {acknowledged}");
    assert!(names.iter().eq((0..count).map(|n| format!("[{n:0>6}] é")).collect::<Vec<_>>().iter()));
    count
}

/// Puts devices until the disk is full. Returns the number of the first refused device.
fn put_until_full(store: &Store, from: u32) -> u32 {
    for number in from..from + 10_000 {
        match put(store, number) {
            Ok(()) => {}
            Err(StoreError::DiskFull) => return number,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk is not full");
}

#[test]
fn a_full_disk_refuses_changes_and_loses_nothing() {
    let Some(disk) = Disk::new(96) else { return };
    let store = Store::open(&disk.data()).unwrap();
    for number in 0..50 {
        put(&store, number).unwrap();
    }
    disk.fill();
    let next = put_until_full(&store, 50);
    // Reads continue. Changes and loads are still refused.
    holds(&store, next);
    let picture = store.snapshot().unwrap();
    assert!(matches!(put(&store, next), Err(StoreError::DiskFull)));
    assert!(matches!(
        store.lock(&Progress::detached()).unwrap().load().map(drop),
        Err(StoreError::DiskFull)
    ));
    assert!(picture.scan::<Device>().all(|found| found.is_ok()));

    // No write failed, so the next change is accepted, also during a read.
    disk.make_room();
    put(&store, next).unwrap();
    drop(picture);
    assert_eq!(holds(&store, next + 1), next + 1);
    is_sound(&store);
    drop(store);
    let store = Store::open(&disk.data()).unwrap();
    assert_eq!(holds(&store, next + 1), next + 1);
}

#[test]
fn a_store_opens_on_a_full_disk_and_accepts_changes_after_space_is_freed() {
    let Some(disk) = Disk::new(96) else { return };
    let store = Store::open(&disk.data()).unwrap();
    disk.fill();
    let next = put_until_full(&store, 0);
    drop(store);
    // The space that was freed by closing is used too.
    disk.fill();

    let store = Store::open(&disk.data()).unwrap();
    let there = holds(&store, next);
    disk.fill();
    let next = put_until_full(&store, there);
    drop(store);

    disk.make_room();
    let store = Store::open(&disk.data()).unwrap();
    let there = holds(&store, next);
    put(&store, there).unwrap();
    is_sound(&store);
    assert!(fs::metadata(disk.data().join("RESERVE")).is_ok_and(|reserve| reserve.len() > 0));
}

#[test]
fn a_load_on_a_full_disk_changes_nothing() {
    let Some(disk) = Disk::new(96) else { return };
    let store = Store::open(&disk.data()).unwrap();
    for number in 0..50 {
        put(&store, number).unwrap();
    }
    let load = store.lock(&Progress::detached()).unwrap().load().unwrap();
    disk.fill();
    let refused = write_until_full(load);
    assert!(matches!(refused, StoreError::DiskFull | StoreError::Io { .. }), "{refused}");
    disk.make_room();
    put(&store, 50).unwrap();
    assert_eq!(holds(&store, 51), 51);
    is_sound(&store);
    let entries = generations(&disk.data());
    assert_eq!(entries, ["inventory-1"]);
}

#[test]
fn an_import_and_an_export_on_a_full_disk_are_refused_and_change_nothing() {
    let Some(disk) = Disk::new(128) else { return };
    let server = Server::start_on(disk.0.path());
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    let before = inventory(&server);
    let devices: String = (0..2_000).map(|n| format!("- name: '[{n}] é'\n  port: {n}\n")).collect();
    put_folder(&server, "more", &documents(&[("device", &devices)]));

    disk.fill();
    for empty in [true, false] {
        import(&server, "more", json!({"empty_database_before_import": empty}))
            .problem(507, "disk-full");
    }
    let body = json!({"name": "look", "import_export_types": ["service"]});
    let export = server.request("POST", "/rest/migrate/export").login(ADMIN).json(&body).send();
    export.problem(507, "disk-full");
    assert_eq!(server.request("GET", "/rest/is_alive").send().status, 200);
    let ready = server.request("GET", "/readyz").send();
    assert_eq!(ready.status, 503);
    let checks = ready.json()["checks"].clone();
    let failed = |name: &str| {
        let mut checks = checks.as_array().unwrap().iter();
        checks.any(|check| check["check"] == name && check["passed"] == false)
    };
    assert!(failed("disk"), "{checks}");

    disk.make_room();
    assert_eq!(server.request("GET", "/readyz").send().status, 200);
    require_same(&before, &inventory(&server));
    imported(&server, "more", json!({}));
    assert_eq!(names(&inventory(&server), "device").len(), names(&before, "device").len() + 2_000);
}

#[test]
fn a_backup_on_a_full_disk_leaves_no_file_and_can_still_be_sent() {
    let Some(disk) = Disk::new(128) else { return };
    let server = Server::start_on(disk.0.path());
    put_folder(&server, "demo", &read_folder(&demo()));
    imported(&server, "demo", json!({}));
    let post =
        |path: &str, body: &Value| server.request("POST", path).login(ADMIN).json(body).send();
    assert_eq!(post("/rest/backup", &json!({"name": "before"})).status, 200);
    let backups = || names_in(&server.data().join("backups"));
    assert_eq!(backups(), ["before.zip"]);

    disk.fill();
    post("/rest/backup", &json!({"name": "full"})).problem(507, "disk-full");
    // The scratch inventory of a verification has no room either.
    post("/rest/backups/before/verify", &json!({})).problem(507, "disk-full");
    let sent = server.request("GET", "/rest/backup").login(ADMIN).send();
    assert_eq!(sent.status, 200);
    assert_eq!(backups(), ["before.zip"]);

    disk.make_room();
    assert_eq!(fs::read_dir(server.data().join("scratch")).unwrap().count(), 0);
    assert_eq!(post("/rest/backup", &json!({"name": "full"})).status, 200);
    let verified = post("/rest/backups/full/verify", &json!({})).json();
    assert_eq!(verified["whole"], true, "{verified}");
    let file = disk.0.path().join("sent.zip");
    fs::write(&file, sent.body).unwrap();
    let verified = satchel().arg("verify").arg(&file).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// The names in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// First there is no room for the backup of the present inventory, then none for the new generation.
#[test]
fn a_restore_on_a_full_disk_changes_nothing_and_succeeds_after_room_is_made() {
    const STEP_BYTES: usize = 256 * 1024;
    let Some(disk) = Disk::new(160) else { return };
    let server = Server::start_on(disk.0.path());
    let post =
        |path: &str, body: &Value| server.request("POST", path).login(ADMIN).json(body).send();
    // Both states are larger than a step, so that each phase runs out of room.
    let devices = |numbers: std::ops::Range<u64>| -> String {
        numbers.map(|n| format!("- name: '[{n}] é'\n  text: {}\n", noise(n))).collect()
    };
    put_folder(&server, "many", &documents(&[("device", &devices(0..4_000))]));
    imported(&server, "many", json!({}));
    let restored = inventory(&server);
    assert_eq!(post("/rest/backup", &json!({"name": "many"})).status, 200);
    put_folder(&server, "others", &documents(&[("device", &devices(4_000..8_000))]));
    let only_devices =
        json!({"import_export_types": ["device"], "empty_database_before_import": true});
    imported(&server, "others", only_devices);
    let before = inventory(&server);
    // The oldest kept generation is removed when another one needs its room. The previous one stays.
    let kept = ["inventory-2", "inventory-3"];
    assert!(generations(&server.data()).ends_with(&kept.map(str::to_owned)));
    let shown = post("/rest/restore", &json!({"backup": "many", "dry_run": true})).json();
    let body = json!({"backup": "many", "plan": shown["plan"]});

    let (mut of_backup, mut of_generation) = (0, 0);
    for free in (0..).step_by(STEP_BYTES) {
        let backups = names_in(&server.data().join("backups")).len();
        disk.fill_all_but(free);
        if free == 0 {
            disk.fill_more();
        }
        let answer = post("/rest/restore", &body);
        disk.make_room();
        if answer.status == 200 {
            break;
        }
        let problem = answer.problem(507, "disk-full");
        let detail = problem["detail"].as_str().unwrap();
        let lower = detail.to_lowercase();
        assert!(lower.contains("disk full") || lower.contains("disk is full"), "{free}: {detail}");
        let stored = names_in(&server.data().join("backups"));
        if lower.contains("cannot back up the present inventory first") {
            of_backup += 1;
            assert_eq!(stored.len(), backups, "{free}: {stored:?}");
        } else {
            of_generation += usize::from(stored.len() == backups + 1);
        }
        assert!(stored.iter().all(|name| name.ends_with(".zip")), "{free}: {stored:?}");
        assert_eq!(names_in(&server.data().join("scratch")), Vec::<String>::new(), "{free}");
        let generations = generations(&server.data());
        assert_eq!(generations[generations.len() - kept.len()..], kept, "{free}");
        require_same(&before, &inventory(&server));
    }
    assert!(of_backup > 0 && of_generation > 0, "{of_backup}, {of_generation}");
    require_same(&restored, &inventory(&server));
    let listed = server.request("GET", "/rest/backups").login(ADMIN).send().json();
    let listed = listed["backups"].as_array().unwrap();
    assert!(listed.iter().all(|one| one["problem"].is_null()), "{listed:?}");
    let verified = post("/rest/verify", &json!({})).json();
    assert_eq!(verified["whole"], true, "{verified}");
}

/// The undo of an import needs room for the marks of the kept generation. After later changes it writes a new
/// generation.
#[test]
fn an_undo_on_a_full_disk_changes_nothing_and_succeeds_after_room_is_made() {
    let Some(disk) = Disk::new(160) else { return };
    let server = Server::start_on(disk.0.path());
    let post =
        |path: &str, body: &Value| server.request("POST", path).login(ADMIN).json(body).send();
    let devices = |numbers: std::ops::Range<u64>| -> String {
        numbers.map(|n| format!("- name: '[{n}] é'\n  text: {}\n", noise(n))).collect()
    };
    put_folder(&server, "before", &documents(&[("device", &devices(0..3_000))]));
    imported(&server, "before", json!({}));
    let before = names(&inventory(&server), "device");
    put_folder(&server, "after", &documents(&[("device", &devices(3_000..6_000))]));
    let import = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    imported(&server, "after", import);
    for later in [false, true] {
        if later {
            // The undo of the undo, beside a later change.
            let device = "/rest/instance/device";
            assert_eq!(post(device, &json!({"name": "later é"})).status, 200);
        }
        let listed = server.request("GET", "/rest/history?limit=1000").login(ADMIN).send().json();
        let mut changes = listed.as_array().unwrap().iter();
        let change = changes.find(|one| !one["generation"].is_null()).unwrap()["number"].clone();
        let state = inventory(&server);
        let mut refused = 0;
        for free in (0u64..).step_by(1 << 20) {
            disk.fill_all_but(free);
            if free == 0 {
                disk.fill_more();
            }
            let answer = post("/rest/undo", &json!({"change": change}));
            disk.make_room();
            if answer.status == 200 {
                break;
            }
            answer.problem(507, "disk-full");
            refused += 1;
            require_same(&state, &inventory(&server));
            assert_eq!(names_in(&server.data().join("scratch")), Vec::<String>::new(), "{free}");
        }
        println!("{refused} undos were refused, later: {later}");
        assert!(!later || refused > 0);
        if !later {
            assert_eq!(names(&inventory(&server), "device"), before);
        }
        let verified = post("/rest/verify", &json!({})).json();
        assert_eq!(verified["whole"], true, "{verified}");
    }
    assert!(names(&inventory(&server), "device").contains(&"later é".to_owned()));
}

/// Read requests. None of them must report a full disk.
fn require_reads(server: &Server, devices: usize) {
    let get = |target: &str| server.request("GET", target).login(ADMIN).send();
    let list = get("/rest/instance/device?columns=name,text").json();
    assert_eq!(list.as_array().unwrap().len(), devices);
    let search = json!({"type": "device", "columns": ["name"], "maximum_return_records": 10,
                        "search_criteria": {"text": "y"}});
    let search = server.request("POST", "/rest/search").login(ADMIN).json(&search).send();
    assert_eq!(search.status, 200, "{search:?}");
    assert_eq!(search.header("x-kind-count"), Some(devices.to_string().as_str()));
    assert_eq!(get("/rest/count").json()["device"], devices);
    assert_eq!(get("/rest/query/device?name=nobody").json(), json!([]));
    assert_eq!(get("/rest/instance/device/R%2000000%25%20%C3%A9").status, 200);
    assert_eq!(get("/metrics").status, 200);
}

/// Changes the server until a change is refused with 507. Returns the refusal and the number of
/// stored devices.
fn change_until_full(server: &Server, prefix: &str) -> (Value, usize) {
    for number in 0..1_000 {
        let device = json!({"name": format!("{prefix} {number}"), "text": "z".repeat(60_000)});
        let put = server.request("POST", "/rest/instance/device").login(ADMIN).json(&device).send();
        if put.status != 200 {
            return (put.problem(507, "disk-full"), number);
        }
    }
    panic!("no change was refused");
}

fn many_devices(count: usize, bytes: usize) -> String {
    let text = "x".repeat(bytes);
    (0..count).map(|n| format!("- name: 'R {n:0>5}% é'\n  text: {text}\n")).collect()
}

#[test]
fn reads_continue_on_a_full_disk() {
    const DEVICES: usize = 6_000;
    let Some(disk) = Disk::new(224) else { return };
    // sled keeps 16 MiB of 21 in memory: a list reads from the disk.
    let server = Server::start_on_with(disk.0.path(), &["--cache-mib", "16"]);
    put_folder(&server, "many", &documents(&[("device", &many_devices(DEVICES, 3_500))]));
    imported(&server, "many", json!({}));
    disk.fill_all_but(10 * 1024 * 1024);
    let (refused, taken) = change_until_full(&server, "first");
    assert!(refused["detail"].as_str().unwrap().contains("was not saved"), "{refused}");
    require_reads(&server, DEVICES + taken);
    // Another program uses the remaining space.
    disk.fill_more();
    require_reads(&server, DEVICES + taken);
    let (_, none) = change_until_full(&server, "second");
    assert_eq!(none, 0);
    require_reads(&server, DEVICES + taken);
    let state = server.request("GET", "/rest/state").login(ADMIN).send();
    assert!(state.status == 200 || state.status == 503, "{state:?}");

    disk.make_room();
    let change = json!({"name": "room", "text": "y"});
    let put = server.request("POST", "/rest/instance/device").login(ADMIN).json(&change).send();
    assert_eq!(put.status, 200, "{put:?}");
    require_reads(&server, DEVICES + taken + 1);
}

/// Makes the next writes of a process to its database fail like on a full disk, until it is
/// dropped.
struct FailingWrites(std::process::Child);

impl FailingWrites {
    /// `None` without strace or without permission to trace.
    fn of(server: &Server) -> Option<Self> {
        let strace = Command::new("strace")
            .args(["-f", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC"])
            .args(["-o", "/dev/null", "-p", &server.id().to_string()])
            .stderr(std::process::Stdio::piped())
            .spawn();
        let mut strace = match strace {
            Ok(strace) => strace,
            Err(error) => {
                assert!(std::env::var("CI").is_err(), "strace is needed: {error}");
                eprintln!("skipped: strace: {error}");
                return None;
            }
        };
        let mut said = String::new();
        let mut lines = BufReader::new(strace.stderr.take().unwrap());
        lines.read_line(&mut said).unwrap();
        assert!(said.contains("attached"), "{said}");
        // strace then reports new threads.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Some(Self(strace))
    }
}

impl Drop for FailingWrites {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn after_a_failed_write_reads_show_durable_data_and_changes_are_accepted_again() {
    const DEVICES: usize = 40;
    let server = Server::start();
    put_folder(&server, "some", &documents(&[("device", &many_devices(DEVICES, 3_500))]));
    imported(&server, "some", json!({}));
    let device = json!({"name": "refused", "text": "y"});
    let put = || server.request("POST", "/rest/instance/device").login(ADMIN).json(&device).send();
    let Some(failing) = FailingWrites::of(&server) else { return };
    put().problem(507, "disk-full");
    drop(failing);
    // Without another change, immediately and permanently.
    require_reads(&server, DEVICES);
    let refused = server.request("GET", "/rest/instance/device/refused").login(ADMIN).send();
    refused.problem(404, "unknown-instance");
    let metrics = server.request("GET", "/metrics").login(ADMIN).send();
    assert!(String::from_utf8(metrics.body).unwrap().contains("\nsatchel_writable 1\n"));
    assert_eq!(put().status, 200);
    require_reads(&server, DEVICES + 1);
}

#[test]
fn a_file_size_limit_is_reported_as_a_full_disk_and_the_server_continues() {
    const DEVICES: usize = 40;
    let mut server = Server::start();
    put_folder(&server, "some", &documents(&[("device", &many_devices(DEVICES, 3_500))]));
    imported(&server, "some", json!({}));
    server.terminate();
    server.wait();
    let server = server.start_again_with_file_limit(14 * 1024);
    let (refused, taken) = change_until_full(&server, "first");
    assert!(taken > 0);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("ulimit -f") && detail.contains("was not saved"), "{detail}");
    require_reads(&server, DEVICES + taken);
    // A file over the limit: the write fails, and the process continues.
    let large = vec![b'#'; 20 * 1024 * 1024];
    let upload = server
        .request("PUT", "/rest/migrate/projects/large")
        .login(ADMIN)
        .header("Content-Type", "application/zip")
        .body(large)
        .send();
    let upload = upload.problem(507, "disk-full");
    assert!(upload["detail"].as_str().unwrap().contains("ulimit -f"), "{upload}");
    // An import writes a new database, which becomes too large.
    let devices = many_devices(4_000, 3_500);
    let folder = server.data().join("migrations/more");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("device.yaml"), devices).unwrap();
    import(&server, "more", json!({})).problem(507, "disk-full");
    require_reads(&server, DEVICES + taken);
    let server = server.start_again();
    require_reads(&server, DEVICES + taken);
    let device = json!({"name": "after", "text": "y"});
    let put = server.request("POST", "/rest/instance/device").login(ADMIN).json(&device).send();
    assert_eq!(put.status, 200, "{put:?}");
}

#[test]
fn a_command_reports_a_file_size_limit() {
    let folder = tempfile::tempdir().unwrap();
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 200; exec \"$@\"", "sh"])
        .arg(satchel().get_program())
        .args(["import", "--create", "--data"])
        .arg(folder.path().join("data"))
        .arg(demo())
        .env("SATCHEL_CONFIG", "")
        .output()
        .unwrap();
    let said = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(1), "{said}");
    assert!(said.contains("ulimit -f"), "{said}");
}

/// Writes and commits a load. Returns the error on a full disk.
fn write_until_full(load: Load<'_>) -> StoreError {
    let mut table = load.table(Kind::Device);
    for number in 0..10_000u32 {
        let name = format!("{number:0>6}");
        if let Err(refused) = table.put(name.as_bytes(), number.into(), 1, &[0; 3_000]) {
            return refused;
        }
    }
    table.finish();
    load.commit(&LoadRecord::of(Origin::internal("test")), &Progress::detached()).unwrap_err()
}

fn generations(data: &Path) -> Vec<String> {
    let names = names_in(data).into_iter();
    names.filter(|name| name.starts_with("inventory-")).collect()
}

/// Asserts that the counts are right.
fn is_sound(store: &Store) {
    let count = store.read().summary().unwrap().kind(Kind::Device).count;
    assert_eq!(count, store.read().scan_raw(Kind::Device).count() as u64);
}

/// Texts that compress badly.
fn noise(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(29);
        format!("{state:016x}")
    };
    (0..8).map(|_| next()).collect()
}

/// Writes a workbook whose temporary files and whose own file are on the disk.
fn write_workbook(disk: &Disk, format: Format) -> Result<u64, WriteError> {
    let mut writer = WorkbookWriter::new(format, disk.0.path())?;
    for sheet in ["device", "link"] {
        writer.begin_sheet(sheet, ["name", "description"])?;
        for number in 0..4_000 {
            writer.row([format!("R {number}%"), noise(number)])?;
        }
    }
    let out = tempfile::tempfile_in(disk.0.path()).map_err(WriteError::Output)?;
    Ok(writer.finish(out)?.metadata().unwrap().len())
}

#[test]
fn a_workbook_on_a_full_disk_is_a_disk_error_at_every_size() {
    const STEP_BYTES: u64 = 64 * 1024;
    let Some(disk) = Disk::new(16) else { return };
    for format in Format::ALL {
        let whole = write_workbook(&disk, format).unwrap();
        let (mut of_scratch, mut of_output) = (0, 0);
        for free in (0..).step_by(STEP_BYTES as usize) {
            disk.fill_all_but(free);
            let written = write_workbook(&disk, format);
            disk.make_room();
            let error = match written {
                Ok(bytes) => {
                    assert_eq!(bytes, whole);
                    break;
                }
                Err(WriteError::Scratch(error)) => {
                    of_scratch += 1;
                    error
                }
                Err(WriteError::Output(error)) => {
                    of_output += 1;
                    error
                }
                Err(other) => panic!("{format}: {other:?}"),
            };
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{format}: {error:?}");
        }
        assert!(of_scratch > 0 && of_output > 0, "{format}: {of_scratch}, {of_output}");
    }
}

#[test]
fn an_export_of_a_workbook_on_a_full_disk_is_507_and_changes_nothing() {
    let Some(disk) = Disk::new(160) else { return };
    let server = Server::start_on(disk.0.path());
    let devices: String = (0..6_000)
        .map(|n| format!("- name: '[{n}] é'\n  text: {}\n", noise(n).repeat(4)))
        .collect();
    put_folder(&server, "many", &documents(&[("device", &devices)]));
    imported(&server, "many", json!({}));
    let export = |name: &str| {
        let request = server.request("POST", "/rest/topology/export").login(ADMIN);
        request.json(&json!({ "name": name })).send()
    };
    let fetch = |name: &str| {
        let target = format!("/rest/topology/workbooks/{name}");
        server.request("GET", &target).login(ADMIN).send().body
    };
    for name in ["a.xls", "a.xlsx"] {
        assert_eq!(export(name).status, 200);
        let before = fetch(name);
        for free in [0, 64 << 10, 512 << 10, 1 << 20, 3 << 20] {
            disk.fill_all_but(free);
            let refused = export(name).problem(507, "disk-full");
            assert!(refused["detail"].as_str().unwrap().contains("disk"), "{refused}");
            assert!(fetch(name) == before, "the workbook from before is still there");
            disk.make_room();
        }
        assert_eq!(export(name).status, 200);
        assert!(fetch(name) == before);
    }
}

/// Replaces all devices by an import, which writes a new generation.
fn replace_devices(server: &Server) -> crate::harness::Answer {
    let more = json!({"import_export_types": ["device"], "empty_database_before_import": true});
    import(server, "p", more)
}

#[test]
fn an_import_without_space_for_the_archive_changes_nothing_and_loses_no_history() {
    let mut server = Server::start();
    put_folder(&server, "p", &documents(&[("device", "- {name: é>b}\n")]));
    let put = |server: &Server, letter: usize| {
        let notes = letter.to_string().repeat(1 << 20);
        let device = json!({"name": "R 1%", "notes": notes});
        let answer = crate::inventory::post(server, "device", &device);
        assert_eq!(answer.status, 200);
    };
    let numbers = |server: &Server| {
        let changes = crate::inventory::get(server, "/rest/history?limit=1000");
        let numbers = changes.as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap());
        numbers.collect::<Vec<u64>>()
    };
    (0..9).for_each(|letter| put(&server, letter));
    assert_eq!(replace_devices(&server).status, 200);
    (0..5).for_each(|letter| put(&server, letter));
    let before = numbers(&server);
    assert_eq!(before.len(), 16);

    // The archive cannot grow by the history of the present generation, which is a smaller file.
    let archive = fs::metadata(server.data().join("history/db")).unwrap().len();
    server = server.start_again_with_file_limit(archive / 1024 + 1024);
    replace_devices(&server).problem(507, "disk-full");
    // The archive cannot be opened without space either. It is not taken for an empty one.
    let listed = server.request("GET", "/rest/history").login(ADMIN).send();
    if listed.status != 200 {
        listed.problem(503, "unavailable");
    }
    let device = crate::inventory::get(&server, &crate::inventory::path("device", "R 1%"));
    assert_eq!(device["notes"].as_str().unwrap().len(), 1 << 20);

    server = server.start_again();
    assert_eq!(numbers(&server), before);
    assert_eq!(replace_devices(&server).status, 200);
    let after = numbers(&server);
    assert_eq!(after[1..], before);
    for number in [before[1], before[2], before[10]] {
        let path = format!("{}?at={number}", crate::inventory::path("device", "R 1%"));
        let device = crate::inventory::get(&server, &path);
        assert_eq!(device["notes"].as_str().unwrap().len(), 1 << 20, "{number}");
    }
    let verified = server.request("POST", "/rest/verify").login(ADMIN).send().json();
    assert_eq!(verified["whole"], true, "{verified}");
}
