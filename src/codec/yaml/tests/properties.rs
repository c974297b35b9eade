//! Random values are written and read back equal, by both readers.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::anchor::renumbered;
use super::super::mapping::Entries;
use super::super::order::ordered;
use super::super::{read_value, value_text};
use super::{read, read_generally, values, write};
use crate::model::{Map, Shared, Value};

/// Texts with blanks, escapes, folding, and the looks of other types.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z][a-zA-Z0-9_ .-]{0,12}",
        2 => "[ -~]{0,30}",
        2 => "([a-z,.:#'\"\\\\]{1,9} {1,3}){0,30}",
        1 => "([a-z]{1,30}[\n\t\r ]{1,2}){0,12}",
        1 => "(\\PC|[\n\r\t\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{a0}\u{2028}\u{2029}\u{feff}\u{fffe}]){0,40}",
        1 => "[a-z \n\u{e9}\u{1f600}]{60,200}",
        1 => "[\\-+]?[0-9_.:eExboT]{1,8}",
        1 => prop::sample::select(vec![
            "", " ", "~", "null", "yes", "No", "on", "true", "012", "0x1F", "0b1", "1:30", "1.5",
            "1e3", "1.0e+3", ".inf", "-.INF", ".nan", "<<", "=", "2001-01-01", "- a", "# c", ": ",
            "? ", "---", "...", "--- a", "a\n---\nb", "\n...\n", "&a", "*a", "!a", "|", ">", "%a",
            "@a", "`a", "[]", "{}", "a: b", "a #b", "\n", " \n ", "a\n", "\na", "a ", "a\n\n\nb",
        ]).prop_map(str::to_owned),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => text().prop_map(Value::Text),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::Int),
        1 => (-100_i64..1000).prop_map(Value::Int),
        1 => "-?[1-9][0-9]{19,60}".prop_map(Value::BigInt),
        2 => any::<f64>().prop_map(|f| Value::Float(if f.is_nan() { f64::NAN } else { f })),
        1 => (-1e6..1e20).prop_map(|f: f64| Value::Float(f.round())),
        1 => prop::sample::select(vec![0.0, -0.0, 1e15, 1e16, 1e22, 1e-4, 1e-5, f64::INFINITY,
            f64::NEG_INFINITY, f64::NAN, 5e-324, f64::MAX]).prop_map(Value::Float),
        1 => timestamp().prop_map(Value::Timestamp),
        1 => vec(any::<u8>(), 0..120).prop_map(Value::Binary),
    ]
}

/// Dates and times as Python's `isoformat(" ")` writes them.
fn timestamp() -> impl Strategy<Value = String> {
    let date = "(19|20)[0-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])";
    let time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";
    let end = prop_oneof!["", "\\.[0-9]{5}[1-9]", "[+-](0[1-9]|1[0-3]):[0-5][0-9]"];
    prop_oneof![date, (date, time, end).prop_map(|(date, time, end)| format!("{date} {time}{end}"))]
}

/// Values that Python can use as keys.
fn key() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => text().prop_map(Value::Text),
        1 => "[a-z]{110,140}".prop_map(Value::Text),
        2 => scalar(),
        1 => vec(scalar(), 0..3).prop_map(Value::Tuple),
    ]
}

/// A map with entries in the order in which they are written, without duplicate keys.
fn map(entries: Vec<(Value, Value)>) -> Value {
    let mut kept = Entries::default();
    for (key, value) in entries {
        // A NaN is never equal to itself, and sorts anyhow.
        if matches!(key, Value::Float(f) if f.is_nan()) || contains_nan(&key) {
            continue;
        }
        if kept.check_key(&key).is_ok() {
            kept.push(key, value);
        }
    }
    let kept = kept.finish().unwrap();
    Value::Map(Map::from_entries(ordered(&kept).into_iter().cloned().collect()))
}

fn contains_nan(key: &Value) -> bool {
    match key {
        Value::Tuple(items) => items.iter().any(contains_nan),
        Value::Float(f) => f.is_nan(),
        _ => false,
    }
}

/// The largest number of different objects of a record that occur several times.
const SHARED: u32 = 3;

/// A tree in which `Shared` means the object with this number.
fn tree() -> impl Strategy<Value = Value> {
    let hole =
        (0..SHARED).prop_map(|label| Value::Shared(Shared { label, value: Box::new(Value::Null) }));
    let leaf = prop_oneof![8 => scalar(), 2 => hole];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 0..5).prop_map(Value::List),
            1 => vec(inner.clone(), 0..4).prop_map(Value::Tuple),
            3 => vec((key(), inner), 0..5).prop_map(map),
        ]
    })
}

/// Replaces numbers by their objects. An object may contain objects with lower numbers.
fn filled(value: &Value, objects: &[Value]) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|v| filled(v, objects)).collect()),
        Value::Tuple(items) => Value::Tuple(items.iter().map(|v| filled(v, objects)).collect()),
        Value::Map(map) => Value::Map(Map::from_entries(
            map.iter().map(|(key, value)| (key.clone(), filled(value, objects))).collect(),
        )),
        Value::Shared(shared) => match objects.get(shared.label as usize) {
            None => Value::Null,
            // Python has one empty tuple, which is never shared.
            Some(Value::Tuple(items)) if items.is_empty() => Value::Tuple(Vec::new()),
            Some(object @ (Value::List(_) | Value::Tuple(_) | Value::Map(_))) => {
                Value::Shared(Shared { label: shared.label, value: Box::new(object.clone()) })
            }
            Some(other) => other.clone(),
        },
        other => other.clone(),
    }
}

/// Returns a record in the form in which it is read back.
fn record() -> impl Strategy<Value = Value> {
    let entries = vec((text(), tree()), 0..8);
    (entries, vec(tree(), SHARED as usize)).prop_map(|(entries, trees)| {
        let mut objects: Vec<Value> = Vec::new();
        for tree in trees {
            objects.push(filled(&tree, &objects));
        }
        let entries = entries.into_iter();
        let entries =
            entries.map(|(key, value)| (Value::Text(key), filled(&value, &objects))).collect();
        renumbered(map(entries))
    })
}

/// Returns the records of a document.
pub(super) fn records() -> impl Strategy<Value = Vec<Value>> {
    vec(record(), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_documents_are_read_back(records in records()) {
        let text = write(&records);
        prop_assert_eq!(&values(read(&text).unwrap()), &records);
        prop_assert_eq!(&values(read_generally(&text).unwrap()), &records);
    }

    #[test]
    fn metadata_is_read_back(value in tree()) {
        let value = filled(&value, &[]);
        prop_assert_eq!(read_value(value_text(&value).as_bytes()).unwrap(), value);
    }

    /// Both readers read any text equally, and do not panic.
    #[test]
    fn both_readers_agree_on_damaged_documents(
        records in records(),
        damages in vec((any::<prop::sample::Index>(), "(\\PC|[\n \"'\\\\:#&*!,\\[\\]{}-]){0,4}"), 0..3),
    ) {
        let mut text = write(&records);
        for (place, patch) in damages {
            let at = place.index(text.len());
            let end = (at + patch.len() / 2).min(text.len());
            text.splice(at..end, patch.bytes());
        }
        match (read(&text), read_generally(&text)) {
            (Ok(short), Ok(general)) => prop_assert_eq!(short, general),
            (Err(short), Err(general)) => {
                prop_assert_eq!(short.to_string(), general.to_string());
            }
            (short, general) => prop_assert!(false, "{:?}\n{:?}", short, general),
        }
    }

    #[test]
    fn anything_at_all_is_read_or_refused(text in "([ -~\n]|\\PC|[\\[\\]{}:,\\-?&*!|>'\"%@`# \n]){0,80}") {
        let short = read(text.as_bytes()).map_err(|error| error.to_string());
        let general = read_generally(text.as_bytes()).map_err(|error| error.to_string());
        prop_assert_eq!(short, general);
    }
}
