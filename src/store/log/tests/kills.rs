//! Killed processes: a check does not report their logs as damaged, and a salvage reads the same entries
//! as sled.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use super::{
    super::{LogCheck, Reach, check},
    *,
};

/// The environment variable with the directory that a child process writes to. Only the child
/// process has it.
const CHILD: &str = "SATCHEL_LOG_CHILD";

/// The entry point of a child process: changes a database until the process is killed.
#[test]
fn a_child_writes_until_it_is_killed() {
    let Ok(directory) = std::env::var(CHILD) else { return };
    let seed = number("SATCHEL_LOG_SEED", 0);
    let database = open(&PathBuf::from(directory)).unwrap();
    println!("> open");
    let write = |thread: u64| {
        let mut dice = Dice(seed.wrapping_mul(7) + thread);
        loop {
            change(&database, &mut dice, 3000, 2 + thread * 6);
            if dice.below(3) == 0 {
                database.flush().unwrap();
            }
            println!("> changed");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| write(0));
        scope.spawn(|| write(1));
    });
}

/// Lets a child make some changes, and kills it.
fn write_and_kill(directory: &Path, seed: u64, changes: u64) {
    let test = module_path!().split_once("::").unwrap().1;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("{test}::a_child_writes_until_it_is_killed"), "--exact", "--nocapture"])
        .env(CHILD, directory)
        .env("SATCHEL_LOG_SEED", seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).filter(|line| line.contains("> "));
    let taken = said.take(usize::try_from(changes).unwrap() + 1).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(taken as u64, changes + 1, "the child ended by itself");
}

#[test]
fn a_killed_process_leaves_no_damage() {
    let mut dice = Dice(number("SATCHEL_SEED", 1));
    let (mut clean, mut incomplete, mut followed) = (0, 0, 0);
    let folder = tempfile::tempdir().unwrap();
    let mut directory = folder.path().join("0");
    for round in 0..number("SATCHEL_KILLS", 12) {
        if dice.below(4) == 0 {
            directory = folder.path().join(format!("{round}"));
        }
        let many = if dice.below(4) == 0 { 400 } else { 60 };
        let changes = dice.below(many);
        write_and_kill(&directory, dice.below(u64::MAX), changes);
        if fs::metadata(directory.join("db")).unwrap().len() == 0 {
            continue;
        }
        if dice.below(4) == 0 {
            // Then sled reads the whole log.
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                if path.to_string_lossy().contains("snap.") {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        let found = check(&directory).unwrap();
        match &found {
            LogCheck::Clean => clean += 1,
            LogCheck::IncompleteEnd(tail) => {
                incomplete += 1;
                followed += usize::from(tail.messages > 0);
            }
            LogCheck::Damaged(damage) => panic!("round {round}: {damage:?}"),
        }
        let before = salvaged(&directory, Reach::Recovered);
        let copied = folder.path().join("copy");
        copy(&directory, &copied);
        let expected = sled_contents(&copied).unwrap();
        assert_salvaged(&before, &expected);
        // After sled has opened and closed the database, the log has no damage either.
        let found = check(&copied).unwrap();
        assert!(!matches!(found, LogCheck::Damaged(_)), "round {round}, closed: {found:?}");
        assert_salvaged(&salvaged(&copied, Reach::Recovered), &expected);
        fs::remove_dir_all(&copied).unwrap();
    }
    println!(
        "{clean} clean, {incomplete} incomplete, {followed} of them with messages after the incomplete end"
    );
}

#[test]
fn a_salvage_of_a_closed_database_equals_sled() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("inventory-1");
    let mut dice = Dice(2);
    let database = open(&directory).unwrap();
    for name in TREES {
        let tree = database.open_tree(name).unwrap();
        for _ in 0..9000 {
            tree.insert(key(&mut dice, 100_000), value(&mut dice)).unwrap();
        }
    }
    database.flush().unwrap();
    let expected = contents(&database);
    assert!(expected.values().map(BTreeMap::len).sum::<usize>() > 50_000);
    // The database is still open. The check takes no lock and writes nothing.
    assert_salvaged(&salvaged(&directory, Reach::Everything), &expected);
    // Pages are merged when most of their entries are removed.
    for name in TREES {
        let tree = database.open_tree(name).unwrap();
        for (place, key) in tree.iter().keys().map(Result::unwrap).enumerate() {
            if place % 20 != 0 {
                tree.remove(key).unwrap();
            }
        }
    }
    database.flush().unwrap();
    let expected = contents(&database);
    drop(database);
    for reach in [Reach::Everything, Reach::Recovered] {
        let found = salvaged(&directory, reach);
        assert_salvaged(&found, &expected);
        assert!(found.trees.values().flatten().all(|(_, (_, complete))| *complete));
    }
    assert!(matches!(check(&directory), Ok(LogCheck::Clean)));
}
