//! A disk that gets full, and has room again.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
};

use serde_json::json;

use crate::{
    harness::{ADMIN, Server},
    project::{
        demo, documents, import, imported, inventory, names, put_folder, read_folder, require_same,
    },
};
use satchel::job::Progress;
use satchel::{
    model::{Device, Entity, Kind, Name, Record},
    store::{Load, Store, StoreError},
};

/// A small disk of its own, which goes when it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Nothing where one may not mount.
    fn new(megabytes: u32) -> Option<Self> {
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

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = File::create(self.0.path().join("filler")).unwrap();
        while file.write_all(&[1; 64 * 1024]).is_ok() {}
        while file.write_all(&[1]).is_ok() {}
    }

    fn make_room(&self) {
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
    store.change(|transaction| transaction.put(device).map(drop))
}

/// Asserts that the store holds the first `acknowledged` devices, and at most the one behind them,
/// of which it was said that it is not known to be there.
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

/// Puts devices until the disk is full. Gives the number of the first one that was refused.
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
    // Reads go on; changes and loads go on being refused.
    holds(&store, next);
    let picture = store.picture().unwrap();
    assert!(matches!(put(&store, next), Err(StoreError::DiskFull)));
    assert!(matches!(
        store.write(&Progress::detached()).unwrap().load().map(drop),
        Err(StoreError::DiskFull)
    ));
    assert!(picture.scan::<Device>().all(|found| found.is_ok()));

    // There is room, but while somebody reads the database cannot be opened again.
    disk.make_room();
    assert!(matches!(put(&store, next), Err(StoreError::DiskFull)));
    drop(picture);
    put(&store, next).unwrap();
    assert_eq!(holds(&store, next + 1), next + 1);
    is_sound(&store);
    drop(store);
    let store = Store::open(&disk.data()).unwrap();
    assert_eq!(holds(&store, next + 1), next + 1);
}

#[test]
fn a_store_opens_on_a_full_disk_and_goes_on_when_there_is_room() {
    let Some(disk) = Disk::new(96) else { return };
    let store = Store::open(&disk.data()).unwrap();
    disk.fill();
    let next = put_until_full(&store, 0);
    drop(store);
    // What was freed when it was closed is taken too.
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
fn a_load_that_finds_no_room_changes_nothing() {
    let Some(disk) = Disk::new(96) else { return };
    let store = Store::open(&disk.data()).unwrap();
    for number in 0..50 {
        put(&store, number).unwrap();
    }
    let load = store.write(&Progress::detached()).unwrap().load().unwrap();
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
fn an_import_and_an_export_that_find_no_room_say_so_and_change_nothing() {
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

    disk.make_room();
    require_same(&before, &inventory(&server));
    imported(&server, "more", json!({}));
    assert_eq!(names(&inventory(&server), "device").len(), names(&before, "device").len() + 2_000);
}

/// Writes and commits a load. Gives what was said when there was no room for it.
fn write_until_full(load: Load<'_>) -> StoreError {
    let mut table = load.table(Kind::Device);
    for number in 0..10_000u32 {
        let name = format!("{number:0>6}");
        if let Err(refused) = table.put(name.as_bytes(), number.into(), 1, &[0; 3_000]) {
            return refused;
        }
    }
    table.finish();
    load.commit(&Progress::detached()).unwrap_err()
}

fn generations(data: &Path) -> Vec<String> {
    let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.starts_with("inventory-")).collect()
}

/// Asserts that the counts are right.
fn is_sound(store: &Store) {
    let count = store.read().summary().unwrap().kind(Kind::Device).count;
    assert_eq!(count, store.read().scan_raw(Kind::Device).count() as u64);
}
