//! The texts of devices that outlive their changes: renamed devices, and the limit of their size.

use super::history::{change, no_history, put, trim};
use crate::{
    model::{Kind, Name},
    store::{HistoryLimits, Store, format::VALUE_BYTES_MAX, tree_id::TreeId},
};

fn write_text(store: &Store, device: &str, text: &str) -> u64 {
    change(store, |transaction| transaction.put_text(device, "configuration", text))
}

fn rename(store: &Store, from: &str, to: &str) -> u64 {
    let to = Name::parse(to.to_owned()).unwrap();
    change(store, |transaction| transaction.rename(Kind::Device, from, to).map(drop))
}

/// The numbers and the texts of all versions, the newest first.
fn versions(store: &Store, device: &str) -> Vec<(u64, String)> {
    let history = store.history().unwrap();
    let versions = history.text_versions(device, "configuration").unwrap();
    let read = versions.into_iter().map(|version| {
        let text = history.text_of(device, "configuration", &version).unwrap().unwrap();
        (version.number, text)
    });
    read.collect()
}

fn written(versions: &[(u64, &str)]) -> Vec<(u64, String)> {
    versions.iter().map(|(number, text)| (*number, (*text).to_owned())).collect()
}

/// Removes all changes but one of no text.
fn trim_all(store: &Store, limits: HistoryLimits) {
    put(store, "other", "Acme");
    put(store, "other", "Beta");
    trim(store, limits);
}

#[test]
fn a_renamed_device_keeps_its_texts_when_the_history_is_trimmed() {
    // Trimmed after each step, and all at once.
    for is_trimmed_often in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let step = || {
            if is_trimmed_often {
                trim_all(&store, no_history(9));
            }
        };
        put(&store, "R 1%", "Acme");
        let first = write_text(&store, "R 1%", "a");
        let second = write_text(&store, "R 1%", "b");
        step();
        let renamed = rename(&store, "R 1%", "é>b");
        step();
        // Another device gets the old name.
        put(&store, "R 1%", "Beta");
        let other = write_text(&store, "R 1%", "other a");
        let later = write_text(&store, "é>b", "c");
        step();
        let again = rename(&store, "é>b", "..");
        step();
        let last = write_text(&store, "..", "d");
        let other_last = write_text(&store, "R 1%", "other b");
        trim_all(&store, no_history(9));
        let mut own = vec![
            (last, "d"),
            (again, "c"),
            (later, "c"),
            (renamed, "b"),
            (second, "b"),
            (first, "a"),
        ];
        assert_eq!(versions(&store, ".."), written(&own), "{is_trimmed_often}");
        let mut others = vec![(other_last, "other b"), (other, "other a")];
        assert_eq!(versions(&store, "R 1%"), written(&others));
        assert_eq!(versions(&store, "é>b"), []);

        // The two devices exchange their names.
        others.insert(0, (rename(&store, "R 1%", "x"), "other b"));
        own.insert(0, (rename(&store, "..", "R 1%"), "d"));
        others.insert(0, (rename(&store, "x", ".."), "other b"));
        trim_all(&store, no_history(9));
        assert_eq!(versions(&store, "R 1%"), written(&own), "{is_trimmed_often}");
        assert_eq!(versions(&store, ".."), written(&others));
        let archive = store.archive.database().unwrap().unwrap();
        assert_eq!(archive.read_content().unwrap(), archive.summary().content);
    }
}

#[test]
fn the_texts_of_all_devices_stay_within_their_size() {
    const DEVICES: usize = 10;
    const LIMIT: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let names: Vec<String> = (0..DEVICES).map(|index| format!("R {index}%")).collect();
    for name in &names {
        put(&store, name, "Acme");
    }
    let parts = || {
        let archive = store.archive.database().unwrap().unwrap();
        archive.summary().content[TreeId::Texts].entries
    };
    let mut texts = 0;
    let mut rounds = |count: usize, parts_max: u64| {
        let text_bytes_max = parts_max.saturating_mul(VALUE_BYTES_MAX as u64);
        let limits = HistoryLimits { text_bytes_max, ..no_history(20) };
        for _ in 0..count {
            for name in &names {
                write_text(&store, name, &format!("text {texts}"));
                texts += 1;
            }
            trim_all(&store, limits);
        }
    };
    rounds(12, u64::MAX);
    assert!(parts() >= 2 * LIMIT, "{}", parts());
    let all = versions(&store, &names[0]);
    rounds(12, LIMIT);
    // A step that begins within the limit can exceed it by the texts of the step.
    assert!(parts() <= LIMIT + 2 * DEVICES as u64, "{}", parts());
    for name in &names {
        let kept = versions(&store, name);
        assert!(kept.len() >= 3, "{kept:?}");
        assert!(all.len() > kept.len());
        // The newest ones stay.
        let numbers: Vec<&str> =
            kept.iter().map(|(_, text)| text.strip_prefix("text ").unwrap()).collect();
        let numbers: Vec<usize> = numbers.iter().map(|number| number.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] == pair[1] + DEVICES), "{numbers:?}");
    }
}
