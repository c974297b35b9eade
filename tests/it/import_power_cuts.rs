//! Simulated power cuts in imports, undos and restores: they write a new generation, and switch the pointer.
//!
//! The real command runs under strace. The data directory is then built again as a disk could contain it after
//! a power cut at a random moment. A write survives if a sync of its file began after it and has ended; others
//! survive completely, in part or not at all, in sectors. The entries of each folder (created, renamed and removed
//! names) are kept in their order, and survive at least as far as the last ended sync of the folder. The data
//! directory must then have the state before or after the command, and the state after it if the command had
//! printed its report.
//!
//! `SATCHEL_CUTS` is the number of cuts of each command. Temporary files, reports and stored projects are left
//! out: no state depends on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use satchel::{
    job::Progress,
    model::{Device, Record},
    store::Store,
};

use crate::{
    commands::{assert_exit, run},
    data_files::copy_data_directory,
    durability::{Rng, number},
    harness::satchel,
    project::demo,
};

/// The default number of cuts of each command.
const CUTS: u64 = 5;

/// The size of an atomic disk write, in bytes.
const SECTOR_BYTES: usize = 512;

/// The folders of the data directory that are left out.
const LEFT_OUT: [&str; 3] = ["scratch", "reports", "migrations"];

/// The traced system calls.
const CALLS: &str = "trace=openat,write,pwrite64,pwritev,ftruncate,rename,renameat,renameat2,unlink,unlinkat,\
                     rmdir,mkdir,mkdirat,link,linkat,fsync,fdatasync,sync_file_range,copy_file_range";

/// A system call that has ended or was begun.
struct Call {
    name: String,
    /// The text of the arguments, and of the result.
    text: String,
    /// The lines of the trace at which it begins and ends.
    begin: usize,
    end: usize,
}

impl Call {
    /// The arguments in quotation marks.
    fn quoted(&self) -> Vec<Vec<u8>> {
        self.text.split('"').skip(1).step_by(2).map(unhex).collect()
    }

    /// The path of the first descriptor.
    fn path(&self) -> Option<String> {
        let (_, rest) = self.text.split_once('<')?;
        let (path, _) = rest.split_once('>')?;
        Some(if path.starts_with("\\x") { utf8(unhex(path)) } else { path.to_owned() })
    }

    /// The number of the first descriptor.
    fn descriptor(&self) -> u32 {
        self.text.split(['<', ',', ')']).next().unwrap().trim().parse().unwrap()
    }

    /// The result. `None` for a failed call.
    fn result(&self) -> Option<u64> {
        let (_, result) = self.text.rsplit_once(" = ")?;
        result.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }
}

/// The bytes of a text like `\x0a\xff`.
fn unhex(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The calls in the output of strace, in the order of their ends.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: BTreeMap<&str, Call> = BTreeMap::new();
    for (line_number, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.trim_start().split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some(mut call) = unfinished.remove(thread) else { continue };
            let (_, result) = resumed.split_once("resumed>").unwrap();
            call.text.push_str(result);
            call.end = line_number;
            calls.push(call);
            continue;
        }
        let Some((name, text)) = rest.split_once('(') else { continue };
        let call = |text: &str| Call {
            name: name.to_owned(),
            text: text.to_owned(),
            begin: line_number,
            end: line_number,
        };
        match text.strip_suffix(" <unfinished ...>") {
            Some(begun) => drop(unfinished.insert(thread, call(begun))),
            None => calls.push(call(text)),
        }
    }
    calls
}

/// A change of a file's contents.
enum Contents {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// A change, with the lines of the trace at which it begins and ends.
struct Timed<C> {
    change: C,
    begin: usize,
    end: usize,
    /// The line at which a sync after it ended.
    durable: Option<usize>,
}

/// A file: its contents before the trace, and its changes.
#[derive(Default)]
struct TracedFile {
    before: Vec<u8>,
    changes: Vec<Timed<Contents>>,
    /// Its length after all changes.
    length: usize,
}

/// A name in a folder: a file, a folder, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entry {
    File(usize),
    Folder,
    None,
}

/// A change of the entries of a folder: each name with its new entry. A rename changes two at once.
type Entries = Vec<(String, Entry)>;

/// The data directory over the time of a command.
struct TracedDirectory {
    root: String,
    files: Vec<TracedFile>,
    /// The entries before the command by path. The folders are named by their paths, because none is renamed.
    before: BTreeMap<String, Entry>,
    /// The entries now.
    now: BTreeMap<String, Entry>,
    /// The changes of the entries of each folder.
    changes: BTreeMap<String, Vec<Timed<Entries>>>,
    /// The file and the position of each descriptor.
    open: BTreeMap<u32, (usize, usize)>,
    /// The line at which the command printed its report.
    acknowledged: Option<usize>,
    lines: usize,
}

/// The folder of a path.
fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned())
}

impl TracedDirectory {
    fn new(data: &Path) -> Self {
        let mut traced = Self {
            root: data.to_str().unwrap().to_owned(),
            files: Vec::new(),
            before: BTreeMap::new(),
            now: BTreeMap::new(),
            changes: BTreeMap::new(),
            open: BTreeMap::new(),
            acknowledged: None,
            lines: 0,
        };
        traced.read(data);
        traced.now = traced.before.clone();
        traced
    }

    /// Reads the files of a folder.
    fn read(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Some(name) = self.name(path.to_str().unwrap()) else { continue };
            let entry = if path.is_dir() {
                self.read(&path);
                Entry::Folder
            } else {
                let before = fs::read(&path).unwrap();
                let length = before.len();
                self.files.push(TracedFile { before, length, changes: Vec::new() });
                Entry::File(self.files.len() - 1)
            };
            self.before.insert(name, entry);
        }
    }

    /// The path within the data directory. `None` outside of it, and for folders that are left out.
    fn name(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(&self.root)?;
        let name = name.strip_prefix('/').unwrap_or(name);
        let first = name.split('/').next().unwrap_or_default();
        (!LEFT_OUT.contains(&first)).then(|| name.to_owned())
    }

    fn change_entries(&mut self, call: &Call, folder: String, entries: Entries) {
        self.now.extend(entries.iter().cloned());
        let change = Timed { change: entries, begin: call.begin, end: call.end, durable: None };
        self.changes.entry(folder).or_default().push(change);
    }

    fn change_file(&mut self, call: &Call, file: usize, change: Contents) {
        let file = &mut self.files[file];
        file.length = match &change {
            Contents::Write { at, bytes } => file.length.max(at + bytes.len()),
            Contents::Length(length) => *length,
        };
        file.changes.push(Timed { change, begin: call.begin, end: call.end, durable: None });
    }

    /// Follows a call.
    fn follow(&mut self, call: &Call) {
        self.lines = self.lines.max(call.end);
        if call.name == "write" && call.descriptor() == 1 && self.acknowledged.is_none() {
            self.acknowledged = Some(call.begin);
        }
        let Some(result) = call.result() else { return };
        match &*call.name {
            "openat" => self.open_file(call, result as u32),
            "mkdir" | "mkdirat" => {
                let Some(name) = self.name(&utf8(call.quoted().remove(0))) else { return };
                self.change_entries(call, parent(&name), vec![(name, Entry::Folder)]);
            }
            "rename" | "renameat" | "renameat2" => {
                let mut paths = call.quoted().into_iter().map(utf8).map(|path| self.name(&path));
                let (Some(from), Some(to)) = (paths.next().unwrap(), paths.next().unwrap()) else {
                    return;
                };
                assert_eq!(parent(&from), parent(&to), "a rename between folders");
                let entry = self.now[&from];
                assert!(matches!(entry, Entry::File(_)), "{from} is renamed");
                self.change_entries(call, parent(&to), vec![(from, Entry::None), (to, entry)]);
            }
            "unlink" | "unlinkat" | "rmdir" => {
                let path = utf8(call.quoted().remove(0));
                // A path of unlinkat can be relative to its descriptor.
                let path = match call.path() {
                    Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
                    Some(_) | None => path,
                };
                let Some(name) = self.name(&path) else { return };
                self.change_entries(call, parent(&name), vec![(name, Entry::None)]);
            }
            "fsync" | "fdatasync" => self.sync(call),
            "write" | "pwrite64" | "ftruncate" => self.write(call, result),
            other => {
                let path = call.path().and_then(|path| self.name(&path));
                assert!(path.is_none(), "{other} is not simulated: {path:?}");
            }
        }
    }

    fn open_file(&mut self, call: &Call, descriptor: u32) {
        self.open.remove(&descriptor);
        let flags = call.text.rsplit('"').next().unwrap();
        if flags.contains("O_DIRECTORY") || flags.contains("O_TMPFILE") {
            return;
        }
        let path = utf8(call.quoted().remove(0));
        let Some(name) = self.name(&path).filter(|name| !name.is_empty()) else { return };
        let file = match self.now.get(&name) {
            Some(Entry::File(file)) => *file,
            Some(Entry::Folder) => return,
            Some(Entry::None) | None => {
                assert!(flags.contains("O_CREAT"), "{name} does not exist");
                self.files.push(TracedFile::default());
                let file = self.files.len() - 1;
                self.change_entries(call, parent(&name), vec![(name, Entry::File(file))]);
                file
            }
        };
        if flags.contains("O_TRUNC") && self.files[file].length > 0 {
            self.change_file(call, file, Contents::Length(0));
        }
        let at = if flags.contains("O_APPEND") { self.files[file].length } else { 0 };
        self.open.insert(descriptor, (file, at));
    }

    fn write(&mut self, call: &Call, result: u64) {
        if call.path().and_then(|path| self.name(&path)).is_none() {
            return;
        }
        let Some((file, position)) = self.open.get(&call.descriptor()).copied() else { return };
        if call.name == "ftruncate" {
            let length = call.text.split([',', ')']).nth(1).unwrap().trim().parse().unwrap();
            self.change_file(call, file, Contents::Length(length));
            return;
        }
        let mut bytes = call.quoted().remove(0);
        assert!(!call.text.contains("\"..."), "strace cut a write short");
        bytes.truncate(result as usize);
        let at = if call.name == "pwrite64" {
            let arguments = call.text.rsplit('"').next().unwrap();
            arguments.split([',', ')']).nth(2).unwrap().trim().parse().unwrap()
        } else {
            self.open.insert(call.descriptor(), (file, position + bytes.len()));
            position
        };
        self.change_file(call, file, Contents::Write { at, bytes });
    }

    /// Notes that the changes of a file or folder that had ended when a sync began are durable after it.
    fn sync(&mut self, call: &Call) {
        let Some(name) = call.path().and_then(|path| self.name(&path)) else { return };
        match self.now.get(&name) {
            Some(Entry::File(file)) => note_durable(&mut self.files[*file].changes, call),
            Some(Entry::Folder) => note_durable(self.changes.entry(name).or_default(), call),
            None if name.is_empty() => note_durable(self.changes.entry(name).or_default(), call),
            Some(Entry::None) | None => {}
        }
    }

    /// Writes the directory into `left` as a disk could contain it after a power cut at this line.
    fn cut(&self, moment: usize, rng: &mut Rng, left: &Path) {
        // Nothing, a part or all of the changes that are not durable.
        let chance = rng.below(3);
        let mut entries = self.before.clone();
        for changes in self.changes.values() {
            let begun = changes.iter().take_while(|change| change.begin < moment).count();
            let is_durable =
                |change: &Timed<Entries>| change.durable.is_some_and(|end| end < moment);
            let durable = changes.iter().rposition(is_durable).map_or(0, |last| last + 1);
            let kept = match chance {
                0 => durable,
                1 => durable + rng.below((begun - durable) as u64 + 1) as usize,
                _ => begun,
            };
            for change in &changes[..kept] {
                entries.extend(change.change.iter().cloned());
            }
        }
        fs::create_dir(left).unwrap();
        for (name, entry) in &entries {
            let path = left.join(name);
            // The folder itself might not have survived.
            if !path.parent().unwrap().is_dir() {
                continue;
            }
            match entry {
                Entry::Folder => fs::create_dir(path).unwrap(),
                Entry::File(file) => {
                    fs::write(path, self.files[*file].left(moment, chance, rng)).unwrap();
                }
                Entry::None => {}
            }
        }
    }
}

fn note_durable<C>(changes: &mut [Timed<C>], sync: &Call) {
    for change in changes.iter_mut().filter(|change| change.end < sync.begin) {
        change.durable.get_or_insert(sync.end);
    }
}

impl TracedFile {
    /// The contents as a disk could have them after a power cut.
    fn left(&self, moment: usize, chance: u64, rng: &mut Rng) -> Vec<u8> {
        let mut left = self.before.clone();
        for change in self.changes.iter().take_while(|change| change.begin < moment) {
            let is_durable = change.durable.is_some_and(|end| end < moment);
            match &change.change {
                Contents::Length(length) => {
                    if is_durable || rng.below(2) < chance {
                        left.resize(*length, 0);
                    }
                }
                Contents::Write { at, bytes } => {
                    for (sector, piece) in bytes.chunks(SECTOR_BYTES).enumerate() {
                        if is_durable || rng.below(2) < chance {
                            let at = at + sector * SECTOR_BYTES;
                            left.resize(left.len().max(at + piece.len()), 0);
                            left[at..at + piece.len()].copy_from_slice(piece);
                        }
                    }
                }
            }
        }
        left
    }
}

/// The names of the devices. Verifies the inventory and its history.
fn state(data: &Path) -> BTreeSet<String> {
    let store = Store::open(data).unwrap();
    let newest = store.history().unwrap().changes(None).next().transpose().unwrap();
    let version = store.read().summary().unwrap().version;
    assert_eq!(newest.map_or(0, |change| change.number), version, "the history");
    let mut findings = Vec::new();
    let scratch = store.directory().scratch();
    let verified = store.read().verify(&scratch, &Progress::detached(), &mut |finding| {
        findings.push(finding);
    });
    verified.unwrap();
    assert_eq!(findings, []);
    let reading = store.read();
    let devices = reading.scan::<Device>();
    devices.map(|found| found.unwrap().record.name().to_string()).collect()
}

/// Runs a command on the data directory under strace, and cuts the power repeatedly. Returns false without
/// strace.
fn cut_power(folder: &Path, words: &[&str], rng: &mut Rng) -> bool {
    let data = folder.join("data");
    let (before, trace) = (folder.join("before"), folder.join("trace"));
    let _ = fs::remove_dir_all(&before);
    copy_data_directory(&data, &before);
    let mut directory = TracedDirectory::new(&data);
    let own = satchel();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-xx", "-s", "40000000", "-e", CALLS, "-o"]).arg(&trace);
    strace.arg(own.get_program()).args(words).arg("--data").arg(&data).env("SATCHEL_CONFIG", "");
    match strace.output() {
        Ok(output) => assert_exit(&output, 0),
        Err(error) => {
            assert!(std::env::var("CI").is_err(), "strace is needed: {error}");
            eprintln!("skipped: strace: {error}");
            return false;
        }
    }
    let text = fs::read_to_string(&trace).unwrap();
    calls(&text).iter().for_each(|call| directory.follow(call));
    let acknowledged = directory.acknowledged.expect("the command prints a report");
    let states = [state(&before), state(&data)];
    assert_ne!(states[0], states[1]);

    let mut after = 0;
    let cuts = number("SATCHEL_CUTS").unwrap_or(CUTS);
    for round in 0..cuts {
        let moment = 1 + rng.below(directory.lines as u64 + 1) as usize;
        let left = folder.join(format!("left-{round}"));
        directory.cut(moment, rng, &left);
        let place = format!("{words:?}, round {round}, line {moment} of {}", directory.lines);
        let verified = run(satchel().args(["verify", "--data"]).arg(&left));
        let said = [&verified.stdout, &verified.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert_eq!(verified.status.code(), Some(0), "{place}: {said:?}");
        let found = state(&left);
        let is_after = found == states[1];
        assert!(is_after || found == states[0], "{place}: neither before nor after: {found:?}");
        assert!(is_after || moment <= acknowledged, "{place}: acknowledged and lost");
        after += u64::from(is_after);
        fs::remove_dir_all(left).unwrap();
    }
    println!("{words:?}: {cuts} cuts, {after} with the state after it");
    true
}

#[test]
fn imports_undos_and_restores_survive_power_cuts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let data = folder.join("data");
    let on_data =
        |words: &[&str]| assert_exit(&run(satchel().args(words).arg("--data").arg(&data)), 0);
    on_data(&["import", demo().to_str().unwrap(), "--create", "--quiet"]);
    let project = folder.join("project é");
    fs::create_dir(&project).unwrap();
    fs::write(project.join("device.yaml"), "- name: 'R 1% é>b'\n- name: '[Shared]'\n").unwrap();
    let project = project.to_str().unwrap().to_owned();
    let backup = folder.join("backup é.zip").to_str().unwrap().to_owned();
    let mut rng = Rng::new();
    let import = ["import", &project, "--types", "device", "--replace", "--yes"];
    if !cut_power(&folder, &import, &mut rng) {
        return;
    }
    on_data(&["backup", &backup, "--quiet"]);
    cut_power(&folder, &["undo", "--yes"], &mut rng);
    cut_power(&folder, &["restore", &backup, "--yes"], &mut rng);
}
